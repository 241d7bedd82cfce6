//! The work that `cargo xtask peers` measures, done by this project: steps of training, forward passes to the logits, or to the
//! hidden state of every token, with random weights of a known shape. Prints one line of JSON. `benches/peers/worker.py` does the same in PyTorch with AdapterHub.
//!
//! ```sh
//! cargo run --release -p adaptune-benches --example worker -- step minilm f32 seq_bn 32 128 2 5
//! ```

mod encoder;
mod support;

use adaptune_adapters::AdapterModel;
use adaptune_tensor::in_pool;
use adaptune_train::{Dataset, TrainOptions, Trainer};
use adaptune_transformer::{Batch, Pass};
use encoder::{Outcome, data, model};
use ndarray::Array2;
use std::hint::black_box;
use std::time::Instant;
use support::{Clock, print};

/// Steps that are not counted: caches fill, threads start.
const WARM_UP: usize = 2;

const USAGE: &str = "expected: step|forward|hidden minilm|bert-base f32|bf16 METHOD SEQUENCES TOKENS THREADS STEPS";

/// What runs when nothing is asked for: a glance.
const DEFAULT: [&str; 8] = ["step", "minilm", "f32", "seq_bn", "2", "16", "2", "1"];

fn main() -> Outcome<()> {
    adaptune_tensor::kernel::keep_freed_memory();
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.is_empty() {
        arguments = DEFAULT.map(String::from).to_vec();
    }
    let [work, shape, dtype, method, numbers @ ..] = arguments.as_slice() else { return Err(USAGE.into()) };
    let numbers: Vec<usize> = numbers.iter().map(|n| n.parse()).collect::<Result<_, _>>()?;
    let [sequences, tokens, threads, steps] = numbers[..] else { return Err(USAGE.into()) };
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global()?;
    in_pool(|| measure(work, [shape, dtype, method], [sequences, tokens, steps]))
}

fn measure(work: &str, [shape, dtype, method]: [&str; 3], [sequences, tokens, steps]: [usize; 3]) -> Outcome<()> {
    let (model, count) = (model(shape, dtype, method)?, steps + WARM_UP);
    let times = match work {
        "step" => training(model, &data(sequences, tokens, count)?, sequences)?,
        "forward" => passes(&data(sequences, tokens, 1)?, count, |batch| Ok(model.logits(batch)?))?,
        "hidden" => passes(&data(sequences, tokens, 1)?, count, |batch| {
            Ok(model.base().forward(batch, &model.adapter(), Pass::evaluate())?.hidden)
        })?,
        _ => return Err(USAGE.into()),
    };
    print(&times, WARM_UP);
    Ok(())
}

/// Seconds of each step: forward, backward, clipping, the optimiser.
fn training(model: AdapterModel<f32>, data: &Dataset, sequences: usize) -> Outcome<Vec<f64>> {
    let options = TrainOptions { epochs: 1, batch_size: sequences, learning_rate: 1e-4, ..TrainOptions::default() };
    let mut clock = Clock::start();
    Trainer::new(model, data, None, options)?.run(&mut clock)?;
    Ok(clock.times)
}

fn passes(data: &Dataset, times: usize, forward: impl Fn(&Batch) -> Outcome<Array2<f32>>) -> Outcome<Vec<f64>> {
    let sequences: Vec<&[u32]> = data.examples().iter().map(|e| e.sequences[0].token_ids.as_slice()).collect();
    let batch = Batch::from_ids(&sequences);
    let once = || {
        let begun = Instant::now();
        black_box(forward(&batch)?);
        Ok(begun.elapsed().as_secs_f64())
    };
    (0..times).map(|_| once()).collect()
}
