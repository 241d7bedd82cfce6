//! All paths against each other, to the bit, and against the triple loop.

use super::operation::{Product, Start};
use super::out::Out;
use super::packed::PackedPanels;
use super::path::{ProductPath, path};
use super::single::multiply_by;
use super::*;
use crate::matmul_reference;
use crate::testing::random;
use adaptune_test_support::{largest_difference, on_threads};
use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis, array, s};
use proptest::prelude::*;

/// `a b` by one path.
fn by(path: ProductPath, a: ArrayView2<'_, f32>, b: ArrayView2<'_, f32>) -> Array2<f32> {
    let mut c = Array2::from_elem((a.nrows(), b.ncols()), f32::NAN);
    multiply_by(path, Product { alpha: 1.0, a, b, start: Start::Zero, c: Out::of(c.view_mut()) }, true);
    c
}

pub(super) fn bits(array: &Array2<f32>) -> Vec<u32> {
    array.iter().map(|x| x.to_bits()).collect()
}

/// What a view of an operand may look like.
#[derive(Clone, Copy, Debug)]
enum Shape {
    Rows,
    Columns,
    Strided,
    Reversed,
    Wide,
}

/// A random `[m, n]` in such a view: the array behind it, to be viewed by [`view`].
fn stored(shape: Shape, seed: u64, (m, n): (usize, usize)) -> Array2<f32> {
    match shape {
        Shape::Rows | Shape::Reversed => random(seed, (m, n)),
        Shape::Columns => random(seed, (n, m)),
        Shape::Strided => random(seed, (2 * m, 3 * n)),
        Shape::Wide => random(seed, (m, n + 5)),
    }
}

fn view<'a>(shape: Shape, array: &'a mut Array2<f32>, n: usize) -> ArrayViewMut2<'a, f32> {
    let mut view = array.view_mut();
    match shape {
        Shape::Rows => {}
        Shape::Columns => view.swap_axes(0, 1),
        Shape::Strided => return view.slice_move(s![..;2, ..;3]),
        Shape::Reversed => {
            view.invert_axis(Axis(0));
            view.invert_axis(Axis(1));
        }
        Shape::Wide => return view.slice_move(s![.., 2..n + 2]),
    }
    view
}

fn shapes() -> impl Strategy<Value = Shape> {
    prop_oneof![Just(Shape::Rows), Just(Shape::Columns), Just(Shape::Strided), Just(Shape::Reversed), Just(Shape::Wide)]
}

fn start(kind: usize, bias: &Array2<f32>, shape: (usize, usize)) -> Start<'_, f32> {
    let bias = bias.broadcast(shape).expect("one row for all");
    [Start::Zero, Start::Result(1.0), Start::Given(bias)][kind]
}

/// Lengths around those of tiles, panels and slices, and none.
fn length() -> impl Strategy<Value = usize> {
    prop_oneof![0usize..5, 5usize..70, 70usize..130]
}

fn depth() -> impl Strategy<Value = usize> {
    prop_oneof![0usize..40, 380usize..390, 760usize..780]
}

