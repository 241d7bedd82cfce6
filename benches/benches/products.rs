//! A table: products of the shapes of encoders, beside the crate `gemm`, ndarray, and the peak of the processor.
//!
//! `cargo bench -p adaptune-benches --bench products [-- THREADS [REPETITIONS [FILTER]]]`
//!
//! All compute the same product in turn, again and again, so that a disturbance hits all of them; ndarray on one thread. The time is
//! that of [`clock`]; ratios, those to the peak too, are medians over repetitions.
//!
//! `laid out` is the same product with the weight laid out beforehand, as the frozen layers of a model are: `x Wᵀ` where the
//! right operand is stored transposed, `d W` where both are stored as they are. It makes a new result each time, as a pass
//! does, and is compared with `gemm` making a new result each time; the others write into one that exists.
#![allow(unsafe_code, reason = "the entry point of `gemm`")]

use adaptune_benches::{clock, median, peak};
use adaptune_tensor::kernel::product_path;
use adaptune_tensor::{PackedMatrix, Seed, in_pool, init, matmul_into};
use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayView2, ArrayViewMut2};

/// `[M, K] × [K, N]`, and which operand is stored transposed.
type Shape = (usize, usize, usize, &'static str);

fn shapes() -> Vec<Shape> {
    let mut shapes = Vec::new();
    for t in [500, 1000, 4096] {
        for (input, output) in [(384, 384), (384, 1536), (1536, 384)] {
            shapes.extend([(t, input, output, "A Bt"), (t, output, input, "A B"), (output, t, input, "At B")]);
        }
    }
    for (input, output) in [(768, 768), (768, 3072), (3072, 768)] {
        shapes.extend([(1024, input, output, "A Bt"), (1024, output, input, "A B"), (output, 1024, input, "At B")]);
    }
    for m in [24, 48, 96] {
        shapes.extend([(4096, 384, m, "A Bt"), (4096, m, 384, "A Bt"), (m, 4096, 384, "At B"), (384, 4096, m, "At B")]);
    }
    for t in [16, 32, 64, 128] {
        shapes.extend([(t, 32, t, "A Bt"), (t, t, 32, "A B"), (t, t, 32, "At B")]);
    }
    shapes
}

fn main() {
    // `cargo bench` adds `--bench`.
    let mut args = std::env::args().skip(1).filter(|arg| !arg.starts_with("--"));
    adaptune_tensor::kernel::keep_freed_memory(); // as the command line does
    let threads = args.next().map_or(1, |arg| arg.parse().expect("a number of threads"));
    let repetitions = args.next().map_or(15, |arg| arg.parse().expect("a number of repetitions"));
    let filter = args.next().unwrap_or_default();
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global().expect("the first pool");
    in_pool(|| table(threads, repetitions, &filter));
}

fn table(threads: usize, repetitions: usize, filter: &str) {
    let path = product_path().expect("a known path");
    let best = (0..30).map(|_| peak()).fold(0.0, f64::max);
    println!("{path:?}, {threads} threads, peak {best:.0} GFLOP/s; rates are the best of {repetitions}");
    println!(
        "{:>20} {:>5} {:>7} {:>8} {:>7} {:>7} {:>8} {:>9} {:>8} {:>9} {:>9}",
        "shape", "", "ours", "laid out", "gemm", "ndarray", "/ gemm", "/ ndarray", "/ peak", "l.o./gemm", "l.o./peak"
    );
    for shape in shapes() {
        let name = format!("{}x{}x{} {}", shape.0, shape.1, shape.2, shape.3);
        if name.contains(filter) {
            row(&name, shape, threads, repetitions);
        }
    }
}

/// A product, and how it is measured.
struct Case {
    a: Array2<f32>,
    b: Array2<f32>,
    /// The weight, and whether it is turned on the way. `W` is `[Out, In]` and stored so; what is laid out is `Wᵀ`, whatever is
    /// asked for.
    laid_out: Option<(PackedMatrix<f32>, bool)>,
    /// Billions of operations.
    work: f64,
    /// How often it is computed between two looks at the clock.
    times: usize,
    threads: usize,
}

impl Case {
    fn new((m, k, n, order): Shape, threads: usize) -> Self {
        let a = operand((m, k), order == "At B", 1);
        let b = operand((k, n), order == "A Bt", 2);
        let laid_out = match order {
            "A Bt" => Some((PackedMatrix::new(b.view()), false)),
            "A B" => Some((PackedMatrix::new(b.t()), true)),
            _ => None,
        };
        let work = 2.0 * (m * k * n) as f64 / 1e9;
        // Products of a head of attention are computed on one thread, and too short for the clock.
        let (times, threads) = if work < 0.005 { ((0.01 / work) as usize, 1) } else { (1, threads) };
        Self { a, b, laid_out, work, times, threads }
    }

    /// Computes it in one of the ways; gives what is new.
    fn compute(&self, way: usize, c: &mut ArrayViewMut2<'_, f32>) -> Option<Array2<f32>> {
        let (a, b) = (self.a.view(), self.b.view());
        match (way, &self.laid_out) {
            (OURS, _) => matmul_into(1.0, a, b, 0.0, c),
            // SAFETY: results are `[M, N]` in standard layout.
            (GEMM, _) => unsafe { gemm(a, b, c.as_mut_ptr(), self.threads) },
            (NDARRAY, _) => general_mat_mul(1.0, &a, &b, 0.0, c),
            (LAID_OUT, Some((weight, true))) => return Some(weight.product_transposed(a)),
            (LAID_OUT, Some((weight, false))) => return Some(weight.product(a, None)),
            (NEW_OF_GEMM, Some(_)) => return Some(new_of_gemm(a, b, self.threads)),
            _ => {}
        }
        None
    }

    /// # Panics
    /// If one way gives something else than another.
    fn check(&self, results: &mut [ArrayViewMut2<'_, f32>; 5]) {
        let new: Vec<_> = (0..5).map(|way| self.compute(way, &mut results[way])).collect();
        let (ours, gemm) = (&results[OURS], &results[GEMM]);
        assert!(ours.iter().zip(gemm).all(|(x, y)| (x - y).abs() < 0.05), "products agree");
        assert!(new[LAID_OUT].iter().all(|new| new == ours), "and those with a weight laid out beforehand, to the bit");
    }
}

/// `[M, N]` in `space`, which is one line of the cache longer: how fast a result is written depends on where a line begins, and
/// must not do so by chance.
fn at_a_line((m, n): (usize, usize), space: &mut [f32]) -> ArrayViewMut2<'_, f32> {
    let first = space.as_ptr().align_offset(64);
    ArrayViewMut2::from_shape((m, n), &mut space[first..first + m * n]).expect("as many numbers")
}

/// A random operand, stored transposed if it is turned.
fn operand((rows, columns): (usize, usize), turned: bool, seed: u64) -> Array2<f32> {
    let shape = if turned { (columns, rows) } else { (rows, columns) };
    let stored = init::normal::<f32>(shape, 1.0, Seed::new(seed));
    if turned { stored.reversed_axes() } else { stored }
}

/// Ways to compute a product, in the order in which they take turns. What is new lies where the last new one lay.
const OURS: usize = 0;
const LAID_OUT: usize = 1;
const GEMM: usize = 2;
const NEW_OF_GEMM: usize = 3;
const NDARRAY: usize = 4;

/// What was measured, a number for each repetition.
struct Measured {
    /// Billions of operations a second, of each way.
    rates: [Vec<f64>; 5],
    /// What as many threads can do at that time: of one alone, its share of what the pool can.
    peaks: Vec<f64>,
}

impl Measured {
    fn new(case: &Case, in_pool: usize, repetitions: usize) -> Self {
        let shape = (case.a.nrows(), case.b.ncols());
        let mut spaces = [(); 5].map(|()| vec![0.0; shape.0 * shape.1 + 16]);
        let mut results = spaces.each_mut().map(|space| at_a_line(shape, space));
        let mut measured = Self { rates: [const { Vec::new() }; 5], peaks: Vec::new() };
        case.check(&mut results);
        for _ in 0..repetitions {
            for (way, result) in results.iter_mut().enumerate() {
                let start = clock(case.threads);
                (0..case.times).for_each(|_| drop(case.compute(way, result)));
                measured.rates[way].push(case.work * case.times as f64 / (clock(case.threads) - start));
            }
            measured.peaks.push(peak() * case.threads as f64 / in_pool as f64);
        }
        measured
    }

    fn best(&self, way: usize) -> f64 {
        self.rates[way].iter().copied().fold(0.0, f64::max)
    }

    /// The median of a way's rates as parts of others.
    fn of(&self, way: usize, others: &[f64]) -> f64 {
        median(self.rates[way].iter().zip(others).map(|(rate, other)| rate / other).collect())
    }
}

fn row(name: &str, shape: Shape, threads: usize, repetitions: usize) {
    let case = Case::new(shape, threads);
    let measured = Measured::new(&case, threads, repetitions);
    let shown = |x: String| if case.laid_out.is_some() { x } else { String::new() };
    println!(
        "{name:>26} {:>7.0} {:>8} {:>7.0} {:>7.0} {:>8.2} {:>9.2} {:>8.2} {:>9} {:>9}",
        measured.best(OURS),
        shown(format!("{:.0}", measured.best(LAID_OUT))),
        measured.best(GEMM),
        measured.best(NDARRAY),
        measured.of(OURS, &measured.rates[GEMM]),
        measured.of(OURS, &measured.rates[NDARRAY]),
        measured.of(OURS, &measured.peaks),
        shown(format!("{:.2}", measured.of(LAID_OUT, &measured.rates[NEW_OF_GEMM]))),
        shown(format!("{:.2}", measured.of(LAID_OUT, &measured.peaks))),
    );
}

fn new_of_gemm(a: ArrayView2<'_, f32>, b: ArrayView2<'_, f32>, threads: usize) -> Array2<f32> {
    let mut c = Array2::uninit((a.nrows(), b.ncols()));
    // SAFETY: the array is new; and a product writes all of its result.
    unsafe { gemm(a, b, c.as_mut_ptr().cast(), threads) };
    // SAFETY: as above.
    unsafe { c.assume_init() }
}

/// Writes `a b` to `to`.
///
/// # Safety
/// There is room for `[M, N]` in standard layout, which nobody else looks at.
unsafe fn gemm(a: ArrayView2<'_, f32>, b: ArrayView2<'_, f32>, to: *mut f32, threads: usize) {
    let parallel = if threads == 1 { gemm::Parallelism::None } else { gemm::Parallelism::Rayon(threads) };
    let (m, k, n) = (a.nrows(), a.ncols(), b.ncols());
    let strides = |array: ArrayView2<'_, f32>| (array.strides()[1], array.strides()[0]);
    let ((a_column, a_row), (b_column, b_row), (c_column, c_row)) = (strides(a), strides(b), (1, n as isize));
    let (from_a, from_b) = (a.as_ptr(), b.as_ptr());
    // SAFETY: pointers and strides of the operands are those of arrays, and the caller promises the result.
    unsafe {
        gemm::gemm(
            m, n, k, to, c_column, c_row, false, from_a, a_column, a_row, from_b, b_column, b_row, 0.0, 1.0, false,
            false, false, parallel,
        );
    }
}
