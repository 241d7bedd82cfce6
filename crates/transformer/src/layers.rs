//! The frozen layers that blocks are made of.

use adaptune_tensor::{LayerNormTrace, Scalar, layer_norm, layer_norm_input_backward, linear, linear_input_backward};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2};

/// A frozen linear layer, `y = x Wᵀ + b`.
///
/// There is no way to change it and no gradient of `W` or `b`: a step costs two products, forward
/// and input gradient, never three.
#[derive(Debug)]
pub struct Linear<S> {
    weight: Array2<S>,
    bias: Array1<S>,
}

impl<S: Scalar> Linear<S> {
    pub(crate) fn new(weight: Array2<S>, bias: Array1<S>) -> Self {
        Self { weight, bias }
    }

    /// `W`, `[Out, In]`.
    #[must_use]
    pub fn weight(&self) -> ArrayView2<'_, S> {
        self.weight.view()
    }

    /// `b`, `[Out]`.
    #[must_use]
    pub fn bias(&self) -> ArrayView1<'_, S> {
        self.bias.view()
    }

    /// `y = x Wᵀ + b`, `[T, In] → [T, Out]`.
    #[must_use]
    pub fn forward(&self, x: ArrayView2<'_, S>) -> Array2<S> {
        linear(x, self.weight.view(), Some(self.bias.view()))
    }

    /// `d_x = d_y W`, `[T, Out] → [T, In]`.
    #[must_use]
    pub fn backward(&self, d_y: ArrayView2<'_, S>) -> Array2<S> {
        linear_input_backward(d_y, self.weight.view())
    }
}

/// A frozen layer norm.
#[derive(Debug)]
pub struct LayerNorm<S> {
    weight: Array1<S>,
    bias: Array1<S>,
    epsilon: f64,
}

impl<S: Scalar> LayerNorm<S> {
    pub(crate) fn new(weight: Array1<S>, bias: Array1<S>, epsilon: f64) -> Self {
        Self { weight, bias, epsilon }
    }

    /// The weight, `[D]`.
    #[must_use]
    pub fn weight(&self) -> ArrayView1<'_, S> {
        self.weight.view()
    }

    /// The bias, `[D]`.
    #[must_use]
    pub fn bias(&self) -> ArrayView1<'_, S> {
        self.bias.view()
    }

    /// What is added to the variance.
    #[must_use]
    pub fn epsilon(&self) -> f64 {
        self.epsilon
    }

    /// Normalises each row of `x: [T, D]`; the trace is kept if `keep` says so.
    #[must_use]
    pub fn forward(&self, x: Array2<S>, keep: bool) -> (Array2<S>, Option<LayerNormTrace<S>>) {
        layer_norm(x, self.weight.view(), self.bias.view(), self.epsilon, keep)
    }

    /// Gradient with respect to the input, `[T, D]`.
    #[must_use]
    pub fn backward(&self, trace: &LayerNormTrace<S>, d_y: Array2<S>) -> Array2<S> {
        layer_norm_input_backward(trace, self.weight.view(), d_y)
    }
}
