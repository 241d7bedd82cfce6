//! MAD-X: a task that was learnt in one language, done in another.
//!
//! ```sh
//! cargo run --release --package adaptune --example cross_lingual
//! ```
//!
//! Each language gets an adapter with an invertible part, trained to find hidden words; the task gets one upon that of language
//! A, trained with examples in A alone. For a text in B, the language adapter below is exchanged. (Pfeiffer et al., *MAD-X*,
//! EMNLP 2020.)
//!
//! The built-in model knows both languages, but in spaces of their own. What B's adapter has to learn is where A's is: so its
//! texts stand beside translations, and half of all words are hidden (translation language modelling; Conneau and Lample,
//! *Cross-lingual language model pretraining*, NeurIPS 2019). No label of any task is seen on the way.

pub(crate) mod support;

use adaptune::adapters::{Adapter, AdapterModel};
use adaptune::tensor::{Parameters, Seed};
use adaptune::train::{Dataset, TrainOptions};
use adaptune::world::{Language, Split, Task};
use std::sync::Arc;
use support::{Outcome, Studio, accuracy, brief, fit};

const LANGUAGE: &str = "double_seq_bn_inv[reduction_factor=1]";
const TASK: &str = "seq_bn[reduction_factor=4]";

/// How much of it is done: all in the recipe, less in its test.
pub(crate) struct Effort {
    pub(crate) passages: usize,
    pub(crate) language_epochs: usize,
    pub(crate) examples: usize,
    pub(crate) task_epochs: usize,
}

/// Test accuracies in per cent.
#[derive(Debug)]
pub(crate) struct Transfer {
    /// In A, upon A's adapter.
    pub(crate) at_home: f64,
    /// In B, still upon A's adapter.
    pub(crate) unchanged: f64,
    /// In B, upon B's adapter.
    pub(crate) exchanged: f64,
}

/// An adapter for each language.
pub(crate) type Languages = [Arc<Adapter<f32>>; 2];

fn main() -> Outcome<()> {
    let whole = Effort { passages: 8000, language_epochs: 8, examples: usize::MAX, task_epochs: 4 };
    let glance = Effort { passages: 100, language_epochs: 1, examples: 100, task_epochs: 1 };
    let effort = if brief() { glance } else { whole };
    let studio = Studio::open()?;
    let languages = languages(&studio, &effort)?;
    println!("{:<12}{:>8}{:>20}{:>20}", "", "in A", "in B, A's adapter", "in B, B's adapter");
    for task in [Task::Sentiment, Task::Topic] {
        let Transfer { at_home, unchanged, exchanged } = transfer(&studio, &languages, task, &effort)?;
        println!("{:<12}{at_home:>8.1}{unchanged:>20.1}{exchanged:>20.1}", task.name());
    }
    Ok(())
}

/// Trains the languages' adapters: A's on A alone, B's on texts with their translations.
pub(crate) fn languages(studio: &Studio, effort: &Effort) -> Outcome<Languages> {
    let corpus = studio.world.corpus(Language::A, effort.passages);
    let alone = corpus.iter().map(|text| studio.ids(text)).collect::<Outcome<_>>()?;
    let pair = |[a, b]: &[String; 2]| Ok([&studio.ids(b)?[..], &studio.ids(a)?[1..]].concat());
    let pairs = studio.world.parallel(effort.passages).iter().map(pair).collect::<Outcome<_>>()?;
    let a = language(studio, Language::A, studio.masked(alone, 0.15)?, 1)?;
    let b = language(studio, Language::B, studio.masked(pairs, 0.5)?, effort.language_epochs)?;
    Ok([a, b])
}

fn language(studio: &Studio, language: Language, data: Dataset, epochs: usize) -> Outcome<Arc<Adapter<f32>>> {
    let adapter = Adapter::on(language.name(), &LANGUAGE.parse()?, &studio.base, Seed::new(1))?;
    let model = AdapterModel::new(studio.base.clone(), Some(adapter), studio.language_head()?);
    let options = TrainOptions { epochs, batch_size: 64, learning_rate: 3e-3, ..TrainOptions::default() };
    let mut adapter = fit(model, &data, None, options)?.into_parts().0.ok_or("it was trained with one")?;
    adapter.freeze();
    Ok(Arc::new(adapter))
}

/// Learns a task upon A's adapter, and exchanges that for B's.
pub(crate) fn transfer(studio: &Studio, [a, b]: &Languages, task: Task, effort: &Effort) -> Outcome<Transfer> {
    let data = |language, split| studio.task(task, language, split, effort.examples);
    let adapter = Adapter::on(task.name(), &TASK.parse()?, &studio.base, Seed::new(2))?;
    let model = AdapterModel::new(studio.base.clone(), Some(adapter), studio.head(task, 3)?).upon(vec![a.clone()])?;
    let options = TrainOptions { epochs: effort.task_epochs, learning_rate: 3e-3, ..TrainOptions::default() };
    let upon_a = fit(model, &data(Language::A, Split::Train)?, Some(&data(Language::A, Split::Dev)?), options)?;
    let test = data(Language::B, Split::Test)?;
    let (at_home, unchanged) = (accuracy(&upon_a, &data(Language::A, Split::Test)?)?, accuracy(&upon_a, &test)?);
    let upon_b = upon_a.upon(vec![b.clone()])?;
    Ok(Transfer { at_home, unchanged, exchanged: accuracy(&upon_b, &test)? })
}
