//! Training an adapter on a table.

use crate::class_weights::ClassWeights;
use crate::data_file::DataFile;
use crate::embedder::EmbeddingForm;
use crate::error::{Result, TextError};
use crate::input_form::InputForm;
use crate::labels::{Labels, TaskChoice};
use crate::model::TextModel;
use crate::predictor::{Prediction, TextPredictor};
use crate::run_file::{BaseDtype, BaseIdentity, RunFile};
use crate::sentence_transformers::TokenPooling;
use crate::sizing::Sizing;
use crate::table::{Columns, Table, Text};
use crate::tokenizer::Tokenizer;
use adaptune_adapters::{AdapterModel, Head, HeadConfig, Pooling, TargetScale, Tuning};
use adaptune_tensor::{Precision, Seed};
use adaptune_train::supervision::EmbeddingLoss;
use adaptune_train::{Dataset, Evaluation, Observer, Record, TrainOptions, Trainer};
use std::path::Path;
use std::sync::Arc;

/// A training that is being prepared: which method, how long, on which data.
#[derive(Clone, Debug)]
pub struct TextTraining<'a> {
    model: &'a TextModel,
    method: String,
    name: String,
    task: TaskChoice,
    dev: Option<&'a Table>,
    pooling: Option<Pooling>,
    weighing: ClassWeights,
    epochs: Option<usize>,
    learning_rate: Option<f64>,
    options: Option<TrainOptions>,
}

/// What came of a training.
#[derive(Debug)]
pub struct Trained {
    predictor: TextPredictor,
    run: RunFile,
    /// Everything that happened: losses of steps, scores of epochs.
    pub history: Vec<Record>,
    /// What was decided and noticed: classes that were found, texts that were cut. Sentences to be shown to whoever gave the
    /// data.
    pub notes: Vec<String>,
}

impl TextModel {
    /// Prepares a training of a method, named as in AdapterHub: `seq_bn`, `lora[r=8,alpha=16]`, `full`, `head`.
    #[must_use]
    pub fn training(&self, method: &str) -> TextTraining<'_> {
        TextTraining::new(self, method)
    }
}

impl<'a> TextTraining<'a> {
    fn new(model: &'a TextModel, method: &str) -> Self {
        let (method, name, task) = (method.to_owned(), "adapter".to_owned(), TaskChoice::Auto);
        Self {
            model,
            method,
            name,
            task,
            dev: None,
            pooling: None,
            weighing: ClassWeights::Even,
            epochs: None,
            learning_rate: None,
            options: None,
        }
    }

    /// Names the adapter and its head.
    #[must_use]
    pub fn name(self, name: &str) -> Self {
        Self { name: name.into(), ..self }
    }

    /// Says what labels mean, where they do not say it themselves. For [`TaskChoice::Embedding`] vectors are trained, by CoSENT on pairs
    /// with a score and by multiple negatives on others, from tables that were read with
    /// [`TableOptions::compared`](crate::TableOptions::compared); [`TextModel::embedder_with`] makes them of what was saved.
    #[must_use]
    pub fn task(self, task: TaskChoice) -> Self {
        Self { task, ..self }
    }

    /// Measures on this table after every epoch, and keeps the best one.
    #[must_use]
    pub fn dev(self, dev: &'a Table) -> Self {
        Self { dev: Some(dev), ..self }
    }

    /// What the head reads of each text, in the place of what the base was [trained to have read](crate::BaseModel::pooling).
    #[must_use]
    pub fn pooling(self, pooling: Pooling) -> Self {
        Self { pooling: Some(pooling), ..self }
    }

    /// What each class weighs in the loss.
    #[must_use]
    pub fn class_weights(self, weighing: ClassWeights) -> Self {
        Self { weighing, ..self }
    }

    /// Passes over the data, in the place of what [fits its size](Sizing::of).
    #[must_use]
    pub fn epochs(self, epochs: usize) -> Self {
        Self { epochs: Some(epochs), ..self }
    }

    /// The highest learning rate of the adapter.
    #[must_use]
    pub fn learning_rate(self, rate: f64) -> Self {
        Self { learning_rate: Some(rate), ..self }
    }

    /// All options of training, in the place of what fits the size of the data.
    #[must_use]
    pub fn options(self, options: TrainOptions) -> Self {
        Self { options: Some(options), ..self }
    }

    /// The options for so many examples.
    fn options_for(&self, examples: usize) -> TrainOptions {
        let chosen = self.options.clone().unwrap_or_else(|| Sizing::of(examples).options(self.dev.is_some()));
        let (epochs, rate) = (self.epochs.unwrap_or(chosen.epochs), self.learning_rate.unwrap_or(chosen.learning_rate));
        TrainOptions { epochs, learning_rate: rate, ..chosen }
    }

