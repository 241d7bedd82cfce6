//! Finished adapters, as all commands but `train` read them, and `merge`, `combine` and `convert` write them.

use super::args;
use super::download::find_base;
use super::folder::{RunFolder, State, TRAINED};
use super::relative::found_base;
use super::report::note;
use adaptune_adapters::{Adapter, Head, Setup, format, nearest};
use adaptune_tensor::Seed;
use adaptune_text::{BaseDtype, BaseIdentity, BaseModel, RunFile, Tokenizer};
use adaptune_transformer::Encoder;
use anyhow::{Context, Result, bail};
use std::path::Path;
use std::sync::Arc;

/// A finished adapter, with its head if it has one.
pub(crate) struct LoadedAdapter {
    pub(crate) adapter: Adapter<f32>,
    pub(crate) head: Option<Head<f32>>,
}

impl LoadedAdapter {
    pub(crate) fn head(&self) -> Option<&Head<f32>> {
        self.head.as_ref()
    }
}

/// The base of finished adapters.
#[derive(Clone)]
pub(crate) struct Finished {
    pub(crate) base: Arc<Encoder<f32>>,
    pub(crate) model: BaseModel,
    /// The base as it was named.
    pub(crate) name: String,
    /// Longest text in tokens.
    pub(crate) max_length: usize,
    pub(crate) base_dtype: BaseDtype,
    /// What the first adapter was trained with, if its folder says so.
    pub(crate) run: Option<RunFile>,
}

impl Finished {
    /// Loads the base that is named, or that the run in the folder of an adapter names.
    pub(crate) fn open(model: Option<&str>, dtype: Option<args::BaseDtype>, adapter: &Path) -> Result<Self> {
        let run = run_in(adapter)?;
        let Some(name) = model.or(run.as_ref().map(|run| run.model.as_str())) else {
            bail!("{} does not say what it was trained on: name the base with --model", adapter.display());
        };
        let name = if model.is_none() { found_base(name, adapter) } else { name.to_owned() };
        let model = find_base(&name).with_context(|| named_by(&name, run.as_ref()))?;
        let max_length = longest(&model, run.as_ref());
        let base_dtype = dtype.map(BaseDtype::from).or(run.as_ref().map(|run| run.base_dtype)).unwrap_or_default();
        let base = Arc::new(model.load(base_dtype.into())?);
        Ok(Self { base, name, model, max_length, base_dtype, run })
    }

    /// The same base for another adapter; `named` and `dtype_named` say whether the base and its numbers were named, and did not come out of
    /// the files.
    ///
    /// # Errors
    /// The adapter was trained on another base, or with other numbers of it, and nobody said which are meant.
    pub(crate) fn beside(&self, adapter: &Path, named: bool, dtype_named: bool) -> Result<Self> {
        let run = run_in(adapter)?;
        if let Some(run) = run.as_ref().filter(|run| !named && found_base(&run.model, adapter) != self.name) {
            bail!(
                "it was trained on {}, and the first part on {}; if they are the same, say where it is with --model",
                run.model,
                self.name
            );
        }
        if run.as_ref().is_some_and(|run| !dtype_named && run.base_dtype != self.base_dtype) {
            bail!("it was trained with other numbers of the base than the first part; choose with --base-dtype");
        }
        Ok(Self { max_length: longest(&self.model, run.as_ref()), run, ..self.clone() })
    }

    /// The tokenizer, for texts of at most `max_length` tokens, or as many as in training.
    ///
    /// # Errors
    /// It cannot be read, or is another than that of training.
    pub(crate) fn tokenizer(&self, max_length: Option<usize>) -> Result<Tokenizer> {
        let tokenizer = self.model.tokenizer(max_length.or(Some(self.max_length)))?;
        if let Some(run) = &self.run {
            run.check_tokenizer(&tokenizer)?;
        }
        Ok(tokenizer)
    }

