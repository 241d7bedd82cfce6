//! The parameters of a closure: what the module holds, and what the closure sees of it.

use super::recording::Recording;
use crate::core::nearest::did_you_mean;
use adaptune_autograd::Var;
use adaptune_tensor::{Kind, Named, NamedMut, Parameter, Parameters, Scalar, join};
use ndarray::{Array, Dimension, Ix1, Ix2, IxDyn};
use std::sync::Arc;

/// Named parameters with their initial values, for a module to hold.
///
/// ```
/// use adaptune_adapters::closure::ParameterSet;
/// use adaptune_tensor::Parameters;
/// use ndarray::{Array1, Array2};
/// let set = ParameterSet::<f32>::new()
///     .weight("down", Array2::zeros((2, 8)))
///     .bias("shift", Array1::zeros(2));
/// assert_eq!(set.parameters()[1].0, "shift");
/// assert_eq!(set.parameter_count(), 18);
/// ```
#[derive(Clone, Debug)]
pub struct ParameterSet<S> {
    named: Vec<(Arc<str>, Parameter<S, IxDyn>)>,
}

impl<S> Default for ParameterSet<S> {
    fn default() -> Self {
        Self { named: Vec::new() }
    }
}

impl<S: Scalar> ParameterSet<S> {
    /// Without any parameter.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With a matrix or a vector that scales; see [`ParameterSet::with`].
    #[must_use]
    pub fn weight<D: Dimension>(self, name: &str, values: Array<S, D>) -> Self {
        self.with(name, Kind::Weight, values)
    }

    /// With an additive offset, which weight decay leaves alone; see [`ParameterSet::with`].
    #[must_use]
    pub fn bias<D: Dimension>(self, name: &str, values: Array<S, D>) -> Self {
        self.with(name, Kind::Bias, values)
    }

    /// With one parameter more.
    ///
    /// # Panics
    /// If the name is empty or taken.
    #[must_use]
    pub fn with<D: Dimension>(mut self, name: &str, kind: Kind, values: Array<S, D>) -> Self {
        assert!(!name.is_empty(), "a parameter has a name");
        assert!(self.named.iter().all(|(other, _)| **other != *name), "there are two parameters `{name}`");
        self.named.push((name.into(), Parameter::new(kind, values.into_dyn())));
        self
    }

    /// What the closure sees in this pass.
    pub(super) fn record<'a>(&'a self, recording: &mut Recording<'a, S>) -> ParameterVars<S> {
        let variable = |(name, parameter): &'a (Arc<str>, _)| (Arc::clone(name), recording.parameter(parameter));
        ParameterVars { named: self.named.iter().map(variable).collect() }
    }
}

impl<S: Scalar> Parameters<S> for ParameterSet<S> {
    fn list<'a>(&'a self, name: &str, all: &mut Named<'a, S>) {
        self.named.iter().for_each(|(part, parameter)| parameter.list(&join(name, part), all));
    }
    fn list_mut<'a>(&'a mut self, name: &str, all: &mut NamedMut<'a, S>) {
        self.named.iter_mut().for_each(|(part, parameter)| parameter.list_mut(&join(name, part), all));
    }
}

/// The parameters of a module as its closure sees them: variables if they train, else constants.
#[derive(Clone, Debug)]
pub struct ParameterVars<S: Scalar> {
    named: Vec<(Arc<str>, Var<S, IxDyn>)>,
}

impl<S: Scalar> ParameterVars<S> {
    /// A parameter of rank 2.
    ///
    /// # Panics
    /// If there is none of this name, or it has another rank.
    #[must_use]
    pub fn matrix(&self, name: &str) -> Var<S, Ix2> {
        self.get(name)
    }

    /// A parameter of rank 1.
    ///
    /// # Panics
    /// If there is none of this name, or it has another rank.
    #[must_use]
    pub fn vector(&self, name: &str) -> Var<S, Ix1> {
        self.get(name)
    }

    /// A parameter of any rank: that of the array which it started as.
    ///
    /// # Panics
    /// If there is none of this name, or it has another rank.
    #[must_use]
    pub fn get<D: Dimension>(&self, name: &str) -> Var<S, D> {
        let names = || self.named.iter().map(|(name, _)| &**name);
        let Some((_, found)) = self.named.iter().find(|(other, _)| **other == *name) else {
            let (suggestion, all) = (did_you_mean(name, names()), names().collect::<Vec<_>>().join(", "));
            panic!("this module has no parameter `{name}`{suggestion} (parameters: {all})")
        };
        let shape = found.shape();
        let rank = D::NDIM.unwrap_or(shape.len());
        assert_eq!(shape.len(), rank, "parameter `{name}` has shape {shape:?}, but was asked for with rank {rank}");
        found.clone().into_dimensionality().expect("the rank is right")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{arr1, arr2};

    fn variables() -> ParameterVars<f64> {
        let set = ParameterSet::new().weight("down", arr2(&[[1.0, 2.0]])).bias("shift", arr1(&[3.0]));
        set.record(&mut Recording::new(true))
    }

    #[test]
    fn they_are_found_by_name_and_rank() {
        let variables = variables();
        assert_eq!(variables.matrix("down").value(), arr2(&[[1.0, 2.0]]));
        assert_eq!(variables.get::<IxDyn>("shift").shape(), [1]);
        assert!(!variables.vector("shift").needs_gradient(), "nothing trains yet");
    }

    #[test]
    #[should_panic(expected = "no parameter `dwon`; did you mean `down`? (parameters: down, shift)")]
    fn a_slip_is_noticed() {
        let _ = variables().matrix("dwon");
    }

    #[test]
    #[should_panic(expected = "`shift` has shape [1], but was asked for with rank 2")]
    fn so_is_another_rank() {
        let _ = variables().matrix("shift");
    }

    #[test]
    #[should_panic(expected = "there are two parameters `a`")]
    fn names_differ() {
        let _ = ParameterSet::new().bias("a", arr1(&[1.0])).bias("a", arr1(&[2.0]));
    }
}
