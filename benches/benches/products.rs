//! A table: products of the shapes of encoders, beside the crate `gemm`, ndarray, and the peak of the processor.
//!
//! `cargo bench -p adaptune-benches --bench products [-- THREADS [REPETITIONS [FILTER]]]`
//!
//! All compute the same product in turn, again and again, so that a disturbance hits all of them; ndarray on one thread. The time is
//! that of [`clock`], the ratio the median over repetitions.
//!
//! `laid out` is the same product with the weight laid out beforehand, as the frozen layers of a model are: `x Wᵀ` where the
//! right operand is stored transposed, `d W` where both are stored as they are. It makes a new result each time, as a pass
//! does, and is compared with `gemm` making a new result each time; the others write into one that exists.
#![allow(unsafe_code, reason = "the entry point of `gemm`")]

use adaptune_benches::{clock, median, peak};
use adaptune_tensor::kernel::product_path;
use adaptune_tensor::{PackedMatrix, Seed, in_pool, init, matmul_into};
use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayView2};

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
    let peak = peak();
    println!("{path:?}, {threads} threads, peak {peak:.0} GFLOP/s; rates are the best of {repetitions}");
    println!(
        "{:>20} {:>5} {:>7} {:>8} {:>7} {:>7} {:>8} {:>9} {:>8} {:>9} {:>9}",
        "shape", "", "ours", "laid out", "gemm", "ndarray", "/ gemm", "/ ndarray", "/ peak", "l.o./gemm", "l.o./peak"
    );
    for shape in shapes() {
        let name = format!("{}x{}x{} {}", shape.0, shape.1, shape.2, shape.3);
        if name.contains(filter) {
            row(&name, shape, threads, repetitions, peak);
        }
    }
}

fn row(name: &str, (m, k, n, order): Shape, threads: usize, repetitions: usize, peak: f64) {
    let [a, b] = [(m, k, order == "At B", 1), (k, n, order == "A Bt", 2)].map(|(rows, columns, turned, seed)| {
        let shape = if turned { (columns, rows) } else { (rows, columns) };
        (init::normal::<f32>(shape, 1.0, Seed::new(seed)), turned)
    });
    let view =
        |(array, turned): &(Array2<f32>, bool)| if *turned { array.clone().reversed_axes() } else { array.clone() };
    let (a, b) = (view(&a), view(&b));
    let (a, b) = (a.view(), b.view());
    let work = 2.0 * (m * k * n) as f64 / 1e9;
    // Products of a head of attention are too short for the clock.
    let (times, threads) = if work < 0.005 { ((0.01 / work) as usize, 1) } else { (1, threads) };
    // `W` is `[Out, In]` and stored so; what is laid out is `Wᵀ`, whatever is asked for.
    let laid_out = match order {
        "A Bt" => Some((PackedMatrix::new(b), false)),
        "A B" => Some((PackedMatrix::new(b.t()), true)),
        _ => None,
    };
    let packed = |c: &mut Array2<f32>| match &laid_out {
        Some((weight, true)) => *c = weight.product_turned(a),
        Some((weight, false)) => *c = weight.product(a, None),
        None => {}
    };
    let mut results = [(); 5].map(|()| Array2::zeros((m, n)));
    let mut seconds = [const { Vec::new() }; 5];
    for repetition in 0..=repetitions {
        for (i, (c, seconds)) in results.iter_mut().zip(&mut seconds).enumerate() {
            let start = clock(threads);
            (0..times).for_each(|_| match i {
                0 => ours(a, b, c),
                1 => gemm(a, b, c.as_mut_ptr(), threads),
                2 => general_mat_mul(1.0, &a, &b, 0.0, c),
                3 => packed(c),
                _ => *c = new_of_gemm(a, b, threads),
            });
            // The first time is for warming up.
            if repetition > 0 {
                seconds.push((clock(threads) - start) / times as f64);
            }
        }
    }
    assert!(results[0].iter().zip(&results[1]).all(|(x, y)| (x - y).abs() < 0.05), "products agree");
    assert!(laid_out.is_none() || results[0] == results[3], "and those with a weight laid out beforehand, to the bit");
    let over = |i: usize, j: usize| median(seconds[i].iter().zip(&seconds[j]).map(|(i, j)| i / j).collect());
    let [ours, gemm, theirs, packed] =
        [0, 1, 2, 3].map(|i| work / seconds[i].iter().copied().fold(f64::INFINITY, f64::min));
    let shown = |x: String| if laid_out.is_some() { x } else { String::new() };
    println!(
        "{name:>26} {ours:>7.0} {:>8} {gemm:>7.0} {theirs:>7.0} {:>8.2} {:>9.2} {:>8.2} {:>9} {:>9}",
        shown(format!("{packed:.0}")),
        over(1, 0),
        over(2, 0),
        ours / peak,
        shown(format!("{:.2}", over(4, 3))),
        shown(format!("{:.2}", packed / peak)),
    );
}

fn ours(a: ArrayView2<'_, f32>, b: ArrayView2<'_, f32>, c: &mut Array2<f32>) {
    matmul_into(1.0, a, b, 0.0, &mut c.view_mut());
}

fn new_of_gemm(a: ArrayView2<'_, f32>, b: ArrayView2<'_, f32>, threads: usize) -> Array2<f32> {
    let mut c = Array2::uninit((a.nrows(), b.ncols()));
    gemm(a, b, c.as_mut_ptr().cast(), threads);
    // SAFETY: a product writes all of its result.
    unsafe { c.assume_init() }
}

/// Writes to `c`, which has room for `[M, N]` in standard layout.
fn gemm(a: ArrayView2<'_, f32>, b: ArrayView2<'_, f32>, to: *mut f32, threads: usize) {
    let parallel = if threads == 1 { gemm::Parallelism::None } else { gemm::Parallelism::Rayon(threads) };
    let (m, k, n) = (a.nrows(), a.ncols(), b.ncols());
    let strides = |array: ArrayView2<'_, f32>| (array.strides()[1], array.strides()[0]);
    let ((a_column, a_row), (b_column, b_row), (c_column, c_row)) = (strides(a), strides(b), (1, n as isize));
    let (from_a, from_b) = (a.as_ptr(), b.as_ptr());
    // SAFETY: pointers and strides are those of arrays of the shapes given.
    unsafe {
        gemm::gemm(
            m, n, k, to, c_column, c_row, false, from_a, a_column, a_row, from_b, b_column, b_row, 0.0, 1.0, false,
            false, false, parallel,
        );
    }
}
