//! Finished adapters, as all commands but `train` read them, and `merge`, `combine` and `convert` write them.

use super::args::BaseDtype;
use super::base_model::BaseModel;
use super::folder::{RunFile, RunFolder, State, TRAINED};
use super::report::note;
use adaptune_adapters::{Adapter, Head, Setup, format};
use adaptune_transformer::Encoder;
use anyhow::{Context, Result, bail};
use std::path::Path;
use std::sync::Arc;

/// A finished adapter, with its head if it has one.
pub(crate) struct Loaded {
    pub(crate) adapter: Adapter<f32>,
    pub(crate) head: Option<Head<f32>>,
}

impl Loaded {
    pub(crate) fn head(&self) -> Option<&Head<f32>> {
        self.head.as_ref()
    }
}

/// The base of finished adapters.
pub(crate) struct Finished {
    pub(crate) base: Arc<Encoder<f32>>,
    pub(crate) model: BaseModel,
    /// The base as it was named.
    pub(crate) name: String,
    /// Longest text in tokens.
    pub(crate) max_length: usize,
    pub(crate) base_dtype: BaseDtype,
}

impl Finished {
    /// Loads the base that is named, or that the run in the folder of an adapter names.
    pub(crate) fn open(model: Option<&str>, dtype: Option<BaseDtype>, adapter: &Path) -> Result<Self> {
        if !adapter.is_dir() {
            bail!(
                "{} is no folder; --adapter names the folder that train wrote, or a Python library",
                adapter.display()
            );
        }
        let folder = RunFolder::new(adapter, TRAINED);
        if folder.state() == State::Interrupted {
            bail!("{} holds a run that did not end; go on with train --resume", adapter.display());
        }
        tell_notes(adapter)?;
        let run = folder.run_file();
        let Some(name) = model.or(run.as_ref().map(|run| run.model.as_str())) else {
            bail!("{} does not say what it was trained on: name the base with --model", adapter.display());
        };
        let model = BaseModel::find(name)?;
        let limit = model.config().max_tokens();
        let max_length = run.as_ref().map_or(limit, |run| run.max_length.min(limit));
        let base_dtype = dtype.or(run.as_ref().map(|run| run.base_dtype)).unwrap_or_default();
        Ok(Self { base: Arc::new(model.load(base_dtype)?), name: name.to_owned(), model, max_length, base_dtype })
    }

    /// The adapter, with its head if it has one.
    pub(crate) fn load(&self, adapter: &Path) -> Result<Loaded> {
        let parts = format::load_parts(adapter, &self.base).with_context(|| adapter.display().to_string())?;
        if parts.thawed.is_some() {
            bail!("{} holds changed tensors of the base (thawed), which no adapter can take along", adapter.display());
        }
        match parts.setup {
            Setup::Adapter(adapter) => Ok(Loaded { adapter: *adapter, head: parts.head }),
            Setup::None => bail!("{} holds a head and no adapter", adapter.display()),
            several => bail!(
                "{} holds the setup {several}, and one adapter by itself was expected: name the folder of one within it",
                adapter.display()
            ),
        }
    }

    /// Marks a folder as complete, so that later commands know the base.
    pub(crate) fn complete(&self, folder: &RunFolder, model: &str, method: String) -> Result<()> {
        let Self { max_length, base_dtype, .. } = *self;
        let run = RunFile { model: model.to_owned(), method, max_length, base_dtype, options: String::new() };
        folder.complete(&run)
    }
}

/// Says on standard error what is to be known of an adapter's files.
pub(crate) fn tell_notes(adapter: &Path) -> Result<()> {
    for said in format::notes(adapter)? {
        note(format_args!("note: {said}"));
    }
    Ok(())
}