    /// Trains on a table.
    ///
    /// # Errors
    /// The method does not exist or does not fit the base, a label is missing, the tokenizer refuses a text, or the options
    /// contradict themselves.
    pub fn run(&self, train: &Table) -> Result<Trained> {
        self.run_observed(train, &mut ())
    }

    /// Trains on a table, and tells `observer` of every step.
    ///
    /// # Errors
    /// As [`TextTraining::run`].
    pub fn run_observed(&self, train: &Table, observer: &mut dyn Observer) -> Result<Trained> {
        let form = self.form()?;
        let read = |table: &Table, columns: &Columns| {
            let table = self.with_labels(table.clone(), columns)?;
            Ok::<_, TextError>(if let Some(form) = &form { form.read_by(table) } else { table })
        };
        let train = read(train, &train.columns)?;
        let decimal_commas =
            Table::decimal_commas([&train]) || train.dialect.is_some_and(|dialect| dialect.decimal_comma);
        let train = train.with_decimal_commas(decimal_commas)?.labelled()?;
        let (labels, decision) = Labels::decide(&train, self.task)?;
        let mut notes = vec![decision];
        let length = form.as_ref().and_then(EmbeddingForm::max_length).unwrap_or(usize::MAX);
        let tokenizer = self.model.tokenizer().clone();
        let length = length.min(tokenizer.max_length());
        let tokenizer = &tokenizer.with_max_length(length)?;
        let data = data(&train, &labels, tokenizer, &mut notes)?;
        let dev = self.dev.map(|dev| read(dev, &train.columns)?.with_decimal_commas(decimal_commas)).transpose()?;
        let dev = dev.map(|dev| data_like(&train, dev, &labels, tokenizer, &mut notes)).transpose()?;
        let options = self.options_for(data.len());
        let (epochs, batch_size) = (options.epochs, options.batch_size);
        notes.push(format!("{} examples: {epochs} epochs in batches of {batch_size}", data.len()));
        let embedding = form.map(|form| form.run(loss_of(&labels).to_string(), Vec::new())).transpose()?;
        let pooling = embedding.as_ref().and_then(|embedding| embedding.pooling.of_head()).or(self.pooling);
        let scale = data.target_scale().filter(|_| labels.task().predicts_a_number());
        notes.extend(scale.map(scale_note));
        let model = self.adapter_model(&labels, pooling, scale, Seed::new(options.seed))?;
        notes.extend(pooling_note(model.head().config()).filter(|_| embedding.is_none()));
        let weighted = self.weighing.of(&data, labels.names().len())?;
        let trainer = match &weighted {
            Some(weighted) => Trainer::supervised(model, weighted, &data, dev.as_ref(), options.clone())?,
            None => Trainer::new(model, &data, dev.as_ref(), options.clone())?,
        };
        let trained = trainer.run(observer)?;
        let run = RunFile { max_length: length, embedding, ..self.run_file(&train, data.len(), &options) };
        let predictor = TextPredictor::new(trained.model, tokenizer.clone(), run.input.clone());
        Ok(Trained { predictor, run, history: trained.history, notes })
    }

    /// The table with labels as the task has them, read as these columns say.
    fn with_labels(&self, table: Table, columns: &Columns) -> Result<Table> {
        let table = if table.has_columns(&columns.labels) { table.with_label_columns(&columns.labels)? } else { table };
        let table = match self.task {
            TaskChoice::MultiLabel if !table.has_label_sets() => {
                let separator = table.columns.label_separator.or(columns.label_separator);
                table.with_label_sets(separator)?
            }
            _ => table,
        };
        table.with_numbered_choices(columns.choice_labels)?.with_label_names(&columns.label_names)
    }

    /// What is made of the tokens of texts, where their vectors are trained.
    fn form(&self) -> Result<Option<EmbeddingForm>> {
        if self.task != TaskChoice::Embedding {
            return Ok(None);
        }
        let form = EmbeddingForm::of(self.model.source())?;
        Ok(Some(match self.pooling.map(TokenPooling::try_from).transpose()? {
            Some(pooling) => form.only(pooling),
            None => form,
        }))
    }

