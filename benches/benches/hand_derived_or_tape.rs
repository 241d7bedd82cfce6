//! What deriving by hand brings: the same bottlenecks with their hand-derived backward pass and as closures on the tape.
//!
//! `cargo bench -p adaptune-benches --bench hand_derived_or_tape` times forward and backward of the base with each, then
//! prints a table: time of a step and, within it, of the adapter's modules alone, and the memory that a step takes beyond
//! the loaded model. Each memory is the peak of a process of its own, as the system counts it (Linux only).

use adaptune_adapters::closure::{ParameterSet, ParameterVars, SublayerClosure, SublayerVars};
use adaptune_adapters::{Adapter, Method, Point};
use adaptune_autograd::Var;
use adaptune_tensor::{Activation, Gradients, Parameters, Seed};
use adaptune_transformer::{
    Batch, Config, Encoder, Insertions, Pass, Properties, Reads, SublayerBackward, SublayerInput, SublayerModule,
    SublayerPoint,
};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group};
use ndarray::{Array2, Ix2};
use std::collections::BTreeMap;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const METHODS: [&str; 2] = ["seq_bn[non_linearity=gelu]", "double_seq_bn[non_linearity=gelu]"];
const WAYS: [&str; 2] = ["derived", "tape"];
const ROUNDS: usize = 9;
/// Set in a process that takes one step and says how much memory it took.
const ONE_STEP: &str = "ADAPTUNE_BENCH_ONE_STEP";

/// MiniLM: six blocks of `D = 384`, `F = 1536`, twelve heads.
fn base() -> Encoder<f32> {
    Encoder::random(Config { vocabulary: 1000, ..Config::bert(384, 6, 12, 1536) }, 0.02, Seed::new(0))
}

/// 32 sequences of 64 tokens.
fn batch() -> Batch {
    let ids: Vec<Vec<u32>> = (0..32).map(|s| (0..64).map(|t| ((s * 131 + t * 7) % 1000) as u32).collect()).collect();
    Batch::from_ids(&ids.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

/// A bottleneck adapter, derived by hand or with the same parameters on the tape.
fn adapter(method: &str, way: &str, config: &Config) -> Adapter<f32> {
    let parsed: Method = method.parse().expect("a known method");
    let derived = Adapter::new("bench", &parsed, config, Seed::new(1)).expect("it fits");
    let behind_norm = method.starts_with("seq_bn");
    let module = |point| {
        let named = derived.module_parameters(point).into_iter();
        let set = named.fold(ParameterSet::new(), |set, (name, p)| set.with(&name, p.kind(), p.to_view().to_owned()));
        (point, SublayerClosure::new(set, move |at, p| bottleneck(at, p, behind_norm)))
    };
    let mut adapter = match way {
        "tape" => Adapter::of_modules("bench", config, derived.points().map(module)).expect("it fits"),
        _ => derived,
    };
    adapter.train_from(0);
    adapter
}

/// `y = LN(W_up φ(W_down x + b) + b' + o + r)` with `x = LN(o + r)` or `o`.
fn bottleneck(at: &SublayerVars<f32>, p: &ParameterVars<f32>, behind_norm: bool) -> Var<f32, Ix2> {
    let linear = |x: &Var<f32, Ix2>, name: &str| {
        let (weight, bias) = (format!("bottleneck.{name}.weight"), format!("bottleneck.{name}.bias"));
        x.linear(&p.matrix(&weight), Some(&p.vector(&bias)))
    };
    let x = if behind_norm { at.finish(&at.output) } else { at.output.clone() };
    let b = linear(&linear(&x, "down").activate(Activation::Gelu), "up");
    at.finish(&(b + &at.output))
}

/// Forward and backward; the gradient of the last hidden state is the state itself.
fn step(base: &Encoder<f32>, insertions: &dyn Insertions<f32>, batch: &Batch) -> Gradients<f32> {
    let encoded = base.forward(batch, insertions, Pass::train(Seed::new(3))).expect("a good batch");
    let mut gradients = Gradients::new();
    encoded.trace.backward(encoded.hidden, &mut gradients);
    gradients
}

fn steps(c: &mut Criterion) {
    let (base, batch) = (base(), batch());
    let mut group = c.benchmark_group("forward and backward");
    group.sample_size(10).throughput(Throughput::Elements(batch.layout().tokens() as u64));
    for method in METHODS {
        for way in WAYS {
            let adapter = adapter(method, way, base.config());
            let id = BenchmarkId::new(method.split('[').next().unwrap_or(method), way);
            group.bench_function(id, |b| b.iter(|| step(&base, &adapter, &batch)));
        }
    }
    group.finish();
}

/// An adapter whose modules are timed.
struct Timed<'a>(BTreeMap<SublayerPoint, TimedModule<'a>>);

struct TimedModule<'a> {
    module: &'a dyn SublayerModule<f32>,
    nanoseconds: &'a AtomicU64,
}

