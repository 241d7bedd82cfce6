//! A checkpoint with its records, and the rest of the run.
#![no_main]

use adaptune_fuzz::{Folder, checkpointed, parts};
use libfuzzer_sys::fuzz_target;

const FILES: [&str; 2] = ["checkpoint.safetensors", "metrics.jsonl"];

fuzz_target!(|data: &[u8]| {
    let folder = Folder::of(&FILES, &parts(data)).path();
    let mut run = checkpointed(folder);
    if run.resume().is_ok() {
        run.run(&mut ()).expect("what a checkpoint holds can be gone on with");
    }
});
