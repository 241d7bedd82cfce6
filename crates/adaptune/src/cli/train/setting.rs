//! All that models are trained with: a base, data in tokens, and what follows from both.

use super::super::args::TrainArgs;
use super::super::download::find_base;
use super::super::folder::{RunFolder, State};
use super::super::majority::{ACCURACY, When, most_probable, tell_majority};
use super::super::missed::{may_miss, tell_missed};
use super::super::misused::misuse;
use super::super::plot::draw;
use super::super::report::note;
use super::choices::Choices;
use super::command;
use super::composed::Composed;
use super::data::Data;
use super::embedding::{Embedding, Form};
use super::folds::{Folds, Judged};
use super::follow::{follow, follow_closely};
use super::language::Language;
use super::metric;
use super::outcome::{Outcome, evaluations};
use super::start::Start;
use adaptune_adapters::{AdapterModel, Head, HeadConfig, Pooling, Tuning, format};
use adaptune_tensor::Seed;
use adaptune_text::{BaseModel, ClassWeights, Text, Tokenizer, pooling_note, scale_note};
use adaptune_train::supervision::{self, Supervision, Weighted};
use adaptune_train::{Dataset, TaskData, Trained, Trainer, evaluate_by, predict};
use adaptune_transformer::{Encoder, Thaw};
use anyhow::{Context, Result};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Says that there is nothing to resume, and how to train on.
pub(super) fn tell_complete(out: &Path) {
    let out = out.display();
    note(format_args!(
        "note: {out}: the run is complete, there is nothing to resume; to train it further:\n    adaptune train --from {out} \
         --train FILE --out NEW"
    ));
}

/// The tokens of the text that a prompt is to begin as, those at its ends included, as AdapterHub has them.
fn prompt(tuning: &Tuning, tokenizer: &Tokenizer) -> Result<Option<Vec<u32>>> {
    let text = tuning.prompt_text().map(|text| Text::Single(text.to_owned()));
    text.map(|text| Ok(tokenizer.encode(&text).context("prompt_init_text")?.token_ids)).transpose()
}

/// All that models are trained with.
pub(super) struct Setting<'a> {
    pub(super) args: &'a TrainArgs,
    pub(super) choices: Choices,
    pub(super) data: Data,
    pub(super) base: Arc<Encoder<f32>>,
    pub(super) tokenizer: Tokenizer,
    /// The tokens that a prompt begins as, if one begins as a text.
    prompt: Option<Vec<u32>>,
    /// The trained model that it goes on from, if it does.
    start: Option<AdapterModel<f32>>,
    /// What a new head reads of each text.
    pooling: Option<Pooling>,
    /// What classes weigh, if they do not weigh the same.
    pub(super) weighted: Option<Weighted>,
    /// What vectors are trained by, if they are.
    pub(super) embedding: Option<Embedding>,
    /// How documents become tokens, if a decoder is to go on with texts.
    pub(super) language: Option<Language>,
}

impl<'a> Setting<'a> {
    pub(super) fn read(args: &'a TrainArgs, choices: Choices) -> Result<Self> {
        let setting = Self::of_task(args, choices, None)?;
        let examples = setting.data.train.len();
        let setting = setting.sized(examples)?;
        setting.tell_pooling();
        setting.tell_scale();
        setting.check_memory()?;
        Ok(setting)
    }

    /// The same with as many epochs, and of such batches, as fit so many examples.
    pub(super) fn sized(self, examples: usize) -> Result<Self> {
        let mut choices = self.choices.sized(self.args, examples)?;
        if self.language.is_some() {
            // Examples of full length are as much at once as in training.
            choices.options.eval_batch_size = choices.options.batch_size;
        }
        Ok(Self { choices, ..self })
    }