    /// The adapter, with its head if it has one.
    pub(crate) fn load(&self, adapter: &Path) -> Result<LoadedAdapter> {
        let parts = format::load_parts(adapter, &self.base).with_context(|| adapter.display().to_string())?;
        if parts.thawed.is_some() {
            bail!("{} holds changed tensors of the base (thawed), which no adapter can take along", adapter.display());
        }
        match parts.setup {
            Setup::Adapter(adapter) => Ok(LoadedAdapter { adapter: *adapter, head: parts.head }),
            Setup::None => bail!("{} holds a head and no adapter", adapter.display()),
            several => bail!(
                "{} holds the setup {several}, and one adapter by itself was expected: name the folder of one within it",
                adapter.display()
            ),
        }
    }

    /// The head of an adapter that was trained for vectors, or as a language model, which is in no file.
    pub(crate) fn head_in_no_file(&self) -> Result<Option<Head<f32>>> {
        let Some(config) = self.run.as_ref().and_then(RunFile::headless) else { return Ok(None) };
        Ok(Some(Head::new(config.task.name(), &config, &self.base, Seed::new(0))?))
    }

    /// Marks a folder as complete, so that later commands know the base.
    pub(crate) fn complete(&self, folder: &RunFolder, model: &str, method: String) -> Result<()> {
        let Self { max_length, base_dtype, .. } = *self;
        let input = self.run.as_ref().and_then(|run| run.input.clone());
        let embedding = self.run.as_ref().and_then(|run| run.embedding.clone());
        let language = self.run.as_ref().and_then(|run| run.language.clone());
        // A merged model is another base, which its own folder holds.
        let base = (model == self.name).then(|| self.tokenizer(None).ok()).flatten();
        let base = base.map(|tokenizer| BaseIdentity::of(&self.base, &tokenizer));
        let run = RunFile {
            model: model.to_owned(),
            method,
            max_length,
            base_dtype,
            base,
            input,
            embedding,
            language,
            ..RunFile::default()
        };
        folder.complete(&run)
    }
}

/// What a folder says of the training of the adapter in it, and what is to be known of its files on standard error.
fn run_in(adapter: &Path) -> Result<Option<RunFile>> {
    if !adapter.is_dir() {
        bail!("{}", no_folder(adapter));
    }
    let folder = RunFolder::new(adapter, TRAINED);
    if folder.state() == State::Interrupted {
        bail!("{} holds a run that did not end; go on with train --resume --out {0}", adapter.display());
    }
    tell_notes(adapter)?;
    folder.run_file()
}

/// What is said where an adapter should be and is none: a folder beside it may be meant.
pub(crate) fn no_folder(adapter: &Path) -> String {
    let (parent, name) = (adapter.parent().unwrap_or(Path::new("")), adapter.file_name().unwrap_or_default());
    let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    let folders = parent.read_dir().into_iter().flatten().flatten().filter(|entry| entry.path().is_dir());
    let names: Vec<String> = folders.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    let meant = nearest(&name.to_string_lossy(), names.iter().map(String::as_str));
    let meant =
        meant.map(|name| format!("; did you mean {}?", adapter.with_file_name(name).display())).unwrap_or_default();
    format!("{} is no folder{meant}; --adapter names a folder that train or a Python library wrote", adapter.display())
}

/// The longest text, in tokens, as in training if that is known.
fn longest(model: &BaseModel, run: Option<&RunFile>) -> usize {
    let limit = model.config().max_tokens();
    run.map_or(limit, |run| run.max_length.min(limit))
}

/// Where a name of a base comes from, for a message about it.
fn named_by(name: &str, run: Option<&RunFile>) -> String {
    match run {
        Some(run) if run.model == name => {
            format!("the base {name}, which run.json names; if it has moved, say where it is with --model")
        }
        _ => "--model".to_owned(),
    }
}

/// Says on standard error what is to be known of an adapter's files.
pub(crate) fn tell_notes(adapter: &Path) -> Result<()> {
    for said in format::notes(adapter)? {
        note(format_args!("note: {said}"));
    }
    Ok(())
}
