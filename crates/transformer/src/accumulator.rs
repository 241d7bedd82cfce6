//! Gradients that reach one array by several ways.

use adaptune_tensor::{PackedMatrix, Scalar, add, matmul, matmul_add};
use ndarray::{Array2, ArrayView2};

/// A sum of gradients that reach one array by several ways. The first is moved in, not added to
/// zeros.
#[derive(Debug)]
pub struct Accumulator<S>(Option<Array2<S>>);

impl<S: Scalar> Accumulator<S> {
    /// An empty sum.
    #[must_use]
    pub fn new() -> Self {
        Self(None)
    }

    /// Adds an array.
    pub fn add(&mut self, d: Array2<S>) {
        self.0 = Some(match self.0.take() {
            Some(sum) => add(sum, &d),
            None => d,
        });
    }

    /// Adds an array, if there is one.
    pub fn add_some(&mut self, d: Option<Array2<S>>) {
        if let Some(d) = d {
            self.add(d);
        }
    }

    /// Adds `A B`.
    pub fn add_product(&mut self, a: ArrayView2<'_, S>, b: ArrayView2<'_, S>) {
        match &mut self.0 {
            Some(sum) => matmul_add(a, b, sum),
            None => self.0 = Some(matmul(a, b)),
        }
    }

    /// Adds `A Bᵀ`, where `B` was packed before.
    pub fn add_product_transposed(&mut self, a: ArrayView2<'_, S>, b: &PackedMatrix<S>) {
        match &mut self.0 {
            Some(sum) => b.add_product_transposed(a, sum),
            None => self.0 = Some(b.product_transposed(a)),
        }
    }

    /// The sum, `None` if nothing was added.
    #[must_use]
    pub fn into_sum(self) -> Option<Array2<S>> {
        self.0
    }
}

impl<S: Scalar> Default for Accumulator<S> {
    fn default() -> Self {
        Self::new()
    }
}