    /// What one task is trained with, whatever others there are; on a base that is loaded already, or its own.
    pub(super) fn of_task(args: &'a TrainArgs, choices: Choices, base: Option<Arc<Encoder<f32>>>) -> Result<Self> {
        let model = find_base(&choices.model)?;
        let before = choices.start.as_ref().and_then(Start::run);
        let form = Form::of(args, &model, choices.start.as_ref())?;
        let mut language = Language::of(args, &choices, &model)?;
        let of_model = || match &language {
            Some(_) => Some(Language::max_length(&model)),
            None => form.as_ref()?.max_length(&model),
        };
        let tokenizer = model.tokenizer(args.max_length.or(before.map(|run| run.max_length)).or_else(of_model))?;
        let tokenizer = tokenizer.with_overlap(args.table.overlap());
        before.map_or(Ok(()), |run| run.check_tokenizer(&tokenizer))?;
        // A trained model says itself which labels there are; otherwise data that cannot be read are told of first.
        let (base, start) = match &choices.start {
            Some(start) => {
                let base = load_base(args, &model)?;
                (Some(base.clone()), Some(start.load(base)?))
            }
            None => (base, None),
        };
        let data = match &mut language {
            Some(language) => language.read(&choices, args, &tokenizer, &model)?,
            None => Data::read(&choices, args, &tokenizer, start.as_ref(), form.as_ref().map(Form::texts))?,
        };
        let base = base.map_or_else(|| load_base(args, &model), Ok)?;
        let domains = data.input.as_ref().and_then(|input| input.domains.clone());
        let choices = choices.begun_with(start.as_ref()).in_domains(domains);
        let prompt = prompt(&choices.tuning, &tokenizer)?;
        let embedding = form.map(|form| form.trained_on(args, &data.labels, base.config().hidden)).transpose()?;
        let pooling = match args.pooling {
            Some(pooling) => Some(pooling.into()),
            None => model.default_pooling(data.labels.task())?,
        };
        let weighted = ClassWeights::from(args.class_weights).of(&data.train, data.labels.names().len());
        let weighted = weighted.context("--class-weights")?;
        if weighted.is_some() && !args.json {
            note("losses are weighted by --class-weights while it trains; the loss that eval shows is not");
        }
        Ok(Self { args, choices, data, base, tokenizer, prompt, start, pooling, weighted, embedding, language })
    }

    /// The same model and data for a training that differs in its method.
    pub(super) fn again(self, args: &'a TrainArgs, choices: Choices) -> Result<Self> {
        let prompt = prompt(&choices.tuning, &self.tokenizer)?;
        let domains = self.data.input.as_ref().and_then(|input| input.domains.clone());
        let choices = choices.sized(args, self.data.train.len())?.in_domains(domains);
        let setting = Self { args, choices, prompt, ..self };
        setting.check_memory()?;
        Ok(setting)
    }

    pub(super) fn head_config(&self) -> HeadConfig {
        if let Some(start) = &self.start {
            return start.head().config().clone();
        }
        if let Some(embedding) = &self.embedding {
            return embedding.head_config();
        }
        let (args, labels) = (self.args, &self.data.labels);
        let default = HeadConfig::new(labels.task(), labels.names().to_vec());
        let layers = args.head_layers.map_or(default.layers, usize::from);
        HeadConfig { layers, pooling: self.pooling, ..default }
    }

    /// A new head, which learns the numbers of the training data on their scale.
    pub(super) fn new_head(&self, name: &str, seed: Seed) -> Result<Head<f32>> {
        let head = Head::new(name, &self.head_config(), &self.base, seed)?;
        Ok(head.with_scale(self.data.train.target_scale()))
    }

    /// Says on which scale numbers are learnt.
    fn tell_scale(&self) {
        let learns_numbers = self.data.labels.task().predicts_a_number();
        let scale = self.data.train.target_scale().filter(|_| learns_numbers && !self.args.json);
        if let Some(scale) = scale {
            note(scale_note(scale));
        }
    }

    fn tell_pooling(&self) {
        let has_head = self.embedding.is_none();
        if let Some(said) = pooling_note(&self.head_config()).filter(|_| has_head && !self.args.json) {
            note(said);
        }
    }

    /// The command that shows a language model at work, if one is trained.
    pub(super) fn language_command(&self) -> Option<String> {
        let sample = self.data.sample.as_deref();
        self.language.as_ref().map(|language| language.command(&self.choices.out, sample))
    }

