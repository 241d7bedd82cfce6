//! Exercise 4: the backward pass of a router.

use adaptune_tensor::ndarray::{Array2, Axis};
use adaptune_tensor::{matmul, softmax_backward};

use crate::router::{Router, RouterGradients};

/// From `d_y`, `[T, D]`, and the trace of forward, to the gradients of the tokens, of the router and of the experts' outputs.
#[must_use]
pub fn backward(
    router: &Router,
    x: &Array2<f64>,
    outputs: &[Array2<f64>],
    g: &Array2<f64>,
    d_y: &Array2<f64>,
) -> Option<RouterGradients> {
    // y_t = Σ_e g_te output_te: each factor answers with the other. A weight multiplied a whole row, so its gradient is a sum over that.
    let mut d_g = Array2::zeros(g.raw_dim());
    let mut d_outputs = Vec::new();
    for (expert, output) in outputs.iter().enumerate() {
        d_g.column_mut(expert).assign(&(d_y * output).sum_axis(Axis(1)));
        d_outputs.push(d_y * &g.column(expert).insert_axis(Axis(1)));
    }
    // g = softmax(z), z = x Wᵀ
    let d_z = softmax_backward(g.view(), d_g);
    let w = matmul(d_z.t(), x.view());
    Some(RouterGradients { x: matmul(d_z.view(), router.w.view()), w, outputs: d_outputs })
}
