//! The second half of a block: feed-forward network, residual, norm.

use crate::insertion::*;
use crate::points::Place;
use crate::{LayerNorm, Linear};
use adaptune_tensor::{Activation, Dropout, Gradients, Scalar};
use ndarray::{ArcArray2, Array2};

/// `norm(dropout(W_out φ(W_in x)) + x)`.
#[derive(Debug)]
pub(crate) struct FeedForward<S> {
    pub(crate) input: Linear<S>,
    pub(crate) output: Linear<S>,
    pub(crate) norm: LayerNorm<S>,
}

/// What backward needs; the parts below the lowest point that trains are `None`.
pub(crate) struct FeedForwardTrace<'a, S> {
    input: Option<LinearBackward<'a, S>>,
    activation: Activation,
    /// The input of the activation, `[T, F]`.
    before: Option<Array2<S>>,
    output: Option<LinearBackward<'a, S>>,
    dropout: Option<Dropout>,
    sublayer: SublayerBackward<'a, S>,
}

impl<S: Scalar> FeedForward<S> {
    /// `[T, D] → [T, D]`; `wants` says that the gradient of `x` is wanted.
    pub(crate) fn forward<'a>(
        &'a self,
        place: &Place<'a, S>,
        x: ArcArray2<S>,
        wants: bool,
    ) -> (Array2<S>, Option<FeedForwardTrace<'a, S>>) {
        let activation = place.config.activation;
        let (f, input) = place.linear(Projection::FeedForwardIn, &self.input, &x, wants);
        let before = input.is_some().then(|| f.clone());
        let a = activation.forward(f).into_shared();
        let (mut o, output) = place.linear(Projection::FeedForwardOut, &self.output, &a, input.is_some());
        let dropout = place.pass.at(OUTPUT).dropout(place.config.hidden_dropout);
        if let Some(dropout) = dropout {
            dropout.apply(&mut o);
        }
        let (y, sublayer) = place.sublayer(
            Sublayer::FeedForward,
            SublayerInput {
                output: o,
                residual: x,
                norm: Some(&self.norm),
                layout: place.layout.clone(),
                pass: place.pass.at(SUBLAYER),
                wants_output: output.is_some(),
                wants_residual: wants,
            },
        );
        (y, sublayer.map(|sublayer| FeedForwardTrace { input, activation, before, output, dropout, sublayer }))
    }
}

/// Places of random draws within the half block; linear layers take the numbers below.
const OUTPUT: u64 = 32;
const SUBLAYER: u64 = 33;

impl<S: Scalar> FeedForwardTrace<'_, S> {
    /// From the gradient of the half block's result to that of `x`, if wanted.
    pub(crate) fn backward(self, d_y: Array2<S>, gradients: &mut Gradients<S>) -> Option<Array2<S>> {
        let mut d_x = Accumulator::new();
        let SublayerGradient { d_output, d_residual } = (self.sublayer)(d_y, gradients);
        if let Some(d_residual) = d_residual {
            d_x.add(d_residual);
        }
        let (Some(mut d_o), Some(output)) = (d_output, self.output) else { return d_x.into_sum() };
        if let Some(dropout) = self.dropout {
            dropout.apply(&mut d_o);
        }
        let mut d_a = Accumulator::new();
        output(d_o.view(), gradients, &mut d_a);
        if let (Some(d_a), Some(input), Some(before)) = (d_a.into_sum(), self.input, self.before) {
            let d_f = self.activation.backward(before.view(), d_a);
            input(d_f.view(), gradients, &mut d_x);
        }
        d_x.into_sum()
    }
}
