//! Cross-entropy through a wide output layer, without its logits.
//!
//! With rows `h: [N, D]`, an output layer `E: [V, D]` and a target `c_i` for each row:
//!
//! ```text
//! x_i = E h_i                                     [V]
//! l   = w Σ_i ln Σ_v e^(x_iv) − x_ic
//! d_h_i = w (Σ_v p_iv E_v − E_c)                  [D]     p_i = softmax(x_i)
//! d_E   = w Σ_i (p_i − e_c) h_iᵀ                  [V, D]
//! ```
//!
//! `V` may be hundreds of thousands, so that `x: [N, V]` would be by far the largest array of a training. It is computed in pieces, a block
//! of rows by a slice of the vocabulary, and each piece is used up before the next one is computed. `ln Σ e^x` and `Σ p E` grow with
//! the slices, as in attention that is computed in tiles (Milakov and Gimelshein, 2018; Dao et al., 2022): a sum of `e^(x − m)` is kept with
//! the largest `x` so far, `m`, and is scaled down whenever `m` rises. So loss and `d_h` take two products in all, as with logits that are
//! kept. Pieces are of one size, so that what a row gives does not depend on the others.

use crate::profile::{self, Span, Work};
use crate::rows::{for_each_row, for_each_row_with};
use crate::{Scalar, matmul, matmul_add};
use ndarray::{Array2, ArrayView2, Axis, Slice, s};

/// How much is computed at once.
#[derive(Clone, Copy)]
struct Pieces {
    rows: usize,
    words: usize,
}

/// Four million numbers.
const PIECES: Pieces = Pieces { rows: 1024, words: 4096 };

/// `w Σ_i −ln softmax(E h_i)[c_i]` over rows `h: [N, D]`, with the output layer `E: [V, D]`; no array of `[N, V]` is made.
///
/// ```
/// use adaptune_tensor::{cross_entropy, linear_cross_entropy, linear_cross_entropy_backward};
/// use ndarray::arr2;
/// let (h, table) = (arr2(&[[1.0, 2.0], [0.5, -1.0]]), arr2(&[[0.1, 0.2], [0.3, -0.4], [-0.5, 0.6]]));
/// let loss: f64 = linear_cross_entropy(h.view(), table.view(), &[2, 0], 0.5);
/// let plain = cross_entropy(h.dot(&table.t()).view(), &[Some(2), Some(0)], 0.5);
/// assert!((loss - plain).abs() < 1e-12);
/// let (same, d_h) = linear_cross_entropy_backward(h.view(), table.view(), &[2, 0], 0.5);
/// assert_eq!((same, d_h.dim()), (loss, (2, 2)));
/// ```
///
/// # Panics
/// If there are not as many targets as rows, one is not below `V`, or the widths differ.
#[must_use]
pub fn linear_cross_entropy<S: Scalar>(
    h: ArrayView2<'_, S>,
    table: ArrayView2<'_, S>,
    targets: &[u32],
    weight: S,
) -> S {
    let _span = span("output layer and loss", h, table, 1);
    forward(h, table, targets, PIECES, None) * weight
}

/// The same loss with `d_h: [N, D]`, its gradient with respect to the rows.
///
/// # Panics
/// As [`linear_cross_entropy`].
#[must_use]
pub fn linear_cross_entropy_backward<S: Scalar>(
    h: ArrayView2<'_, S>,
    table: ArrayView2<'_, S>,
    targets: &[u32],
    weight: S,
) -> (S, Array2<S>) {
    let _span = span("output layer and loss, with gradient", h, table, 2);
    let mut d_h = Array2::zeros(h.dim());
    let loss = forward(h, table, targets, PIECES, Some((weight, &mut d_h)));
    (loss * weight, d_h)
}

/// `d_E: [V, D]`, the gradient with respect to an output layer that trains. Pieces of logits are computed twice for it.
///
/// # Panics
/// As [`linear_cross_entropy`].
#[must_use]
pub fn linear_cross_entropy_weight_backward<S: Scalar>(
    h: ArrayView2<'_, S>,
    table: ArrayView2<'_, S>,
    targets: &[u32],
    weight: S,
) -> Array2<S> {
    let _span = span("output layer, weight gradient", h, table, 2);
    weight_backward(h, table, targets, weight, PIECES)
}

