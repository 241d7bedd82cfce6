//! Parts at the end of a sublayer.

use super::rows::Sum;
use super::share::Share;
use crate::compose::changes::MixedGradient;
use adaptune_tensor::{Gradients, Scalar};
use adaptune_transformer::{Gives, Insertions, SublayerBackward, SublayerInput};
use ndarray::{Array2, Axis, Zip};
use rayon::prelude::*;

/// What one part changes for its share of the tokens, `c: [t, D]`, and its backward pass if it has one.
struct Part<'a, S> {
    c: Array2<S>,
    backward: Option<SublayerBackward<'a, S>>,
}

/// What the backward pass of the parts needs.
pub(in crate::compose) struct SublayerParts<'a, S> {
    parts: Vec<Option<Part<'a, S>>>,
    shares: Vec<Share<S>>,
    tokens: usize,
}

/// Returns `c = Σ_i g_i c_i`, `[T, D]`, with `g_i` the weights of part `i`'s share and `c_i` what it changes of the sublayer's output. A
/// part without tokens, or without a module there, is not computed; the others are side by side.
pub(in crate::compose) fn sublayer_parts<'a, S: Scalar, P: Insertions<S> + Send>(
    parts: &'a [P],
    shares: Vec<Share<S>>,
    input: &SublayerInput<'a, S>,
) -> (Array2<S>, SublayerParts<'a, S>) {
    let each: Vec<_> = parts.iter().zip(&shares).enumerate().collect();
    let parts: Vec<_> = each.into_par_iter().map(|(i, (p, share))| part(i as u64, p, share, input)).collect();
    let c = mixed(&parts, &shares, input.output.dim());
    (c, SublayerParts { parts, shares, tokens: input.layout.tokens() })
}

/// Part number `i` for its share of the tokens, if it has a module there and any tokens.
fn part<'a, S: Scalar, P: Insertions<S>>(
    i: u64,
    of: &'a P,
    Share { rows, .. }: &Share<S>,
    input: &SublayerInput<'a, S>,
) -> Option<Part<'a, S>> {
    let module = of.sublayer(input.point).filter(|_| !rows.is_empty())?;
    let (c, backward) = module.forward(SublayerInput {
        output: rows.take(&input.output),
        residual: rows.take(&input.residual),
        next: input.next.clone().filter(|_| rows.are_all()),
        layout: rows.layout(&input.layout),
        pass: input.pass.at(i),
        gives: Gives::Change,
        ..*input
    });
    Some(Part { c, backward })
}

/// `Σ_i g_i c_i`, `[T, D]`.
fn mixed<S: Scalar>(parts: &[Option<Part<'_, S>>], shares: &[Share<S>], dim: (usize, usize)) -> Array2<S> {
    let mut sum = Array2::zeros(dim);
    for (part, share) in parts.iter().zip(shares) {
        if let Some(part) = part {
            share.rows.add_scaled(&part.c, &share.weights, &mut sum);
        }
    }
    sum
}

impl<S: Scalar> SublayerParts<'_, S> {
    /// True if a part has something that trains, or something below it does.
    pub(in crate::compose) fn want_backward(&self) -> bool {
        self.parts.iter().flatten().any(|part| part.backward.is_some())
    }

    pub(in crate::compose) fn shares(&self) -> &[Share<S>] {
        &self.shares
    }

    /// From `d_c` to the gradients of what the parts read, and those of the weights, for each part those of its tokens, if they are
    /// wanted.
    pub(in crate::compose) fn backward(
        &mut self,
        d_c: Array2<S>,
        wants_weights: bool,
        gradients: &mut Gradients<S>,
    ) -> (MixedGradient<S>, Vec<Vec<S>>) {
        let (mut d_output, mut d_residual) = (Sum::new(self.tokens), Sum::new(self.tokens));
        let (d_c, mut d_weights) = (d_c.into_shared(), Vec::new());
        for (part, Share { rows, weights }) in std::mem::take(&mut self.parts).into_iter().zip(&self.shares) {
            let mut d_weight = Vec::new();
            if let Some(Part { c, backward }) = part {
                let mut d = rows.take(&d_c).into_owned();
                if wants_weights {
                    d_weight = Zip::from(d.rows()).and(c.rows()).map_collect(|d, c| d.dot(&c)).to_vec();
                }
                if let Some(backward) = backward {
                    d.axis_iter_mut(Axis(0)).zip(weights).for_each(|(mut d, weight)| d *= *weight);
                    let d = backward(d, gradients);
                    d_output.add(rows, d.d_output);
                    d_residual.add(rows, d.d_residual);
                }
            }
            d_weights.push(d_weight);
        }
        let mut mixed = MixedGradient::of_parts(Vec::new());
        mixed.output.add_some(d_output.into_sum());
        mixed.residual.add_some(d_residual.into_sum());
        (mixed, d_weights)
    }
}
