//! Which adapters are chosen, and how much each of them weighs.

use crate::compose::shares::Share;
use adaptune_tensor::{Layout, Scalar};
use ndarray::{Array2, ArrayView1, ArrayView2};

/// What of a layout is routed: tokens, or sequences with all their tokens.
#[derive(Clone, Copy, Debug)]
pub(super) enum Unit {
    Token,
    Sequence,
}

impl Unit {
    /// The unit that each token belongs to.
    pub(super) fn of_tokens(self, layout: &Layout) -> Vec<usize> {
        match self {
            Self::Token => (0..layout.tokens()).collect(),
            Self::Sequence => layout.ranges().enumerate().flat_map(|(s, range)| vec![s; range.len()]).collect(),
        }
    }
}

/// The shares of all adapters, from weights `[U, N]` of units that are zero where an adapter is not chosen.
pub(super) fn shares<S: Scalar>(g: &Array2<S>, unit_of: &[usize], layout: &Layout) -> Vec<Share<S>> {
    let share = |weights: ArrayView1<'_, S>| {
        let chosen = |token: &usize| weights[unit_of[*token]] != S::zero();
        let tokens: Vec<u32> = (0..unit_of.len()).filter(chosen).map(|token| token as u32).collect();
        let weights = tokens.iter().map(|token| weights[unit_of[*token as usize]]).collect();
        Share::new(tokens, weights, layout)
    };
    g.columns().into_iter().map(share).collect()
}

/// The largest `top` of each row, `[U, N]`: those weigh as the probabilities say, divided by their sum if there are several, and
/// others nothing. Of equal ones the first is taken.
pub(super) fn choose<S: Scalar>(p: ArrayView2<'_, S>, top: usize, hard: bool) -> Array2<S> {
    let mut g = Array2::zeros(p.dim());
    for (mut g, p) in g.outer_iter_mut().zip(p.outer_iter()) {
        let mut order: Vec<usize> = (0..p.len()).collect();
        order.sort_by(|a, b| p[*b].partial_cmp(&p[*a]).unwrap_or(std::cmp::Ordering::Equal));
        order.truncate(top);
        let sum = order.iter().fold(S::zero(), |sum, i| sum + p[*i]);
        for i in order {
            g[i] = match (hard, top) {
                (true, _) => S::one(),
                (false, 1) => p[i],
                (false, _) => p[i] / sum,
            };
        }
    }
    g
}

/// From `d_g` to `d_p` through [`choose`], `[U, N]`; what is [hard](super::RouterConfig::hard) is passed straight through.
pub(super) fn choose_backward<S: Scalar>(
    p: ArrayView2<'_, S>,
    g: ArrayView2<'_, S>,
    mut d_g: Array2<S>,
    top: usize,
) -> Array2<S> {
    if top == 1 {
        return d_g;
    }
    for ((mut d, g), p) in d_g.outer_iter_mut().zip(g.outer_iter()).zip(p.outer_iter()) {
        let (mut sum, mut mean) = (S::zero(), S::zero());
        for ((d, g), p) in d.iter().zip(g).zip(p).filter(|((_, g), _)| **g != S::zero()) {
            sum += *p;
            mean += *g * *d;
        }
        d.iter_mut().zip(g).for_each(|(d, g)| *d = if *g == S::zero() { S::zero() } else { (*d - mean) / sum });
    }
    d_g
}
