//! The data of all tasks of a run, numbered through as one.

use crate::activations::Numbered;
use crate::data::Dataset;
use crate::error::TrainError;
use crate::evaluate::Evaluation;
use crate::fit::check_fit;
use crate::metrics::Metrics;
use crate::model::Model;
use crate::supervision::{self, Supervision};
use adaptune_adapters::{Head, Objective};
use adaptune_tensor::{Scalar, Seed};
use adaptune_transformer::Batch;
use std::fmt;

/// The data of one task: what is trained on, what chooses the best epoch if there is any, and the supervision.
///
/// ```
/// use adaptune_adapters::{Head, HeadConfig, MtlLoraConfig, MultiTask, MultiTaskModel, Task};
/// use adaptune_tensor::Seed;
/// use adaptune_train::{Dataset, Example, Target, TaskData, TrainOptions, Trainer};
/// use adaptune_transformer::{Config, Encoder};
/// use std::sync::Arc;
///
/// let base = Arc::new(Encoder::<f32>::random(Config::bert(16, 2, 2, 32), 0.1, Seed::new(1)));
/// let config = MtlLoraConfig { n_up_projection: 3, ..MtlLoraConfig::mtl_lora() };
/// let tasks = MultiTask::new(&["odd", "size"], &config, base.config(), Seed::new(2))?;
/// let odd = HeadConfig::new(Task::CLASSIFICATION, vec!["even".into(), "odd".into()]);
/// let odd = Head::new("odd", &odd, &base, Seed::new(3))?;
/// let size = Head::new("size", &HeadConfig::new(Task::REGRESSION, vec![]), &base, Seed::new(4))?;
/// let model = MultiTaskModel::new(base, tasks, vec![odd, size])?;
///
/// // Is the second token odd? How large is it?
/// let example = |id: u32, target| Example::single(vec![0, id], target);
/// let odd = (0..40).map(|id| example(id, Target::Class(id as usize % 2))).collect();
/// let odd = Dataset::new(Task::CLASSIFICATION, 2, odd)?;
/// let size = (0..24).map(|id| example(id, Target::Value(f64::from(id) / 10.0))).collect();
/// let size = Dataset::new(Task::REGRESSION, 1, size)?;
/// let data = vec![TaskData::new(&odd, None), TaskData::new(&size, None)];
/// let options = TrainOptions { epochs: 2, batch_size: 8, ..Default::default() };
/// let trained = Trainer::of_tasks(model, data, options)?.run(&mut ())?;
/// assert_eq!(trained.history.len(), 2 * (40 + 24) / 8); // one record a step
/// // The finished model of one task, to be saved or served.
/// assert_eq!(trained.model.task(1).head().name(), "size");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy)]
pub struct TaskData<'a, S> {
    pub(crate) train: &'a Dataset,
    pub(crate) dev: Option<&'a Dataset>,
    pub(crate) supervision: &'a dyn Supervision<S>,
}

impl<'a, S: Scalar> TaskData<'a, S> {
    /// Data with the supervision of their task.
    #[must_use]
    pub fn new(train: &'a Dataset, dev: Option<&'a Dataset>) -> Self {
        Self::supervised(supervision::of(train.task()), train, dev)
    }

    /// Data with a user-defined supervision.
    #[must_use]
    pub fn supervised(supervision: &'a dyn Supervision<S>, train: &'a Dataset, dev: Option<&'a Dataset>) -> Self {
        Self { train, dev, supervision }
    }
}

impl<S: Scalar> fmt::Debug for TaskData<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut all = f.debug_struct("TaskData");
        all.field("task", &self.train.task()).field("train", &self.train.len());
        all.field("dev", &self.dev.map(Dataset::len)).field("supervision", &self.supervision.name()).finish()
    }
}

/// The data sets of a run, one for each task. Examples are numbered through: the training data of all tasks, then the
/// development data.
pub(crate) struct Tasks<'a, S> {
    pub(crate) all: Vec<TaskData<'a, S>>,
}

/// The examples of one task in a micro-batch.
pub(crate) struct TaskExamples<'a, S> {
    pub(crate) of: Numbered<'a>,
    /// Their numbers in the data set.
    pub(crate) numbers: Vec<usize>,
    pub(crate) batch: Batch,
    pub(crate) objective: Box<dyn Objective<S>>,
}

impl<'a, S: Scalar> Tasks<'a, S> {
    /// Checks that the data fit a model.
    pub(crate) fn new(model: &impl Model<S>, all: Vec<TaskData<'a, S>>) -> Result<Self, TrainError> {
        let tasks = Self { all };
        tasks.check_count(model)?;
        tasks.check(model)?;
        Ok(tasks)
    }

    /// Checks that there is the data of each task, tasks can be told apart, and all or none have development data.
    fn check_count(&self, model: &impl Model<S>) -> Result<(), TrainError> {
        let names: Vec<&str> = model.heads().into_iter().map(Head::name).collect();
        let (tasks, found, listed) = (names.len(), self.all.len(), names.join(", "));
        let with_dev = self.all.iter().filter(|task| task.dev.is_some()).count();
        let refused = |message: String| Err(TrainError::Options(message));
        if tasks == 0 {
            return refused("the model has no task: give it at least one head".into());
        }
        if found != tasks {
            let message = "give the data of each, in this order";
            return refused(format!(
                "the model has {tasks} tasks ({listed}), but there is data for {found}: {message}"
            ));
        }
        if (1..tasks).any(|i| names[..i].contains(&names[i])) {
            return refused(format!("two tasks have one name ({listed}): give each head a name of its own"));
        }
        if with_dev != 0 && with_dev != tasks {
            let message = "give it to all, so that their mean chooses the best epoch, or to none";
            return refused(format!("{with_dev} of {tasks} tasks have development data: {message}"));
        }
        Ok(())
    }

