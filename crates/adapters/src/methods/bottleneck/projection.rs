//! A bottleneck's two projections: plain linear layers, or hypercomplex ones.

use crate::core::layers::TrainableLinear;
use crate::methods::bottleneck::phm::layer::{PhmLinear, PhmShared};
use crate::methods::bottleneck::phm::stack::Arrays;
use adaptune_tensor::{Gradients, Named, NamedMut, Parameters, Precision, Scalar};
use ndarray::{Array2, ArrayView2};

/// `[T, In] → [T, Out]`.
#[derive(Clone, Debug)]
pub(crate) enum Projection<S> {
    /// `x Wᵀ + b`.
    Linear(TrainableLinear<S>),
    /// `x Σ_i A_i ⊗ B_i + b`.
    Phm(Box<PhmLinear<S>>),
}

impl<S: Scalar> Projection<S> {
    /// `precision` is that of the base.
    pub(crate) fn forward(
        &self,
        precision: Precision,
        x: ArrayView2<'_, S>,
        shared: Option<&PhmShared<S>>,
    ) -> Array2<S> {
        match self {
            Self::Linear(layer) => layer.forward_in(precision, x),
            Self::Phm(layer) => layer.forward(x, shared),
        }
    }

    /// Adds the gradients of the parameters that train; gives `d_x` if it is wanted.
    pub(crate) fn backward(
        &self,
        precision: Precision,
        x: ArrayView2<'_, S>,
        d_y: ArrayView2<'_, S>,
        shared: Option<&PhmShared<S>>,
        wants_input: bool,
        gradients: &mut Gradients<S>,
    ) -> Option<Array2<S>> {
        match self {
            Self::Linear(layer) => {
                layer.parameters_backward_in(precision, x, d_y, gradients);
                wants_input.then(|| layer.input_backward_in(precision, d_y))
            }
            Self::Phm(layer) => layer.backward(x, d_y, shared, wants_input, gradients),
        }
    }
}

impl<S: Scalar> Arrays<S> for Projection<S> {
    fn list_arrays<'a>(&'a self, fixed: bool, name: &str, all: &mut Named<'a, S>) {
        match self {
            Self::Linear(layer) if !fixed => layer.list(name, all),
            Self::Linear(_) => {}
            Self::Phm(layer) => layer.list_arrays(fixed, name, all),
        }
    }
    fn list_arrays_mut<'a>(&'a mut self, fixed: bool, name: &str, all: &mut NamedMut<'a, S>) {
        match self {
            Self::Linear(layer) if !fixed => layer.list_mut(name, all),
            Self::Linear(_) => {}
            Self::Phm(layer) => layer.list_arrays_mut(fixed, name, all),
        }
    }
}

impl<S: Scalar> Parameters<S> for Projection<S> {
    fn list<'a>(&'a self, name: &str, all: &mut Named<'a, S>) {
        self.list_arrays(false, name, all);
    }
    fn list_mut<'a>(&'a mut self, name: &str, all: &mut NamedMut<'a, S>) {
        self.list_arrays_mut(false, name, all);
    }
}
