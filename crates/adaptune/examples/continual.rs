//! Continual learning: three tasks one after another, without forgetting.
//!
//! ```sh
//! cargo run --release --package adaptune --example continual
//! ```
//!
//! Full fine-tuning changes the weights that earlier tasks rely on, and their accuracy falls. An adapter changes nothing
//! but itself: what was learnt before is, to the last bit, what it was.

pub(crate) mod support;

use adaptune::adapters::{Adapter, AdapterModel, Head};
use adaptune::tensor::Seed;
use adaptune::train::{Dataset, TrainOptions};
use adaptune::transformer::{Thaw, Thawed};
use adaptune::world::{Language, Split, Task};
use support::{Outcome, Studio, accuracy, brief, fit};

const TASKS: [Task; 3] = [Task::Sentiment, Task::Topic, Task::Entailment];
const METHOD: &str = "seq_bn[reduction_factor=4]";

/// How much of it is done: all in the recipe, little in its test.
pub(crate) struct Effort {
    pub(crate) examples: usize,
    pub(crate) epochs: usize,
}

/// `accuracies[i][j]`: that of task `j` after task `i` was learnt, for `j` up to `i`.
pub(crate) type Accuracies = Vec<Vec<f64>>;

fn main() -> Outcome<()> {
    let (whole, glance) = (Effort { examples: usize::MAX, epochs: 6 }, Effort { examples: 100, epochs: 1 });
    let (studio, effort) = (Studio::open()?, if brief() { glance } else { whole });
    println!("Test accuracy in per cent after each task, {METHOD}:");
    print(&adapters(&studio, &effort)?);
    println!("\nThe same with full fine-tuning, which goes on from what the task before left:");
    print(&fine_tuning(&studio, &effort)?);
    Ok(())
}

/// An adapter and a head for each task.
pub(crate) fn adapters(studio: &Studio, effort: &Effort) -> Outcome<Accuracies> {
    let (mut models, mut accuracies) = (Vec::new(), Vec::new());
    for task in TASKS {
        let adapter = Adapter::on(task.name(), &METHOD.parse()?, &studio.base, Seed::new(1))?;
        let model = AdapterModel::new(studio.base.clone(), Some(adapter), studio.head(task, 2)?);
        models.push(learn(studio, model, task, effort, 3e-3)?);
        let tested =
            models.iter().zip(TASKS).map(|(model, task)| accuracy(model, &data(studio, task, Split::Test, effort)?));
        accuracies.push(tested.collect::<Outcome<_>>()?);
    }
    Ok(accuracies)
}

/// A head for each task, and one set of weights that all of them change.
pub(crate) fn fine_tuning(studio: &Studio, effort: &Effort) -> Outcome<Accuracies> {
    let (mut heads, mut accuracies) = (Vec::<Head<f32>>::new(), Vec::new());
    let mut weights = Thawed::new(&studio.base, Thaw::ALL, false);
    for task in TASKS {
        let model = AdapterModel::new(studio.base.clone(), None, studio.head(task, 2)?).with_thawed(Some(weights));
        let (_, head, changed) = learn(studio, model, task, effort, 5e-4)?.into_parts();
        heads.push(head);
        weights = changed.ok_or("the weights were thawed")?;
        let model = |head: &Head<f32>| {
            AdapterModel::new(studio.base.clone(), None, head.clone()).with_thawed(Some(weights.clone()))
        };
        let tested = heads
            .iter()
            .zip(TASKS)
            .map(|(head, task)| accuracy(&model(head), &data(studio, task, Split::Test, effort)?));
        accuracies.push(tested.collect::<Outcome<_>>()?);
    }
    Ok(accuracies)
}

fn learn(
    studio: &Studio,
    model: AdapterModel<f32>,
    task: Task,
    effort: &Effort,
    rate: f64,
) -> Outcome<AdapterModel<f32>> {
    let options = TrainOptions {
        epochs: effort.epochs,
        learning_rate: rate,
        thaw_learning_rate: Some(rate),
        ..TrainOptions::default()
    };
    fit(model, &data(studio, task, Split::Train, effort)?, Some(&data(studio, task, Split::Dev, effort)?), options)
}

fn data(studio: &Studio, task: Task, split: Split, effort: &Effort) -> Outcome<Dataset> {
    studio.task(task, Language::A, split, effort.examples)
}

fn print(accuracies: &Accuracies) {
    println!("{:<18}{}", "after", TASKS.map(|task| format!("{:>12}", task.name())).concat());
    for (task, row) in TASKS.iter().zip(accuracies) {
        println!("{:<18}{}", task.name(), row.iter().map(|value| format!("{value:>12.1}")).collect::<String>());
    }
}
