//! An adapter's folder, of AdapterHub's format or PEFT's, with a head.
#![no_main]

use adaptune_adapters::format::{describe, load, load_parts, notes};
use adaptune_fuzz::{Folder, base, parts, run_once};
use libfuzzer_sys::fuzz_target;

const HUB: [&str; 4] = ["adapter_config.json", "adapter.safetensors", "head_config.json", "model_head.safetensors"];
const PEFT: [&str; 4] = ["adapter_config.json", "adapter_model.safetensors", HUB[2], HUB[3]];

fuzz_target!(|data: &[u8]| {
    let parts = parts(data);
    let is_peft = parts[0].windows(9).any(|window| window == b"peft_type");
    let (names, others) = if is_peft { (PEFT, HUB) } else { (HUB, PEFT) };
    let folder = Folder::of(&names, &parts);
    folder.remove(others[1]);
    let folder = folder.path();
    let _ = (describe(folder), notes(folder), load_parts(folder, base()));
    if let Ok(model) = load(folder, base().clone()) {
        run_once(&model);
    }
});
