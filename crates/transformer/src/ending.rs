//! How both halves of a block end: output projection, dropout, residual and norm.

use crate::insertion::*;
use crate::points::Place;
use crate::{Accumulator, LayerNorm, Linear};
use adaptune_tensor::{Dropout, Gradients, Scalar};
use ndarray::{ArcArray2, Array2};

/// `norm(dropout(W x + b) + r)`, unless modules say otherwise.
pub(crate) struct Ending<'a, S> {
    pub(crate) sublayer: Sublayer,
    pub(crate) projection: Projection,
    pub(crate) linear: &'a Linear<S>,
    pub(crate) norm: &'a LayerNorm<S>,
    /// Dropout rate of the projection's output.
    pub(crate) dropout: f64,
}

/// What backward needs.
pub(crate) struct EndingTrace<'a, S> {
    linear: Option<LinearBackward<'a, S>>,
    dropout: Option<Dropout>,
    sublayer: SublayerBackward<'a, S>,
}

impl<'a, S: Scalar> Ending<'a, S> {
    /// The next state, `[T, D]`, from what the half block computed and its residual input.
    pub(crate) fn forward(
        self,
        place: &Place<'a, S>,
        (x, wants_x): (ArcArray2<S>, bool),
        (residual, wants_residual): (ArcArray2<S>, bool),
    ) -> (Array2<S>, Option<EndingTrace<'a, S>>) {
        let (mut output, linear) = place.linear(self.projection, self.linear, &x, wants_x);
        // Freed before the sublayer takes memory of its own, unless a module kept it.
        drop(x);
        let first = match self.sublayer {
            Sublayer::Attention => ATTENTION,
            Sublayer::FeedForward => FEED_FORWARD,
        };
        let dropout = place.pass.at(first).dropout(self.dropout);
        if let Some(dropout) = dropout {
            dropout.apply(&mut output);
        }
        let input = SublayerInput {
            point: SublayerPoint { layer: place.layer, sublayer: self.sublayer },
            output,
            residual,
            norm: Some(place.norm(self.sublayer, self.norm)),
            layout: place.layout.clone(),
            pass: place.pass.at(first + 1),
            wants_output: linear.is_some(),
            wants_residual,
            followed: false,
        };
        let (y, sublayer) = place.sublayer(input);
        (y, sublayer.map(|sublayer| EndingTrace { linear, dropout, sublayer }))
    }
}

/// Places of random draws of the two halves, two each.
const ATTENTION: u64 = 18;
const FEED_FORWARD: u64 = 32;

impl<S: Scalar> EndingTrace<'_, S> {
    /// Adds the gradient of the residual input to `d_residual`; gives that of `x` if wanted.
    pub(crate) fn backward(
        self,
        d_y: Array2<S>,
        gradients: &mut Gradients<S>,
        d_residual: &mut Accumulator<S>,
    ) -> Option<Array2<S>> {
        let d = (self.sublayer)(d_y, gradients);
        d.d_residual.into_iter().for_each(|d| d_residual.add(d));
        let (mut d_output, linear) = d.d_output.zip(self.linear)?;
        if let Some(dropout) = self.dropout {
            dropout.apply(&mut d_output);
        }
        let mut d_x = Accumulator::new();
        linear(d_output.view(), gradients, &mut d_x);
        d_x.into_sum()
    }
}
