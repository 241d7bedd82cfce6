//! The file that says how the adapters of a folder are put together.
#![no_main]

use adaptune_adapters::format::{describe, load, load_parts, save_setup};
use adaptune_adapters::{AdapterModel, Setup, Task};
use adaptune_fuzz::{Folder, adapter, base, head, run_once};
use libfuzzer_sys::fuzz_target;
use std::sync::Once;

fuzz_target!(|data: &[u8]| {
    static ADAPTERS: Once = Once::new();
    ADAPTERS.call_once(|| {
        let named = |name: &str, method: &str| adapter(name, &method.parse().expect("a method")).expect("it fits");
        let setup = Setup::of(&"stack(a, b)".parse().expect("an expression"), base().config(), |name| {
            Some(named(name, if name == "a" { "lora[r=2]" } else { "seq_bn[reduction_factor=4]" }).into())
        });
        let model = AdapterModel::new(base().clone(), None, head("c", Task::CLASSIFICATION));
        let model = model.with_setup(setup.expect("a setup")).expect("it fits");
        save_setup(&model, Folder::new().path()).expect("it can be saved");
    });
    let folder = Folder::of(&["adapter_setup.json"], &[data]).path();
    let _ = (describe(folder), load_parts(folder, base()));
    if let Ok(model) = load(folder, base().clone()) {
        run_once(&model);
    }
});