proptest! {
    // The portable path is slow.
    #![proptest_config(ProptestConfig::with_cases(80))]

    #[test]
    fn all_paths_follow_the_triple_loop_and_agree_to_the_bit(
        (m, k, n) in (length(), depth(), length()),
        (left, right, result) in (shapes(), shapes(), shapes()),
        (alpha, beta) in (prop_oneof![Just(1.0_f32), Just(-0.7)], prop_oneof![Just(0.0_f32), Just(1.0), Just(0.3)]),
        given: bool,
        seed: u64,
    ) {
        let (mut a, mut b) = (stored(left, seed, (m, k)), stored(right, seed ^ 1, (k, n)));
        let (a, b) = (view(left, &mut a, k), view(right, &mut b, n));
        let bias = random::<f32>(seed ^ 2, (1, n));
        let before = stored(result, seed ^ 3, (m, n));
        let mut first: Option<Array2<f32>> = None;
        for path in ProductPath::available() {
            let mut stored = before.clone();
            let old = view(result, &mut stored, n).to_owned();
            let start = match given {
                true => Start::Given(bias.broadcast((m, n)).expect("one row for all")),
                false => Start::scaled(beta),
            };
            let c = Out::of(view(result, &mut stored, n));
            multiply_by(path, Product { alpha, a: a.view(), b: b.view(), start, c }, true);
            let c = view(result, &mut stored, n).to_owned();
            let added = if given { bias.broadcast((m, n)).expect("one row for all").to_owned() } else { old * beta };
            let expected = matmul_reference(a.view(), b.view()) * alpha + added;
            prop_assert!(c.iter().zip(&expected).all(|(x, y)| (x - y).abs() < 1e-4), "{path:?}");
            let first = first.get_or_insert_with(|| c.clone());
            prop_assert_eq!(bits(first), bits(&c), "{:?}", path);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Packing beforehand changes no bit, with and without a bias, added to a result or not.
    #[test]
    fn packed_operands_give_the_bits_of_plain_ones((m, k, n) in (length(), depth(), length()), right in shapes(), seed: u64) {
        let mut b = stored(right, seed, (k, n));
        let (a, b) = (random::<f32>(seed ^ 1, (m, k)), view(right, &mut b, n));
        let (bias, before) = (random::<f32>(seed ^ 2, (1, n)), random::<f32>(seed ^ 3, (m, n)));
        for path in ProductPath::available().filter(|path| *path != ProductPath::Portable) {
            let packed = PackedPanels::new(path, b.view());
            for kind in 0..3 {
                let (mut expected, mut c) = (before.clone(), before.clone());
                let start = start(kind, &bias, (m, n));
                let product = Product { alpha: 1.0, a: a.view(), b: b.view(), start, c: Out::of(expected.view_mut()) };
                multiply_by(path, product, true);
                packed.multiply(a.view(), false, self::start(kind, &bias, (m, n)), Out::of(c.view_mut()));
                prop_assert_eq!(bits(&c), bits(&expected), "{:?} {}", path, kind);
            }
        }
    }
}

/// Several slices and blocks, whole panels and others.
#[test]
fn panels_are_transposed_and_unpacked_to_the_bit() {
    for (m, k, n) in [(1, 1, 1), (7, 50, 41), (33, 384, 48), (20, 385, 1540), (15, 1000, 97), (5, 4100, 771)] {
        let (a, b) = (random::<f32>(1, (m, n)), random::<f32>(2, (k, n)));
        let before = random::<f32>(3, (m, k));
        for path in ProductPath::available() {
            let (packed, mut c, mut expected) = (PackedPanels::new(path, b.view()), before.clone(), before.clone());
            let product = Product {
                alpha: 1.0,
                a: a.view(),
                b: b.t(),
                start: Start::Result(1.0),
                c: Out::of(expected.view_mut()),
            };
            multiply_by(path, product, true);
            packed.multiply(a.view(), true, Start::Result(1.0), Out::of(c.view_mut()));
            assert!(bits(&c) == bits(&expected), "{path:?} {m} {k} {n}");
            assert!(packed.unpack() == b, "{path:?} {k} {n}");
        }
    }
}

#[test]
fn packed_matrices_of_both_types_compute_products() {
    fn check<S: crate::Scalar>() {
        let (a, b) = (random::<S>(1, (7, 50)), random::<S>(2, (50, 41)));
        let (packed, bias) = (crate::PackedMatrix::new(b.view()), random::<S>(3, (1, 41)));
        assert_eq!(packed.dim(), (50, 41));
        assert_eq!(packed.product(a.view(), None), crate::matmul(a.view(), b.view()));
        let d = random::<S>(4, (7, 41));
        let mut expected = crate::matmul(d.view(), b.t());
        assert_eq!(packed.product_transposed(d.view()), expected);
        crate::matmul_add(d.view(), b.t(), &mut expected);
        let mut sum = packed.product_transposed(d.view());
        packed.add_product_transposed(d.view(), &mut sum);
        assert_eq!(sum, expected);
        assert_eq!(packed.unpack(), b);
        assert_eq!(packed.product(a.view(), Some(bias.row(0))), crate::linear(a.view(), b.t(), Some(bias.row(0))));
    }
    check::<f32>();
    check::<f64>();
}

/// Sizes of the encoders, cut into strips, parts and slices, in each transposition.
#[test]
fn large_products_agree_to_the_bit_in_each_transposition() {
    on_threads(2, large_products_agree);
}

fn large_products_agree() {
    for (m, k, n) in [(115, 768, 1100), (24, 2000, 384), (384, 1500, 24), (1300, 385, 48)] {
        let (a, b) = (random::<f32>(1, (m, k)), random::<f32>(2, (k, n)));
        let (at, bt) = (a.t().as_standard_layout().into_owned(), b.t().as_standard_layout().into_owned());
        let expected = by(ProductPath::Portable, a.view(), b.view());
        for path in ProductPath::available() {
            for (a, b) in [(a.view(), b.view()), (at.t(), b.view()), (a.view(), bt.t()), (at.t(), bt.t())] {
                assert!(bits(&by(path, a, b)) == bits(&expected), "{path:?} {m} {k} {n}");
            }
        }
    }
}

/// Rows whose distance is a whole page are copied before they are read.
#[test]
fn rows_a_page_apart_give_the_same_bits() {
    let (wide, b) = (random::<f32>(1, (50, 2048)), random::<f32>(2, (700, 130)));
    let a = wide.slice(s![.., 3..703]);
    let expected = by(ProductPath::Portable, a.to_owned().view(), b.view());
    for path in ProductPath::available() {
        assert!(bits(&by(path, a, b.view())) == bits(&expected), "{path:?}");
    }
}

#[test]
fn a_sum_is_a_chain_of_fused_multiply_adds_in_slices() {
    let (a, b) = (random::<f32>(3, (1, 1000)), random::<f32>(4, (1000, 1)));
    let mut expected = 0.0_f32;
    for k in [0..384, 384..768, 768..1000] {
        expected += k.fold(0.0_f32, |sum, k| a[[0, k]].mul_add(b[[k, 0]], sum));
    }
    assert_eq!(by(product_path().expect("a known path"), a.view(), b.view()), array![[expected]]);
}

#[test]
fn a_result_that_is_not_added_to_is_not_looked_at() {
    let (a, b) = (random::<f32>(5, (9, 11)), random::<f32>(6, (11, 35)));
    for path in ProductPath::available() {
        assert!(by(path, a.view(), b.view()).iter().all(|x| x.is_finite()), "{path:?}");
        assert_eq!(by(path, a.slice(s![.., ..0]), b.slice(s![..0, ..])), Array2::<f32>::zeros((9, 35)));
    }
}

/// Were the fast path never taken, everything else would pass too.
#[test]
fn each_path_runs_its_own_kernel() {
    let (a, b) = (random::<f32>(7, (40, 20)), random::<f32>(8, (20, 50)));
    for path in ProductPath::available() {
        let before = count::all();
        by(path, a.view(), b.view());
        let after = count::all();
        for other in ProductPath::ALL {
            let ran = after[other as usize] > before[other as usize];
            assert_eq!(ran, other == path, "{other:?} where {path:?} was asked for");
        }
    }
}

/// The door takes the path of this process, which is the best unless the environment says otherwise.
#[test]
fn the_door_takes_the_path_of_the_process() {
    let path = product_path().expect("a known path");
    let before = count::all()[path as usize];
    let _ = crate::matmul(random::<f32>(9, (3, 4)).view(), random::<f32>(10, (4, 5)).view());
    assert!(count::all()[path as usize] > before, "{path:?}");
}

/// The largest error of a product of rounded numbers, as a share of the sum of absolute values.
fn error_of_half(packed: &crate::PackedMatrix<f32>, transposed: bool, (m, k, n): (usize, usize, usize)) -> f64 {
    let (a, b) = (random::<f32>(1, (m, if transposed { n } else { k })), random::<f32>(2, (k, n)));
    let exact = |x: &Array2<f32>| x.mapv(|x| f64::from(bf16::round(x)));
    let (rounded, right) = (exact(&a), exact(&b));
    let right = if transposed { right.t() } else { right.view() };
    let c = if transposed { packed.product_transposed(a.view()) } else { packed.product(a.view(), None) };
    let (expected, size) = (rounded.dot(&right), rounded.mapv(f64::abs).dot(&right.mapv(f64::abs)));
    let size = size.mapv(|size| size.max(1e-3));
    largest_difference(c.mapv(f64::from) / &size, expected / &size)
}

const SIZES_OF_HALF: [(usize, usize, usize); 7] =
    [(1, 1, 1), (7, 50, 41), (33, 384, 48), (20, 769, 1541), (15, 1000, 97), (5, 4100, 771), (70, 63, 4100)];

#[test]
fn products_in_bf16_are_those_of_rounded_numbers() {
    for (m, k, n) in SIZES_OF_HALF {
        let b = random::<f32>(2, (k, n));
        let fallback = crate::PackedMatrix(Form::Rounded(PackedPanels::new(path(), b.mapv(bf16::round).view())));
        for packed in [crate::PackedMatrix::with_precision(b.view(), Precision::Bf16), fallback] {
            assert!(packed.unpack() == b.mapv(bf16::round), "{k} {n}");
            for transposed in [false, true] {
                let error = error_of_half(&packed, transposed, (m, k, n));
                assert!(error < 2e-6, "{m} {k} {n} {transposed}: {error:e}");
            }
        }
    }
}

/// Of many rows, some are rounded at a time where the matrix has few columns.
#[test]
fn rows_that_are_rounded_in_groups_have_the_bits_of_those_that_are_not() {
    on_threads(2, groups_have_the_bits_of_all);
}

fn groups_have_the_bits_of_all() {
    #[cfg(target_arch = "x86_64")]
    assert!(half::in_groups((1030, 301)) && !half::in_groups((1000, 301)));
    let (x, d, bias) = (random(1, (1030, 771)), random::<f32>(2, (1030, 301)), random::<f32>(3, (1, 301)));
    let packed = crate::PackedMatrix::with_precision(random(4, (771, 301)).view(), Precision::Bf16);
    let narrow = crate::PackedMatrix::with_precision(random(5, (301, 771)).view(), Precision::Bf16);
    let (whole, transposed) = (packed.product(x.view(), Some(bias.row(0))), narrow.product_transposed(x.view()));
    let mut sum = d.clone();
    narrow.add_product_transposed(x.view(), &mut sum);
    for rows in [0..1000, 1000..1030] {
        let (x, mut part) = (x.slice(s![rows.clone(), ..]), d.slice(s![rows.clone(), ..]).to_owned());
        narrow.add_product_transposed(x, &mut part);
        let parts = [packed.product(x, Some(bias.row(0))), narrow.product_transposed(x), part];
        for (part, whole) in parts.iter().zip([&whole, &transposed, &sum]) {
            assert!(bits(part) == bits(&whole.slice(s![rows.clone(), ..]).to_owned()));
        }
    }
}

/// Where the processor can, products in bf16 are computed in it, on any number of threads to the same bits.
#[cfg(target_arch = "x86_64")]
#[test]
fn the_kernel_for_bf16_runs_where_there_is_one() {
    use super::tile::Kernel;
    let (a, b) = (random::<f32>(1, (300, 400)), random::<f32>(2, (400, 500)));
    let packed = crate::PackedMatrix::with_precision(b.view(), Precision::Bf16);
    let able = avx512::Avx512Half::is_available() && path() == ProductPath::Avx512;
    assert_eq!(matches!(packed.0, Form::Half(_)), able);
    let run = |threads| {
        on_threads(threads, || {
            let (before, c) = (count::halves(), packed.product(a.view(), None));
            assert!(threads > 1 || (count::halves() > before) == able);
            (packed.product_transposed(c.view()), c)
        })
    };
    let one = run(1);
    assert!([2, 3].into_iter().all(|threads| run(threads) == one));
    let part = packed.product(a.slice(s![13..77, ..]), None);
    assert!(part == one.1.slice(s![13..77, ..]), "neighbouring rows change no bit");
}

/// Operands in all layouts, `K` even and odd, with a bias.
#[test]
fn two_operands_in_bf16_are_rounded_on_the_way() {
    for (m, k, n) in SIZES_OF_HALF.into_iter().chain([(130, 257, 161), (200, 130, 48)]) {
        let (a, b, bias) = (random::<f32>(1, (m, k)), random::<f32>(2, (k, n)), random::<f32>(3, (1, n)));
        let exact = |x: &Array2<f32>| x.mapv(|x| f64::from(bf16::round(x)));
        let expected = exact(&a).dot(&exact(&b)) + bias.mapv(f64::from);
        let size = exact(&a).mapv(f64::abs).dot(&exact(&b).mapv(f64::abs)) + 1.0;
        let (a_transposed, b_transposed) = (a.t().to_owned(), b.t().to_owned());
        let mut results = Vec::new();
        for (a, b) in [
            (a.view(), b.view()),
            (a_transposed.t(), b.view()),
            (a.view(), b_transposed.t()),
            (a_transposed.t(), b_transposed.t()),
        ] {
            let c = crate::matmul_in(Precision::Bf16, a, b, Some(bias.row(0)));
            let error = largest_difference(c.mapv(f64::from) / &size, &expected / &size);
            assert!(error < 2e-6, "{m} {k} {n}: {error:e}");
            results.push(c);
        }
        assert!(results.iter().all(|c| bits(c) == bits(&results[0])), "the layout changes no bit: {m} {k} {n}");
        let full = crate::matmul_in(Precision::Full, a.view(), b.view(), None);
        assert!(bits(&full) == bits(&crate::matmul(a.view(), b.view())));
    }
}

/// As in attention, on this thread alone and on several.
#[test]
fn products_in_bf16_take_a_factor_and_what_they_are_added_to() {
    for (m, k, n) in [(7, 50, 41), (129, 64, 130), (301, 801, 401)] {
        let (a, b, before) = (random::<f32>(1, (k, m)), random::<f32>(2, (n, k)), random::<f32>(3, (m, n)));
        let (a, b) = (a.t(), b.t());
        let expected = crate::matmul_in(Precision::Bf16, a, b, None) * -0.7 + &before * 0.3;
        let [alone, together] = [false, true].map(|parallel| {
            let mut c = before.clone();
            let product = Product { alpha: -0.7, a, b, start: Start::Result(0.3), c: c.view_mut() };
            on_threads(3, || f32::multiply(Precision::Bf16, product, parallel));
            c
        });
        assert!(alone.iter().zip(&expected).all(|(c, e)| (c - e).abs() < 1e-5 * (1.0 + e.abs())), "{m} {k} {n}");
        assert!(bits(&alone) == bits(&together), "{m} {k} {n}");
    }
}

#[cfg(target_arch = "x86_64")]
#[test]
fn two_operands_in_bf16_meet_in_the_kernel_for_it() {
    let (a, b) = (random::<f32>(1, (300, 401)), random::<f32>(2, (401, 500)));
    let run = |threads| {
        on_threads(threads, || {
            let (before, c) = (count::halves(), crate::matmul_in(Precision::Bf16, a.view(), b.view(), None));
            assert!(threads > 1 || (count::halves() > before) == half::is_there());
            c
        })
    };
    let one = run(1);
    assert!([2, 3].into_iter().all(|threads| run(threads) == one));
}

#[test]
fn in_f64_the_matrix_alone_is_rounded() {
    let (a, b) = (random::<f64>(1, (3, 5)), random::<f64>(2, (5, 4)));
    let packed = crate::PackedMatrix::with_precision(b.view(), Precision::Bf16);
    let rounded = b.mapv(|x| f64::from(bf16::round(x as f32)));
    assert_eq!(packed.unpack(), rounded);
    assert_eq!(packed.product(a.view(), None), crate::matmul(a.view(), rounded.view()));
}
