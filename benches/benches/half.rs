//! A table: products with frozen weights in bf16 beside the same in f32, at the shapes of encoders.
//!
//! `cargo bench -p adaptune-benches --bench half [-- THREADS [REPETITIONS]]`
//!
//! Both are laid out beforehand, as a model's weights are, and the left operand is rounded within the time that is measured.
//! They take turns; times are the wall's, ratios the median over repetitions.

use adaptune_benches::median;
use adaptune_tensor::{PackedMatrix, Precision, Seed, in_pool, init};
use ndarray::Array2;
use std::hint::black_box;
use std::time::Instant;

/// Tokens, and input and output of a layer.
const SHAPES: [(usize, usize, usize); 9] = [
    (800, 384, 384),
    (800, 384, 1536),
    (800, 1536, 384),
    (4096, 384, 384),
    (4096, 384, 1536),
    (4096, 1536, 384),
    (2048, 768, 768),
    (2048, 768, 3072),
    (2048, 3072, 768),
];

fn main() {
    // `cargo bench` adds `--bench`.
    let mut args = std::env::args().skip(1).filter(|arg| !arg.starts_with("--"));
    let threads = args.next().map_or(1, |arg| arg.parse().expect("a number of threads"));
    let repetitions = args.next().map_or(21, |arg| arg.parse().expect("a number of repetitions"));
    adaptune_tensor::kernel::keep_freed_memory(); // as the command line does
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global().expect("the first pool");
    in_pool(|| table(threads, repetitions));
}

fn table(threads: usize, repetitions: usize) {
    println!("{threads} threads; GFLOP/s are medians of {repetitions}");
    println!("{:>18} {:>14} {:>8} {:>8} {:>10}", "T x In x Out", "", "f32", "bf16", "bf16/f32");
    for (tokens, input, output) in SHAPES {
        let weight = init::normal::<f32>((output, input), 0.05, Seed::new(1));
        let packed = [Precision::Full, Precision::Bf16].map(|p| PackedMatrix::with_precision(weight.t(), p));
        let x = init::normal::<f32>((tokens, input), 1.0, Seed::new(2));
        let d = init::normal::<f32>((tokens, output), 1.0, Seed::new(3));
        let work = 2.0 * (tokens * input * output) as f64 / 1e9;
        let name = format!("{tokens}x{input}x{output}");
        row(&name, "x Wt", work, repetitions, |i| packed[i].product(x.view(), None));
        row(&name, "d W", work, repetitions, |i| packed[i].product_transposed(d.view()));
    }
}

fn row(name: &str, kind: &str, work: f64, repetitions: usize, product: impl Fn(usize) -> Array2<f32>) {
    let times: Vec<[f64; 2]> = (0..=repetitions).map(|_| [0, 1].map(|i| seconds(|| product(i)))).skip(1).collect();
    let ratio = median(times.iter().map(|[full, half]| full / half).collect());
    let [full, half] = [0, 1].map(|i| work / median(times.iter().map(|t| t[i]).collect()));
    println!("{name:>18} {kind:>14} {full:>8.0} {half:>8.0} {ratio:>10.2}");
}

fn seconds<T>(f: impl Fn() -> T) -> f64 {
    let begun = Instant::now();
    black_box(f());
    begun.elapsed().as_secs_f64()
}
