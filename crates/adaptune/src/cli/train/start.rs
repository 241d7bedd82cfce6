//! What a training goes on from, in the place of a new adapter and head: `--from`.

use super::super::finished::tell_notes;
use super::super::folder::{RunFolder, State, TRAINED};
use super::super::relative::found_base;
use adaptune_adapters::{AdapterModel, Head, HeadConfig, Tuning, format};
use adaptune_tensor::Seed;
use adaptune_text::{Labels, RunFile, Table, TaskChoice};
use adaptune_transformer::{Encoder, Thaw};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A trained adapter with its head.
pub(super) struct Start {
    pub(super) folder: PathBuf,
    run: Option<RunFile>,
}

impl Start {
    /// Finds it; what is in the files is seen when it is [loaded](Start::load).
    pub(super) fn open(folder: &Path) -> Result<Self> {
        if !folder.is_dir() {
            bail!("--from: {} is no folder; it names what train wrote, or a Python library", folder.display());
        }
        let files = RunFolder::new(folder, TRAINED);
        if files.state() == State::Interrupted {
            bail!("--from: {} holds a run that did not end; end it with train --resume --out {0}", folder.display());
        }
        tell_notes(folder)?;
        Ok(Self { folder: folder.to_owned(), run: files.run_file()? })
    }

    /// The base that it was trained on, if the folder says so.
    pub(super) fn model(&self) -> Option<String> {
        self.run.as_ref().map(|run| found_base(&run.model, &self.folder))
    }

    /// Its method as it was written; of adapters of Python, which do not keep it, where it comes from.
    pub(super) fn method(&self) -> String {
        self.run.as_ref().map_or_else(|| format!("from {}", self.folder.display()), |run| run.method.clone())
    }

    /// What it was trained with, if the folder says so.
    pub(super) fn run(&self) -> Option<&RunFile> {
        self.run.as_ref()
    }

    pub(super) fn load(&self, base: Arc<Encoder<f32>>) -> Result<AdapterModel<f32>> {
        let loaded = match self.run.as_ref().and_then(RunFile::headless) {
            Some(head) => self.load_headless(base, &head),
            None => Ok(format::load(&self.folder, base)?),
        };
        loaded.with_context(|| format!("--from {}", self.folder.display()))
    }

    /// Vectors and language models have no head in the files.
    fn load_headless(&self, base: Arc<Encoder<f32>>, head: &HeadConfig) -> Result<AdapterModel<f32>> {
        let parts = format::load_parts(&self.folder, &base)?;
        let name = parts.setup.adapters().last().map_or(head.task.name(), |adapter| adapter.name()).to_owned();
        let head = Head::new(&name, head, &base, Seed::new(0))?;
        Ok(AdapterModel::new(base, None, head).with_thawed(parts.thawed).with_setup(parts.setup)?)
    }
}

/// What of a model trains, as far as rates and memory depend on it.
pub(super) fn tuning_of(model: &AdapterModel<f32>) -> Tuning {
    let adapter = model.adapter().and_then(|adapter| adapter.method().cloned());
    Tuning { adapter, thaw: model.thawed().map(|_| Thaw::ALL) }
}

/// The labels that a head knows, which are those of the data too.
pub(super) fn labels_of(model: &AdapterModel<f32>, table: &Table) -> Result<(Labels, String)> {
    let head = model.head().config();
    let labels = Labels::of_head(head.task, &head.labels);
    if head.task.predicts_a_vector() {
        return Ok(Labels::decide(table, TaskChoice::Embedding)?);
    }
    if labels == Labels::Answers {
        return Ok(Labels::decide(table, TaskChoice::QuestionAnswering)?);
    }
    labels.targets(table).context("--from: the head knows other labels; without --from a new one is trained")?;
    Ok((labels, format!("{} with the labels of --from", head.task.name())))
}
