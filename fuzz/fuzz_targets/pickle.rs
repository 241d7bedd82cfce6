//! The pickle of `torch.save` and the numbers that it is of, in an archive whose checksums are right.
#![no_main]

use adaptune_adapters::format::read_torch_bin;
use adaptune_fuzz::{Folder, archive, parts};
use libfuzzer_sys::fuzz_target;

const FILE: &str = "pytorch_adapter.bin";
const ENTRIES: [&str; 3] = ["data.pkl", "data/0", "data/1"];

fuzz_target!(|data: &[u8]| {
    let archive = archive(ENTRIES.into_iter().zip(parts(data)));
    let path = Folder::of(&[FILE], &[&archive]).path().join(FILE);
    let (single, double) = (read_torch_bin::<f32>(&path), read_torch_bin::<f64>(&path));
    assert!(double.is_ok() || single.is_err(), "f64 holds whatever f32 does");
});
