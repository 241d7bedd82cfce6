//! How both sublayers of a block end: output projection, dropout, and the join with the residual input.

use crate::accumulator::Accumulator;
use crate::base::LinearBackward;
use crate::insertion::{Gives, SublayerBackward, SublayerInput};
use crate::place::Place;
use crate::point::{Projection, Sublayer, SublayerPoint};
use adaptune_tensor::{Dropout, Gradients, Scalar};
use ndarray::{ArcArray2, Array2};

/// `join(dropout(W x + b), r)`, unless modules say otherwise.
pub(crate) struct SublayerEnd {
    pub(crate) sublayer: Sublayer,
    pub(crate) projection: Projection,
    /// Dropout rate of the projection's output.
    pub(crate) dropout: f64,
}

/// What backward needs.
pub(crate) struct SublayerEndTrace<'a, S> {
    linear: Option<LinearBackward<'a, S>>,
    dropout: Option<Dropout>,
    sublayer: SublayerBackward<'a, S>,
}

impl SublayerEnd {
    /// Returns the next state, `[T, D]`, from what the sublayer computed and its residual input.
    pub(crate) fn forward<'a, S: Scalar>(
        self,
        place: &Place<'a, S>,
        (x, wants_x): (ArcArray2<S>, bool),
        (residual, wants_residual): (ArcArray2<S>, bool),
    ) -> (Array2<S>, Option<SublayerEndTrace<'a, S>>) {
        let (mut output, linear) = place.linear(self.projection, &x, wants_x);
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
            output: output.into_shared(),
            residual,
            next: None,
            join: place.join(self.sublayer),
            layout: place.layout.clone(),
            pass: place.pass.at(first + 1),
            wants_output: linear.is_some(),
            wants_residual,
            gives: Gives::Next,
        };
        let (y, sublayer) = place.sublayer(input);
        (y, sublayer.map(|sublayer| SublayerEndTrace { linear, dropout, sublayer }))
    }
}

/// Places of random draws of the two sublayers, two each.
const ATTENTION: u64 = 18;
const FEED_FORWARD: u64 = 32;

impl<S: Scalar> SublayerEndTrace<'_, S> {
    /// Adds the gradient of the residual input to `d_residual`; returns that of `x` if wanted.
    pub(crate) fn backward(
        self,
        d_y: Array2<S>,
        gradients: &mut Gradients<S>,
        d_residual: &mut Accumulator<S>,
    ) -> Option<Array2<S>> {
        let d = (self.sublayer)(d_y, gradients);
        if let Some(d) = d.d_residual {
            d_residual.add(d);
        }
        let (mut d_output, linear) = d.d_output.zip(self.linear)?;
        if let Some(dropout) = self.dropout {
            dropout.apply(&mut d_output);
        }
        let mut d_x = Accumulator::new();
        linear(d_output.view(), gradients, &mut d_x);
        d_x.into_sum()
    }
}
