//! Whether there is memory enough for a training, found out before anything is computed.

use super::setting::Setting;
use adaptune_adapters::memory::{Memory, Workload, available_memory};
use adaptune_train::Dataset;
use anyhow::{Context, Result};

impl Setting<'_> {
    /// Refuses what takes more memory than there is, before any of it is taken. The base is there already.
    pub(super) fn check_memory(&self) -> Result<()> {
        let Some(available) = available_memory() else { return Ok(()) };
        let options = &self.choices.options;
        let (sequences, tokens) = mean_sizes(&self.data.train, options.batch_size.div_ceil(options.accumulate.max(1)));
        let work = Workload {
            sequences,
            tokens,
            threads: rayon::current_num_threads(),
            checkpointing: options.gradient_checkpointing,
            base_number: 0,
            ..Workload::TRAINING
        };
        let memory = self.choices.tuning.memory(self.base.config(), &self.head_config(), work).context("--method")?;
        memory.check(available).with_context(|| format!("--method {}", self.choices.method))?;
        self.check_memory_of_evaluations(work, available)
    }

    /// Evaluations have batches of their own, while what trains is there with all that belongs to it.
    fn check_memory_of_evaluations(&self, work: Workload, available: u64) -> Result<()> {
        let Some(dev) = &self.data.dev else { return Ok(()) };
        let tuning = &self.choices.tuning;
        let (sequences, tokens) = mean_sizes(dev, self.choices.options.eval_batch_size);
        let [train, evaluate] = [work, Workload { sequences, tokens, trains: false, moments: 0, ..work }]
            .map(|work| tuning.memory(self.base.config(), &self.head_config(), work).context("--method"));
        let memory = Memory { adapter: train?.adapter, ..evaluate? };
        memory.check(available).context("evaluating on --dev")
    }
}

/// How many sequences so many examples have, and how many tokens each, on average.
fn mean_sizes(data: &Dataset, examples: usize) -> (usize, usize) {
    let sequences: usize = data.examples().iter().map(|example| example.sequences.len()).sum();
    (examples.min(data.len()) * sequences / data.len(), data.lengths().iter().sum::<usize>() / sequences)
}
