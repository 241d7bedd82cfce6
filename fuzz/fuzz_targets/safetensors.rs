//! A safetensors file: its header, and the numbers behind it.
#![no_main]

use adaptune_transformer::weights::{TensorFile, TensorSource};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(file) = TensorFile::from_bytes("model.safetensors", data.to_vec()) else { return };
    for name in file.names() {
        let _ = (file.read::<f32>(name), file.read::<f64>(name), file.shape(name), file.dtype(name));
    }
});