    /// What was asked for; nothing if it is there already.
    pub(super) fn train_and_save(&self, folds: Option<&Folds>, folder: &RunFolder) -> Result<Option<Outcome>> {
        let (args, tuning) = (self.args, &self.choices.tuning);
        let trainer = self.trainer(tuning, self.choices.composed.as_ref())?;
        self.check_files(trainer.model())?;
        if folder.prepare(args.resume, args.overwrite)? == State::Complete {
            tell_complete(&self.choices.out);
            return Ok(None);
        }
        command::begin(folder, args, &self.choices.out, &self.data.files)?;
        let mut trainer =
            trainer.with_history(folder.metrics()).with_checkpoint(folder.checkpoint(), args.checkpoint_every);
        if args.resume && !trainer.resume()? {
            note(format_args!(
                "note: {} holds no checkpoint yet; starting from the beginning",
                self.choices.out.display()
            ));
        }
        if let Some(blocks) = trainer.cached_blocks().filter(|_| !args.json) {
            let all = self.base.config().layers;
            note(format_args!("the outputs of the lower {blocks} of {all} blocks are kept from epoch to epoch"));
        }
        let begun = Instant::now();
        let trained = follow_closely(trainer, args.json, args.tensorboard.as_deref())?;
        let setup = self.written_setup(&trained.model);
        match setup {
            Some(_) => format::save_setup(&trained.model, folder.work())?,
            None => format::save(&trained.model, folder.work())?,
        }
        draw(&trained.history, &folder.loss_curve());
        let head = trained.model.head().config().clone();
        self.tell_missed(&trained.model)?;
        self.save_router(folder)?;
        let outcome = self.outcome(self.choices.method.clone(), trained, begun.elapsed());
        if let Ok(outcome) = &outcome {
            self.write_card(outcome, &head, setup.as_deref(), folds, folder, folder)?;
        }
        // Test data that cannot be judged take nothing away from what was trained.
        folder.complete(&self.run_file(tuning))?;
        outcome.map(Some)
    }

    /// The setup as an expression, if it is of several adapters: put together here, or by the training that this one goes on from.
    fn written_setup(&self, model: &AdapterModel<f32>) -> Option<String> {
        let several = self.choices.composed.is_some() || !model.setup().parts().is_empty();
        several.then(|| model.setup().to_string())
    }

    /// Trains on all parts but one, and measures on that one, for each part.
    pub(super) fn cross_validated(&self) -> Result<Option<Folds>> {
        let (folds, train) = (&self.data.folds, &self.data.train);
        let (mut best, mut judged) = (Vec::with_capacity(folds.len()), Judged::default());
        for (i, part) in folds.iter().enumerate() {
            if !self.args.json {
                note(format_args!("part {} of {}: {} examples to measure on", i + 1, folds.len(), part.len()));
            }
            let others: Vec<usize> = (0..train.len()).filter(|n| part.binary_search(n).is_err()).collect();
            let (rows, others, part) = (part, train.select(&others)?, train.select(part)?);
            let composed = self.choices.composed.as_ref();
            let trainer = self.trainer_on(&self.choices.tuning, composed, &others, Some(&part))?;
            let trained = follow(trainer, self.args.json)?;
            let record = evaluations(&trained.history).filter(|record| record.best).last();
            best.push(record.cloned().context("no epoch was measured")?);
            judged.add(&trained.model, &part, rows, self.choices.options.eval_batch_size)?;
        }
        judged.tell_missed(train)?;
        Ok(Folds::of(best))
    }

    /// The head alone and the whole base, under the same conditions, if they are to be shown beside.
    pub(super) fn baselines(&self) -> Result<Vec<Outcome>> {
        if !self.choices.baselines {
            return Ok(Vec::new());
        }
        let others =
            [("head alone", Tuning::default()), ("full fine-tuning", Tuning::default().with_thawed(Thaw::ALL))];
        let same = |tuning: &Tuning| *tuning == self.choices.tuning && self.choices.composed.is_none();
        // A language model has no head of its own.
        let trains = |tuning: &Tuning| self.language.is_none() || *tuning != Tuning::default();
        let others = others.into_iter().filter(|(_, tuning)| !same(tuning) && trains(tuning));
        others.map(|(name, tuning)| self.baseline(name, &tuning)).collect()
    }

