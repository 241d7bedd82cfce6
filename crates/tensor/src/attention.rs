//! Scaled dot-product attention (Vaswani et al., 2017) over ragged sequences, several heads.

use crate::kernel::{rows, zeros};
use crate::matmul::{matmul_alone, product_alone};
use crate::softmax::{softmax_backward, softmax_rows};
use crate::{Dropout, Layout, Precision, Scalar};
use ndarray::{Array2, ArrayBase, ArrayView2, ArrayViewMut2, Axis, Data, Ix2, s};
use rayon::prelude::*;
use std::ops::Range;

/// How attention is laid out.
///
/// Head `h` of `H` owns the `K` columns from `h·K` on, of queries, keys, values and result; all are
/// `D = H·K` wide. Keys may be more or fewer than queries: a prefix puts keys in front that no
/// query belongs to.
#[derive(Clone, Debug)]
pub struct AttentionShape {
    /// `H`.
    pub heads: usize,
    /// `K`, the width of a head.
    pub head_size: usize,
    /// The sequences of the queries.
    pub queries: Layout,
    /// The sequences of keys and values; as many as of the queries.
    pub keys: Layout,
}

/// Keys of a sequence and width of a head from which on products are computed in a lower precision, if one is asked for; below,
/// rounding takes longer than it saves.
const WORTH_ROUNDING: usize = 64;

/// Which gradients backward is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttentionNeeds {
    /// With respect to the queries.
    pub queries: bool,
    /// With respect to the keys.
    pub keys: bool,
    /// With respect to the values.
    pub values: bool,
}

impl AttentionNeeds {
    /// True if anything is asked for.
    #[must_use]
    pub fn any(self) -> bool {
        self.queries || self.keys || self.values
    }
}

/// Gradients of [`attention`], those that were asked for.
#[derive(Debug)]
pub struct AttentionGradients<S> {
    /// `[T, D]`.
    pub d_queries: Option<Array2<S>>,
    /// `[T_k, D]`.
    pub d_keys: Option<Array2<S>>,
    /// `[T_k, D]`.
    pub d_values: Option<Array2<S>>,
}

/// What the backward pass needs. The probabilities are not in it: backward computes them again
/// from queries, keys and the row's normaliser, so memory stays linear in the sequence length.
#[derive(Debug)]
pub struct AttentionTrace<S> {
    shape: AttentionShape,
    precision: Precision,
    dropout: Option<Dropout>,
    queries: Array2<S>,
    keys: Array2<S>,
    values: Array2<S>,
    /// `ln Σ_j e^(s_ij)` for each token and head, `[T, H]`.
    normalisers: Array2<S>,
}

/// For each sequence and head: `P = softmax(Q Kᵀ / √K)`, result `P V`.
///
/// Shapes: queries `[T, D]`, keys and values `[T_k, D]` → `[T, D]`. Dropout hits the
/// probabilities. The trace is kept only if `keep` says that backward will run. Products of heads that are at least 64 wide, in
/// sequences of at least 64 keys, are computed in the `precision`, forward and backward; all others, and all in f64, in full.
///
/// # Panics
/// If the shapes do not fit.
#[must_use]
pub fn attention<S: Scalar>(
    queries: Array2<S>,
    keys: Array2<S>,
    values: Array2<S>,
    shape: AttentionShape,
    precision: Precision,
    dropout: Option<Dropout>,
    keep: bool,
) -> (Array2<S>, Option<AttentionTrace<S>>) {
    shape.check(&queries, &keys, &values);
    let mut result = zeros(queries.dim());
    let mut normalisers = Array2::zeros((queries.nrows(), shape.heads));
    let results = shape.blocks_mut(&shape.queries, &mut result);
    let stored = shape.blocks_mut(&shape.queries, &mut normalisers);
    results.into_par_iter().zip(stored).enumerate().for_each(|(i, (mut out, mut store))| {
        let block = Block::new(&shape, i, precision, dropout);
        let mut p = block.scores(block.queries(&queries), block.keys(&keys));
        softmax_rows(&mut p, |row, normaliser| store[[row, 0]] = normaliser);
        block.multiply(S::one(), block.dropped(p).view(), block.keys(&values), &mut out);
    });
    let trace = keep.then(|| AttentionTrace { shape, precision, dropout, queries, keys, values, normalisers });
    (result, trace)
}

