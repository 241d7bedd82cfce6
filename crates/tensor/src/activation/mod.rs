//! Element-wise activation functions with their derivatives, on arrays.

pub(crate) mod function;
mod name;

pub use function::sigmoid;
pub use name::Activation;

use crate::Scalar;
use crate::kernel::activated;
use crate::profile;
use crate::rows::{for_each_row, standard};
use ndarray::{Array2, ArrayView2};

impl Activation {
    /// `y = φ(x)`, element by element, in place.
    #[must_use]
    pub fn forward<S: Scalar>(self, x: Array2<S>) -> Array2<S> {
        let _span = profile::moving::<S>("activation", x.shape(), 2);
        let mut y = standard(x);
        for_each_row(&mut y, |_, row| S::activate(self, row));
        y
    }

    /// `y = φ(x)`, element by element; `x` stays as it is, for [`Activation::backward`].
    #[must_use]
    pub fn apply<S: Scalar>(self, x: ArrayView2<'_, S>) -> Array2<S> {
        let _span = profile::moving::<S>("activation", x.shape(), 2);
        activated(self, x)
    }

    /// `d_x = d_y ∘ φ'(x)`; `x` is what [`Activation::forward`] or [`Activation::apply`] was given.
    ///
    /// # Panics
    /// If the shapes differ.
    #[must_use]
    pub fn backward<S: Scalar>(self, x: ArrayView2<'_, S>, d_y: Array2<S>) -> Array2<S> {
        assert_eq!(x.dim(), d_y.dim(), "a gradient has the shape of its value");
        let _span = profile::moving::<S>("activation, backward", x.shape(), 3);
        let mut d = standard(d_y);
        let x = x.as_standard_layout();
        let x = x.as_slice().expect("standard layout");
        for_each_row(&mut d, |t, row| {
            let x = &x[t * row.len()..][..row.len()];
            S::activation_backward(self, row, x);
        });
        d
    }
}