    fn baseline(&self, name: &str, tuning: &Tuning) -> Result<Outcome> {
        if !self.args.json {
            note(format_args!("for comparison: {name}"));
        }
        let begun = Instant::now();
        let trained = follow(self.trainer(tuning, None)?, self.args.json)?;
        self.outcome(name.into(), trained, begun.elapsed())
    }

    pub(super) fn trainer(&self, tuning: &Tuning, composed: Option<&Composed>) -> Result<Trainer<'_, f32>> {
        self.trainer_on(tuning, composed, &self.data.train, self.data.dev.as_ref())
    }

    fn trainer_on<'d>(
        &'d self,
        tuning: &Tuning,
        composed: Option<&Composed>,
        train: &'d Dataset,
        dev: Option<&'d Dataset>,
    ) -> Result<Trainer<'d, f32>> {
        let (model, mut options) = (self.model(tuning, composed)?, self.choices.options_for(tuning));
        metric::check(options.metric.as_deref(), &model, self.supervision(), dev)?;
        // A baseline may have nothing to keep where what was asked for has.
        options.cache = options.cache.filter(|_| *tuning == self.choices.tuning || model.constant_blocks() > 0);
        Ok(Trainer::supervised(model, self.supervision(), train, dev, options)?)
    }

    /// How examples become what is optimised, and what is scored.
    pub(super) fn supervision(&self) -> &dyn Supervision<f32> {
        match (&self.weighted, &self.embedding) {
            (Some(weighted), _) => weighted,
            (None, Some(embedding)) => &embedding.supervision,
            (None, None) => supervision::of(self.data.labels.task()),
        }
    }

    /// The data with what they are trained by.
    pub(super) fn task_data(&self) -> TaskData<'_, f32> {
        TaskData::supervised(self.supervision(), &self.data.train, self.data.dev.as_ref())
    }

    pub(super) fn model(&self, tuning: &Tuning, composed: Option<&Composed>) -> Result<AdapterModel<f32>> {
        if let Some(start) = &self.choices.start {
            return Ok(start.load(self.base.clone())?.with_head_scale(self.data.train.target_scale()));
        }
        let (seed, name) = (Seed::new(self.args.seed), &self.choices.name);
        let head = self.new_head(name, seed.named("head"))?;
        let prompt = self.prompt.as_deref().filter(|_| tuning.prompt_text().is_some());
        let model = tuning.apply(name, self.base.clone(), head, prompt, seed.named("adapter")).context("--method")?;
        match composed {
            Some(composed) => composed.put_into(model, &self.base, seed.named("fusion")),
            None => Ok(model),
        }
    }

    fn outcome(&self, name: String, trained: Trained<f32>, time: Duration) -> Result<Outcome> {
        let Trained { model, history } = trained;
        let size = self.choices.options.eval_batch_size;
        let test = self.data.test.as_ref().map(|data| evaluate_by(&model, self.supervision(), data, size));
        Ok(Outcome { name, counts: model.counts(), history, test: test.transpose()?, time })
    }

    /// Says which classes or labels of the development data the model never predicts, and whether it is hardly better than the most
    /// frequent one.
    fn tell_missed(&self, model: &AdapterModel<f32>) -> Result<()> {
        let head = model.head().config();
        let Some(dev) = self.data.dev.as_ref().filter(|_| may_miss(head)) else { return Ok(()) };
        let logits = predict(model, dev, self.choices.options.eval_batch_size)?;
        if self.args.metric.as_deref().is_none_or(|metric| metric == ACCURACY) {
            tell_majority(When::Training, head, dev, &logits, most_probable(&logits));
        }
        tell_missed(head, dev, &logits)
    }
}

fn load_base(args: &TrainArgs, model: &BaseModel) -> Result<Arc<Encoder<f32>>> {
    let base = model.load(adaptune_text::BaseDtype::from(args.base_dtype).into())?;
    Ok(Arc::new(match args.dropout {
        Some(rate) if !(0.0..1.0).contains(&rate) => {
            misuse!("--dropout is {rate}, but must be from 0 up to, but not, 1")
        }
        Some(rate) => base.with_dropout(rate, rate),
        None => base,
    }))
}
