//! A frozen norm.

use crate::config::NormKind;
use adaptune_tensor::Scalar;
use ndarray::{Array1, ArrayView1};

/// A frozen norm of rows of width `D`.
///
/// It is numbers alone. Passes compute with a [`BaseNorm`](crate::BaseNorm), which is this norm or a thawed copy.
#[derive(Clone, Debug)]
pub struct Norm<S> {
    kind: NormKind,
    weight: Array1<S>,
    bias: Option<Array1<S>>,
    epsilon: f64,
}

impl<S: Scalar> Norm<S> {
    /// A norm with weight `[D]`, and bias `[D]` where the kind has one.
    ///
    /// # Panics
    /// If there is a bias where the kind has none or none where it has one, or it has another length than the weight.
    #[must_use]
    pub fn new(kind: NormKind, weight: Array1<S>, bias: Option<Array1<S>>, epsilon: f64) -> Self {
        let expected = kind.has_bias().then_some(weight.len());
        assert_eq!(bias.as_ref().map(Array1::len), expected, "the bias of a norm of the kind {kind:?}");
        Self { kind, weight, bias, epsilon }
    }

    /// What it computes.
    #[must_use]
    pub fn kind(&self) -> NormKind {
        self.kind
    }

    /// The weight, `[D]`.
    #[must_use]
    pub fn weight(&self) -> ArrayView1<'_, S> {
        self.weight.view()
    }

    /// The bias, `[D]`, where the kind has one.
    #[must_use]
    pub fn bias(&self) -> Option<ArrayView1<'_, S>> {
        self.bias.as_ref().map(|bias| bias.view())
    }

    /// What is added to the variance.
    #[must_use]
    pub fn epsilon(&self) -> f64 {
        self.epsilon
    }
}
