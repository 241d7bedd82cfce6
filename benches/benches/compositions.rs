//! What several adapters at once cost, beside one of them on the same base and batch.
//!
//! `cargo bench -p adaptune-benches --bench compositions` takes steps of each in turn, round after round, so that whatever else
//! the machine does falls on all of them, and prints medians and their ratios to that of one adapter.

use adaptune_adapters::{
    Adapter, AdapterModel, AdapterPool, Average, Fuse, Fusion, FusionConfig, Head, HeadConfig, PerSequence, Route,
    Router, RouterConfig, Setup, Stack, Task,
};
use adaptune_tensor::{Gradients, Parameters, Seed};
use adaptune_transformer::{Batch, Config, Encoder, Insertions, Pass};
use ndarray::Array2;
use std::sync::Arc;
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

/// Tasks that answer one batch, each with its adapter and its head.
const TASKS: usize = 5;

/// The models of all tasks, whose adapters leave the lowest layers out.
fn tasks(base: &Arc<Encoder<f32>>, left_out: usize) -> Vec<AdapterModel<f32>> {
    let layers = (0..left_out).map(|layer| layer.to_string()).collect::<Vec<_>>().join(",");
    let method = format!("{METHOD}[leave_out=[{layers}]]").parse().expect("a method");
    let head = HeadConfig::new(Task::CLASSIFICATION, vec!["yes".into(), "no".into()]);
    let model = |task: usize| {
        let (name, seed) = (task.to_string(), Seed::new(5).at(task as u64));
        let adapter = Adapter::on(&name, &method, base, seed).expect("it fits");
        let head = Head::new(&name, &head, base, seed).expect("it fits");
        AdapterModel::new(base.clone(), Some(adapter), head)
    };
    (0..TASKS).map(model).collect()
}

/// Medians of five forward passes one after the other, and of one of all five adapters in parallel.
fn parallel(base: &Arc<Encoder<f32>>, batch: &Batch, left_out: usize) -> [f64; 2] {
    let (models, mut pool) = (tasks(base, left_out), AdapterPool::new(base.clone()));
    let names: Vec<String> = (0..TASKS).map(|task| task.to_string()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    for (name, model) in names.iter().zip(tasks(base, left_out)) {
        pool.add(name, model).expect("a new name");
    }
    let mut times = [Vec::new(), Vec::new()];
    for round in 0..=ROUNDS {
        let start = Instant::now();
        models.iter().for_each(|model| drop(model.logits(batch).expect("a good batch")));
        let between = Instant::now();
        drop(pool.parallel(batch, &names).expect("a good batch"));
        if round > 0 {
            times[0].push(between - start);
            times[1].push(between.elapsed());
        }
    }
    times.each_mut().map(|times| median(times))
}

fn main() {
    let (base, batch) = (Arc::new(base()), batch());
    println!("{TASKS} tasks, each {METHOD} with a head, forward passes, medians of {ROUNDS} rounds\n");
    println!("{:<22}{:>22}{:>14}{:>8}", "adapters in", "one after another, ms", "parallel, ms", "ratio");
    for left_out in [0, 3, 5] {
        let [apart, together] = parallel(&base, &batch, left_out);
        let name = format!("{} of 6 layers", 6 - left_out);
        println!("{name:<22}{apart:>22.1}{together:>14.1}{:>8.2}", together / apart);
    }
    println!();
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
