//! Layers of `adaptune-tensor` on the tape.

use crate::{Var, record};
use adaptune_tensor::{
    Attention, AttentionGradients, AttentionNeeds, Dropout, Precision, Scalar, attention_backward, layer_norm,
    layer_norm_input_backward, layer_norm_parameters_backward, linear, linear_bias_backward, linear_input_backward,
    linear_weight_backward, softmax, softmax_backward,
};
use ndarray::{Array2, Ix1, Ix2};

impl<S: Scalar> Var<S, Ix2> {
    /// `y = x Wᵀ + b`, shapes `[T, In] → [T, Out]` with `W: [Out, In]`, `b: [Out]`: [`linear`].
    ///
    /// `d_x = d_y W`, `d_W = d_yᵀ x`, `d_b = Σ_t d_y[t]`. Keeps `W` only for `x`, and `x` only for
    /// `W`: a frozen layer costs two products, not three.
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[must_use]
    pub fn linear(&self, w: &Self, b: Option<&Var<S, Ix1>>) -> Self {
        let x = self;
        if let Some(b) = b {
            assert_eq!(b.dim(), w.dim().0, "a bias has as many elements as its weight has rows");
        }
        record((x, w, b), |(x_needs, w_needs, b_needs)| {
            let (kept_w, kept_x) = (x_needs.then(|| w.to_shared()), w_needs.then(|| x.to_shared()));
            let backward = move |d_y: Array2<S>| {
                let d_x = kept_w.map(|w| linear_input_backward(d_y.view(), w.view()));
                let d_w = kept_x.map(|x| linear_weight_backward(x.view(), d_y.view()));
                (d_x, d_w, b_needs.then(|| linear_bias_backward(d_y.view())))
            };
            (linear(x.value(), w.value(), b.map(Var::value)), backward)
        })
    }

    /// `y = w ∘ x̂ + b` with `x̂ = (x − μ)/√(σ² + ε)` over each row of `x: [T, D]`: [`layer_norm`].
    ///
    /// `d_x = (g − mean(g) − x̂ mean(g ∘ x̂)) / σ` with `g = w ∘ d_y`, `d_w = Σ_t d_y ∘ x̂`,
    /// `d_b = Σ_t d_y`. Keeps `x̂` and `1/σ` only for `x` or `w`.
    ///
    /// # Panics
    /// If `w` or `b` is not as long as a row.
    #[must_use]
    pub fn layer_norm(&self, w: &Var<S, Ix1>, b: &Var<S, Ix1>, epsilon: f64) -> Self {
        record((self, w, b), |(x_needs, w_needs, b_needs)| {
            let keep = x_needs || w_needs;
            let (y, trace) = layer_norm(self.to_array(), w.value(), Some(b.value()), epsilon, keep);
            let kept_w = x_needs.then(|| w.to_shared());
            let backward = move |d_y: Array2<S>| {
                let (d_w, d_b) = match &trace {
                    Some(trace) if w_needs => {
                        let (d_w, d_b) = layer_norm_parameters_backward(trace, d_y.view());
                        (Some(d_w), Some(d_b))
                    }
                    _ => (None, b_needs.then(|| linear_bias_backward(d_y.view()))),
                };
                let d_x = trace.zip(kept_w).map(|(trace, w)| layer_norm_input_backward(&trace, w.view(), d_y));
                (d_x, d_w, d_b)
            };
            (y, backward)
        })
    }

    /// `p_j = e^(x_j) / Σ_k e^(x_k)` for each row: [`softmax`]. `d_x = p ∘ (d_p − Σ_k p_k d_p_k)`.
    #[must_use]
    pub fn softmax(&self) -> Self {
        record(self, |_| {
            let p = softmax(self.to_array()).into_shared();
            (p.clone(), move |d_p| softmax_backward(p.view(), d_p))
        })
    }
}

/// `softmax(α Q Kᵀ + B) V` for each sequence and head: [`attention`](adaptune_tensor::attention()).
///
/// Queries `[T, H·K]`, keys and values `[T_k, H_kv·K]` → `[T, H·K]`. A relative bias `B` is a constant here. The
/// formulas of the gradients stand at [`attention_backward`]; those of inputs that need none are not computed.
///
/// # Panics
/// If the shapes do not fit.
#[must_use]
pub fn attention<S: Scalar>(
    queries: &Var<S, Ix2>,
    keys: &Var<S, Ix2>,
    values: &Var<S, Ix2>,
    description: &Attention<S>,
    dropout: Option<Dropout>,
) -> Var<S, Ix2> {
    record((queries, keys, values), |(q_needs, k_needs, v_needs)| {
        let needs = AttentionNeeds { queries: q_needs, keys: k_needs, values: v_needs, ..AttentionNeeds::default() };
        let [q, k, v] = [queries, keys, values].map(Var::to_array);
        let (y, trace) =
            adaptune_tensor::attention(q, k, v, description.clone(), Precision::Full, dropout, needs.any());
        let backward = move |d_y: Array2<S>| {
            let trace = trace.expect("backward runs only if something needs a gradient");
            let AttentionGradients { d_queries, d_keys, d_values, .. } = attention_backward(trace, d_y.view(), needs);
            (d_queries, d_keys, d_values)
        };
        (y, backward)
    })
}