/// So many products with the table, without which no result or gradient is there.
#[inline(always)]
fn span<S>(name: &'static str, h: ArrayView2<'_, S>, table: ArrayView2<'_, S>, products: usize) -> Span {
    let shape = [h.nrows(), h.ncols(), table.nrows()];
    profile::span(name, &shape, || Work {
        operations: products as f64 * Work::product::<S>(shape).operations,
        ..Work::moving::<S>(2 * h.len() + products * table.len())
    })
}

/// What is known of a row so far.
#[derive(Clone, Copy)]
struct Known<S> {
    /// The largest logit.
    maximum: S,
    /// `Σ e^(x − maximum)`.
    sum: S,
    /// `e^(old maximum − maximum)`, by which what was summed before has to be multiplied.
    scale: S,
    target: usize,
    /// The logit of the target.
    of_target: S,
}

impl<S: Scalar> Known<S> {
    fn new(target: u32) -> Self {
        let (maximum, zero) = (S::from_f64(f64::NEG_INFINITY), S::zero());
        Self { maximum, sum: zero, scale: zero, target: target as usize, of_target: zero }
    }

    /// `ln Σ e^x`.
    fn normaliser(&self) -> S {
        self.maximum + self.sum.ln()
    }
}

/// The sum of the rows' losses; what their gradient is, each row weighing so much, if that is wanted.
fn forward<S: Scalar>(
    h: ArrayView2<'_, S>,
    table: ArrayView2<'_, S>,
    targets: &[u32],
    pieces: Pieces,
    mut wanted: Option<(S, &mut Array2<S>)>,
) -> S {
    assert_eq!(h.nrows(), targets.len(), "one target a row");
    let mut loss = 0.0;
    for (block, targets) in targets.chunks(pieces.rows).enumerate() {
        let rows = block * pieces.rows..block * pieces.rows + targets.len();
        let h = h.slice(s![rows.clone(), ..]);
        let mut expected = wanted.is_some().then(|| Array2::zeros(h.dim()));
        let known = pass(h, table, targets, pieces.words, expected.as_mut());
        loss += known.iter().map(|row| (row.normaliser() - row.of_target).to_f64()).sum::<f64>();
        if let (Some((weight, d_h)), Some(mut expected)) = (wanted.as_mut(), expected) {
            let weight = *weight;
            for_each_row(&mut expected, |i, values| {
                let (own, target) = (weight / known[i].sum, table.row(known[i].target));
                values.iter_mut().zip(target).for_each(|(v, e)| *v = *v * own - *e * weight);
            });
            d_h.slice_mut(s![rows, ..]).assign(&expected);
        }
    }
    S::from_f64(loss)
}

/// Goes through the vocabulary for a block of rows; `expected` becomes `Σ_v e^(x_v − m) E_v` of each.
fn pass<S: Scalar>(
    h: ArrayView2<'_, S>,
    table: ArrayView2<'_, S>,
    targets: &[u32],
    words: usize,
    mut expected: Option<&mut Array2<S>>,
) -> Vec<Known<S>> {
    let mut known: Vec<Known<S>> = targets.iter().copied().map(Known::new).collect();
    assert!(known.iter().all(|row| row.target < table.nrows()), "a target is in the vocabulary");
    for first in (0..table.nrows()).step_by(words) {
        let slice = table.slice_axis(Axis(0), Slice::from(first..table.nrows().min(first + words)));
        let mut x = matmul(h, slice.t());
        for_each_row_with(&mut x, &mut known, |_, row, known| take(row, known, first));
        if let Some(expected) = expected.as_deref_mut() {
            for_each_row(expected, |i, values| S::scale_by(values, known[i].scale));
            matmul_add(x.view(), slice, expected);
        }
    }
    known
}

/// Adds the logits of a slice of the vocabulary, from the word `first` on, to what is known of a row; they become `e^(x − m)`.
fn take<S: Scalar>(row: &mut [S], known: &mut Known<S>, first: usize) {
    if (first..first + row.len()).contains(&known.target) {
        known.of_target = row[known.target - first];
    }
    let maximum = known.maximum.max(S::largest(row));
    known.scale = (known.maximum - maximum).exp();
    known.maximum = maximum;
    S::exp_minus(row, maximum);
    known.sum = known.sum * known.scale + S::sum_of_row(row);
}

