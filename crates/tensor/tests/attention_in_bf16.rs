//! Attention whose products are in bf16, against the same formulas in f64 with every operand rounded.

use adaptune_tensor::*;
use adaptune_test_support::random;
use ndarray::{Array2, ArrayView2, s};

const HEADS: usize = 2;
const HEAD_SIZE: usize = 65;
/// With a prefix of three there are 64 keys in the first, just enough, and 63 in the second.
const LENGTHS: [usize; 3] = [61, 60, 133];
/// Result and gradients lie as queries, queries, keys and values do.
const PLACES: [usize; 4] = [0, 0, 1, 2];
const ALL: AttentionNeeds = AttentionNeeds::ALL;

/// Queries, keys, values and the gradient of the result.
struct Inputs {
    shape: Attention<f32>,
    arrays: [Array2<f32>; 4],
}

impl Inputs {
    fn new() -> Self {
        Self::of(&LENGTHS)
    }

    /// Three more keys in front of each sequence, as a prefix has them.
    fn of(lengths: &[usize]) -> Self {
        let queries = Layout::from_lengths(lengths);
        let keys = queries.prepend(3);
        let (t, t_k) = (queries.tokens(), keys.tokens());
        let shape = Attention::new(HEADS, HEAD_SIZE, queries, keys);
        let array = |seed, tokens| random(seed, (tokens, HEADS * HEAD_SIZE));
        Self { shape, arrays: [array(1, t), array(2, t_k), array(3, t_k), array(4, t)] }
    }

    /// One of the sequences, alone.
    fn alone(&self, sequence: usize) -> Self {
        let rows = |which: usize| self.layout(which).range(sequence);
        let arrays = [0, 1, 2, 3].map(|which| self.arrays[which].slice(s![rows(which), ..]).to_owned());
        Self { arrays, ..Self::of(&[LENGTHS[sequence]]) }
    }

    /// The result, and the gradients of queries, keys and values.
    fn attend(&self, precision: Precision) -> [Array2<f32>; 4] {
        let [q, k, v, d_y] = self.arrays.clone();
        let (y, trace) = attention(q, k, v, self.shape.clone(), precision, None, true);
        let d = attention_backward(trace.expect("asked for"), d_y.view(), ALL);
        let [d_q, d_k, d_v] = [d.d_queries, d.d_keys, d.d_values].map(|d| d.expect("asked for"));
        [y, d_q, d_k, d_v]
    }

    /// The same of one sequence and head, by the formulas.
    fn expected(&self, sequence: usize, head: usize) -> [Array2<f64>; 4] {
        let [q, k, v, d_y] = [0, 1, 2, 3].map(|which| self.block(which, &self.arrays[which], sequence, head));
        let scale = 1.0 / (HEAD_SIZE as f64).sqrt();
        let p = softmax(rounded(q).dot(&rounded(k).t()) * scale);
        let d_p = rounded(d_y).dot(&rounded(v).t());
        let (half_p, d_scores) = (rounded(f32s(&p).view()), softmax_backward(p.view(), d_p));
        let d_scores = rounded(f32s(&d_scores).view());
        [
            half_p.dot(&rounded(v)),
            d_scores.dot(&rounded(k)) * scale,
            d_scores.t().dot(&rounded(q)) * scale,
            half_p.t().dot(&rounded(d_y)),
        ]
    }

    /// What belongs to a sequence and head; `which` tells the layout, as in `arrays`.
    fn block<'a>(&self, which: usize, array: &'a Array2<f32>, sequence: usize, head: usize) -> ArrayView2<'a, f32> {
        array.slice(s![self.layout(which).range(sequence), head * HEAD_SIZE..(head + 1) * HEAD_SIZE])
    }

    fn layout(&self, which: usize) -> &Layout {
        if [1, 2].contains(&which) { &self.shape.keys } else { &self.shape.queries }
    }
}

fn f32s(x: &Array2<f64>) -> Array2<f32> {
    x.mapv(|x| x as f32)
}

fn rounded(x: ArrayView2<'_, f32>) -> Array2<f64> {
    PackedMatrix::with_precision(x, Precision::Bf16).unpack().mapv(f64::from)
}

/// The root of the mean square of a difference.
fn distance(x: ArrayView2<'_, f32>, expected: &Array2<f64>) -> f64 {
    (x.mapv(f64::from) - expected).mapv(|d| d * d).mean().expect("not empty").sqrt()
}

/// Sums in f32 push a few numbers over to the next bf16, so it is not to the last digit; it is far nearer than what is not
/// rounded at all.
#[test]
fn long_sequences_of_wide_heads_are_computed_from_rounded_operands() {
    let inputs = Inputs::new();
    let (half, full) = (inputs.attend(Precision::Bf16), inputs.attend(Precision::Full));
    for (sequence, head) in [(0, 0), (0, 1), (2, 0), (2, 1)] {
        for (i, expected) in inputs.expected(sequence, head).iter().enumerate() {
            let which = PLACES[i];
            let far = distance(inputs.block(which, &full[i], sequence, head), expected);
            let near = distance(inputs.block(which, &half[i], sequence, head), expected);
            assert!(near < 0.05 * far, "{sequence} {head} {i}: {near:e} and {far:e}");
            let size = expected.mapv(|x| x * x).mean().expect("not empty").sqrt();
            assert!(far < 0.01 * size, "{sequence} {head} {i}: {far:e} of {size:e}");
        }
    }
}

/// A sequence gives the same bits whatever shares its batch, and of whatever length.
#[test]
fn sequences_do_not_mix() {
    let inputs = Inputs::new();
    let together = inputs.attend(Precision::Bf16);
    for sequence in 0..LENGTHS.len() {
        let alone = inputs.alone(sequence);
        for (i, alone) in alone.attend(Precision::Bf16).iter().enumerate() {
            let rows = inputs.layout(PLACES[i]).range(sequence);
            assert_eq!(alone, together[i].slice(s![rows, ..]), "{sequence} {i}");
        }
    }
}

#[test]
fn short_sequences_and_narrow_heads_are_not_rounded() {
    let inputs = Inputs::new();
    let (half, full) = (inputs.attend(Precision::Bf16), inputs.attend(Precision::Full));
    for (i, which) in PLACES.into_iter().enumerate() {
        assert_eq!(inputs.block(which, &half[i], 1, 0), inputs.block(which, &full[i], 1, 0));
    }
    let shape = Attention::new(10, 13, inputs.shape.queries.clone(), inputs.shape.keys.clone());
    let narrow = Inputs { shape, ..inputs };
    assert_eq!(narrow.attend(Precision::Bf16), narrow.attend(Precision::Full));
}
