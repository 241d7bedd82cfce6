//! What a run takes of memory at least, by formula, for three ways to train.

use super::support::Outcome;
use adaptune::adapters::memory::Workload;
use adaptune::adapters::{HeadConfig, Task, Tuning};
use adaptune::transformer::Config;

/// BERT-base, 32 texts of 128 tokens, AdamW in f32.
pub(super) fn run() -> Outcome<()> {
    let model = Config { vocabulary: 30_522, positions: 512, ..Config::bert(768, 12, 12, 3072) };
    let head = HeadConfig::new(Task::CLASSIFICATION, vec!["bad".into(), "good".into()]);
    let work = Workload { sequences: 32, tokens: 128, threads: 2, ..Workload::TRAINING };
    println!("\n[memory]");
    println!("{:<36}{:>8}{:>16}{:>12}{:>12}", "", "base", "what trains", "states", "attention");
    for (name, tuning, checkpointing) in [
        ("head", "head", false),
        ("seq_bn", "seq_bn", false),
        ("seq_bn in the upper 4 blocks", "seq_bn[leave_out=[0,1,2,3,4,5,6,7]]", false),
        ("seq_bn, gradient checkpointing", "seq_bn", true),
        ("full", "full", false),
    ] {
        let tuning: Tuning = tuning.parse()?;
        let memory = tuning.memory(&model, &head, Workload { checkpointing, ..work })?;
        let [base, trains, states] =
            [memory.base, memory.adapter, memory.states].map(|bytes| format!("{} MB", bytes / 1_000_000));
        let attention = format!("{} kB", memory.attention / 1_000);
        println!("{name:<36}{base:>8}{trains:>16}{states:>12}{attention:>12}");
    }
    Ok(())
}
