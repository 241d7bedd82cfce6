//! What `torch.save` writes: a zip archive.
#![no_main]

use adaptune_adapters::format::read_torch_bin;
use adaptune_fuzz::Folder;
use adaptune_transformer::weights::{TensorFile, TensorSource};
use libfuzzer_sys::fuzz_target;

const FILE: &str = "pytorch_adapter.bin";

fuzz_target!(|data: &[u8]| {
    let path = Folder::of(&[FILE], &[data]).path().join(FILE);
    let _ = read_torch_bin::<f32>(&path);
    let Ok(file) = TensorFile::open_torch(&path) else { return };
    for name in file.names() {
        let _ = file.read::<f32>(name);
    }
});
