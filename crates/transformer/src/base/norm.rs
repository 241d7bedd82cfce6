//! A norm as a pass sees it.

use crate::config::NormKind;
use crate::layers::Norm;
use crate::thawed_layers::ThawedNorm;
use adaptune_tensor::{
    Gradients, LayerNormTrace, Parameter, RmsNormTrace, RmsWeight, Scalar, layer_norm, layer_norm_input_backward,
    layer_norm_parameters_backward, rms_norm, rms_norm_input_backward, rms_norm_weight_backward,
};
use ndarray::{Array2, ArrayView1, ArrayView2, Ix1};

/// A norm of the base, whose weight and bias may be thawed.
#[derive(Debug)]
pub struct BaseNorm<'a, S> {
    pub(crate) frozen: &'a Norm<S>,
    pub(crate) thawed: Option<&'a ThawedNorm<S>>,
}

/// What the backward pass of a norm needs.
#[derive(Clone, Debug)]
pub struct NormTrace<S>(Kept<S>);

#[derive(Clone, Debug)]
enum Kept<S> {
    Layer(LayerNormTrace<S>),
    Rms(RmsNormTrace<S>, RmsWeight),
}

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
        let epsilon = self.epsilon();
        match self.kind() {
            NormKind::Layer { .. } => {
                let (y, trace) = layer_norm(x, self.weight(), self.bias(), epsilon, keep);
                (y, trace.map(|trace| NormTrace(Kept::Layer(trace))))
            }
            NormKind::Rms(weight) => {
                let (y, trace) = rms_norm(x, self.weight(), weight, epsilon, keep);
                (y, trace.map(|trace| NormTrace(Kept::Rms(trace, weight))))
            }
        }
    }

    /// Adds the gradients of weight and bias, those that train; returns that of the input, `[T, D]`.
    #[must_use]
    pub fn backward(self, trace: &NormTrace<S>, d_y: Array2<S>, gradients: &mut Gradients<S>) -> Array2<S> {
        if self.trains() {
            self.parameters_backward(trace, d_y.view(), gradients);
        }
        match &trace.0 {
            Kept::Layer(trace) => layer_norm_input_backward(trace, self.weight(), d_y),
            Kept::Rms(trace, weight) => rms_norm_input_backward(trace, self.weight(), *weight, d_y),
        }
    }

    fn parameters_backward(self, trace: &NormTrace<S>, d_y: ArrayView2<'_, S>, gradients: &mut Gradients<S>) {
        let (d_weight, d_bias) = match &trace.0 {
            Kept::Layer(trace) => {
                let (d_weight, d_bias) = layer_norm_parameters_backward(trace, d_y);
                (d_weight, Some(d_bias))
            }
            Kept::Rms(trace, _) => (rms_norm_weight_backward(trace, d_y), None),
        };
        if let Some(weight) = self.thawed_weight() {
            gradients.add(weight, d_weight);
        }
        if let Some((bias, d_bias)) = self.thawed_bias().zip(d_bias) {
            gradients.add(bias, d_bias);
        }
    }

    pub(crate) fn merged(self) -> Norm<S> {
        let bias = self.bias().map(|bias| bias.to_owned());
        Norm::new(self.kind(), self.weight().to_owned(), bias, self.epsilon())
    }
}