    /// The base with a new adapter and a new head.
    fn adapter_model(
        &self,
        labels: &Labels,
        pooling: Option<Pooling>,
        scale: Option<TargetScale>,
        seed: Seed,
    ) -> Result<AdapterModel<f32>> {
        let base = self.model.base();
        let method = |error: &dyn std::fmt::Display| TextError::Method(format!("{}: {error}", self.method));
        let tuning: Tuning = self.method.parse().map_err(|error| method(&error))?;
        let prompt = tuning.prompt_text().map(|text| Text::Single(text.to_owned()));
        let prompt = prompt.map(|text| self.model.tokenizer().encode(&text)).transpose()?;
        let pooling = match pooling {
            Some(pooling) => Some(pooling),
            None => self.model.source().default_pooling(labels.task())?,
        };
        let config = HeadConfig { pooling, ..HeadConfig::new(labels.task(), labels.names().to_vec()) };
        let head = Head::new(&self.name, &config, base, seed.named("head")).map_err(|error| method(&error))?;
        let prompt = prompt.as_ref().map(|prompt| &prompt.token_ids[..]);
        let head = head.with_scale(scale);
        let model = tuning.apply(&self.name, Arc::clone(base), head, prompt, seed.named("adapter"));
        model.map_err(|error| method(&error))
    }

    fn run_file(&self, train: &Table, examples: usize, options: &TrainOptions) -> RunFile {
        let data = DataFile {
            part: "train".into(),
            path: train.name.clone(),
            examples,
            sha256: None,
            aside: None,
            examples_sha256: None,
        };
        RunFile {
            model: self.model.source().name().to_owned(),
            method: self.method.clone(),
            max_length: self.model.tokenizer().max_length(),
            base_dtype: if self.model.base().precision() == Precision::Full { BaseDtype::F32 } else { BaseDtype::Bf16 },
            base: Some(BaseIdentity::of(self.model.base(), self.model.tokenizer())),
            input: Some(InputForm::of_table(train)),
            data: vec![data],
            embedding: None,
            language: None,
            from: None,
            version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            options: serde_json::to_value(options).unwrap_or_default(),
        }
    }
}

impl Trained {
    /// The base with adapter and head, ready to predict.
    #[must_use]
    pub fn predictor(&self) -> &TextPredictor {
        &self.predictor
    }

    /// Predicts the label of each text, in order.
    ///
    /// # Errors
    /// As [`TextPredictor::predict`].
    pub fn predict(&self, texts: &[impl AsRef<str>]) -> Result<Vec<Prediction>> {
        self.predictor.predict(texts)
    }

    /// Measures the model on a labelled table.
    ///
    /// # Errors
    /// As [`TextPredictor::evaluate`].
    pub fn evaluate(&self, table: &Table) -> Result<Evaluation> {
        self.predictor.evaluate(table)
    }

    /// Saves adapter and head as an AdapterHub directory, with what they were trained with, so that the command line and
    /// [`TextModel::with_adapter`] read texts as they were read in training.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn save(&self, folder: impl AsRef<Path>) -> Result<()> {
        self.predictor.save(folder.as_ref())?;
        self.run.write(folder.as_ref())
    }
}

/// What is said where a head learns numbers on a scale of their own.
#[must_use]
pub fn scale_note(TargetScale { mean, deviation }: TargetScale) -> String {
    format!(
        "labels are far from zero (mean {mean:.4}, standard deviation {deviation:.4}): the head learns them in standard deviations \
         from the mean, and answers and scores are in the unit of the labels"
    )
}

/// What it means that a head reads what Python's heads do not; nothing if theirs do too.
#[must_use]
pub fn pooling_note(head: &HeadConfig) -> Option<String> {
    let pooling = head.pooling.filter(|pooling| !pooling.is_known_in_python())?;
    let read = match pooling {
        Pooling::Last => "last token of each text",
        Pooling::Max => "maximum over the tokens of each text",
        _ => "mean over the tokens of each text",
    };
    // The first token of a decoder, which alone has heads that read the last one, sees nothing but itself.
    let other = match pooling {
        Pooling::Last => "",
        _ => ", or --pooling first here",
    };
    Some(format!(
        "the head reads the {read} (--pooling); loading it in Python takes the lines in README.md beside the adapter{other}"
    ))
}

/// The usual loss for data with these labels, where vectors are trained.
fn loss_of(labels: &Labels) -> EmbeddingLoss {
    let [related, scored, ..] = EmbeddingLoss::ALL;
    if *labels == Labels::Nearness { scored } else { related }
}

/// A labelled table as tokens.
fn data(table: &Table, labels: &Labels, tokenizer: &Tokenizer, notes: &mut Vec<String>) -> Result<Dataset> {
    let tokenized = tokenizer.tokenize(table, labels)?;
    notes.extend(table.notes.iter().chain(&tokenized.notes).map(|note| format!("{}: {note}", table.name)));
    Ok(tokenized.dataset)
}

/// The same for data that a model is measured on while it trains: they must have the form of the training data.
fn data_like(
    train: &Table,
    other: Table,
    labels: &Labels,
    tokenizer: &Tokenizer,
    notes: &mut Vec<String>,
) -> Result<Dataset> {
    let other = other.labelled()?.like(train)?;
    data(&other, labels, tokenizer, notes)
}
