//! Exercise 4, what is given: a router among experts, forward.

use adaptune_tensor::ndarray::{Array2, Axis};
use adaptune_tensor::{linear, softmax};

// ANCHOR: given
/// A router: `w: [E, D]` has a row for each of `E` experts.
#[derive(Clone, Debug)]
pub struct Router {
    /// `W`.
    pub w: Array2<f64>,
}

/// The gradients of a router's step.
pub struct RouterGradients {
    /// `[T, D]`.
    pub x: Array2<f64>,
    /// `[E, D]`.
    pub w: Array2<f64>,
    /// One for each expert's output, `[T, D]`.
    pub outputs: Vec<Array2<f64>>,
}

impl Router {
    /// From the tokens `x`, `[T, D]`, and the experts' outputs, `E` times `[T, D]`, to their mixture `y`, `[T, D]`, and to
    /// the weights `g`, `[T, E]`.
    #[must_use]
    pub fn forward(&self, x: &Array2<f64>, outputs: &[Array2<f64>]) -> (Array2<f64>, Array2<f64>) {
        let g = softmax(linear(x.view(), self.w.view(), None)); // g = softmax(x Wᵀ), row by row
        let mut y = Array2::zeros(x.raw_dim());
        for (expert, output) in outputs.iter().enumerate() {
            let weight = g.column(expert).insert_axis(Axis(1)); // [T, 1]
            y += &(output * &weight); // y_t = Σ_e g_te output_te
        }
        (y, g)
    }
}
// ANCHOR_END: given
