//! A linear layer as a pass sees it.

use crate::accumulator::Accumulator;
use crate::layers::Linear;
use crate::thawed_layers::ThawedLinear;
use adaptune_tensor::{
    Gradients, Parameter, Scalar, linear, linear_bias_backward, linear_input_backward, linear_weight_backward,
};
use ndarray::{ArcArray2, Array2, ArrayView1, ArrayView2, Ix1, Ix2};

/// A linear layer of the base, `y = x Wᵀ + b`, where `W` and `b` may be thawed.
///
/// A frozen layer costs two products a step, forward and input gradient; there is no third until `W` is thawed.
#[derive(Debug)]
pub struct BaseLinear<'a, S> {
    pub(crate) frozen: &'a Linear<S>,
    pub(crate) thawed: Option<&'a ThawedLinear<S>>,
}

/// Takes `d_y`, adds parameter gradients to the buffers and, if it was wanted, `d_x` to the sum.
pub type LinearBackward<'a, S> = Box<dyn FnOnce(ArrayView2<'_, S>, &mut Gradients<S>, &mut Accumulator<S>) + Send + 'a>;

impl<S> Clone for BaseLinear<'_, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for BaseLinear<'_, S> {}

impl<'a, S: Scalar> BaseLinear<'a, S> {
    /// The frozen layer, over which copies may lie.
    #[must_use]
    pub fn frozen(self) -> &'a Linear<S> {
        self.frozen
    }

    /// The trainable copy of `W`, if it is thawed.
    #[must_use]
    pub fn thawed_weight(self) -> Option<&'a Parameter<S, Ix2>> {
        self.thawed?.weight.as_ref()
    }

    /// The trainable copy of `b`, if it is thawed.
    #[must_use]
    pub fn thawed_bias(self) -> Option<&'a Parameter<S, Ix1>> {
        self.thawed?.bias.as_ref()
    }

    /// `W`, `[Out, In]`.
    #[must_use]
    pub fn weight(self) -> ArrayView2<'a, S> {
        self.thawed_weight().map_or_else(|| self.frozen.weight(), Parameter::view)
    }

    /// `b`, `[Out]`; `None` where the layer has none.
    #[must_use]
    pub fn bias(self) -> Option<ArrayView1<'a, S>> {
        self.thawed_bias().map_or_else(|| self.frozen.bias(), |bias| Some(bias.view()))
    }

    /// `(Out, In)`.
    #[must_use]
    pub fn dim(self) -> (usize, usize) {
        self.frozen.dim()
    }

    /// True if `W` or `b` trains.
    #[must_use]
    pub fn trains(self) -> bool {
        self.thawed_weight().is_some_and(Parameter::trains) || self.thawed_bias().is_some_and(Parameter::trains)
    }

    /// `y = x Wᵀ + b`, `[T, In] → [T, Out]`.
    #[must_use]
    pub fn forward(self, x: ArrayView2<'_, S>) -> Array2<S> {
        match self.thawed_weight() {
            Some(weight) => linear(x, weight.view(), self.bias()),
            None => self.frozen.packed().product(x, self.bias()),
        }
    }

    /// The layer with its backward pass, if that is wanted: the pass keeps gradients, and the layer trains or `d_x` is
    /// wanted.
    #[must_use]
    pub fn layer(
        self,
        x: ArcArray2<S>,
        gradients: bool,
        wants_input: bool,
    ) -> (Array2<S>, Option<LinearBackward<'a, S>>) {
        let keep = gradients && (self.trains() || wants_input);
        let y = self.forward(x.view());
        let x = self.keep(&x).filter(|_| keep);
        let backward = keep.then(|| -> LinearBackward<'a, S> {
            Box::new(move |d_y, gradients, d_x| {
                self.parameters_backward(x.as_ref(), d_y, gradients);
                if wants_input {
                    self.add_input_gradient(d_y, d_x);
                }
            })
        });
        (y, backward)
    }

    /// What [`BaseLinear::parameters_backward`] will need of the input: nothing unless `W` trains.
    #[must_use]
    pub fn keep(self, x: &ArcArray2<S>) -> Option<ArcArray2<S>> {
        self.thawed_weight().filter(|w| w.trains()).map(|_| x.clone())
    }

    /// Adds `d_W = d_yᵀ x` and `d_b = Σ_t d_y`, those that train; `x` is what [`BaseLinear::keep`] kept.
    ///
    /// # Panics
    /// If `W` trains and `x` was not kept: a gradient is never left out in silence.
    pub fn parameters_backward(self, x: Option<&ArcArray2<S>>, d_y: ArrayView2<'_, S>, gradients: &mut Gradients<S>) {
        self.weight_backward(x, d_y, gradients);
        self.bias_backward(d_y, gradients);
    }

    /// The part of [`BaseLinear::parameters_backward`] that is `W`'s, for modules in which `W x` has another gradient than
    /// the output.
    ///
    /// # Panics
    /// If `W` trains and `x` was not kept.
    pub fn weight_backward(self, x: Option<&ArcArray2<S>>, d_y: ArrayView2<'_, S>, gradients: &mut Gradients<S>) {
        if let Some(weight) = self.thawed_weight().filter(|w| w.trains()) {
            let x = x.expect("the input of a thawed layer is kept");
            gradients.add(weight, linear_weight_backward(x.view(), d_y));
        }
    }

    /// The part of [`BaseLinear::parameters_backward`] that is `b`'s.
    pub fn bias_backward(self, d_y: ArrayView2<'_, S>, gradients: &mut Gradients<S>) {
        if let Some(bias) = self.thawed_bias().filter(|b| b.trains()) {
            gradients.add(bias, linear_bias_backward(d_y));
        }
    }

    /// `d_x = d_y W`, `[T, Out] → [T, In]`.
    #[must_use]
    pub fn input_backward(self, d_y: ArrayView2<'_, S>) -> Array2<S> {
        match self.thawed_weight() {
            Some(weight) => linear_input_backward(d_y, weight.view()),
            None => self.frozen.packed().product_transposed(d_y),
        }
    }

    /// Adds `d_x = d_y W` to a sum.
    pub fn add_input_gradient(self, d_y: ArrayView2<'_, S>, d_x: &mut Accumulator<S>) {
        match self.thawed_weight() {
            Some(weight) => d_x.add_product(d_y, weight.view()),
            None => d_x.add_product_transposed(d_y, self.frozen.packed()),
        }
    }

    pub(crate) fn merged(self) -> Linear<S> {
        let weight = self.thawed_weight().map_or_else(|| self.frozen.to_weight(), |weight| weight.view().to_owned());
        Linear::new(weight, self.bias().map(|bias| bias.to_owned()))
    }
}
