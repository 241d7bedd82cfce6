//! A few matrices of one shape in one array, whole or as products of thinner ones.

use adaptune_tensor::{Gradients, Kind, Named, NamedMut, Parameter, Parameters, Scalar, join};
use ndarray::{Array3, Axis, Ix3};

/// `n` matrices `[n, Rows, Columns]`, or `left: [n, Rows, K]` and `right: [n, K, Columns]` whose products they are.
///
/// They are called by one name: `phm_rule`, or `phm_rule_left` and `phm_rule_right`.
#[derive(Clone, Debug)]
pub(crate) struct Stack<S> {
    pub(super) left: Parameter<S, Ix3>,
    pub(super) right: Option<Parameter<S, Ix3>>,
    /// Drawn once: it never trains.
    fixed: bool,
}

impl<S: Scalar> Stack<S> {
    pub(super) fn new(left: Array3<S>, right: Option<Array3<S>>, fixed: bool) -> Self {
        let parameter = |value| Parameter::new(Kind::Weight, value);
        Self { left: parameter(left), right: right.map(parameter), fixed }
    }

    /// The matrices, `[n, Rows, Columns]`.
    pub(super) fn whole(&self) -> Array3<S> {
        let left = self.left.view();
        let Some(right) = &self.right else { return left.to_owned() };
        let right = right.view();
        let mut whole = Array3::zeros((left.dim().0, left.dim().1, right.dim().2));
        for (i, mut matrix) in whole.outer_iter_mut().enumerate() {
            matrix.assign(&left.index_axis(Axis(0), i).dot(&right.index_axis(Axis(0), i)));
        }
        whole
    }

    /// From the gradient of the matrices: `d_left = d rightᵀ` and `d_right = leftᵀ d`.
    pub(super) fn whole_backward(&self, d: Array3<S>, gradients: &mut Gradients<S>) {
        let Some(right) = &self.right else { return gradients.add(&self.left, d) };
        let (mut d_left, mut d_right) = (Array3::zeros(self.left.view().dim()), Array3::zeros(right.view().dim()));
        for (i, d) in d.outer_iter().enumerate() {
            let (left, right) = (self.left.view(), right.view());
            d_left.index_axis_mut(Axis(0), i).assign(&d.dot(&right.index_axis(Axis(0), i).t()));
            d_right.index_axis_mut(Axis(0), i).assign(&left.index_axis(Axis(0), i).t().dot(&d));
        }
        gradients.add(&self.left, d_left);
        gradients.add(right, d_right);
    }

    /// Lists the arrays if they are of this kind: fixed or not.
    pub(super) fn list_if<'a>(&'a self, fixed: bool, name: &str, all: &mut Named<'a, S>) {
        if self.fixed == fixed {
            self.left.list(&self.name(name, "_left"), all);
            self.right.list(&self.name(name, "_right"), all);
        }
    }

    /// The same list, to be changed.
    pub(super) fn list_if_mut<'a>(&'a mut self, fixed: bool, name: &str, all: &mut NamedMut<'a, S>) {
        if self.fixed == fixed {
            let (left, right) = (self.name(name, "_left"), self.name(name, "_right"));
            self.left.list_mut(&left, all);
            self.right.list_mut(&right, all);
        }
    }

    fn name(&self, name: &str, side: &str) -> String {
        if self.right.is_some() { format!("{name}{side}") } else { name.to_owned() }
    }
}

/// What a part of a module has of parameters and of arrays that never train, under their names.
pub(crate) trait Arrays<S: Scalar> {
    /// Lists those that train, or those that do not.
    fn list_arrays<'a>(&'a self, fixed: bool, name: &str, all: &mut Named<'a, S>);
    /// The same list, to be changed.
    fn list_arrays_mut<'a>(&'a mut self, fixed: bool, name: &str, all: &mut NamedMut<'a, S>);
}

/// Stacks by their names, those that are there.
pub(super) fn list<'a, S: Scalar>(
    stacks: impl IntoIterator<Item = (&'static str, &'a Option<Stack<S>>)>,
    fixed: bool,
    name: &str,
    all: &mut Named<'a, S>,
) {
    for (part, stack) in stacks {
        stack.iter().for_each(|stack| stack.list_if(fixed, &join(name, part), all));
    }
}

/// The same list, to be changed.
pub(super) fn list_mut<'a, S: Scalar>(
    stacks: impl IntoIterator<Item = (&'static str, &'a mut Option<Stack<S>>)>,
    fixed: bool,
    name: &str,
    all: &mut NamedMut<'a, S>,
) {
    for (part, stack) in stacks {
        stack.iter_mut().for_each(|stack| stack.list_if_mut(fixed, &join(name, part), all));
    }
}
