//! Trains an adapter on a made-up language, and a head alone for comparison.
//!
//! ```sh
//! cargo run --package adaptune-train --example learn_a_task
//! ```
//!
//! A sentence is a few filler words with one good or bad word among them, and its class is the mood of that word. The
//! base has random weights, so all it offers is that words meet in its attention. A head, which sees the first token
//! alone, makes something of that; an adapter can tell the base what to pass on.

use adaptune_adapters::{Adapter, AdapterModel, Head, HeadConfig, Task};
use adaptune_tensor::Seed;
use adaptune_train::{
    Dataset, EvaluationRecord, Example, Observer, Record, StepRecord, Target, TrainOptions, Trainer, evaluate,
};
use adaptune_transformer::{Config, Encoder};
use std::error::Error;
use std::sync::Arc;

const START: u32 = 0;
/// Where bad words begin, then good words, then fillers.
const BAD: u64 = 1;
const GOOD: u64 = 9;
const FILLER: u64 = 17;
const VOCABULARY: u64 = 40;

fn main() -> Result<(), Box<dyn Error>> {
    let base = Arc::new(Encoder::<f32>::random(config(), 0.07, Seed::new(1)));
    let (train, dev) = (sentences("train", 768)?, sentences("dev", 256)?);
    for method in [None, Some("double_seq_bn[reduction_factor=2]")] {
        let model = model(&base, method)?;
        let counts = model.counts();
        println!("{}: {} of {} numbers train", method.unwrap_or("head alone"), counts.trainable(), counts.total());
        let options = TrainOptions { epochs: 8, batch_size: 16, learning_rate: 8e-3, ..TrainOptions::default() };
        let trained = Trainer::new(model, &train, Some(&dev), options)?.run(&mut Lines::default())?;
        let steps = trained.history.iter().filter(|record| matches!(record, Record::Step(_))).count();
        let best = evaluate(&trained.model, &dev, 64)?;
        println!("after {steps} steps, best epoch: {}\n", best.metrics);
    }
    Ok(())
}

fn config() -> Config {
    Config { vocabulary: VOCABULARY as usize, positions: 16, ..Config::bert(64, 2, 4, 128) }
}

fn model(base: &Arc<Encoder<f32>>, method: Option<&str>) -> Result<AdapterModel<f32>, Box<dyn Error>> {
    let adapter = match method {
        Some(method) => Some(Adapter::new("mood", &method.parse()?, base.config(), Seed::new(2))?),
        None => None,
    };
    let head = HeadConfig::new(Task::CLASSIFICATION, vec!["bad".into(), "good".into()]);
    let head = Head::new("mood", &head, base, Seed::new(3))?;
    Ok(AdapterModel::new(base.clone(), adapter, head))
}

/// A data set of random sentences.
fn sentences(name: &str, count: u64) -> Result<Dataset, Box<dyn Error>> {
    let seed = Seed::new(4).named(name);
    let examples = (0..count).map(|number| sentence(seed.at(number))).collect();
    Ok(Dataset::new(Task::CLASSIFICATION, 2, examples)?)
}

/// `START`, then 3 to 8 fillers with a good or bad word among them.
fn sentence(seed: Seed) -> Example {
    let below = |draw, limit| seed.bits(draw) % limit;
    let filler = |i| (FILLER + below(10 + i, VOCABULARY - FILLER)) as u32;
    let mut ids: Vec<u32> = (0..3 + below(0, 6)).map(filler).collect();
    let class = below(1, 2) as usize;
    let mood = [BAD, GOOD][class] + below(2, GOOD - BAD);
    ids.insert(below(3, ids.len() as u64 + 1) as usize, mood as u32);
    ids.insert(0, START);
    Example::single(ids, Target::Class(class))
}

/// Prints a line for each epoch: mean training loss, and how it does on other sentences.
#[derive(Default)]
struct Lines {
    loss: f64,
    steps: usize,
}

impl Observer for Lines {
    fn step(&mut self, record: &StepRecord) {
        self.loss += record.loss;
        self.steps += 1;
    }

    fn evaluation(&mut self, record: &EvaluationRecord) {
        let accuracy = 100.0 * record.primary();
        if record.epoch == 0 {
            println!("  before training:                 accuracy {accuracy:>5.1} %");
        } else {
            let loss = self.loss / self.steps as f64;
            let best = if record.best { "  best so far" } else { "" };
            println!("  epoch {}: training loss {loss:.4}, accuracy {accuracy:>5.1} %{best}", record.epoch);
        }
        *self = Self::default();
    }
}