    /// Checks the data of each task.
    fn check(&self, model: &impl Model<S>) -> Result<(), TrainError> {
        for (task, head) in self.all.iter().zip(model.heads()) {
            let fits = |which, data| check_fit(which, data, head.config(), model.base().config(), task.supervision);
            let fits =
                fits("training", task.train).and_then(|()| task.dev.map_or(Ok(()), |dev| fits("development", dev)));
            fits.map_err(|source| match self.all.len() {
                1 => source,
                _ => TrainError::OfTask { task: head.name().to_owned(), source: Box::new(source) },
            })?;
        }
        Ok(())
    }

    /// True if a batch may be cut into micro-batches.
    pub(crate) fn may_be_cut(&self) -> bool {
        let may =
            |task: &TaskData<'_, S>| task.supervision.objective(&task.train.batch(&[0], Seed::new(0))).may_be_cut();
        self.all.iter().all(may)
    }

    /// True if tokens of training examples are hidden, other ones in each epoch.
    pub(crate) fn hides(&self) -> bool {
        self.all.iter().any(|task| task.train.masking().is_some())
    }

    /// How many training examples there are.
    pub(crate) fn train_len(&self) -> usize {
        self.all.iter().map(|task| task.train.len()).sum()
    }

    /// How many examples there are.
    pub(crate) fn len(&self) -> usize {
        self.train_len() + self.all.iter().filter_map(|task| task.dev).map(Dataset::len).sum::<usize>()
    }

    /// The number of tokens of each training example.
    pub(crate) fn lengths(&self) -> Vec<usize> {
        self.all.iter().flat_map(|task| task.train.lengths()).collect()
    }

    /// The training data of each task.
    fn train(&self) -> impl Iterator<Item = Numbered<'a>> {
        numbered(self.all.iter().enumerate().map(|(task, data)| (task, data.train)), 0)
    }

    /// The development data of each task that has some.
    pub(crate) fn dev(&self) -> impl Iterator<Item = Numbered<'a>> {
        let dev = self.all.iter().enumerate().filter_map(|(task, data)| Some((task, data.dev?)));
        numbered(dev, self.train_len())
    }

    /// Some training examples, task by task; which tokens are hidden in them is drawn from `hidden`.
    pub(crate) fn micro_batch(&self, examples: &[usize], hidden: Seed) -> Vec<TaskExamples<'a, S>> {
        let of_task = |of: Numbered<'a>| {
            let its = of.first..of.first + of.data.len();
            let numbers: Vec<usize> = examples.iter().filter(|i| its.contains(i)).map(|i| i - of.first).collect();
            if numbers.is_empty() {
                return None;
            }
            let batch = of.data.batch(&numbers, hidden);
            let objective = self.all[of.task].supervision.objective(&batch);
            Some(TaskExamples { of, numbers, batch: batch.batch, objective })
        };
        self.train().filter_map(of_task).collect()
    }

    /// What each target of a task weighs in a batch: the loss is the mean over the tasks' mean losses, each task by its share
    /// of the batch's examples.
    pub(crate) fn weights(&self, micro_batches: &[Vec<TaskExamples<'a, S>>]) -> Vec<S> {
        let parts = |task| micro_batches.iter().flatten().filter(move |part| part.of.task == task);
        let examples = |task| parts(task).map(|part| part.numbers.len()).sum::<usize>();
        let all: usize = (0..self.all.len()).map(examples).sum();
        let weight = |task| {
            let targets: usize = parts(task).map(|part| part.objective.count()).sum();
            S::from_f64(examples(task) as f64 / all as f64 / targets.max(1) as f64)
        };
        (0..self.all.len()).map(weight).collect()
    }

    /// The evaluations of all tasks as one: that of the only task, or mean loss and mean primary score, and then the scores of
    /// each task with its name in front.
    pub(crate) fn joined(&self, model: &impl Model<S>, mut each: Vec<Evaluation>) -> Evaluation {
        if each.len() == 1 {
            return each.remove(0);
        }
        let mean = |of: fn(&Evaluation) -> f64| each.iter().map(of).sum::<f64>() / each.len() as f64;
        let mut metrics = Metrics::new("mean", mean(|evaluation| evaluation.metrics.primary().1));
        for (head, evaluation) in model.heads().into_iter().zip(&each) {
            for (name, score) in evaluation.metrics.iter() {
                metrics = metrics.with(format!("{}.{name}", head.name()), score);
            }
        }
        Evaluation { metrics, loss: mean(|evaluation| evaluation.loss) }
    }
}

/// Data sets whose examples are numbered through, from `first` on.
fn numbered<'a>(
    sets: impl Iterator<Item = (usize, &'a Dataset)>,
    mut first: usize,
) -> impl Iterator<Item = Numbered<'a>> {
    sets.map(move |(task, data)| {
        first += data.len();
        Numbered { task, data, first: first - data.len() }
    })
}
