//! What several adapters at once cost, beside one of them on the same base and batch.
//!
//! `cargo bench -p adaptune-benches --bench compositions` takes steps of each in turn, round after round, so that whatever else
//! the machine does falls on all of them, and prints medians and their ratios to that of one adapter.

use adaptune_adapters::{
    Adapter, Average, Fuse, Fusion, FusionConfig, PerSequence, Route, Router, RouterConfig, Setup, Stack,
};
use adaptune_tensor::{Gradients, Parameters, Seed};
use adaptune_transformer::{Batch, Config, Encoder, Insertions, Pass};
use ndarray::Array2;
use std::time::{Duration, Instant};

const ROUNDS: usize = 15;
const METHOD: &str = "seq_bn";
const SEQUENCES: usize = 32;
const TOKENS: usize = 64;

/// MiniLM: six blocks of `D = 384`, `F = 1536`, twelve heads.
fn base() -> Encoder<f32> {
    Encoder::random(Config { vocabulary: 1000, ..Config::bert(384, 6, 12, 1536) }, 0.02, Seed::new(0))
}

fn batch() -> Batch {
    let ids = |s: usize| (0..TOKENS).map(|t| ((s * 131 + t * 7) % 1000) as u32).collect::<Vec<_>>();
    let ids: Vec<Vec<u32>> = (0..SEQUENCES).map(ids).collect();
    Batch::from_ids(&ids.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

fn adapter(name: &str, base: &Encoder<f32>) -> Setup<f32> {
    let method = METHOD.parse().expect("a method");
    Adapter::new(name, &method, base.config(), Seed::new(1).named(name)).expect("it fits").into()
}

fn fuse(base: &Encoder<f32>, config: &FusionConfig, parts: usize) -> Setup<f32> {
    let parts: Vec<Setup<f32>> = (0..parts).map(|i| adapter(&i.to_string(), base).frozen()).collect();
    let fusion = Fusion::new("all", config, base.config(), &parts[0], Seed::new(2)).expect("it fits");
    Fuse::new(base.config(), parts, fusion).expect("they stand at the same points").into()
}

fn route(base: &Encoder<f32>, top: Option<usize>, parts: usize) -> Setup<f32> {
    let parts: Vec<Setup<f32>> = (0..parts).map(|i| adapter(&i.to_string(), base)).collect();
    let config = RouterConfig { top, ..RouterConfig::default() };
    let router = Router::new("all", &config, base.config(), &parts, Seed::new(2)).expect("it fits");
    Route::new(base.config(), parts, router).expect("they may be chosen").into()
}

/// Each with the name under which it is printed; the first is what the others are compared with.
fn contestants(base: &Encoder<f32>) -> Vec<(&'static str, Setup<f32>)> {
    let (config, some) = (base.config(), |n: usize| (0..n).map(|i| adapter(&i.to_string(), base)).collect::<Vec<_>>());
    let part_of: Vec<usize> = (0..SEQUENCES).map(|s| s % 3).collect();
    vec![
        ("one adapter", adapter("one", base)),
        ("fuse of 3, dynamic", fuse(base, &FusionConfig::dynamic(), 3)),
        ("fuse of 3, static", fuse(base, &FusionConfig::fixed_values(), 3)),
        ("fuse of 8, dynamic", fuse(base, &FusionConfig::dynamic(), 8)),
        ("route, top 1 of 8", route(base, Some(1), 8)),
        ("route, top 2 of 8", route(base, Some(2), 8)),
        ("route, all of 3", route(base, None, 3)),
        ("average of 3", Average::equal(config, some(3)).expect("they have one").into()),
        ("stack of 3", Stack::new(config, some(3)).expect("they may stand so").into()),
        ("per_sequence of 3", PerSequence::new(some(3), &part_of).expect("all are there").into()),
    ]
}

/// Forward and backward; the loss is the sum of the last hidden state.
fn step(base: &Encoder<f32>, insertions: &dyn Insertions<f32>, batch: &Batch) -> Gradients<f32> {
    let encoded = base.forward(batch, insertions, Pass::differentiate()).expect("a good batch");
    let (d, mut gradients) = (Array2::ones(encoded.hidden.dim()), Gradients::new());
    encoded.trace.backward(d, &mut gradients);
    gradients
}

fn forward(base: &Encoder<f32>, insertions: &dyn Insertions<f32>, batch: &Batch) {
    drop(base.forward(batch, insertions, Pass::evaluate()).expect("a good batch"));
}

fn median(times: &mut [Duration]) -> f64 {
    times.sort();
    1e3 * times[times.len() / 2].as_secs_f64()
}

fn main() {
    let (base, batch) = (base(), batch());
    let mut contestants = contestants(&base);
    for (_, setup) in &mut contestants {
        setup.train_from(0);
    }
    let mut times = vec![[Vec::new(), Vec::new()]; contestants.len()];
    for round in 0..=ROUNDS {
        for ((_, setup), [steps, forwards]) in contestants.iter().zip(&mut times) {
            let start = Instant::now();
            drop(step(&base, setup, &batch));
            let between = Instant::now();
            forward(&base, setup, &batch);
            if round > 0 {
                steps.push(between - start);
                forwards.push(between.elapsed());
            }
        }
    }
    let medians: Vec<[f64; 2]> = times.iter_mut().map(|both| both.each_mut().map(|times| median(times))).collect();
    println!("{METHOD}, {SEQUENCES} sequences of {TOKENS} tokens, medians of {ROUNDS} rounds\n");
    println!("{:<22}{:>10}{:>8}{:>14}{:>8}", "", "step, ms", "ratio", "forward, ms", "ratio");
    for ((name, _), [step, forward]) in contestants.iter().zip(&medians) {
        let [one_step, one_forward] = medians[0];
        println!("{name:<22}{step:>10.1}{:>8.2}{forward:>14.1}{:>8.2}", step / one_step, forward / one_forward);
    }
}
