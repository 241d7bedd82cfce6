//! A base model with its tokenizer: where every program begins.

use crate::base::BaseModel;
use crate::error::{Result, TextError};
use crate::hub::DownloadObserver;
use crate::predictor::TextPredictor;
use crate::run_file::RunFile;
use crate::table::Table;
use crate::tokenizer::Tokenizer;
use adaptune_adapters::{Task, format};
use adaptune_tensor::Precision;
use adaptune_transformer::{Base, Batch, Encoder, Pass, Selection};
use ndarray::{Array2, Axis, concatenate};
use std::path::Path;
use std::sync::Arc;

/// A base model with its tokenizer. It is never changed; adapters are trained for it and plugged into it.
///
/// ```
/// use adaptune_text::{Table, TextModel};
///
/// let model = TextModel::open("builtin")?; // or a folder, or a name on the hub
/// let train = Table::read("builtin:sentiment@A:train")?;
/// let dev = Table::read("builtin:sentiment@A:dev")?;
/// let trained = model.training("seq_bn[reduction_factor=4]").epochs(1).dev(&dev).run(&train)?;
///
/// let folder = tempfile::tempdir()?;
/// trained.save(folder.path())?;
/// let predictor = model.with_adapter(folder.path())?;
/// let predictions = predictor.predict(&["a text", "and another one"])?;
/// assert!(["positive", "negative"].contains(&predictions[0].label().as_str()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct TextModel {
    source: BaseModel,
    base: Arc<Encoder<f32>>,
    tokenizer: Tokenizer,
}

impl TextModel {
    /// Opens the model in a folder as Python's `save_pretrained` writes it, or on the Hugging Face hub (looked up in the cache
    /// that Python shares, then downloaded), or the one that is called `builtin`.
    ///
    /// # Errors
    /// There is no such model, or its configuration, weights or tokenizer cannot be read.
    pub fn open(name: &str) -> Result<Self> {
        Self::open_with(name, None, Precision::Full, &mut ())
    }

    /// As [`TextModel::open`], for texts of at most `max_length` tokens, with the base's linear layers in this precision.
    /// `observer` is told how far downloads have come.
    ///
    /// # Errors
    /// As [`TextModel::open`].
    pub fn open_with(
        name: &str,
        max_length: Option<usize>,
        precision: Precision,
        observer: &mut dyn DownloadObserver,
    ) -> Result<Self> {
        let source = BaseModel::find(name, observer)?;
        let tokenizer = source.tokenizer(max_length)?;
        let base = Arc::new(source.load(precision)?);
        Ok(Self { source, base, tokenizer })
    }

    /// The base.
    #[must_use]
    pub fn base(&self) -> &Arc<Encoder<f32>> {
        &self.base
    }

    /// What it was opened from.
    #[must_use]
    pub fn source(&self) -> &BaseModel {
        &self.source
    }

    /// Its tokenizer.
    #[must_use]
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// Plugs in an adapter with its head, from a folder that this project or a Python library wrote. Texts are cut where they
    /// were cut in training, if the folder says where, and where the model was opened with less, there.
    ///
    /// # Errors
    /// The folder holds no adapter with a head, or one for another base or tokenizer.
    pub fn with_adapter(&self, folder: impl AsRef<Path>) -> Result<TextPredictor> {
        let folder = folder.as_ref();
        let (run, mut tokenizer) = (RunFile::read(folder)?, self.tokenizer.clone());
        if let Some(run) = &run {
            run.check_tokenizer(&tokenizer)?;
            let length = run.max_length.min(tokenizer.max_length());
            tokenizer = tokenizer.with_max_length(length)?;
        }
        let model = format::load(folder, Arc::clone(&self.base))?;
        Ok(TextPredictor::new(model, tokenizer, run.and_then(|run| run.input)))
    }

    /// Returns the last hidden state of each text, `[texts, D]`: the mean over its tokens for [`Selection::Mean`], its first or last
    /// token for [`Selection::First`] and [`Selection::Last`]. Ends of texts that are too long are left out.
    ///
    /// # Errors
    /// There are no texts, the tokenizer refuses one, or the selection is not one vector for each text.
    pub fn embed(&self, texts: &[impl AsRef<str>], selection: &Selection) -> Result<Array2<f32>> {
        if matches!(selection, Selection::All | Selection::Places(_)) {
            return Err(TextError::Model(format!(
                "{selection:?} does not read one vector of each text; take First, Last or Mean"
            )));
        }
        let table = Table::of_texts(texts);
        // A data set is of some task; which one does not matter here, and no random draw is made of its batches.
        let dataset = self.tokenizer.tokenize_unlabelled(&table, Task::CLASSIFICATION)?.dataset;
        let embed = |examples: Vec<usize>| {
            let batch: Batch = dataset.batch(&examples, adaptune_tensor::Seed::new(0)).batch;
            Ok(Base::from(&*self.base).read(&batch, &(), Pass::evaluate(), selection)?.hidden)
        };
        let batches = adaptune_train::in_order(dataset.len(), 64).into_iter().map(embed);
        let batches = batches.collect::<Result<Vec<Array2<f32>>, adaptune_transformer::BatchError>>();
        let batches = batches.map_err(|error| TextError::Train(error.into()))?;
        let views: Vec<_> = batches.iter().map(|batch| batch.view()).collect();
        concatenate(Axis(0), &views).map_err(|error| TextError::Model(error.to_string()))
    }
}
