//! Parts in a linear layer.

use super::rows::Sum;
use super::share::Share;
use adaptune_tensor::{Gradients, Scalar, copied};
use adaptune_transformer::{Accumulator, Insertions, LinearBackward, LinearInput, SharedOutput};
use ndarray::{ArcArray2, Array2, ArrayView2, Axis, Zip};

/// Places of the parts' random draws, behind that of the layer.
const PARTS: u64 = 2;

/// What one part adds for its share of the tokens, `u: [t, Out]`, and its backward pass if it has one; what it begins with is shared,
/// so that its gradient comes back.
struct Part<'a, S> {
    u: Array2<S>,
    y_0: SharedOutput<S>,
    backward: Option<LinearBackward<'a, S>>,
}

/// What the backward pass of the parts needs.
pub(in crate::compose) struct LinearParts<'a, S> {
    parts: Vec<Option<Part<'a, S>>>,
    shares: Vec<Share<S>>,
    tokens: usize,
    base: Option<LinearBackward<'a, S>>,
}

/// Returns `y = y_0 + Σ_i g_i (y_i − y_0)`, `[T, Out]`, with `g_i` the weights of part `i`'s share, `y_0` what the layer gives, and `y_i` what
/// it gives with part `i`. A part without tokens, or without a module there, is not computed.
pub(in crate::compose) fn linear_parts<'a, S: Scalar, P: Insertions<S>>(
    parts: &'a [P],
    shares: Vec<Share<S>>,
    input: &LinearInput<'a, S>,
) -> (Array2<S>, LinearParts<'a, S>) {
    let (y_0, base) = input.layer(&input.x, input.wants_input);
    let y_0 = y_0.into_shared();
    let each = parts.iter().zip(&shares).enumerate();
    let parts: Vec<_> = each.map(|(i, (p, share))| part(i as u64, p, share, input, &y_0, base.is_some())).collect();
    let mut y = y_0.into_owned();
    for (part, share) in parts.iter().zip(&shares) {
        if let Some(part) = part {
            share.rows.add_scaled(&part.u, &share.weights, &mut y);
        }
    }
    (y, LinearParts { parts, shares, tokens: input.layout.tokens(), base })
}

/// Part number `i` for its share of the tokens, if it has a module there and any tokens.
fn part<'a, S: Scalar, P: Insertions<S>>(
    i: u64,
    of: &'a P,
    Share { rows, .. }: &Share<S>,
    input: &LinearInput<'a, S>,
    y_0: &ArcArray2<S>,
    wants_base: bool,
) -> Option<Part<'a, S>> {
    let module = of.linear(input.point).filter(|_| !rows.is_empty())?;
    let (x, start) = (rows.take(&input.x), rows.take(y_0));
    let y_0 = SharedOutput::new(input.below.len(), x.clone(), start.clone(), wants_base);
    let (below, layout) = (input.below.clone(), rows.layout(&input.layout));
    let (shared, pass) = (Some(y_0.clone()), input.pass.at(PARTS + i));
    let (mut u, backward) = module.forward(LinearInput { x, below, shared, layout, pass, ..*input });
    u -= &start;
    Some(Part { u, y_0, backward })
}

impl<S: Scalar> LinearParts<'_, S> {
    /// True if the layer or a part has something that trains, or something below it does.
    pub(in crate::compose) fn want_backward(&self) -> bool {
        self.base.is_some() || self.parts.iter().flatten().any(|part| part.backward.is_some())
    }

    pub(in crate::compose) fn shares(&self) -> &[Share<S>] {
        &self.shares
    }

    /// From `d_y`: adds what reaches the input, and returns the gradients of the weights, for each part those of its tokens, if they are
    /// wanted.
    pub(in crate::compose) fn backward(
        &mut self,
        d_y: ArrayView2<'_, S>,
        wants_weights: bool,
        gradients: &mut Gradients<S>,
        d_x: &mut Accumulator<S>,
    ) -> Vec<Vec<S>> {
        let d_y = copied(&d_y).into_shared();
        let (mut d_y_0, mut through, mut d_weights) = (d_y.to_owned(), Sum::new(self.tokens), Vec::new());
        for (part, Share { rows, weights }) in std::mem::take(&mut self.parts).into_iter().zip(&self.shares) {
            let mut d_weight = Vec::new();
            if let Some(Part { u, y_0, backward }) = part {
                let mut d = rows.take(&d_y).into_owned();
                if wants_weights {
                    d_weight = Zip::from(d.rows()).and(u.rows()).map_collect(|d, u| d.dot(&u)).to_vec();
                }
                if let Some(backward) = backward {
                    d.axis_iter_mut(Axis(0)).zip(weights).for_each(|(mut d, weight)| d *= *weight);
                    let mut own = Accumulator::new();
                    backward(d.view(), gradients, &mut own);
                    through.add(rows, own.into_sum());
                    if let Some(start) = y_0.into_gradient() {
                        rows.add(&(start - d), &mut d_y_0);
                    }
                }
            }
            d_weights.push(d_weight);
        }
        d_x.add_some(through.into_sum());
        if let Some(base) = self.base.take() {
            base(d_y_0.view(), gradients, d_x);
        }
        d_weights
    }
}