fn weight_backward<S: Scalar>(
    h: ArrayView2<'_, S>,
    table: ArrayView2<'_, S>,
    targets: &[u32],
    weight: S,
    pieces: Pieces,
) -> Array2<S> {
    assert_eq!(h.nrows(), targets.len(), "one target a row");
    let mut d_table = Array2::zeros(table.dim());
    for (block, targets) in targets.chunks(pieces.rows).enumerate() {
        let h = h.slice_axis(Axis(0), Slice::from(block * pieces.rows..block * pieces.rows + targets.len()));
        let known = pass(h, table, targets, pieces.words, None);
        for first in (0..table.nrows()).step_by(pieces.words) {
            let words = first..table.nrows().min(first + pieces.words);
            let slice = table.slice(s![words.clone(), ..]);
            let mut x = matmul(h, slice.t());
            for_each_row(&mut x, |i, row| {
                S::exp_minus(row, known[i].normaliser());
                if words.contains(&known[i].target) {
                    row[known[i].target - first] -= S::one();
                }
                S::scale_by(row, weight);
            });
            let d = matmul(x.t(), h);
            d_table.slice_mut(s![words, ..]).zip_mut_with(&d, |sum, d| *sum += *d);
        }
    }
    d_table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::random;
    use crate::{cross_entropy, cross_entropy_backward};

    /// Of whole pieces and others, with logits that overflow without care, and a maximum that comes late.
    #[test]
    fn pieces_give_what_logits_give() {
        for (n, v, d, size) in [(1, 1, 1, 3.0), (7, 13, 4, 1.0), (9, 12, 3, 400.0), (4, 5, 6, 0.1)] {
            let (h, mut table) = (random::<f64>(1, (n, d)), random::<f64>(2, (v, d)) * size);
            table.row_mut(v - 1).mapv_inplace(|e| 2.0 * e);
            let targets: Vec<u32> = (0..n).map(|i| ((5 * i + v - 1) % v) as u32).collect();
            let classes: Vec<Option<usize>> = targets.iter().map(|t| Some(*t as usize)).collect();
            let logits = h.dot(&table.t());
            let expected = cross_entropy(logits.view(), &classes, 0.3);
            let d_logits = cross_entropy_backward(logits, &classes, 0.3);
            for (rows, words) in [(1, 1), (2, 5), (3, 4), (100, 100)] {
                let pieces = Pieces { rows, words };
                let mut d_h = Array2::zeros(h.dim());
                let loss = forward(h.view(), table.view(), &targets, pieces, Some((0.3, &mut d_h))) * 0.3;
                assert!((loss - expected).abs() <= 1e-12 * (1.0 + expected.abs()), "{loss} {expected}");
                assert_eq!(loss, forward(h.view(), table.view(), &targets, pieces, None) * 0.3);
                let near =
                    |a: &Array2<f64>, b: &Array2<f64>| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-11 * size);
                assert!(near(&d_h, &d_logits.dot(&table)), "{rows} {words}");
                let d_table = weight_backward(h.view(), table.view(), &targets, 0.3, pieces);
                assert!(near(&d_table, &d_logits.t().dot(&h)), "{rows} {words}");
            }
        }
    }

    #[test]
    fn a_row_gives_the_same_bits_whatever_is_beside_it_and_on_any_number_of_threads() {
        let (h, table) = (random::<f32>(1, (41, 24)), random::<f32>(2, (9001, 24)));
        let targets: Vec<u32> = (0..41).map(|i| 219 * i).collect();
        let run =
            |rows: usize| linear_cross_entropy_backward(h.slice(s![..rows, ..]), table.view(), &targets[..rows], 0.1);
        let (_, whole) = run(41);
        assert_eq!(run(1).1, whole.slice(s![..1, ..]));
        assert_eq!(run(17).1, whole.slice(s![..17, ..]));
        for threads in [1, 3] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
            assert_eq!(pool.install(|| run(41)), run(41), "{threads}");
        }
    }

    #[test]
    fn what_is_not_a_number_does_not_get_lost() {
        let (mut h, table) = (random::<f32>(1, (3, 4)), random::<f32>(2, (7, 4)));
        h[(1, 2)] = f32::NAN;
        assert!(linear_cross_entropy(h.view(), table.view(), &[0, 1, 2], 1.0).is_nan());
        assert_eq!(linear_cross_entropy(h.slice(s![..0, ..]), table.view(), &[], 1.0), 0.0);
    }
}