impl<'a> Timed<'a> {
    fn new(adapter: &'a Adapter<f32>, nanoseconds: &'a AtomicU64) -> Self {
        let module = |point| match point {
            Point::Sublayer(point) => Some((point, TimedModule { module: adapter.sublayer(point)?, nanoseconds })),
            _ => None,
        };
        Self(adapter.points().filter_map(module).collect())
    }
}

impl Insertions<f32> for Timed<'_> {
    fn sublayer(&self, point: SublayerPoint) -> Option<&dyn SublayerModule<f32>> {
        self.0.get(&point).map(|module| module as _)
    }
}

impl SublayerModule<f32> for TimedModule<'_> {
    fn forward<'a>(&'a self, input: SublayerInput<'a, f32>) -> (Array2<f32>, Option<SublayerBackward<'a, f32>>) {
        let (y, backward) = timed(self.nanoseconds, || self.module.forward(input));
        let backward = backward.map(|backward| -> SublayerBackward<'a, f32> {
            Box::new(move |d_y, gradients| timed(self.nanoseconds, || backward(d_y, gradients)))
        });
        (y, backward)
    }

    fn properties(&self, point: SublayerPoint) -> Properties {
        self.module.properties(point)
    }

    fn reads(&self, point: SublayerPoint) -> Option<Reads> {
        self.module.reads(point)
    }
}

fn timed<T>(nanoseconds: &AtomicU64, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let done = work();
    nanoseconds.fetch_add(start.elapsed().as_nanos() as u64, Ordering::Relaxed);
    done
}

/// Medians over rounds, of the whole step and of the modules, one way after the other in each round, so that whatever else
/// the machine does falls on both.
fn times(method: &str) -> [[Duration; 2]; 2] {
    let (base, batch) = (base(), batch());
    let adapters = WAYS.map(|way| adapter(method, way, base.config()));
    let mut measured = [(); 2].map(|()| [Vec::new(), Vec::new()]);
    for round in 0..=ROUNDS {
        for (adapter, [whole, modules]) in adapters.iter().zip(&mut measured) {
            let (start, nanoseconds) = (Instant::now(), AtomicU64::new(0));
            drop(step(&base, &Timed::new(adapter, &nanoseconds), &batch));
            if round > 0 {
                whole.push(start.elapsed());
                modules.push(Duration::from_nanos(nanoseconds.into_inner()));
            }
        }
    }
    measured.map(|both| both.map(median))
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// What a step takes beyond what was there before, in bytes, in a process of its own.
fn step_bytes(method: &str, way: &str) -> Option<u64> {
    let run = Command::new(std::env::current_exe().ok()?).env(ONE_STEP, format!("{method} {way}")).output().ok()?;
    String::from_utf8(run.stdout).ok()?.trim().parse().ok()
}

/// The process of [`step_bytes`]. The step takes far more than building the model, so its peak is that of the process.
fn one_step(method: &str, way: &str) {
    let (base, batch) = (base(), batch());
    let adapter = adapter(method, way, base.config());
    let before = resident("VmRSS:");
    drop(step(&base, &adapter, &batch));
    if let (Some(before), Some(peak)) = (before, resident("VmHWM:")) {
        println!("{}", peak - before);
    }
}

/// A line of `/proc/self/status`, such as `VmHWM:     1234 kB`, in bytes.
fn resident(name: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let value = status.lines().find_map(|line| line.strip_prefix(name))?;
    value.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

fn table() {
    println!("32 sequences of 64 tokens, medians of {ROUNDS} steps, memory of one step beyond the loaded model\n");
    println!("{:<36}{:>12}{:>12}{:>8}", "", "derived", "tape", "ratio");
    for method in METHODS {
        let [derived, tape] = times(method);
        for (i, what) in ["step, ms", "modules alone, ms"].into_iter().enumerate() {
            let [derived, tape] = [derived, tape].map(|times: [Duration; 2]| 1e3 * times[i].as_secs_f64());
            row(method, what, derived, tape);
        }
        if let [Some(derived), Some(tape)] = WAYS.map(|way| step_bytes(method, way)) {
            row(method, "memory, MB", derived as f64 / 1e6, tape as f64 / 1e6);
        }
    }
}

fn row(method: &str, what: &str, derived: f64, tape: f64) {
    let name = method.split('[').next().unwrap_or(method);
    println!("{:<36}{derived:>12.1}{tape:>12.1}{:>8.2}", format!("{name}: {what}"), tape / derived);
}

criterion_group!(benches, steps);

fn main() {
    if let Some((method, way)) = std::env::var(ONE_STEP).as_deref().ok().and_then(|run| run.split_once(' ')) {
        return one_step(method, way);
    }
    benches();
    Criterion::default().configure_from_args().final_summary();
    // `cargo test` and `--list` want no measurement.
    if !std::env::args().any(|argument| argument == "--test" || argument == "--list") {
        table();
    }
}
