//! The pair of matrices of LoRA and DoRA.

use super::config::LoraInit;
use adaptune_tensor::{
    Gradients, Kind, Parameter, Scalar, Seed, linear, linear_input_backward, linear_weight_backward, matmul, parameters,
};
use ndarray::{Array2, ArrayView2, Ix2};

/// `B A`, `[Out, In]`, of rank `R`.
#[derive(Clone, Debug)]
pub(super) struct LowRank<S> {
    /// `[R, In]`.
    a: Parameter<S, Ix2>,
    /// `[Out, R]`.
    b: Parameter<S, Ix2>,
}

parameters!(LowRank { "lora_A" => a, "lora_B" => b });

impl<S: Scalar> LowRank<S> {
    pub(super) fn new(shape: (usize, usize), rank: usize, init: LoraInit, seed: Seed) -> Self {
        let (a, b) = init.matrices(shape, rank, seed);
        Self::of(a, b)
    }

    /// `A`, `[R, In]`, and `B`, `[Out, R]`.
    pub(super) fn of(a: Array2<S>, b: Array2<S>) -> Self {
        Self { a: Parameter::new(Kind::Weight, a), b: Parameter::new(Kind::Weight, b) }
    }

    /// `h = x Aᵀ`, `[T, In] → [T, R]`.
    pub(super) fn down(&self, x: ArrayView2<'_, S>) -> Array2<S> {
        linear(x, self.a.view(), None)
    }

    /// `B`, `[Out, R]`.
    pub(super) fn up(&self) -> ArrayView2<'_, S> {
        self.b.view()
    }

    /// `B A`.
    pub(super) fn product(&self) -> Array2<S> {
        matmul(self.b.view(), self.a.view())
    }

    /// From `d_u` with `u = h Bᵀ`, `h = x Aᵀ`: adds `d_B = d_uᵀ h` and `d_A = d_hᵀ x` with `d_h = d_u B`; gives
    /// `d_x = d_h A` if it is wanted.
    pub(super) fn backward(
        &self,
        x: ArrayView2<'_, S>,
        h: ArrayView2<'_, S>,
        d_u: ArrayView2<'_, S>,
        wants_input: bool,
        gradients: &mut Gradients<S>,
    ) -> Option<Array2<S>> {
        if self.b.trains() {
            gradients.add(&self.b, linear_weight_backward(h, d_u));
        }
        if !wants_input && !self.a.trains() {
            return None;
        }
        let d_h = linear_input_backward(d_u, self.b.view());
        if self.a.trains() {
            gradients.add(&self.a, linear_weight_backward(x, d_h.view()));
        }
        wants_input.then(|| linear_input_backward(d_h.view(), self.a.view()))
    }
}
