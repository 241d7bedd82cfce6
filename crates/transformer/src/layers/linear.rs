//! The frozen layers that blocks are made of.

use adaptune_tensor::{PackedMatrix, Precision, Scalar};
use ndarray::{ArcArray2, Array1, Array2, ArrayView1, ArrayView2};
use std::sync::{Arc, OnceLock};

/// A frozen linear layer, `y = x Wᵀ + b`.
///
/// It is numbers alone, and there is no way to change them. Passes compute with a [`BaseLinear`](crate::BaseLinear), which
/// is this layer or a thawed copy.
///
/// Because `W` never changes it lies in memory once, in the order in which products read it, and both products of a step,
/// forward and input gradient, are computed from that. A plain `W` is made when it is first needed.
#[derive(Clone, Debug)]
pub struct Linear<S> {
    /// `Wᵀ`.
    packed: Arc<PackedMatrix<S>>,
    bias: Option<Array1<S>>,
    precision: Precision,
    plain: OnceLock<ArcArray2<S>>,
}

impl<S: Scalar> Linear<S> {
    /// A layer with weight `[Out, In]` and bias `[Out]`, if it has one.
    ///
    /// # Panics
    /// If the bias is not as long as the weight has rows.
    #[must_use]
    pub fn new(weight: Array2<S>, bias: Option<Array1<S>>) -> Self {
        Self::held_in(Precision::Full, weight, bias)
    }

    /// A layer whose weight is rounded, or not, before anything is computed with it.
    ///
    /// # Panics
    /// As [`Linear::new`].
    #[must_use]
    pub fn held_in(precision: Precision, weight: Array2<S>, bias: Option<Array1<S>>) -> Self {
        let length = bias.as_ref().map_or(weight.nrows(), Array1::len);
        assert_eq!(weight.nrows(), length, "a bias has a number for each row of the weight");
        let packed = Arc::new(PackedMatrix::with_precision(weight.t(), precision));
        Self { packed, bias, precision, plain: OnceLock::new() }
    }

    /// The same layer, its weight rounded or not from now on; the bias stays as it is.
    #[must_use]
    pub fn with_precision(&self, precision: Precision) -> Self {
        if precision == self.precision {
            return self.clone();
        }
        let packed = Arc::new(PackedMatrix::with_precision(self.packed.unpack().view(), precision));
        Self { packed, bias: self.bias.clone(), precision, plain: OnceLock::new() }
    }

    /// `(Out, In)`.
    #[must_use]
    pub fn dim(&self) -> (usize, usize) {
        let (inputs, outputs) = self.packed.dim();
        (outputs, inputs)
    }

    /// `W`, `[Out, In]`. The first call makes it, in as much memory as the layer already takes.
    #[must_use]
    pub fn weight(&self) -> ArrayView2<'_, S> {
        self.plain().view()
    }

    /// `W`, `[Out, In]`, shared. Whoever changes it changes a copy.
    #[must_use]
    pub fn shared_weight(&self) -> ArcArray2<S> {
        self.plain().clone()
    }

    /// A copy of `W`, `[Out, In]`, nothing of which stays here.
    #[must_use]
    pub fn to_weight(&self) -> Array2<S> {
        self.packed.unpack().reversed_axes().as_standard_layout().into_owned()
    }

    /// `b`, `[Out]`; `None` where the layer has none.
    #[must_use]
    pub fn bias(&self) -> Option<ArrayView1<'_, S>> {
        self.bias.as_ref().map(|bias| bias.view())
    }

    /// `Wᵀ`, laid out for products.
    pub(crate) fn packed(&self) -> &PackedMatrix<S> {
        &self.packed
    }

    fn plain(&self) -> &ArcArray2<S> {
        // On this thread alone: a task of another that needs it too, taken up while this one waits, would wait for itself.
        self.plain.get_or_init(|| self.to_weight().into_shared())
    }
}
