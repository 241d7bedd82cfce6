//! The loop.

use crate::activations::{self, Activations};
use crate::batching::Batching;
use crate::checkpoint::{self, Checkpoint, Position};
use crate::clip::clip_by_global_norm;
use crate::criterion;
use crate::data::Dataset;
use crate::error::TrainError;
use crate::evaluate::{Evaluation, evaluate_from};
use crate::history::HistoryFile;
use crate::identity::Identity;
use crate::model::Model;
use crate::optimiser::{Optimiser, Trainable, decays};
use crate::options::TrainOptions;
use crate::progress::{Course, Progress};
use crate::record::{EvaluationRecord, Observer, Record, RunExtent, StepRecord, values};
use crate::schedule::LearningRate;
use crate::supervision::{self, Supervision};
use crate::tasks::{TaskData, TaskExamples, Tasks};
use crate::trained::TrainedModel;
use crate::values::{Tensors, check_values, largest, set_values, tensors};
use adaptune_adapters::{AdapterModel, Part, TaskBatch};
use adaptune_tensor::{Gradients, Scalar};
use adaptune_transformer::Pass;
use adaptune_transformer::weights::is_there;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A run: a model, its data and how it trains.
///
/// The same model, data and options give the same bits, whatever the number of threads, and
/// whether the run was interrupted or not.
///
/// ```
/// use adaptune_adapters::{Adapter, AdapterModel, Head, HeadConfig, Method, Task};
/// use adaptune_tensor::Seed;
/// use adaptune_train::{Dataset, Example, Target, TrainOptions, Trainer};
/// use adaptune_transformer::{Config, Encoder};
/// use std::sync::Arc;
///
/// let base = Arc::new(Encoder::<f32>::random(Config::bert(16, 2, 2, 32), 0.1, Seed::new(1)));
/// let method: Method = "seq_bn[reduction_factor=4]".parse()?;
/// let adapter = Adapter::new("odd", &method, base.config(), Seed::new(2))?;
/// let head = HeadConfig::new(Task::CLASSIFICATION, vec!["even".into(), "odd".into()]);
/// let model = AdapterModel::new(base.clone(), Some(adapter), Head::new("odd", &head, &base, Seed::new(3))?);
///
/// // Is the second token odd?
/// let example = |id: u32| Example::single(vec![0, id], Target::Class(id as usize % 2));
/// let data = Dataset::new(Task::CLASSIFICATION, 2, (0..64).map(example).collect())?;
/// let options = TrainOptions { epochs: 8, batch_size: 8, learning_rate: 1e-2, ..Default::default() };
/// let run = Trainer::new(model, &data, None, options)?.run(&mut ())?;
/// assert_eq!(run.history.len(), 64); // one record a step
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A model of [several tasks](Trainer::of_tasks) is trained in the same way.
pub struct Trainer<'a, S, M = AdapterModel<S>> {
    model: M,
    tasks: Tasks<'a, S>,
    options: TrainOptions,
    rate: LearningRate,
    optimiser: Optimiser<S>,
    position: Position,
    /// Everything that has happened.
    records: Vec<Record>,
    /// The parameters after the best epoch, by name.
    best: Option<Tensors<S>>,
    checkpoint: Option<checkpoint::Plan>,
    history: Option<HistoryFile>,
    /// Of the training data, then of the development data.
    activations: Option<Activations<S>>,
}

impl<'a, S: Scalar> Trainer<'a, S> {
    /// Prepares a run for the objective of the data's task.
    ///
    /// # Errors
    /// If the options contradict themselves, or data, head and base do not fit together.
    pub fn new(
        model: AdapterModel<S>,
        train: &'a Dataset,
        dev: Option<&'a Dataset>,
        options: TrainOptions,
    ) -> Result<Self, TrainError> {
        Self::supervised(model, supervision::of(train.task()), train, dev, options)
    }

    /// Prepares a run for a user-defined objective.
    ///
    /// # Errors
    /// As [`Trainer::new`], or if batches are to be cut into micro-batches and the objective may not be.
    pub fn supervised(
        model: AdapterModel<S>,
        supervision: &'a dyn Supervision<S>,
        train: &'a Dataset,
        dev: Option<&'a Dataset>,
        options: TrainOptions,
    ) -> Result<Self, TrainError> {
        Self::of_tasks(model, vec![TaskData::supervised(supervision, train, dev)], options)
    }
}

