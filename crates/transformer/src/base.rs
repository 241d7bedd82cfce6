//! The base as a pass sees it: frozen layers, with trainable copies over those that are thawed.

use crate::embeddings::EmbeddedRows;
use crate::thawed::{Thawed, ThawedLinear, ThawedNorm};
use crate::{Accumulator, Config, Encoder, LayerNorm, Linear, LinearBackward};
use adaptune_tensor::{
    Gradients, LayerNormTrace, Parameter, Scalar, gather, gather_backward, layer_norm, layer_norm_input_backward,
    layer_norm_parameters_backward, linear, linear_bias_backward, linear_input_backward, linear_weight_backward,
};
use ndarray::{ArcArray2, Array2, ArrayView1, ArrayView2, Ix1, Ix2};

/// An encoder, with what is thawed over it. Copying it copies two references.
#[derive(Debug)]
pub struct Base<'a, S> {
    pub(crate) encoder: &'a Encoder<S>,
    pub(crate) thawed: Option<&'a Thawed<S>>,
}

/// A linear layer of the base, `y = x Wᵀ + b`, where `W` and `b` may be thawed.
///
/// A frozen layer costs two products a step, forward and input gradient; there is no third until `W` is thawed.
#[derive(Debug)]
pub struct BaseLinear<'a, S> {
    pub(crate) frozen: &'a Linear<S>,
    pub(crate) thawed: Option<&'a ThawedLinear<S>>,
}

/// A layer norm of the base, whose weight and bias may be thawed.
#[derive(Debug)]
pub struct BaseNorm<'a, S> {
    pub(crate) frozen: &'a LayerNorm<S>,
    pub(crate) thawed: Option<&'a ThawedNorm<S>>,
}

/// An embedding table of the base, which may be thawed.
#[derive(Debug)]
pub struct BaseTable<'a, S> {
    pub(crate) frozen: &'a Array2<S>,
    pub(crate) thawed: Option<&'a Parameter<S, Ix2>>,
}

macro_rules! copies {
    ($($type:ident),+) => {$(
        impl<S> Clone for $type<'_, S> {
            fn clone(&self) -> Self {
                *self
            }
        }
        impl<S> Copy for $type<'_, S> {}
    )+};
}
copies!(Base, BaseLinear, BaseNorm, BaseTable);

impl<'a, S: Scalar> Base<'a, S> {
    /// An encoder with trainable copies over it.
    #[must_use]
    pub fn new(encoder: &'a Encoder<S>, thawed: Option<&'a Thawed<S>>) -> Self {
        Self { encoder, thawed }
    }

    /// Sizes and constants of the model.
    #[must_use]
    pub fn config(self) -> &'a Config {
        &self.encoder.config
    }

    /// The linear layer of the pooler, `tanh(W h_0 + b)`, if the model has one.
    #[must_use]
    pub fn pooler(self) -> Option<BaseLinear<'a, S>> {
        let frozen = self.encoder.pooler.as_ref()?;
        Some(BaseLinear { frozen, thawed: self.thawed.map(|thawed| &thawed.pooler) })
    }

    /// The token embeddings, `[V, D]`, to which the output layer of a language model is tied.
    #[must_use]
    pub fn token_embeddings(self) -> BaseTable<'a, S> {
        let thawed = self.thawed.and_then(|thawed| thawed.embeddings.tokens.as_ref());
        BaseTable { frozen: &self.encoder.embeddings.tokens, thawed }
    }

    /// What the embeddings make of rows that stand in front of a text in place of token embeddings:
    /// `norm(x + P[position] + T[0])`, `[P, D]`, positions from the first on. There is no dropout in it. The trace is kept
    /// if `keep` says so.
    ///
    /// # Panics
    /// If there are more rows than the model has positions.
    #[must_use]
    pub fn embed(self, x: Array2<S>, keep: bool) -> (Array2<S>, Option<EmbeddedRows<'a, S>>) {
        let embeddings = self.encoder.embeddings.with(self.thawed.map(|thawed| &thawed.embeddings));
        embeddings.rows(self.config(), x, keep)
    }
}

