//! Loss functions of `adaptune-tensor` on the tape.

use crate::{Var, record};
use adaptune_tensor::{Scalar, cross_entropy, cross_entropy_backward, squared_error, squared_error_backward};
use ndarray::{Array0, Ix0, Ix2, arr0};

impl<S: Scalar> Var<S, Ix2> {
    /// `L = w Σ_i −ln softmax(x_i)[c_i]` over rows `x: [N, C]`: [`cross_entropy`].
    ///
    /// `d_x_i = d_L w (softmax(x_i) − e_c)`, and 0 for a row without a target.
    ///
    /// # Panics
    /// If there are not as many targets as rows, or a class is not below `C`.
    #[must_use]
    pub fn cross_entropy(&self, targets: &[Option<usize>], weight: S) -> Var<S, Ix0> {
        record(self, |_| {
            let (x, classes) = (self.to_shared(), targets.to_vec());
            let backward = move |d_loss: Array0<S>| {
                // Gradients are linear in the weight.
                cross_entropy_backward(x.into_owned(), &classes, weight * d_loss[()])
            };
            (arr0(cross_entropy(self.value(), targets, weight)), backward)
        })
    }

    /// `L = w Σ_i (x_i − t_i)²` over rows `x: [N, 1]`: [`squared_error`].
    ///
    /// `d_x_i = 2 d_L w (x_i − t_i)`.
    ///
    /// # Panics
    /// If `x` has not one column and as many rows as there are targets.
    #[must_use]
    pub fn squared_error(&self, targets: &[S], weight: S) -> Var<S, Ix0> {
        record(self, |_| {
            let (x, kept) = (self.to_shared(), targets.to_vec());
            let backward = move |d_loss: Array0<S>| squared_error_backward(x.view(), &kept, weight * d_loss[()]);
            (arr0(squared_error(self.value(), targets, weight)), backward)
        })
    }
}
