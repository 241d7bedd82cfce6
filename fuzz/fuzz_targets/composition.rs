//! Setups as they are written down.
#![no_main]

use adaptune_adapters::{AdapterModel, Expression, Setup, Task};
use adaptune_fuzz::{adapter, base, head, run_once};
use libfuzzer_sys::fuzz_target;

const METHODS: [&str; 4] = ["seq_bn[reduction_factor=4]", "lora[r=2]", "prefix_tuning[prefix_length=2]", "loreft[r=1]"];

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(expression) = text.parse::<Expression>() else { return };
    assert_eq!(expression.to_string().parse().as_ref(), Ok(&expression), "what is shown is what is read");
    if expression.names().len() > 8 {
        return;
    }
    let named = |name: &str| {
        let method = METHODS[name.len() % METHODS.len()].parse().expect("a method");
        Some(adapter(name, &method)?.into())
    };
    let Ok(setup) = Setup::of(&expression, base().config(), named) else { return };
    let model = AdapterModel::new(base().clone(), None, head("c", Task::CLASSIFICATION));
    if let Ok(model) = model.with_setup(setup) {
        run_once(&model);
    }
});
