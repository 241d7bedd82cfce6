//! The configuration of a head, with its weights.
#![no_main]

use adaptune_adapters::AdapterModel;
use adaptune_adapters::format::{load_head, save};
use adaptune_fuzz::{Folder, base, parts, run_once};
use libfuzzer_sys::fuzz_target;

const FILES: [&str; 2] = ["head_config.json", "model_head.safetensors"];

fuzz_target!(|data: &[u8]| {
    let folder = Folder::of(&FILES, &parts(data)).path();
    let Ok(head) = load_head(folder, base()) else { return };
    let model = AdapterModel::new(base().clone(), None, head);
    run_once(&model);
    // What was loaded is saved, and loads again as the same.
    if save(&model, folder).is_ok() {
        let again = load_head(folder, base()).expect("what was saved loads");
        assert_eq!(again.config(), model.head().config());
    }
});
