//! A user-defined adapter, written as a closure: two experts and a router, with nothing derived.
//!
//! ```sh
//! cargo run --release --package adaptune-train --example own_adapter
//! ```
//!
//! A sentence is a few filler words with a good or bad word among them, and in every third a word that takes it back: then
//! it is neither. The base has random weights, and a head sees the first token alone, to which attention brings little of
//! the others. The adapter's experts stand after each half of each block, and a router weighs them token by token.

use adaptune_adapters::closure::{ParameterSet, SublayerClosure};
use adaptune_adapters::{Adapter, AdapterModel, Head, HeadConfig, Task};
use adaptune_tensor::ndarray::{Array2, Axis};
use adaptune_tensor::{Activation, Parameters, Seed, init};
use adaptune_train::{
    Dataset, EvaluationRecord, Example, Observer, StepRecord, Target, TrainOptions, Trainer, evaluate,
};
use adaptune_transformer::{Config, Encoder, Sublayer, SublayerPoint};
use std::error::Error;
use std::sync::Arc;

const HIDDEN: usize = 64;
const LAYERS: usize = 2;
/// Width of an expert.
const EXPERT: usize = 16;

/// `y = LN(o + g_0 E_0(o) + g_1 E_1(o) + r)` with experts `E_k(o) = W_up φ(W_down o + b)` and a router
/// `g = softmax(W_g o)`, two numbers for each token. The experts start at zero, so the base starts as it is.
fn experts(point: SublayerPoint) -> SublayerClosure<f32> {
    let seed = Seed::new(2).at(point.layer as u64).at(point.sublayer as u64);
    let expert = |set: ParameterSet<f32>, k: u64| {
        set.weight(&format!("down.{k}"), init::kaiming_uniform((EXPERT, HIDDEN), seed.at(k)))
            .bias(&format!("bias.{k}"), init::normal((1, EXPERT), 0.1, seed.named("bias").at(k)).remove_axis(Axis(0)))
            .weight(&format!("up.{k}"), Array2::zeros((HIDDEN, EXPERT)))
    };
    let router = ParameterSet::new().weight("router", init::normal((2, HIDDEN), 0.1, seed.named("router")));
    SublayerClosure::new((0..2).fold(router, expert), |at, p| {
        let o = &at.output; // [T, D]
        let gates = o.linear(&p.matrix("router"), None).softmax(); // [T, 2]
        let mut z = o.clone();
        for k in 0..2 {
            let down = o.linear(&p.matrix(&format!("down.{k}")), Some(&p.vector(&format!("bias.{k}"))));
            let expert = down.activate(Activation::Gelu).linear(&p.matrix(&format!("up.{k}")), None);
            z = z + expert * gates.slice_axis(Axis(1), k..k + 1); // [T, D] ∘ [T, 1]
        }
        at.finish(&z)
    })
    .token_wise() // no token looks at another, so behind keys and values the last block computes the head's first token alone
}

fn main() -> Result<(), Box<dyn Error>> {
    let config = Config { vocabulary: VOCABULARY as usize, positions: 16, ..Config::bert(HIDDEN, LAYERS, 4, 128) };
    let base = Arc::new(Encoder::<f32>::random(config, 0.07, Seed::new(1)));
    let (train, dev) = (sentences("train", 768)?, sentences("dev", 256)?);
    let points = (0..LAYERS).flat_map(|layer| Sublayer::ALL.map(|sublayer| SublayerPoint { layer, sublayer }));
    let adapter = Adapter::of_modules("mood", base.config(), points.map(|point| (point, experts(point))))?;
    println!("two experts at each of {} points: {} numbers\n", adapter.points().count(), adapter.parameter_count());

    for (name, adapter) in [("head alone", None), ("experts and head", Some(adapter))] {
        println!("{name}");
        let head = HeadConfig::new(Task::CLASSIFICATION, vec!["bad".into(), "good".into(), "neither".into()]);
        let head = Head::new("mood", &head, &base, Seed::new(3))?;
        let model = AdapterModel::new(base.clone(), adapter, head);
        let options = TrainOptions { epochs: 6, batch_size: 16, learning_rate: 8e-3, ..TrainOptions::default() };
        let trained = Trainer::new(model, &train, Some(&dev), options)?.run(&mut Lines::default())?;
        println!("  best epoch: {}\n", evaluate(&trained.model, &dev, 64)?.metrics);
    }
    Ok(())
}

/// The vocabulary: a word to start with, then bad words, good words, words that take them back, fillers.
const START: u32 = 0;
const BAD: u64 = 1;
const GOOD: u64 = 5;
const NOT: u64 = 9;
const FILLER: u64 = 11;
const VOCABULARY: u64 = 24;

fn sentences(name: &str, count: u64) -> Result<Dataset, Box<dyn Error>> {
    let seed = Seed::new(4).named(name);
    Ok(Dataset::new(Task::CLASSIFICATION, 3, (0..count).map(|number| sentence(seed.at(number))).collect())?)
}

/// `START`, then 2 to 5 fillers with a word of some mood and perhaps one that takes it back among them.
fn sentence(seed: Seed) -> Example {
    let below = |draw, limit| seed.bits(draw) % limit;
    let mut ids: Vec<u32> =
        (0..2 + below(0, 4)).map(|i| (FILLER + below(10 + i, VOCABULARY - FILLER)) as u32).collect();
    let (good, taken_back) = (below(1, 2), u64::from(below(2, 3) == 0));
    let mut insert = |draw, word| ids.insert(below(draw, ids.len() as u64 + 1) as usize, word as u32);
    insert(3, [BAD, GOOD][good as usize] + below(4, GOOD - BAD));
    if taken_back == 1 {
        insert(5, NOT + below(6, FILLER - NOT));
    }
    ids.insert(0, START);
    Example::single(ids, Target::Class(if taken_back == 1 { 2 } else { good as usize }))
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
        if record.epoch > 0 {
            let (loss, accuracy) = (self.loss / self.steps as f64, 100.0 * record.primary());
            println!("  epoch {}: training loss {loss:.4}, accuracy {accuracy:>5.1} %", record.epoch);
        }
        *self = Self::default();
    }
}
