//! A norm as a pass sees it.

use crate::config::NormKind;
use crate::layers::Norm;
use crate::thawed_layers::ThawedNorm;
use adaptune_tensor::{
    Gradients, LayerNormTrace, Parameter, Scalar, layer_norm, layer_norm_input_backward, layer_norm_parameters_backward,
};
use ndarray::{Array2, ArrayView1, Ix1};

/// A norm of the base, whose weight and bias may be thawed.
#[derive(Debug)]
pub struct BaseNorm<'a, S> {
    pub(crate) frozen: &'a Norm<S>,
    pub(crate) thawed: Option<&'a ThawedNorm<S>>,
}

/// What the backward pass of a norm needs.
#[derive(Clone, Debug)]
pub struct NormTrace<S>(LayerNormTrace<S>);

impl<S> Clone for BaseNorm<'_, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for BaseNorm<'_, S> {}

impl<'a, S: Scalar> BaseNorm<'a, S> {
    /// The trainable copy of the weight, if it is thawed.
    #[must_use]
    pub fn thawed_weight(self) -> Option<&'a Parameter<S, Ix1>> {
        self.thawed?.weight.as_ref()
    }

    /// The trainable copy of the bias, if it is thawed.
    #[must_use]
    pub fn thawed_bias(self) -> Option<&'a Parameter<S, Ix1>> {
        self.thawed?.bias.as_ref()
    }

    /// What it computes.
    #[must_use]
    pub fn kind(self) -> NormKind {
        self.frozen.kind()
    }

    /// The weight, `[D]`.
    #[must_use]
    pub fn weight(self) -> ArrayView1<'a, S> {
        self.thawed_weight().map_or_else(|| self.frozen.weight(), Parameter::view)
    }

    /// The bias, `[D]`, where the norm has one.
    #[must_use]
    pub fn bias(self) -> Option<ArrayView1<'a, S>> {
        self.thawed_bias().map_or_else(|| self.frozen.bias(), |bias| Some(bias.view()))
    }

    /// What is added to the variance.
    #[must_use]
    pub fn epsilon(self) -> f64 {
        self.frozen.epsilon()
    }

    /// True if weight or bias trains.
    #[must_use]
    pub fn trains(self) -> bool {
        self.thawed_weight().is_some_and(Parameter::trains) || self.thawed_bias().is_some_and(Parameter::trains)
    }

    /// Normalises each row of `x: [T, D]`; the trace is kept if `keep` says so.
    ///
    /// # Panics
    /// If `x` is not as wide as the norm.
    #[must_use]
    pub fn forward(self, x: Array2<S>, keep: bool) -> (Array2<S>, Option<NormTrace<S>>) {
        let bias = self.bias().expect("a layer norm has a bias");
        let (y, trace) = layer_norm(x, self.weight(), bias, self.epsilon(), keep);
        (y, trace.map(NormTrace))
    }

    /// Adds the gradients of weight and bias, those that train; returns that of the input, `[T, D]`.
    #[must_use]
    pub fn backward(self, trace: &NormTrace<S>, d_y: Array2<S>, gradients: &mut Gradients<S>) -> Array2<S> {
        if self.trains() {
            let (d_weight, d_bias) = layer_norm_parameters_backward(&trace.0, d_y.view());
            if let Some(weight) = self.thawed_weight() {
                gradients.add(weight, d_weight);
            }
            if let Some(bias) = self.thawed_bias() {
                gradients.add(bias, d_bias);
            }
        }
        layer_norm_input_backward(&trace.0, self.weight(), d_y)
    }

    pub(crate) fn merged(self) -> Norm<S> {
        let bias = self.bias().map(|bias| bias.to_owned());
        Norm::new(self.kind(), self.weight().to_owned(), bias, self.epsilon())
    }
}