impl<'a, S: Scalar, M: Model<S>> Trainer<'a, S, M> {
    /// Prepares a run of a model of several tasks, such as a [`MultiTaskModel`](adaptune_adapters::MultiTaskModel), with the data
    /// of each in the order of its heads.
    ///
    /// The examples of all tasks are shuffled together, so that a batch holds some of each, and an epoch sees each example
    /// once. The loss of a batch is the mean of the tasks' mean losses, each task by its share of the batch's examples. An
    /// evaluation has the mean of the tasks' primary scores as `mean`, which chooses the best epoch, and the scores of each
    /// task with its name in front, as in `mood.accuracy`; its loss is the mean of the tasks' losses. [`TaskData`] has an example.
    ///
    /// # Errors
    /// If the options contradict themselves, there is not the data of each task, some tasks have development data and others
    /// none, two tasks have one name, or data, head and base of a task do not fit together.
    pub fn of_tasks(mut model: M, tasks: Vec<TaskData<'a, S>>, options: TrainOptions) -> Result<Self, TrainError> {
        options.check().map_err(TrainError::Options)?;
        let tasks = Tasks::new(&model, tasks)?;
        if options.accumulate > 1 && !tasks.may_be_cut() {
            let message = "the objective compares the sequences of a batch, so a batch cannot be accumulated in parts";
            return Err(TrainError::Options(message.into()));
        }
        model.leave_out_lowest(options.layer_drop)?;
        model.leave_out_lowest(0)?;
        let steps = options.epochs * tasks.train_len().div_ceil(options.batch_size);
        let rate = LearningRate::new(options.schedule, options.warmup, steps);
        let optimiser =
            Optimiser::new(options.optimiser, &model.parameters()).map_err(|e| TrainError::Options(e.to_string()))?;
        let activations = options.cache.map(|limits| activations::of(&model, tasks.len(), tasks.hides(), limits));
        let activations = activations.transpose()?;
        Ok(Self {
            model,
            tasks,
            options,
            rate,
            optimiser,
            position: Position::default(),
            records: Vec::new(),
            best: None,
            checkpoint: None,
            history: None,
            activations,
        })
    }

    /// Writes every record to `path` as it happens, one a line, as JSON.
    #[must_use]
    pub fn with_history(self, path: PathBuf) -> Self {
        Self { history: Some(HistoryFile::new(path)), ..self }
    }

    /// Writes a checkpoint to `path` after every epoch and every `every` steps. What has happened until then is in the file of
    /// [records](Trainer::with_history), which is `path` with `.jsonl` behind it unless another is named; both are needed to go on.
    #[must_use]
    pub fn with_checkpoint(self, path: PathBuf, every: usize) -> Self {
        let identity = Identity::new(&self.model, &self.tasks, &self.options);
        let mut records = path.clone().into_os_string();
        records.push(".jsonl");
        let history = self.history.unwrap_or_else(|| HistoryFile::new(records.into()));
        let plan = checkpoint::Plan { path, every: every.max(1), identity };
        Self { checkpoint: Some(plan), history: Some(history), ..self }
    }

    /// Goes on from the checkpoint, if there is one yet; tells whether there was.
    ///
    /// # Errors
    /// If the checkpoint is damaged, or was written by a run with other data, options or model, or by another version. Then
    /// nothing has changed.
    pub fn resume(&mut self) -> Result<bool, TrainError> {
        let Some(plan) = self.checkpoint.as_ref().filter(|plan| is_there(&plan.path)) else { return Ok(false) };
        let checkpoint = checkpoint::read::<S>(&plan.path, &plan.identity)?;
        let past = checkpoint.position.past;
        let records = self.history.as_ref().map_or(Ok(Vec::new()), |history| history.read(past))?;
        self.restore(checkpoint, records)?;
        Ok(true)
    }

    /// Checks everything, and only then changes anything.
    fn restore(&mut self, mut checkpoint: Checkpoint<S>, records: Vec<Record>) -> Result<(), TrainError> {
        let (values, best) = (checkpoint.take("model."), checkpoint.take("best."));
        let state = checkpoint.take("optimiser.");
        let progress = Progress::of(&records, &self.course()).map_err(|e| checkpoint.damaged(e))?;
        progress.check(&checkpoint.position, &self.course()).map_err(|e| checkpoint.damaged(e))?;
        check_values(&self.model, &values).map_err(|e| checkpoint.damaged(e))?;
        match (progress.has_best(), best.is_empty()) {
            (true, _) => {
                check_values(&self.model, &best).map_err(|e| checkpoint.damaged(format!("best epoch: {e}")))?;
            }
            (false, true) => {}
            (false, false) => return Err(checkpoint.damaged("it has parameters of a best epoch before there was one")),
        }
        if let Some(name) = checkpoint.tensors.keys().next() {
            return Err(checkpoint.damaged(format!("{name} is unexpected")));
        }
        self.optimiser.check_state(&state, checkpoint.position.step).map_err(|e| checkpoint.damaged(e))?;
        checkpoint.check_intact()?;
        self.optimiser.load_state(state).map_err(|e| checkpoint.damaged(e))?;
        set_values(&mut self.model, &values);
        self.best = (!best.is_empty()).then(|| best.into_iter().collect());
        (self.position, self.records) = (checkpoint.position, records);
        Ok(())
    }

