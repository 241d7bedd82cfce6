//! What an adapter costs in use: predictions with it, and with the head alone, in turn.

use super::super::args::CompareArgs;
use super::super::finished::Finished;
use super::super::task::TaskArg;
use super::super::train::DEFAULT_TASK;
use super::row::{Row, median};
use adaptune_adapters::{AdapterModel, format, merge};
use adaptune_text::Table;
use adaptune_train::{Dataset, predict};
use anyhow::Result;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Rounds of both; the medians are compared.
const ROUNDS: usize = 5;
/// Examples of a round at most.
const EXAMPLES: usize = 256;
const BATCH: usize = 32;

pub(super) struct Overhead {
    finished: Finished,
    data: Dataset,
}

impl Overhead {
    /// Loads the base and the data, which are the same for all methods; any run tells the task.
    pub(super) fn open(args: &CompareArgs, run: &Path) -> Result<Self> {
        let finished = Finished::open(args.model.as_deref(), None, run)?;
        let tokenizer = finished.model.tokenizer(Some(finished.max_length))?;
        let head = format::load_head(run, &finished.base)?;
        let mut table = Table::read_with(judged_by(args), &args.table.options())?;
        table.rows.truncate(EXAMPLES);
        Ok(Self { data: tokenizer.tokenize_unlabelled(&table, head.config().task)?.dataset, finished })
    }

    /// Times predictions, asks whether the adapter merges, and looks at the size of its file.
    pub(super) fn measure(&self, run: &Path, row: &mut Row) -> Result<()> {
        let model = format::load(run, self.finished.base.clone())?;
        let files = ["adapter.safetensors", "adapter_model.safetensors", "thawed.safetensors"];
        row.bytes = files.iter().filter_map(|file| Some(std::fs::metadata(run.join(file)).ok()?.len())).sum();
        let Some(adapter) = model.adapter() else { return Ok(()) };
        row.merges = Some(merge(&self.finished.base, adapter).is_ok());
        let bare = AdapterModel::new(self.finished.base.clone(), None, model.head().clone());
        let (mut with, mut without) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            with.push(self.time(&model)?);
            without.push(self.time(&bare)?);
        }
        row.overhead = Some(median(with) / median(without));
        Ok(())
    }

    fn time(&self, model: &AdapterModel<f32>) -> Result<f64> {
        let begun = Instant::now();
        predict(model, &self.data, BATCH)?;
        Ok(begun.elapsed().as_secs_f64())
    }
}

/// The data by which methods are compared, as `eval` names them.
pub(super) fn judged_by(args: &CompareArgs) -> PathBuf {
    let of_task = |task: &TaskArg| task.split("test");
    let builtin = || args.task.as_ref().and_then(of_task).unwrap_or_else(|| format!("{DEFAULT_TASK}:test").into());
    args.test.clone().or(args.dev.clone()).unwrap_or_else(builtin)
}
