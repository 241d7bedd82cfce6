//! Where the time of a training step goes: each operation with how often it is called, how long it takes, and how much of what
//! the machine can do in that time.
//!
//! ```sh
//! cargo run --release -p adaptune-benches --features profile --example profile -- minilm f32 seq_bn 32 128 2 5
//! ```
//!
//! The limit of an operation is the time that its multiply-adds take on registers, or that its operands and results take to come
//! from memory and go there once each, whichever is longer. What stays in the caches can be faster than that. In bf16 the limit of
//! arithmetic is that of f32, so that products can be above it.

mod encoder;

use adaptune_benches::{bandwidth, peak, peak_bytes};
use adaptune_tensor::in_pool;
use adaptune_tensor::kernel::{self, ProductPath};
use adaptune_tensor::profile::{self, Entry};
use adaptune_train::{Observer, StepRecord, TrainOptions, Trainer};
use encoder::{Outcome, data, model};
use std::collections::BTreeMap;
use std::time::Instant;

/// Steps that are not counted: caches fill, threads start.
const WARM_UP: usize = 2;
/// Operations that take less of a step than this are summed up.
const SMALL: f64 = 0.005;
const USAGE: &str = "expected: paths, or minilm|bert-base f32|bf16 METHOD SEQUENCES TOKENS THREADS STEPS";
/// What runs when nothing is asked for: a glance.
const DEFAULT: [&str; 7] = ["minilm", "f32", "seq_bn", "2", "16", "2", "1"];

fn main() -> Outcome<()> {
    kernel::keep_freed_memory();
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.is_empty() {
        arguments = DEFAULT.map(String::from).to_vec();
    }
    if arguments == ["paths"] {
        ProductPath::available().for_each(|path| println!("{}", path.name()));
        return Ok(());
    }
    let [shape, dtype, method, numbers @ ..] = arguments.as_slice() else { return Err(USAGE.into()) };
    let numbers: Vec<usize> = numbers.iter().map(|n| n.parse()).collect::<Result<_, _>>()?;
    let [sequences, tokens, threads, steps] = numbers[..] else { return Err(USAGE.into()) };
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global()?;
    let limits = Limits::measured();
    let title = format!(
        "{shape}, {dtype}, {method}, {sequences} × {tokens}, {threads} threads, {}",
        kernel::product_path()?.name()
    );
    let counted = in_pool(|| steps_of([shape, dtype, method], [sequences, tokens, steps]))?;
    counted.print(&title, &limits);
    Ok(())
}

/// What the machine can do at most.
struct Limits {
    /// Billions of multiplications and additions a second.
    peak: f64,
    /// Billions of bytes a second.
    bandwidth: f64,
}

impl Limits {
    fn measured() -> Self {
        let peak = in_pool(|| (0..20).map(|_| peak()).fold(0.0, f64::max));
        Self { peak, bandwidth: bandwidth(1 << 24) }
    }

    /// How long an operation takes at least, in seconds.
    fn least(&self, entry: &Entry) -> f64 {
        (entry.work.operations / self.peak).max(entry.work.bytes / self.bandwidth) / 1e9
    }
}

/// What was counted in some steps.
struct Counted {
    steps: usize,
    seconds: f64,
    entries: Vec<Entry>,
}

fn steps_of(what: [&str; 3], [sequences, tokens, steps]: [usize; 3]) -> Outcome<Counted> {
    let [shape, dtype, method] = what;
    let data = data(sequences, tokens, steps + WARM_UP)?;
    let options = TrainOptions { epochs: 1, batch_size: sequences, learning_rate: 1e-4, ..TrainOptions::default() };
    let mut watch = Watch { left: WARM_UP, begun: Instant::now(), seconds: 0.0 };
    Trainer::new(model(shape, dtype, method)?, &data, None, options)?.run(&mut watch)?;
    Ok(Counted { steps, seconds: watch.seconds, entries: profile::stop() })
}

/// Begins to count after the last step that only warms up.
struct Watch {
    left: usize,
    begun: Instant,
    seconds: f64,
}

impl Observer for Watch {
    fn step(&mut self, _: &StepRecord) {
        match self.left {
            0 => self.seconds = self.begun.elapsed().as_secs_f64(),
            1 => {
                profile::start();
                (self.left, self.begun) = (0, Instant::now());
            }
            _ => self.left -= 1,
        }
    }
}

impl Counted {
    fn print(mut self, title: &str, limits: &Limits) {
        self.entries.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
        println!("{title}\n");
        println!("{:.0} GFLOP/s on registers, {:.0} GB/s from memory", limits.peak, limits.bandwidth);
        println!(
            "{:.1} ms a step, {} MB at most\n",
            1e3 * self.seconds / self.steps as f64,
            peak_bytes().unwrap_or(0) / 1_000_000
        );
        println!("| operation | lengths | calls | ms | of the step | GFLOP/s | GB/s | of the limit |");
        println!("|---|---|---|---|---|---|---|---|");
        let (large, small): (Vec<_>, Vec<_>) = self.entries.iter().partition(|e| e.seconds >= SMALL * self.seconds);
        large.iter().for_each(|entry| self.row(entry, limits));
        self.rest("smaller ones", small.len(), small.iter().map(|e| e.seconds).sum());
        self.rest("between them", 0, self.seconds - self.entries.iter().map(|e| e.seconds).sum::<f64>());
        self.by_name(limits);
    }

    fn row(&self, entry: &Entry, limits: &Limits) {
        let lengths: Vec<_> = entry.shape.iter().map(ToString::to_string).collect();
        let (steps, gigas) = (self.steps as f64, |x: f64| x / entry.seconds / 1e9);
        println!(
            "| {} | {} | {:.0} | {:.2} | {:.1} % | {} | {:.1} | {:.2} |",
            entry.name,
            lengths.join(" × "),
            entry.calls as f64 / steps,
            1e3 * entry.seconds / steps,
            100.0 * entry.seconds / self.seconds,
            if entry.work.operations > 0.0 { format!("{:.1}", gigas(entry.work.operations)) } else { String::new() },
            gigas(entry.work.bytes),
            limits.least(entry) / entry.seconds,
        );
    }

    fn rest(&self, name: &str, kinds: usize, seconds: f64) {
        let kinds = if kinds > 0 { format!("{kinds} kinds") } else { String::new() };
        let (ms, share) = (1e3 * seconds / self.steps as f64, 100.0 * seconds / self.seconds);
        println!("| {name} | {kinds} | | {ms:.2} | {share:.1} % | | | |");
    }

    /// The same summed up by operation: the time that each takes more than it would at the limit is what there is to gain.
    fn by_name(&self, limits: &Limits) {
        let mut sums: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
        for entry in &self.entries {
            let sum = sums.entry(entry.name).or_default();
            *sum = (sum.0 + entry.seconds, sum.1 + limits.least(entry).min(entry.seconds));
        }
        let mut sums: Vec<_> = sums.into_iter().collect();
        sums.sort_by(|(_, a), (_, b)| (b.0 - b.1).total_cmp(&(a.0 - a.1)));
        println!("\n| operation | ms | ms above the limit |\n|---|---|---|");
        let ms = |seconds: f64| 1e3 * seconds / self.steps as f64;
        for (name, (seconds, least)) in sums.into_iter().filter(|(_, (seconds, _))| *seconds >= SMALL * self.seconds) {
            println!("| {name} | {:.2} | {:.2} |", ms(seconds), ms(seconds - least));
        }
        println!();
    }
}