    /// What decides which record follows which.
    fn course(&self) -> Course {
        Course::of(&self.options, self.extent().steps_per_epoch, self.tasks.dev().next().is_some())
    }

    /// The model as it is now.
    #[must_use]
    pub fn model(&self) -> &M {
        &self.model
    }

    /// How long the run is, and how far it has come.
    #[must_use]
    pub fn extent(&self) -> RunExtent {
        let steps_per_epoch = self.tasks.train_len().div_ceil(self.options.batch_size);
        RunExtent { steps: self.options.epochs * steps_per_epoch, steps_per_epoch, done: self.position.step }
    }

    /// The blocks whose output is kept from epoch to epoch, if any are; see [`TrainOptions::cache`].
    #[must_use]
    pub fn cached_blocks(&self) -> Option<usize> {
        self.activations.as_ref().map(Activations::blocks)
    }

    /// Trains to the end.
    ///
    /// # Errors
    /// If the loss is no longer a number, or a checkpoint or the file of records cannot be written.
    pub fn run(mut self, observer: &mut dyn Observer) -> Result<TrainedModel<M>, TrainError> {
        if let Some(history) = &mut self.history {
            history.begin(self.position.past)?;
        }
        observer.start(self.extent(), &self.records);
        if self.position.step == 0 && self.records.is_empty() {
            self.evaluate_epoch(observer)?;
        }
        while self.position.epoch < self.options.epochs && !self.position.stopped {
            self.epoch(observer)?;
        }
        if let Some(best) = self.best.take() {
            let best: BTreeMap<_, _> = best.into_iter().collect();
            set_values(&mut self.model, &best);
        }
        if let Some(history) = &mut self.history {
            history.flush()?;
        }
        Ok(TrainedModel { model: self.model, history: self.records })
    }

    /// What is left of the epoch under way, and its evaluation.
    fn epoch(&mut self, observer: &mut dyn Observer) -> Result<(), TrainError> {
        let TrainOptions { batch_size, batching, .. } = self.options;
        let seed = self.options.run_seed().named("batches").at(self.position.epoch as u64);
        let batches = Batching::batches(&batching, &self.tasks.lengths(), batch_size, seed);
        for batch in &batches[self.position.batch.min(batches.len())..] {
            self.step(batch, observer)?;
            self.position.batch += 1;
            let due = self.checkpoint.as_ref().is_some_and(|plan| self.position.step.is_multiple_of(plan.every));
            if due && self.position.batch < batches.len() {
                self.write_checkpoint()?;
            }
        }
        self.position.epoch += 1;
        self.position.batch = 0;
        self.evaluate_epoch(observer)?;
        self.write_checkpoint()
    }

    /// One step of the optimiser over one batch, cut into micro-batches.
    fn step(&mut self, batch: &[usize], observer: &mut dyn Observer) -> Result<(), TrainError> {
        let step = self.position.step;
        let hidden = self.options.run_seed().named("hidden").at(self.position.epoch as u64);
        let parts = batch.chunks(batch.len().div_ceil(self.options.accumulate));
        let micro_batches: Vec<_> = parts.map(|part| self.tasks.micro_batch(part, hidden)).collect();
        let weights = self.tasks.weights(&micro_batches);
        let tokens = micro_batches.iter().flatten().map(|part| part.batch.layout().tokens()).sum();
        let (mut gradients, mut loss) = (Gradients::new(), 0.0);
        self.model.leave_out_lowest(self.options.left_out(step))?;
        for (i, micro_batch) in micro_batches.iter().enumerate() {
            let pass = Pass::train(self.options.run_seed().named("dropout").at(step as u64).at(i as u64));
            let pass = pass.with_checkpointing(self.options.gradient_checkpointing);
            let parts = self.entries(micro_batch, &weights)?;
            loss += self.model.loss_and_gradients(parts, pass, &mut gradients)?.to_f64();
        }
        self.model.leave_out_lowest(0)?;
        loss += self.model.penalty(&mut gradients).to_f64();
        let gradient_norm = match self.options.clip {
            Some(clip) => clip_by_global_norm(&mut gradients, clip),
            None => gradients.norm(),
        };
        let learning_rate = self.options.learning_rate * self.rate.factor(step);
        let record =
            StepRecord { step: step + 1, epoch: self.position.epoch + 1, loss, learning_rate, gradient_norm, tokens };
        TrainError::check_finite(&record, [("loss", loss), ("gradient norm", gradient_norm)])?;
        self.update(&gradients);
        TrainError::check_finite(&record, [("largest parameter", largest(&self.model))])?;
        self.position.step += 1;
        observer.step(&record);
        self.keep(Record::Step(record))
    }

