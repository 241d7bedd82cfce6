//! Methods as they are written on a command line.
#![no_main]

use adaptune_adapters::memory::Workload;
use adaptune_adapters::{Adapter, AdapterModel, HeadConfig, Task, Tuning};
use adaptune_fuzz::{base, head, run_once};
use adaptune_tensor::Seed;
use libfuzzer_sys::fuzz_target;

/// More numbers than this are counted, not made.
const SMALL: u64 = 20_000;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(tuning) = text.parse::<Tuning>() else { return };
    let labels = HeadConfig::new(Task::CLASSIFICATION, vec!["bad".into(), "good".into()]);
    let _ = tuning.memory(base().config(), &labels, Workload::TRAINING);
    let Some(method) = tuning.adapter else { return };
    let _ = method.fields();
    let Ok(size) = method.size(base().config()) else { return };
    if size.parameters() + size.constants() + size.transient + size.kept > SMALL {
        return;
    }
    if let Ok(adapter) = Adapter::on("a", &method, base(), Seed::new(1)) {
        run_once(&AdapterModel::new(base().clone(), Some(adapter), head("a", Task::CLASSIFICATION)));
    }
});