/// Gradients of [`attention`]. With dropout mask `m` (already divided by the keep rate), for each
/// sequence and head:
///
/// * `d_V = (m ∘ P)ᵀ d_O`
/// * `d_P = m ∘ (d_O Vᵀ)`
/// * `d_S = P ∘ (d_P − rowsum(P ∘ d_P)) / √K`
/// * `d_Q = d_S K`, `d_K = d_Sᵀ Q`
///
/// The gradients take the places of queries, keys and values, which are lost.
///
/// # Panics
/// If `d_result` has not the shape of the result.
#[must_use]
pub fn attention_backward<S: Scalar>(
    trace: AttentionTrace<S>,
    d_result: ArrayView2<'_, S>,
    needs: AttentionNeeds,
) -> AttentionGradients<S> {
    let AttentionTrace { shape, precision, dropout, mut queries, mut keys, mut values, normalisers } = trace;
    assert_eq!(d_result.dim(), queries.dim(), "a gradient has the shape of its value");
    let places = places(&shape, &mut queries, &mut keys, &mut values);
    places.into_par_iter().enumerate().for_each(|(i, places)| {
        block_backward(&Block::new(&shape, i, precision, dropout), normalisers.view(), d_result, needs, places);
    });
    let [d_queries, d_keys, d_values] =
        [(queries, needs.queries), (keys, needs.keys), (values, needs.values)].map(|(d, needed)| needed.then_some(d));
    AttentionGradients { d_queries, d_keys, d_values }
}

/// Attention written plainly: one query, one key at a time, nothing rounded. The oracle of [`attention`].
///
/// # Panics
/// If the shapes do not fit.
#[must_use]
pub fn attention_reference<S: Scalar>(
    queries: ArrayView2<'_, S>,
    keys: ArrayView2<'_, S>,
    values: ArrayView2<'_, S>,
    shape: &AttentionShape,
) -> Array2<S> {
    let mut result = Array2::zeros(queries.dim());
    for i in 0..shape.queries.sequences() * shape.heads {
        let block = Block::new(shape, i, Precision::Full, None);
        for t in block.query_rows.clone() {
            let score =
                |k: usize| block.columns.clone().map(|c| queries[[t, c]] * keys[[k, c]]).sum::<S>() * block.scale();
            let total = block.key_rows.clone().map(|k| score(k).exp()).sum::<S>();
            for c in block.columns.clone() {
                result[[t, c]] = block.key_rows.clone().map(|k| score(k).exp() / total * values[[k, c]]).sum::<S>();
            }
        }
    }
    result
}

/// Gradients of one sequence and head; see [`attention_backward`]. Nothing is read after it is overwritten.
fn block_backward<S: Scalar>(
    block: &Block,
    normalisers: ArrayView2<'_, S>,
    d_result: ArrayView2<'_, S>,
    needs: AttentionNeeds,
    places: Places<'_, S>,
) {
    let (Places { mut queries, mut keys, mut values }, d_out) = (places, block.queries(&d_result));
    let p = block.probabilities(queries.view(), keys.view(), normalisers);
    let d_scores = (needs.queries || needs.keys).then(|| block.d_scores(p.view(), d_out, values.view()));
    if needs.values {
        block.multiply(S::one(), block.dropped(p).t(), d_out, &mut values);
    }
    let Some(d_scores) = d_scores else { return };
    let d_keys = needs.keys.then(|| block.product(block.scale(), d_scores.t(), queries.view()));
    if needs.queries {
        block.multiply(block.scale(), d_scores.view(), keys.view(), &mut queries);
    }
    d_keys.into_iter().for_each(|d_keys| keys.assign(&d_keys));
}

impl AttentionShape {
    fn check<S>(&self, queries: &Array2<S>, keys: &Array2<S>, values: &Array2<S>) {
        let hidden = self.heads * self.head_size;
        assert_eq!((queries.ncols(), keys.ncols(), values.ncols()), (hidden, hidden, hidden), "heads cover the width");
        assert_eq!(self.queries.sequences(), self.keys.sequences(), "each sequence has queries and keys");
        assert_eq!(self.queries.tokens(), queries.nrows(), "the layout covers all queries");
        assert_eq!((self.keys.tokens(), self.keys.tokens()), (keys.nrows(), values.nrows()), "and all keys and values");
    }

    /// Cuts an array of `H` equal column groups into blocks, sequence by sequence, within each
    /// head by head.
    fn blocks_mut<'a, S>(&self, layout: &Layout, array: &'a mut Array2<S>) -> Vec<ArrayViewMut2<'a, S>> {
        let width = array.ncols() / self.heads;
        let mut blocks = Vec::with_capacity(layout.sequences() * self.heads);
        let mut rest = array.view_mut();
        for range in layout.ranges() {
            let (mut rows, below) = rest.split_at(Axis(0), range.len());
            rest = below;
            for _ in 1..self.heads {
                let (head, right) = rows.split_at(Axis(1), width);
                blocks.push(head);
                rows = right;
            }
            blocks.push(rows);
        }
        blocks
    }
}