    /// Where a pass over a micro-batch begins, task by task.
    fn entries<'b>(
        &mut self,
        micro_batch: &'b [TaskExamples<'a, S>],
        weights: &[S],
    ) -> Result<Vec<TaskBatch<'b, S>>, TrainError> {
        let part = |TaskExamples { of, numbers, batch, objective }: &'b TaskExamples<'a, S>| {
            let entry = activations::entry(&mut self.activations, &self.model, *of, numbers, batch)?;
            Ok(TaskBatch { task: of.task, entry, objective: &**objective, weight: weights[of.task] })
        };
        micro_batch.iter().map(part).collect()
    }

    /// Keeps a record, in the file too if there is one.
    fn keep(&mut self, record: Record) -> Result<(), TrainError> {
        if let Some(history) = &mut self.history {
            history.append(&record)?;
        }
        self.records.push(record);
        Ok(())
    }

    fn update(&mut self, gradients: &Gradients<S>) {
        let factor = self.rate.factor(self.position.step);
        let TrainOptions { learning_rate, head_learning_rate, thaw_learning_rate, .. } = self.options;
        let mut trainables: Vec<_> = self
            .model
            .parameters_mut()
            .into_iter()
            .filter(|(_, parameter)| parameter.slot().is_some())
            .map(|(name, parameter)| {
                let own = match Part::of(&name) {
                    Part::Adapter => None,
                    Part::Head => head_learning_rate,
                    Part::Thawed => thaw_learning_rate,
                };
                let learning_rate = own.unwrap_or(learning_rate) * factor;
                Trainable { decays: decays(parameter.kind()), learning_rate, name, parameter }
            })
            .collect();
        self.optimiser.step(&mut trainables, gradients);
    }

    /// Evaluates the development data, if there is any, and keeps the parameters if they are best.
    fn evaluate_epoch(&mut self, observer: &mut dyn Observer) -> Result<(), TrainError> {
        let Position { step, epoch, .. } = self.position;
        let learning_rate = self.options.learning_rate * self.rate.factor(step.saturating_sub(1));
        let evaluation = self.evaluation().map_err(|error| error.in_a_run(step, epoch, learning_rate))?;
        let Some(evaluation) = evaluation else { return Ok(()) };
        let (loss, mut metrics) = (evaluation.loss, values(&evaluation.metrics));
        let criterion = self.options.criterion();
        criterion.order(&mut metrics).map_err(TrainError::Options)?;
        if !loss.is_finite() {
            let what = "loss on the development data";
            return Err(TrainError::Diverged { what, value: loss, step, epoch, learning_rate });
        }
        let mut record = EvaluationRecord { step, epoch, loss, metrics, best: false };
        let before = criterion::best(&self.records);
        let is_better = |best| criterion.is_better(criterion::standing(&record), best);
        record.best = epoch > 0 && before.is_none_or(is_better);
        if record.best {
            self.best = Some(tensors(&self.model, ""));
        }
        self.position.stale = if record.best || epoch == 0 { 0 } else { self.position.stale + 1 };
        observer.evaluation(&record);
        self.keep(Record::Evaluation(record))?;
        let stale = self.position.stale;
        let more = stale > 0 && epoch < self.options.epochs;
        if let Some(patience) = self.options.patience.filter(|patience| more && stale >= *patience) {
            self.position.stopped = true;
            observer.early_stop(epoch, patience);
        }
        Ok(())
    }

    /// The development data of all tasks, if there is any.
    fn evaluation(&mut self) -> Result<Option<Evaluation>, TrainError> {
        let (size, mut each) = (self.options.eval_batch_size, Vec::new());
        for of in self.tasks.dev() {
            let supervision = self.tasks.all[of.task].supervision;
            each.push(evaluate_from(&self.model, supervision, of, size, &mut self.activations)?);
        }
        Ok((!each.is_empty()).then(|| self.tasks.joined(&self.model, each)))
    }

    fn write_checkpoint(&mut self) -> Result<(), TrainError> {
        let Some(plan) = &self.checkpoint else { return Ok(()) };
        if let Some(history) = &mut self.history {
            self.position.past = history.sync()?;
        }
        let mut all = tensors(&self.model, "model.");
        all.extend(self.best.iter().flatten().map(|(name, array)| (format!("best.{name}"), array.clone())));
        all.extend(self.optimiser.state().into_iter().map(|(name, array)| (format!("optimiser.{name}"), array)));
        checkpoint::write(&plan.path, &plan.identity, &self.position, &all)
    }
}