impl<'a, S: Scalar> From<&'a Encoder<S>> for Base<'a, S> {
    fn from(encoder: &'a Encoder<S>) -> Self {
        Self::new(encoder, None)
    }
}

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

    /// `b`, `[Out]`.
    #[must_use]
    pub fn bias(self) -> ArrayView1<'a, S> {
        self.thawed_bias().map_or_else(|| self.frozen.bias(), Parameter::view)
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
            Some(weight) => linear(x, weight.view(), Some(self.bias())),
            None => self.frozen.packed().product(x, Some(self.bias())),
        }
    }

    /// The layer with its backward pass, if that is wanted: the pass keeps gradients, and the layer trains or `d_x` is
    /// asked for.
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
        Linear::new(weight, self.bias().to_owned())
    }
}

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

    /// The weight, `[D]`.
    #[must_use]
    pub fn weight(self) -> ArrayView1<'a, S> {
        self.thawed_weight().map_or_else(|| self.frozen.weight(), Parameter::view)
    }

    /// The bias, `[D]`.
    #[must_use]
    pub fn bias(self) -> ArrayView1<'a, S> {
        self.thawed_bias().map_or_else(|| self.frozen.bias(), Parameter::view)
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
    #[must_use]
    pub fn forward(self, x: Array2<S>, keep: bool) -> (Array2<S>, Option<LayerNormTrace<S>>) {
        layer_norm(x, self.weight(), Some(self.bias()), self.epsilon(), keep)
    }

    /// Adds the gradients of weight and bias, those that train; gives that of the input, `[T, D]`.
    #[must_use]
    pub fn backward(self, trace: &LayerNormTrace<S>, d_y: Array2<S>, gradients: &mut Gradients<S>) -> Array2<S> {
        if self.trains() {
            let (d_weight, d_bias) = layer_norm_parameters_backward(trace, d_y.view());
            self.thawed_weight().into_iter().for_each(|weight| gradients.add(weight, d_weight.clone()));
            self.thawed_bias().into_iter().for_each(|bias| gradients.add(bias, d_bias.clone()));
        }
        layer_norm_input_backward(trace, self.weight(), d_y)
    }

    pub(crate) fn merged(self) -> LayerNorm<S> {
        LayerNorm::new(self.weight().to_owned(), self.bias().to_owned(), self.epsilon())
    }
}

impl<'a, S: Scalar> BaseTable<'a, S> {
    /// The table, `[V, D]`.
    #[must_use]
    pub fn view(self) -> ArrayView2<'a, S> {
        self.thawed.map_or_else(|| self.frozen.view(), Parameter::view)
    }

    /// True if it trains.
    #[must_use]
    pub fn trains(self) -> bool {
        self.thawed.is_some_and(Parameter::trains)
    }

    /// `y[t] = E[ids[t]]`, `[T, D]`.
    pub(crate) fn gather(self, ids: &[u32]) -> Array2<S> {
        gather(self.view(), ids)
    }

    /// Adds the gradient of the table through [`BaseTable::gather`], if it trains.
    pub(crate) fn gather_backward(self, ids: &[u32], d_y: ArrayView2<'_, S>, gradients: &mut Gradients<S>) {
        if let Some(table) = self.thawed.filter(|table| table.trains()) {
            gradients.add(table, gather_backward(ids, d_y, table.view().nrows()));
        }
    }

    /// Adds `d_E`, `[V, D]`, which was computed elsewhere, if the table trains.
    pub fn add_gradient(self, d_table: Array2<S>, gradients: &mut Gradients<S>) {
        self.thawed.into_iter().for_each(|table| gradients.add(table, d_table.clone()));
    }
}
