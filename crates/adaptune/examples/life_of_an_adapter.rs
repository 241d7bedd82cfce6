//! The whole life of an adapter: base, data, training, saving, loading, predicting.
//!
//! ```sh
//! cargo run --package adaptune --example life_of_an_adapter
//! ```
//!
//! The adapter learns to tell persons from places by what stands around them, since the names are those of both. To need
//! no download the base has random weights and the tokens are whole words; the comments say what a real run does instead.

use adaptune::adapters::{Adapter, AdapterModel, Head, HeadConfig, Method, Task, format};
use adaptune::tensor::Seed;
use adaptune::train::{
    Dataset, EvaluationRecord, Example, Observer, Target, TrainOptions, Trainer, argmax, evaluate, predict,
};
use adaptune::transformer::{Config, Encoder};
use std::error::Error;
use std::sync::Arc;

const LABELS: [&str; 3] = ["O", "B-PER", "B-LOC"];

/// `P` stands for a person, `L` for a place.
const PATTERNS: [&str; 4] = ["P met P in L", "in L P met P", "P of L saw P", "P saw L"];
const NAMES: [&str; 12] = [
    "Adelaide", "Austin", "Carolina", "Chelsea", "Florence", "Georgia", "Jackson", "Lincoln", "Paris", "Savannah",
    "Sydney", "Virginia",
];
const OTHER_WORDS: [&str; 5] = ["[START]", "in", "met", "of", "saw"];

fn main() -> Result<(), Box<dyn Error>> {
    // A base. In a real run: `Encoder::load("models/bert-base-cased".as_ref())?`
    let vocabulary = OTHER_WORDS.len() + NAMES.len();
    let config = Config { vocabulary, positions: 16, ..Config::bert(64, 2, 4, 128) };
    let base = Arc::new(Encoder::<f32>::random(config, 0.08, Seed::new(1)));

    // An adapter in it and a head on it. All labels begin with the head, which has their names.
    let method: Method = "double_seq_bn[reduction_factor=4]".parse()?;
    let adapter = Adapter::new("names", &method, base.config(), Seed::new(2))?;
    let head = HeadConfig::new(Task::TAGGING, LABELS.map(str::to_owned).to_vec());
    let head = Head::new("names", &head, &base, Seed::new(3))?;
    let model = AdapterModel::new(base.clone(), Some(adapter), head);
    let counts = model.counts();
    println!("base: {} numbers, frozen", counts.base);
    println!("adapter: {} numbers, head: {}\n", counts.adapter, counts.head);

    // Data. In a real run the tokeniser of the model makes the ids.
    let (train, dev) = (sentences("train", 512)?, sentences("dev", 128)?);
    let options = TrainOptions { epochs: 6, batch_size: 16, learning_rate: 5e-3, ..TrainOptions::default() };
    let trained = Trainer::new(model, &train, Some(&dev), options)?.run(&mut Epochs)?;

    // The best epoch, to disk and back. The directory is AdapterHub's; Python can load it too.
    let folder = tempfile::tempdir()?;
    format::save(&trained.model, folder.path())?;
    let model = format::load(folder.path(), base)?;
    println!("\nsaved and loaded again: {}\n", evaluate(&model, &dev, 64)?.metrics);

    for text in ["Paris met Austin in Florence", "in Paris Florence met Sydney", "Jackson of Jackson saw Jackson"] {
        println!("{}", tagged(&model, text)?);
    }
    Ok(())
}

/// Random sentences with a tag for each word.
fn sentences(name: &str, count: u64) -> Result<Dataset, Box<dyn Error>> {
    let seed = Seed::new(4).named(name);
    let examples = (0..count).map(|number| sentence(seed.at(number))).collect::<Result<_, _>>()?;
    Ok(Dataset::new(Task::TAGGING, LABELS.len(), examples)?)
}

fn sentence(seed: Seed) -> Result<Example, String> {
    let choose = |draw, from: &[&'static str]| from[(seed.bits(draw) % from.len() as u64) as usize];
    let (mut words, mut tags) = (vec![OTHER_WORDS[0]], vec![None]);
    for (draw, word) in (1..).zip(choose(0, &PATTERNS).split(' ')) {
        let (word, tag) = match word {
            "P" => (choose(draw, &NAMES), 1),
            "L" => (choose(draw, &NAMES), 2),
            other => (other, 0),
        };
        words.push(word);
        tags.push(Some(tag));
    }
    example(&words, tags)
}

/// One example; a token without a tag does not count.
fn example(words: &[&str], tags: Vec<Option<usize>>) -> Result<Example, String> {
    let id = |word: &&str| {
        let place = OTHER_WORDS.iter().chain(&NAMES).position(|known| known == word);
        place.map(|id| id as u32).ok_or_else(|| format!("\"{word}\" is not in the vocabulary"))
    };
    let token_ids: Vec<u32> = words.iter().map(id).collect::<Result<_, _>>()?;
    Ok(Example::single(token_ids, Target::Tags(tags)))
}

/// A sentence with what the model makes of each word.
fn tagged(model: &AdapterModel<f32>, text: &str) -> Result<String, Box<dyn Error>> {
    let words: Vec<&str> = OTHER_WORDS[..1].iter().copied().chain(text.split(' ')).collect();
    let data = Dataset::new(Task::TAGGING, LABELS.len(), vec![example(&words, vec![None; words.len()])?])?;
    let logits = predict(model, &data, 1)?; // [T, C]
    let labels = logits.rows().into_iter().map(|row| LABELS[argmax(row)]);
    let mark = |(word, label): (&&str, &str)| if label == "O" { word.to_string() } else { format!("{word}/{label}") };
    Ok(words.iter().zip(labels).skip(1).map(mark).collect::<Vec<_>>().join(" "))
}

/// Tells how it goes, epoch by epoch.
struct Epochs;

impl Observer for Epochs {
    fn evaluation(&mut self, record: &EvaluationRecord) {
        let EvaluationRecord { epoch, loss, metrics, best, .. } = record;
        let metrics: Vec<String> = metrics.iter().map(|(name, value)| format!("{name} {value:.3}")).collect();
        let best = if *best { "  best so far" } else { "" };
        println!("epoch {epoch}: loss {loss:.4}, {}{best}", metrics.join(", "));
    }
}
