//! The base's pooler, through which a head may read.
//!
//! ```text
//! z = h Wᵀ + b,   a = φ(z),   p = N(a)                     [S, D]   in BERT φ is tanh, and there is no norm
//! d_a = N'(d_p),  d_z = φ'(z) ∘ d_a,  d_h = d_z W
//! ```

use adaptune_tensor::{Activation, Gradients, Scalar};
use adaptune_transformer::{Base, BaseLinear, BaseNorm, NormTrace};
use ndarray::{ArcArray2, Array2};

/// What backward needs: `z`, the input where the weight trains, and what the norm keeps.
pub(super) struct PoolerTrace<S> {
    z: Array2<S>,
    input: Option<ArcArray2<S>>,
    norm: Option<NormTrace<S>>,
}

/// True if any of it is thawed and trains.
pub(super) fn trains<S: Scalar>(base: Base<'_, S>) -> bool {
    base.pooler().is_some_and(BaseLinear::trains) || base.pooler_norm().is_some_and(BaseNorm::trains)
}

/// What the pooler makes of rows, `[S, D] → [S, D]`.
pub(super) fn forward<S: Scalar>(base: Base<'_, S>, rows: Array2<S>) -> (Array2<S>, PoolerTrace<S>) {
    let rows = rows.into_shared();
    let layer = layer(base);
    let z = layer.forward(rows.view());
    let (a, input) = (activation(base).apply(z.view()), layer.keep(&rows));
    let (pooled, norm) = match base.pooler_norm() {
        Some(norm) => norm.forward(a, true),
        None => (a, None),
    };
    (pooled, PoolerTrace { z, input, norm })
}

impl<S: Scalar> PoolerTrace<S> {
    /// Adds the gradients of what is thawed; returns that of the rows.
    pub(super) fn backward(self, base: Base<'_, S>, d: Array2<S>, gradients: &mut Gradients<S>) -> Array2<S> {
        let d_a = match (base.pooler_norm(), &self.norm) {
            (Some(norm), Some(trace)) => norm.backward(trace, d, gradients),
            _ => d,
        };
        let d_z = activation(base).backward(self.z.view(), d_a);
        let layer = layer(base);
        layer.parameters_backward(self.input.as_ref(), d_z.view(), gradients);
        layer.input_backward(d_z.view())
    }
}

fn layer<S: Scalar>(base: Base<'_, S>) -> BaseLinear<'_, S> {
    base.pooler().expect("a head that reads the pooler is made on a base that has one")
}

fn activation<S: Scalar>(base: Base<'_, S>) -> Activation {
    base.config().architecture.pooler.map_or(Activation::Identity, |pooler| pooler.activation)
}
