//! A base model with its tokenizer: where every program begins.

use crate::base::BaseModel;
use crate::embedder::{Embedder, EmbeddingForm};
use crate::error::{Result, TextError};
use crate::generator::Generator;
use crate::hub::DownloadObserver;
use crate::predictor::TextPredictor;
use crate::run_file::RunFile;
use crate::scorer::Scorer;
use crate::tokenizer::Tokenizer;
use adaptune_adapters::format;
use adaptune_tensor::Precision;
use adaptune_train::GroupRouter;
use adaptune_transformer::Encoder;
use ndarray::Array2;
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
        let router = GroupRouter::load(folder).map_err(|error| TextError::Method(error.to_string()))?;
        Ok(TextPredictor::new(model, tokenizer, run.and_then(|run| run.input)).with_router(router))
    }

    /// Returns what makes a vector of every text, as the files of the model say; the mean over all tokens if they say nothing
    /// ([`EmbeddingForm::notes`]). Texts are cut where the model was trained to have them cut.
    ///
    /// # Errors
    /// A file of the model cannot be read, or names a module that is not known.
    pub fn embedder(&self) -> Result<Embedder> {
        let form = EmbeddingForm::of(&self.source)?;
        let length = form.max_length().unwrap_or(usize::MAX).min(self.tokenizer.max_length());
        Embedder::new(Arc::clone(&self.base), self.tokenizer.clone().with_max_length(length)?, form)
    }

    /// The same with an adapter in the base, from a folder with or without a head. Texts are read, cut and pooled as in training, as far
    /// as the folder says how.
    ///
    /// # Errors
    /// As [`TextModel::embedder`], or the folder holds no adapter, or one for another base or tokenizer.
    pub fn embedder_with(&self, folder: impl AsRef<Path>) -> Result<Embedder> {
        let folder = folder.as_ref();
        let mut embedder = self.embedder()?;
        if let Some(run) = RunFile::read(folder)? {
            run.check_tokenizer(&self.tokenizer)?;
            let tokenizer = self.tokenizer.clone().with_max_length(run.max_length.min(self.tokenizer.max_length()))?;
            let form = embedder.form().clone();
            let form = if let Some(trained) = &run.embedding { form.with_run(trained) } else { form };
            embedder = Embedder::new(Arc::clone(&self.base), tokenizer, form)?;
        }
        let parts = format::load_parts(folder, &self.base)?;
        Ok(embedder.with_adapters(parts.setup, parts.thawed))
    }

    /// What the model, a decoder, writes.
    ///
    /// # Errors
    /// The model is an encoder, or has no output layer.
    pub fn generator(&self) -> Result<Generator> {
        Generator::new(Arc::clone(&self.base), self.tokenizer.clone(), self.source.end_tokens()?)
    }

    /// The same with an adapter in the base, from a folder with or without a head.
    ///
    /// # Errors
    /// As [`TextModel::generator`], or the folder holds no adapter, or one for another base or tokenizer, or one that lets tokens see those
    /// behind them.
    pub fn generator_with(&self, folder: impl AsRef<Path>) -> Result<Generator> {
        let parts = self.parts(folder.as_ref())?;
        self.generator()?.with_adapters(parts.setup, parts.thawed)
    }

    /// The same as [`TextModel::scorer`] with an adapter in the base, from a folder with or without a head.
    ///
    /// # Errors
    /// As [`TextModel::generator_with`].
    pub fn scorer_with(&self, folder: impl AsRef<Path>) -> Result<Scorer> {
        let parts = self.parts(folder.as_ref())?;
        self.scorer()?.with_adapters(parts.setup, parts.thawed)
    }

    /// What a folder holds, trained with the same tokenizer.
    fn parts(&self, folder: &Path) -> Result<format::Parts<f32>> {
        if let Some(run) = RunFile::read(folder)? {
            run.check_tokenizer(&self.tokenizer)?;
        }
        Ok(format::load_parts(folder, &self.base)?)
    }

    /// How probable the model, a decoder, finds texts.
    ///
    /// # Errors
    /// The model is an encoder, or has no output layer.
    pub fn scorer(&self) -> Result<Scorer> {
        Scorer::new(Arc::clone(&self.base), self.tokenizer.clone())
    }

    /// Returns the vector of each text, `[texts, size]`, as [`TextModel::embedder`] makes it.
    ///
    /// # Errors
    /// As [`TextModel::embedder`] and [`Embedder::embed`].
    pub fn embed(&self, texts: &[impl AsRef<str>]) -> Result<Array2<f32>> {
        self.embedder()?.embed(texts)
    }
}