/// What one block reads, and writes its gradients over.
struct Places<'a, S> {
    queries: ArrayViewMut2<'a, S>,
    keys: ArrayViewMut2<'a, S>,
    values: ArrayViewMut2<'a, S>,
}

fn places<'a, S>(
    shape: &AttentionShape,
    queries: &'a mut Array2<S>,
    keys: &'a mut Array2<S>,
    values: &'a mut Array2<S>,
) -> Vec<Places<'a, S>> {
    let queries = shape.blocks_mut(&shape.queries, queries).into_iter();
    let keys = shape.blocks_mut(&shape.keys, keys).into_iter().zip(shape.blocks_mut(&shape.keys, values));
    queries.zip(keys).map(|(queries, (keys, values))| Places { queries, keys, values }).collect()
}

/// One sequence and head: which rows and columns are its own.
struct Block {
    query_rows: Range<usize>,
    key_rows: Range<usize>,
    head: usize,
    columns: Range<usize>,
    longest: usize,
    precision: Precision,
    dropout: Option<Dropout>,
}

impl Block {
    fn new(shape: &AttentionShape, number: usize, precision: Precision, dropout: Option<Dropout>) -> Self {
        let (sequence, head) = (number / shape.heads, number % shape.heads);
        let key_rows = shape.keys.range(sequence);
        let worth_rounding = key_rows.len().min(shape.head_size) >= WORTH_ROUNDING;
        Self {
            query_rows: shape.queries.range(sequence),
            key_rows,
            head,
            columns: head * shape.head_size..(head + 1) * shape.head_size,
            longest: shape.keys.longest(),
            precision: if worth_rounding { precision } else { Precision::Full },
            dropout,
        }
    }

    fn queries<'a, S, D: Data<Elem = S>>(&self, array: &'a ArrayBase<D, Ix2>) -> ArrayView2<'a, S> {
        array.slice(s![self.query_rows.clone(), self.columns.clone()])
    }

    fn keys<'a, S, D: Data<Elem = S>>(&self, array: &'a ArrayBase<D, Ix2>) -> ArrayView2<'a, S> {
        array.slice(s![self.key_rows.clone(), self.columns.clone()])
    }

    /// `1/√K`.
    fn scale<S: Scalar>(&self) -> S {
        S::from_f64(1.0 / (self.columns.len() as f64).sqrt())
    }

    /// Scores `Q Kᵀ / √K` of this block.
    fn scores<S: Scalar>(&self, q: ArrayView2<'_, S>, k: ArrayView2<'_, S>) -> Array2<S> {
        self.product(self.scale(), q, k.t())
    }

    /// The probabilities of the forward pass, before dropout, from the rows' normalisers.
    fn probabilities<S: Scalar>(
        &self,
        q: ArrayView2<'_, S>,
        k: ArrayView2<'_, S>,
        normalisers: ArrayView2<'_, S>,
    ) -> Array2<S> {
        let mut p = self.scores(q, k);
        let normalisers = normalisers.slice_move(s![self.query_rows.clone(), self.head]);
        for (mut row, normaliser) in p.rows_mut().into_iter().zip(normalisers) {
            rows::exp_minus(row.as_slice_mut().expect("products have standard layout"), *normaliser);
        }
        p
    }

    /// The gradient of the scores but for `1/√K`, from that of the result.
    fn d_scores<S: Scalar>(
        &self,
        p: ArrayView2<'_, S>,
        d_out: ArrayView2<'_, S>,
        values: ArrayView2<'_, S>,
    ) -> Array2<S> {
        softmax_backward(p, self.dropped(self.product(S::one(), d_out, values.t())))
    }

    /// A new `α A B`.
    fn product<S: Scalar>(&self, alpha: S, a: ArrayView2<'_, S>, b: ArrayView2<'_, S>) -> Array2<S> {
        product_alone(self.precision, alpha, a, b)
    }

    /// `C = α A B`.
    fn multiply<S: Scalar>(&self, alpha: S, a: ArrayView2<'_, S>, b: ArrayView2<'_, S>, c: &mut ArrayViewMut2<'_, S>) {
        matmul_alone(self.precision, alpha, a, b, c);
    }

    /// With the dropout mask applied. Draws are addressed by head, token and key, not by block.
    fn dropped<S: Scalar>(&self, mut p: Array2<S>) -> Array2<S> {
        let Some(dropout) = self.dropout else { return p };
        let dropout = dropout.at(self.head as u64);
        for (t, mut row) in self.query_rows.clone().zip(p.rows_mut()) {
            rows::drop(row.as_slice_mut().expect("standard layout"), dropout, (t * self.longest) as u64);
        }
        p
    }
}
