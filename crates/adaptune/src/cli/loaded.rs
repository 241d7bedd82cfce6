//! A trained model, loaded to be measured or to predict, and how its texts are to be read.

use super::args::{AdapterArg, ModelArgs, TableArgs, Threshold};
use super::finished::{Finished, no_folder, tell_notes};
use super::folder::{RunFolder, TRAINED};
use super::misused::{AN_ADAPTER, missing, misuse};
use super::score_table::listed;
use adaptune_adapters::format::{Parts, load, load_composed, load_parts};
use adaptune_adapters::{AdapterModel, Head};
use adaptune_text::{InputForm, TableOptions, TextPredictor, Tokenizer};
use adaptune_train::GroupRouter;
use adaptune_transformer::Encoder;
use anyhow::{Context, Result, bail};
use std::path::Path;
use std::sync::Arc;

/// A trained model with what is known of its training.
pub(crate) struct Loaded {
    pub(crate) predictor: TextPredictor,
}

impl Loaded {
    /// Loads base, adapter or adapters, and head.
    pub(crate) fn open(args: &ModelArgs, table: &TableArgs) -> Result<Self> {
        let adapter = args.adapter.as_ref().ok_or_else(|| missing("--adapter", AN_ADAPTER))?;
        check_adapters(adapter)?;
        let finished = Finished::open(args.model.as_deref(), args.base_dtype, &adapter.leading())?;
        args.threshold.iter().try_fold(Self::of(adapter, finished, args, table)?, Self::with_threshold)
    }

    /// Loads adapter or adapters, and head, for a base that is loaded.
    pub(crate) fn of(adapter: &AdapterArg, finished: Finished, args: &ModelArgs, table: &TableArgs) -> Result<Self> {
        let leading = adapter.leading();
        if finished.run.as_ref().is_some_and(|run| run.embedding.is_some()) && args.head.is_none() {
            bail!(
                "{} makes vectors of texts and predicts nothing; adaptune embed --adapter {} writes them",
                leading.display(),
                adapter
            );
        }
        if finished.run.as_ref().is_some_and(|run| run.language.is_some()) && args.head.is_none() {
            bail!(
                "{} is a language model's and predicts no labels; adaptune generate, chat and score --adapter {} use it, and eval \
                 measures its perplexity",
                leading.display(),
                adapter
            );
        }
        let tokenizer = finished.tokenizer(args.max_length)?.with_overlap(table.overlap());
        check_others(adapter, &leading, &tokenizer)?;
        let model = model(adapter, args.head.as_deref(), finished.base)?;
        // A head from elsewhere reads texts as it did in training.
        let input = match &args.head {
            Some(head) => RunFolder::new(head, TRAINED).run_file()?.and_then(|run| run.input),
            None => finished.run.and_then(|run| run.input),
        };
        let predictor = TextPredictor::new(model, tokenizer, input).with_router(GroupRouter::load(&leading)?);
        Ok(Self {
            predictor: match table.domain_column() {
                Some(column) => predictor.with_domain_column(column),
                None => predictor,
            },
        })
    }

    /// The same with a threshold for a class, for a label, or for all labels.
    ///
    /// # Errors
    /// The head has no such class, or none at all.
    pub(crate) fn with_threshold(self, threshold: &Threshold) -> Result<Self> {
        Ok(Self { predictor: with_threshold(self.predictor, threshold)? })
    }

    /// True if a threshold is for this head: one of its classes is named, or any number of its labels hold.
    pub(crate) fn accepts(&self, threshold: &Threshold) -> bool {
        let head = self.predictor.model().head().config();
        match &threshold.label {
            Some(label) => head.class_of(label).is_some(),
            None => head.task.predicts_any_labels(),
        }
    }

    /// How a table is read.
    pub(crate) fn table_options(&self, args: &TableArgs) -> TableOptions {
        table_options(self.predictor.input(), args)
    }
}

/// How a table is read: as the options say, and where they name no columns, with those of training, if they are known.
pub(crate) fn table_options(input: Option<&InputForm>, args: &TableArgs) -> TableOptions {
    let preferred = input.map(InputForm::columns).unwrap_or_default();
    TableOptions { preferred, ..args.options() }
}

fn with_threshold(predictor: TextPredictor, threshold: &Threshold) -> Result<TextPredictor> {
    let head = predictor.model().head().config();
    match &threshold.label {
        Some(label) => Ok(predictor.with_threshold_of(label, threshold.probability).context("--threshold")?),
        None if head.task.predicts_any_labels() => Ok(predictor.with_threshold(threshold.probability)),
        None if head.task.predicts_one_label() && !head.task.reads_every_token() => misuse!(
            "--threshold {} does not say of which class: write --threshold 'CLASS={0}', with the class that is looked for; the classes are {}",
            threshold.probability,
            listed(head.labels.iter().map(String::as_str))
        ),
        None => misuse!("--threshold is for classes and labels of texts; this head is for {}", head.task.name()),
    }
}

/// All that is named must be folders.
pub(crate) fn check_adapters(adapter: &AdapterArg) -> Result<()> {
    match adapter.folders().iter().find(|folder| !folder.is_dir()) {
        Some(folder) => {
            bail!("{}", no_folder(folder))
        }
        None => Ok(()),
    }
}

/// The adapters but the leading one must have been trained with the same tokenizer.
pub(crate) fn check_others(adapter: &AdapterArg, leading: &Path, tokenizer: &Tokenizer) -> Result<()> {
    for folder in adapter.folders().iter().filter(|folder| *folder != leading) {
        tell_notes(folder)?;
        if let Some(run) = RunFolder::new(folder, TRAINED).run_file()? {
            run.check_tokenizer(tokenizer).with_context(|| folder.display().to_string())?;
        }
    }
    Ok(())
}

/// What the folder of an adapter holds, or several put together.
pub(crate) fn parts(adapter: &AdapterArg, base: &Encoder<f32>) -> Result<Parts<f32>> {
    Ok(match adapter {
        AdapterArg::Folder(folder) => load_parts(folder, base).with_context(|| folder.display().to_string())?,
        AdapterArg::Composed(expression) => load_composed(expression, base, None)?,
    })
}

/// Base, adapters and head.
fn model(adapter: &AdapterArg, head: Option<&Path>, base: Arc<Encoder<f32>>) -> Result<AdapterModel<f32>> {
    let parts = match (adapter, head) {
        (AdapterArg::Folder(folder), None) => return load(folder, base).with_context(|| folder.display().to_string()),
        _ => parts(adapter, &base)?,
    };
    let head = match head {
        Some(folder) => Some(head_of(folder, &base)?),
        None => parts.head,
    };
    let head = head.context("none of the folders has a head: name one that has, with --head DIR")?;
    Ok(AdapterModel::new(base, None, head).with_thawed(parts.thawed).with_setup(parts.setup)?)
}

/// The head in a folder, beside an adapter or by itself.
fn head_of(folder: &Path, base: &Encoder<f32>) -> Result<Head<f32>> {
    let parts = load_parts(folder, base).with_context(|| format!("--head {}", folder.display()))?;
    parts.head.with_context(|| format!("--head {} has no head in it", folder.display()))
}
