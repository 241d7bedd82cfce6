//! The trainable layers that adapters and heads are made of.

use adaptune_tensor::{
    Gradients, Kind, LayerNormTrace, Parameter, Precision, Scalar, layer_norm, layer_norm_input_backward,
    layer_norm_parameters_backward, linear_bias_backward, matmul_in, parameters,
};
use ndarray::{Array1, Array2, ArrayView2, Ix1, Ix2};

/// Inputs and outputs of a layer that is computed in the base's precision; below, rounding takes longer than it saves.
const WORTH_ROUNDING: usize = 128;

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
        self.forward_in(Precision::Full, x)
    }

    /// The same in the base's precision, where that pays.
    pub(crate) fn forward_in(&self, base: Precision, x: ArrayView2<'_, S>) -> Array2<S> {
        matmul_in(self.precision(base), x, self.weight.view().t(), self.bias.as_ref().map(Parameter::view))
    }

    /// Adds `d_W = d_yᵀ x` and `d_b = Σ_t d_y`, those that train.
    pub(crate) fn parameters_backward(
        &self,
        x: ArrayView2<'_, S>,
        d_y: ArrayView2<'_, S>,
        gradients: &mut Gradients<S>,
    ) {
        self.parameters_backward_in(Precision::Full, x, d_y, gradients);
    }

    pub(crate) fn parameters_backward_in(
        &self,
        base: Precision,
        x: ArrayView2<'_, S>,
        d_y: ArrayView2<'_, S>,
        gradients: &mut Gradients<S>,
    ) {
        if self.weight.trains() {
            gradients.add(&self.weight, matmul_in(self.precision(base), d_y.t(), x, None));
        }
        if let Some(bias) = self.bias.as_ref().filter(|b| b.trains()) {
            gradients.add(bias, linear_bias_backward(d_y));
        }
    }

    /// `d_x = d_y W`, `[T, Out] → [T, In]`.
    pub(crate) fn input_backward(&self, d_y: ArrayView2<'_, S>) -> Array2<S> {
        self.input_backward_in(Precision::Full, d_y)
    }

    pub(crate) fn input_backward_in(&self, base: Precision, d_y: ArrayView2<'_, S>) -> Array2<S> {
        matmul_in(self.precision(base), d_y, self.weight.view(), None)
    }

    /// That of the base where rounding the operands takes less time than it saves.
    fn precision(&self, base: Precision) -> Precision {
        let (out, input) = self.weight.view().dim();
        if out.min(input) < WORTH_ROUNDING { Precision::Full } else { base }
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
        layer_norm(x, self.weight.view(), Some(self.bias.view()), self.epsilon, keep)
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

#[cfg(test)]
mod tests {
    use super::*;
    use adaptune_tensor::{AnyParameter, Seed, Slot, init};

    /// Forward and both ways back of a layer, its products in a precision.
    fn all(layer: &TrainableLinear<f32>, precision: Precision) -> [Array2<f32>; 3] {
        let (out, input) = layer.weight.view().dim();
        let x = init::normal((37, input), 1.0, Seed::new(2));
        let d_y = init::normal((37, out), 1.0, Seed::new(3));
        let mut gradients = Gradients::new();
        layer.parameters_backward_in(precision, x.view(), d_y.view(), &mut gradients);
        let d_w = gradients.get(Slot(0)).expect("the weight trains").to_owned();
        let d_w = d_w.into_dimensionality().expect("two dimensions");
        [layer.forward_in(precision, x.view()), layer.input_backward_in(precision, d_y.view()), d_w]
    }

    #[test]
    fn wide_layers_alone_are_computed_in_the_precision_of_the_base() {
        for (out, input, rounds) in [(128, 130, true), (200, 128, true), (127, 300, false), (300, 127, false)] {
            let mut layer = TrainableLinear::new(init::normal((out, input), 0.1, Seed::new(1)), true);
            layer.weight.set_slot(Some(Slot(0)));
            let (full, half) = (all(&layer, Precision::Full), all(&layer, Precision::Bf16));
            assert_eq!(full != half, rounds, "{out} {input}");
            for (full, half) in full.iter().zip(&half) {
                let size = full.mapv(|v| v * v).sum().sqrt();
                assert!((full - half).mapv(|v| v * v).sum().sqrt() < 5e-3 * size, "{out} {input}");
            }
        }
    }
}
