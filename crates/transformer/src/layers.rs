//! The frozen layers that blocks are made of.

use adaptune_tensor::{PackedMatrix, Scalar};
use ndarray::{ArcArray2, Array1, Array2, ArrayView1, ArrayView2};
use std::sync::OnceLock;

/// A frozen linear layer, `y = x Wᵀ + b`.
///
/// It is numbers alone, and there is no way to change them. Passes compute with a [`BaseLinear`](crate::BaseLinear), which
/// is this layer or a thawed copy.
///
/// Because `W` never changes it is laid out for products once, when the first product asks for it: once for forward,
/// and once for backward, which a model that only predicts never does. Each takes as much memory as `W`.
#[derive(Debug)]
pub struct Linear<S> {
    /// Shared, so that whoever has to own it need not copy it.
    weight: ArcArray2<S>,
    bias: Array1<S>,
    /// `Wᵀ`, for `x Wᵀ`.
    forward: OnceLock<PackedMatrix<S>>,
    /// `W`, for `d_y W`.
    backward: OnceLock<PackedMatrix<S>>,
}

/// The numbers are shared; what is laid out for products is not copied.
impl<S: Clone> Clone for Linear<S> {
    fn clone(&self) -> Self {
        let (forward, backward) = (OnceLock::new(), OnceLock::new());
        Self { weight: self.weight.clone(), bias: self.bias.clone(), forward, backward }
    }
}

impl<S: Scalar> Linear<S> {
    /// A layer with weight `[Out, In]` and bias `[Out]`.
    ///
    /// # Panics
    /// If the bias is not as long as the weight has rows.
    #[must_use]
    pub fn new(weight: Array2<S>, bias: Array1<S>) -> Self {
        assert_eq!(weight.nrows(), bias.len(), "a bias has a number for each row of the weight");
        Self { weight: weight.into_shared(), bias, forward: OnceLock::new(), backward: OnceLock::new() }
    }

    /// `W`, `[Out, In]`.
    #[must_use]
    pub fn weight(&self) -> ArrayView2<'_, S> {
        self.weight.view()
    }

    /// `W`, `[Out, In]`, shared. Whoever changes it changes a copy.
    #[must_use]
    pub fn shared_weight(&self) -> ArcArray2<S> {
        self.weight.clone()
    }

    /// `b`, `[Out]`.
    #[must_use]
    pub fn bias(&self) -> ArrayView1<'_, S> {
        self.bias.view()
    }

    /// `Wᵀ`, laid out for products.
    pub(crate) fn packed_forward(&self) -> &PackedMatrix<S> {
        self.forward.get_or_init(|| PackedMatrix::new(self.weight.t()))
    }

    /// `W`, laid out for products.
    pub(crate) fn packed_backward(&self) -> &PackedMatrix<S> {
        self.backward.get_or_init(|| PackedMatrix::new(self.weight.view()))
    }
}

/// A frozen layer norm.
#[derive(Clone, Debug)]
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
}
