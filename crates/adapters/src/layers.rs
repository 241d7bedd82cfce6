//! The trainable layers that adapters and heads are made of.

use adaptune_tensor::{
    Gradients, Kind, LayerNormTrace, Parameter, Scalar, layer_norm, layer_norm_input_backward,
    layer_norm_parameters_backward, linear, linear_bias_backward, linear_input_backward, linear_weight_backward,
    parameters,
};
use ndarray::{Array1, Array2, ArrayView2, Ix1, Ix2};

/// A trainable linear layer, `y = x Wᵀ + b`.
#[derive(Clone, Debug)]
pub(crate) struct TrainableLinear<S> {
    /// `[Out, In]`.
    pub(crate) weight: Parameter<S, Ix2>,
    /// `[Out]`.
    pub(crate) bias: Option<Parameter<S, Ix1>>,
}

parameters!(TrainableLinear { "weight" => weight, "bias" => bias });
parameters!(TrainableNorm { "weight" => weight, "bias" => bias });

impl<S: Scalar> TrainableLinear<S> {
    /// A layer with this weight and, if wanted, a bias of zeros.
    pub(crate) fn new(weight: Array2<S>, with_bias: bool) -> Self {
        let bias = with_bias.then(|| Parameter::new(Kind::Bias, Array1::zeros(weight.nrows())));
        Self { weight: Parameter::new(Kind::Weight, weight), bias }
    }

    /// `[T, In] → [T, Out]`.
    pub(crate) fn forward(&self, x: ArrayView2<'_, S>) -> Array2<S> {
        linear(x, self.weight.view(), self.bias.as_ref().map(Parameter::view))
    }

    /// Adds `d_W = d_yᵀ x` and `d_b = Σ_t d_y`, those that train.
    pub(crate) fn parameters_backward(
        &self,
        x: ArrayView2<'_, S>,
        d_y: ArrayView2<'_, S>,
        gradients: &mut Gradients<S>,
    ) {
        if self.weight.trains() {
            gradients.add(&self.weight, linear_weight_backward(x, d_y));
        }
        if let Some(bias) = self.bias.as_ref().filter(|b| b.trains()) {
            gradients.add(bias, linear_bias_backward(d_y));
        }
    }

    /// `d_x = d_y W`, `[T, Out] → [T, In]`.
    pub(crate) fn input_backward(&self, d_y: ArrayView2<'_, S>) -> Array2<S> {
        linear_input_backward(d_y, self.weight.view())
    }
}

/// A trainable layer norm that starts as weight 1, bias 0.
#[derive(Clone, Debug)]
pub(crate) struct TrainableNorm<S> {
    pub(crate) weight: Parameter<S, Ix1>,
    pub(crate) bias: Parameter<S, Ix1>,
    epsilon: f64,
}

impl<S: Scalar> TrainableNorm<S> {
    /// With PyTorch's default epsilon, as AdapterHub's own norms have it.
    pub(crate) fn new(width: usize) -> Self {
        Self::with_epsilon(width, 1e-5)
    }

    pub(crate) fn with_epsilon(width: usize, epsilon: f64) -> Self {
        let parameter = |value| Parameter::new(Kind::Norm, value);
        Self { weight: parameter(Array1::ones(width)), bias: parameter(Array1::zeros(width)), epsilon }
    }

    pub(crate) fn forward(&self, x: Array2<S>, keep: bool) -> (Array2<S>, Option<LayerNormTrace<S>>) {
        layer_norm(x, self.weight.view(), self.bias.view(), self.epsilon, keep)
    }

    /// Adds the gradients of weight and bias, gives that of the input.
    pub(crate) fn backward(
        &self,
        trace: &LayerNormTrace<S>,
        d_y: Array2<S>,
        gradients: &mut Gradients<S>,
    ) -> Array2<S> {
        if self.weight.trains() || self.bias.trains() {
            let (d_weight, d_bias) = layer_norm_parameters_backward(trace, d_y.view());
            gradients.add(&self.weight, d_weight);
            gradients.add(&self.bias, d_bias);
        }
        layer_norm_input_backward(trace, self.weight.view(), d_y)
    }
}
