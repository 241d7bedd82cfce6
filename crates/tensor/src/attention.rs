//! Scaled dot-product attention (Vaswani et al., 2017) over ragged sequences, several heads.

use crate::kernel::{rows, zeros};
use crate::matmul::{matmul_alone, product_alone};
use crate::softmax::softmax_rows;
use crate::{Dropout, Layout, Scalar};
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
/// probabilities. The trace is kept only if `keep` says that backward will run.
///
/// # Panics
/// If the shapes do not fit.
#[must_use]
pub fn attention<S: Scalar>(
    queries: Array2<S>,
    keys: Array2<S>,
    values: Array2<S>,
    shape: AttentionShape,
    dropout: Option<Dropout>,
    keep: bool,
) -> (Array2<S>, Option<AttentionTrace<S>>) {
    shape.check(&queries, &keys, &values);
    let mut result = zeros(queries.dim());
    let mut normalisers = Array2::zeros((queries.nrows(), shape.heads));
    let results = shape.blocks_mut(&shape.queries, &mut result);
    let stored = shape.blocks_mut(&shape.queries, &mut normalisers);
    results.into_par_iter().zip(stored).enumerate().for_each(|(i, (mut out, mut store))| {
        let block = Block::new(&shape, i, dropout);
        let mut p = block.scores(block.queries(&queries), block.keys(&keys));
        softmax_rows(&mut p, |row, normaliser| store[[row, 0]] = normaliser);
        block.drop(&mut p);
        matmul_alone(S::one(), p.view(), block.keys(&values), S::zero(), &mut out);
    });
    let trace = keep.then(|| AttentionTrace { shape, dropout, queries, keys, values, normalisers });
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
/// # Panics
/// If `d_result` has not the shape of the result.
#[must_use]
pub fn attention_backward<S: Scalar>(
    trace: &AttentionTrace<S>,
    d_result: ArrayView2<'_, S>,
    needs: AttentionNeeds,
) -> AttentionGradients<S> {
    let AttentionTrace { shape, queries, keys, values, .. } = trace;
    assert_eq!(d_result.dim(), queries.dim(), "a gradient has the shape of its value");
    let like = |array: &Array2<S>, needed: bool| needed.then(|| zeros(array.dim()));
    let mut d_queries = like(queries, needs.queries);
    let mut d_keys = like(keys, needs.keys);
    let mut d_values = like(values, needs.values);
    let parts = parts(shape, &mut d_queries, &mut d_keys, &mut d_values);
    parts.into_par_iter().enumerate().for_each(|(i, part)| {
        trace.block_backward(&Block::new(shape, i, trace.dropout), d_result, part);
    });
    AttentionGradients { d_queries, d_keys, d_values }
}

/// Attention written plainly: one query, one key at a time. The oracle of [`attention`].
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
        let block = Block::new(shape, i, None);
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

impl<S: Scalar> AttentionTrace<S> {
    /// Gradients of one sequence and head; see [`attention_backward`].
    fn block_backward(&self, block: &Block, d_result: ArrayView2<'_, S>, part: Part<'_, S>) {
        let (q, k, v) = (block.queries(&self.queries), block.keys(&self.keys), block.keys(&self.values));
        let d_out = block.queries(&d_result);
        let normalisers = self.normalisers.slice(s![block.query_rows.clone(), block.head]);
        let mut p = block.scores(q, k);
        for (mut row, normaliser) in p.rows_mut().into_iter().zip(normalisers) {
            rows::exp_minus(row.as_slice_mut().expect("products have standard layout"), *normaliser);
        }
        if let Some(mut d_v) = part.d_values {
            let mut dropped = p.clone();
            block.drop(&mut dropped);
            matmul_alone(S::one(), dropped.t(), d_out, S::zero(), &mut d_v);
        }
        if part.d_queries.is_none() && part.d_keys.is_none() {
            return;
        }
        let mut d_p = product_alone(S::one(), d_out, v.t());
        block.drop(&mut d_p);
        let d_scores = crate::softmax_backward(p.view(), d_p);
        if let Some(mut d_q) = part.d_queries {
            matmul_alone(block.scale(), d_scores.view(), k, S::zero(), &mut d_q);
        }
        if let Some(mut d_k) = part.d_keys {
            matmul_alone(block.scale(), d_scores.t(), q, S::zero(), &mut d_k);
        }
    }
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

/// The places of one block's gradients.
struct Part<'a, S> {
    d_queries: Option<ArrayViewMut2<'a, S>>,
    d_keys: Option<ArrayViewMut2<'a, S>>,
    d_values: Option<ArrayViewMut2<'a, S>>,
}

fn parts<'a, S>(
    shape: &AttentionShape,
    d_queries: &'a mut Option<Array2<S>>,
    d_keys: &'a mut Option<Array2<S>>,
    d_values: &'a mut Option<Array2<S>>,
) -> Vec<Part<'a, S>> {
    let blocks = |layout: &Layout, array: &'a mut Option<Array2<S>>| -> Vec<Option<ArrayViewMut2<'a, S>>> {
        match array {
            Some(array) => shape.blocks_mut(layout, array).into_iter().map(Some).collect(),
            None => (0..layout.sequences() * shape.heads).map(|_| None).collect(),
        }
    };
    let queries = blocks(&shape.queries, d_queries);
    let keys = blocks(&shape.keys, d_keys).into_iter().zip(blocks(&shape.keys, d_values));
    queries.into_iter().zip(keys).map(|(d_queries, (d_keys, d_values))| Part { d_queries, d_keys, d_values }).collect()
}

/// One sequence and head: which rows and columns are its own.
struct Block {
    query_rows: Range<usize>,
    key_rows: Range<usize>,
    head: usize,
    columns: Range<usize>,
    longest: usize,
    dropout: Option<Dropout>,
}

impl Block {
    fn new(shape: &AttentionShape, number: usize, dropout: Option<Dropout>) -> Self {
        let (sequence, head) = (number / shape.heads, number % shape.heads);
        Self {
            query_rows: shape.queries.range(sequence),
            key_rows: shape.keys.range(sequence),
            head,
            columns: head * shape.head_size..(head + 1) * shape.head_size,
            longest: shape.keys.longest(),
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
        product_alone(self.scale(), q, k.t())
    }

    /// Applies the dropout mask. Draws are addressed by head, token and key, not by block.
    fn drop<S: Scalar>(&self, p: &mut Array2<S>) {
        let Some(dropout) = self.dropout else { return };
        let dropout = dropout.at(self.head as u64);
        for (t, mut row) in self.query_rows.clone().zip(p.rows_mut()) {
            rows::drop(row.as_slice_mut().expect("standard layout"), dropout, (t * self.longest) as u64);
        }
    }
}
