//! The index of a sharded model, and two shards.
#![no_main]

use adaptune_fuzz::{Folder, parts};
use adaptune_transformer::weights::{TensorSource, WeightDirectory};
use libfuzzer_sys::fuzz_target;

const FILES: [&str; 3] = ["model.safetensors.index.json", "a.safetensors", "b.safetensors"];

fuzz_target!(|data: &[u8]| {
    let folder = Folder::of(&FILES, &parts(data));
    let Ok(weights) = WeightDirectory::open(folder.path()) else { return };
    for name in weights.names() {
        let _ = weights.read::<f32>(name);
    }
});
