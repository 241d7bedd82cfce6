//! Many tasks, one base: five adapters are trained, saved, loaded, and chosen for every text of a batch.
//!
//! ```sh
//! cargo run --release --package adaptune --example many_tasks
//! ```
//!
//! A service that answers five questions would need five fine-tuned models. With adapters it holds the base once; what
//! is added for a task is its adapter and head, a few per cent of it. Adapters of different methods share a batch too.

pub(crate) mod support;

use adaptune::adapters::{Adapter, AdapterModel, AdapterPool, format};
use adaptune::tensor::Seed;
use adaptune::train::{TrainOptions, argmax};
use adaptune::transformer::Batch;
use adaptune::world::{Language, Split, Task};
use std::path::Path;
use support::{Outcome, Studio, accuracy, brief, fit};

/// What is learnt: name, task, language, method.
const TASKS: [(&str, Task, Language, &str); 5] = [
    ("mood_a", Task::Sentiment, Language::A, "seq_bn[reduction_factor=4]"),
    ("mood_b", Task::Sentiment, Language::B, "double_seq_bn[reduction_factor=8]"),
    ("topic_a", Task::Topic, Language::A, "lora[r=8,alpha=16,intermediate_lora=True,output_lora=True]"),
    ("topic_b", Task::Topic, Language::B, "par_bn[reduction_factor=4]"),
    ("entailment_a", Task::Entailment, Language::A, "prefix_tuning_flat[prefix_length=10]|par_bn[reduction_factor=4]"),
];

/// How much of it is done: all in the recipe, little in its test.
pub(crate) struct Effort {
    pub(crate) examples: usize,
    pub(crate) epochs: usize,
}

fn main() -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let studio = Studio::open()?;
    let (whole, glance) = (Effort { examples: usize::MAX, epochs: 6 }, Effort { examples: 100, epochs: 1 });
    train(&studio, folder.path(), if brief() { &glance } else { &whole })?;
    let pool = load(&studio, folder.path())?;
    serve(&studio, &pool)
}

/// Trains every task's adapter and saves it, 100 to 500 kilobytes each.
pub(crate) fn train(studio: &Studio, folder: &Path, effort: &Effort) -> Outcome<()> {
    println!("{:<14}{:>22}{:>10}{:>10}", "adapter", "trained parameters", "of all", "accuracy");
    for (name, task, language, method) in TASKS {
        let data = |split| studio.task(task, language, split, effort.examples);
        let adapter = Adapter::on(name, &method.parse()?, &studio.base, Seed::new(1))?;
        let model = AdapterModel::new(studio.base.clone(), Some(adapter), studio.head(task, 2)?);
        let options = TrainOptions { epochs: effort.epochs, learning_rate: 3e-3, ..TrainOptions::default() };
        let model = fit(model, &data(Split::Train)?, Some(&data(Split::Dev)?), options)?;
        let (counts, accuracy) = (model.counts(), accuracy(&model, &data(Split::Test)?)?);
        let share = 100.0 * counts.trainable() as f64 / counts.total() as f64;
        println!("{name:<14}{:>22}{share:>8.1} %{accuracy:>8.1} %", counts.trainable());
        format::save(&model, &folder.join(name))?;
    }
    Ok(())
}

/// Loads all of them over one base.
pub(crate) fn load(studio: &Studio, folder: &Path) -> Outcome<AdapterPool<f32>> {
    let mut pool = AdapterPool::new(studio.base.clone());
    for (name, ..) in TASKS {
        pool.load(name, &folder.join(name))?;
    }
    let (base, added) = (studio.base.parameter_count(), pool.parameter_count());
    let share = 100.0 * added as f64 / base as f64;
    println!(
        "\none base of {base} numbers, {} adapters with heads of {added} together ({share:.0} % of it)\n",
        TASKS.len()
    );
    Ok(pool)
}

/// Answers a batch in which every text asks for something else.
fn serve(studio: &Studio, pool: &AdapterPool<f32>) -> Outcome<()> {
    let mut requests = Vec::new();
    for (name, task, language, _) in TASKS {
        let examples = studio.task(task, language, Split::Test, 2)?;
        requests.extend(examples.examples().iter().map(|example| (name, example.clone())));
    }
    let sequences = requests.iter().flat_map(|(_, e)| &e.sequences);
    let sequences = sequences.map(|s| (s.token_ids.as_slice(), s.token_types.as_slice()));
    let (batch, names) = (Batch::new(sequences)?, requests.iter().map(|(name, _)| *name).collect::<Vec<_>>());
    for ((name, example), logits) in requests.iter().zip(pool.logits(&batch, &names)?) {
        let label = &pool.head(name).ok_or("it is loaded")?.labels[argmax(logits.row(0))];
        let text = studio.tokeniser.decode(&example.sequences[0].token_ids, true).map_err(|e| e.to_string())?;
        println!("{name:<14}{label:<12}{text}");
    }
    Ok(())
}
