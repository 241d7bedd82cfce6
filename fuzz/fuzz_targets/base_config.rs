//! The configuration of a base, with its weights.
#![no_main]

use adaptune_adapters::PRESETS;
use adaptune_fuzz::{Folder, batch, parts};
use adaptune_transformer::{Config, Encoder, Pass};
use libfuzzer_sys::fuzz_target;

const FILES: [&str; 2] = ["config.json", "model.safetensors"];

fuzz_target!(|data: &[u8]| {
    let folder = Folder::of(&FILES, &parts(data)).path();
    let Ok(config) = Config::read(folder) else { return };
    let _ = (config.parameter_count(), config.computed_fields(), config.max_tokens());
    for preset in PRESETS {
        let _ = (preset.method)().size(&config);
    }
    let again = Config::from_json(&config.to_json().to_string(), folder);
    assert_eq!(again.expect("what was written is read").computed_fields(), config.computed_fields());
    let Ok(base) = Encoder::<f32>::load(folder) else { return };
    let _ = base.forward(&batch(), &(), Pass::evaluate());
});
