//! A gate: one number for each sequence by which a module's part is multiplied (UniPELT, Mao et al., 2022).
//!
//! For `T` tokens in `S` sequences, a hidden size of `D` and `G` gates:
//!
//! ```text
//! z = x Wᵀ + b                          [T, G]
//! g_s = mean of σ(z_t) over t in s      [S, G]
//! ```
//!
//! The mean is over the tokens of a sequence; there is no padding that could count.
//!
//! # Gradients
//!
//! With `n_s` tokens in a sequence, each of them has its share of the mean:
//!
//! ```text
//! d_z_t = d_g_s ∘ σ(z_t) ∘ (1 − σ(z_t)) / n_s
//! d_W = d_zᵀ x        d_b = Σ_t d_z        d_x = d_z W
//! ```

use crate::core::layers::TrainableLinear;
use adaptune_tensor::{Activation, Gradients, Layout, Scalar, Seed, init};
use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis, Zip, s};

/// One or more gates with their parameters, `W: [G, D]` and `b: [G]`.
#[derive(Clone, Debug)]
pub(crate) struct Gate<S> {
    linear: TrainableLinear<S>,
}

/// What backward needs: `σ(z)`, `[T, G]`.
pub(crate) struct GateTrace<S>(Array2<S>);

impl<S: Scalar> Gate<S> {
    /// `W` is normal with deviation 0.02, `b` is zero, as AdapterHub starts them: a gate is half open.
    pub(crate) fn new(gates: usize, hidden: usize, seed: Seed) -> Self {
        Self { linear: TrainableLinear::new(init::normal((gates, hidden), 0.02, seed.named("gate")), true) }
    }

    /// `g`, `[S, G]`, from `x: [T, D]`.
    pub(crate) fn forward(&self, x: ArrayView2<'_, S>, layout: &Layout) -> (Array2<S>, GateTrace<S>) {
        let open = Activation::Sigmoid.forward(self.linear.forward(x));
        let mut g = Array2::zeros((layout.sequences(), open.ncols()));
        for (mut g, range) in g.outer_iter_mut().zip(layout.ranges()) {
            let tokens = S::from_f64(range.len() as f64);
            g.assign(&(open.slice(s![range, ..]).sum_axis(Axis(0)) / tokens));
        }
        (g, GateTrace(open))
    }

    /// Adds the gradients of `W` and `b`; gives `d_x` if it is wanted.
    pub(crate) fn backward(
        &self,
        trace: &GateTrace<S>,
        x: ArrayView2<'_, S>,
        layout: &Layout,
        d_g: ArrayView2<'_, S>,
        wants_input: bool,
        gradients: &mut Gradients<S>,
    ) -> Option<Array2<S>> {
        let mut d_z = trace.0.mapv(|open| open * (S::one() - open));
        for (d_g, range) in d_g.outer_iter().zip(layout.ranges()) {
            let share = &d_g / S::from_f64(range.len() as f64);
            let mut d_z = d_z.slice_mut(s![range, ..]);
            d_z *= &share;
        }
        self.linear.parameters_backward(x, d_z.view(), gradients);
        wants_input.then(|| self.linear.input_backward(d_z.view()))
    }
}

impl<S: Scalar> adaptune_tensor::Parameters<S> for Gate<S> {
    fn list<'a>(&'a self, name: &str, all: &mut adaptune_tensor::Named<'a, S>) {
        self.linear.list(name, all);
    }
    fn list_mut<'a>(&'a mut self, name: &str, all: &mut adaptune_tensor::NamedMut<'a, S>) {
        self.linear.list_mut(name, all);
    }
}

/// `y_t = g_s u_t`, in place; each of the rows of a sequence is multiplied by its number.
pub(crate) fn multiply_sequences<S: Scalar>(u: &mut Array2<S>, g: ArrayView2<'_, S>, layout: &Layout) {
    for (g, range) in g.column(0).iter().zip(layout.ranges()) {
        let mut rows: ArrayViewMut2<'_, S> = u.slice_mut(s![range, ..]);
        rows *= *g;
    }
}

/// `d_g_s = Σ_t Σ_i d_y_ti u_ti` over the tokens `t` of a sequence, `[S, 1]`.
pub(crate) fn multiply_sequences_backward<S: Scalar>(
    d_y: ArrayView2<'_, S>,
    u: ArrayView2<'_, S>,
    layout: &Layout,
) -> Array2<S> {
    let mut d_g = Array2::zeros((layout.sequences(), 1));
    for (mut d_g, range) in d_g.outer_iter_mut().zip(layout.ranges()) {
        let (d_y, u) = (d_y.slice(s![range.clone(), ..]), u.slice(s![range, ..]));
        d_g[0] = Zip::from(d_y).and(u).fold(S::zero(), |sum, d, u| sum + *d * *u);
    }
    d_g
}
