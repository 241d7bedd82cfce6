//! What trains: parameters, and the buffers that collect their gradients.
//!
//! A frozen weight is a plain array. Only a [`Parameter`] can have a [`Slot`], only a slot can have
//! a gradient buffer, so a buffer for a frozen weight cannot exist.

use crate::Scalar;
use ndarray::{Array, ArrayD, ArrayView, ArrayViewD, Dimension};

/// What a parameter is, for rules that differ by it: weight decay leaves biases and norms alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A matrix of a linear layer, or a vector that scales.
    Weight,
    /// An additive offset.
    Bias,
    /// Weight or bias of a layer norm.
    Norm,
}

/// The number of a trainable parameter: its place in [`Gradients`] and in the optimiser's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(pub usize);

/// An array that may be trained. Without a slot it is frozen, and backward computes nothing for it.
#[derive(Clone, Debug)]
pub struct Parameter<S, D: Dimension> {
    value: Array<S, D>,
    kind: Kind,
    slot: Option<Slot>,
}

impl<S: Scalar, D: Dimension> Parameter<S, D> {
    /// Wraps an array. It starts frozen; see [`AnyParameter::set_slot`].
    pub fn new(kind: Kind, value: Array<S, D>) -> Self {
        let value = if value.is_standard_layout() { value } else { value.as_standard_layout().into_owned() };
        Self { value, kind, slot: None }
    }

    /// The values.
    pub fn view(&self) -> ArrayView<'_, S, D> {
        self.value.view()
    }

    /// True if gradients are wanted for it.
    pub fn trains(&self) -> bool {
        self.slot.is_some()
    }
}

/// A [`Parameter`] of any number of dimensions: what optimisers, files and counters see.
pub trait AnyParameter<S: Scalar> {
    /// The lengths of its axes.
    fn shape(&self) -> &[usize];
    /// Its values in row-major order.
    fn values(&self) -> &[S];
    /// Its values in row-major order, to be changed between steps.
    fn values_mut(&mut self) -> &mut [S];
    /// What it is.
    fn kind(&self) -> Kind;
    /// Its number among the trainable parameters, `None` while frozen.
    fn slot(&self) -> Option<Slot>;
    /// Makes it trainable as number `slot`, or freezes it.
    fn set_slot(&mut self, slot: Option<Slot>);

    /// Its values with their shape.
    fn to_view(&self) -> ArrayViewD<'_, S> {
        ArrayViewD::from_shape(self.shape(), self.values()).expect("a parameter is contiguous")
    }
}

impl<S: Scalar, D: Dimension> AnyParameter<S> for Parameter<S, D> {
    fn shape(&self) -> &[usize] {
        self.value.shape()
    }
    fn values(&self) -> &[S] {
        self.value.as_slice().expect("a parameter is contiguous")
    }
    fn values_mut(&mut self) -> &mut [S] {
        self.value.as_slice_mut().expect("a parameter is contiguous")
    }
    fn kind(&self) -> Kind {
        self.kind
    }
    fn slot(&self) -> Option<Slot> {
        self.slot
    }
    fn set_slot(&mut self, slot: Option<Slot>) {
        self.slot = slot;
    }
}

/// Something that holds parameters, under names that are stable within it (`down.weight`).
///
/// Implement it with [`parameters!`](crate::parameters), which writes both methods from one list.
pub trait Parameters<S: Scalar> {
    /// All parameters with their names, in a fixed order.
    fn parameters(&self) -> Vec<(String, &dyn AnyParameter<S>)>;
    /// The same list, to be changed between steps.
    fn parameters_mut(&mut self) -> Vec<(String, &mut dyn AnyParameter<S>)>;

    /// How many numbers the parameters hold.
    fn parameter_count(&self) -> usize {
        self.parameters().iter().map(|(_, p)| p.values().len()).sum()
    }

    /// Numbers every parameter from `next` on, so that it trains; returns the next free number.
    fn train_from(&mut self, next: usize) -> usize {
        let mut parameters = self.parameters_mut();
        for (i, (_, parameter)) in parameters.iter_mut().enumerate() {
            parameter.set_slot(Some(Slot(next + i)));
        }
        next + parameters.len()
    }

    /// Freezes every parameter.
    fn freeze(&mut self) {
        for (_, parameter) in self.parameters_mut() {
            parameter.set_slot(None);
        }
    }

    /// True if any parameter trains.
    fn any_trains(&self) -> bool {
        self.parameters().iter().any(|(_, p)| p.slot().is_some())
    }
}

/// Implements [`Parameters`] from one list of names and fields.
///
/// A field is a [`Parameter`], or with `as option` an `Option` of one that is listed only when it is there.
///
/// ```
/// use adaptune_tensor::{Kind, Parameter, Parameters, Scalar, parameters};
/// use ndarray::{Array1, Ix1, arr1};
///
/// struct Gain<S> {
///     scale: Parameter<S, Ix1>,
///     shift: Option<Parameter<S, Ix1>>,
/// }
/// parameters!(Gain { "scale" => scale, "shift" => shift as option });
///
/// let mut gain = Gain { scale: Parameter::new(Kind::Weight, arr1(&[1.0_f32])), shift: None };
/// assert_eq!(gain.train_from(0), 1);
/// assert_eq!(gain.parameters()[0].0, "scale");
/// ```
#[macro_export]
macro_rules! parameters {
    ($type:ident { $($name:literal => $($field:ident).+ $(as $optional:ident)?),+ $(,)? }) => {
        impl<S: $crate::Scalar> $crate::Parameters<S> for $type<S> {
            fn parameters(&self) -> Vec<(String, &dyn $crate::AnyParameter<S>)> {
                let mut all: Vec<(String, &dyn $crate::AnyParameter<S>)> = Vec::new();
                $($crate::parameters!(@push all, $name, & self.$($field).+, as_ref $($optional)?);)+
                all
            }
            fn parameters_mut(&mut self) -> Vec<(String, &mut dyn $crate::AnyParameter<S>)> {
                let mut all: Vec<(String, &mut dyn $crate::AnyParameter<S>)> = Vec::new();
                $($crate::parameters!(@push all, $name, &mut self.$($field).+, as_mut $($optional)?);)+
                all
            }
        }
    };
    (@push $all:ident, $name:literal, & $value:expr, as_ref) => { $all.push(($name.to_string(), &$value)); };
    (@push $all:ident, $name:literal, & $value:expr, as_ref option) => {
        if let Some(parameter) = $value.as_ref() { $all.push(($name.to_string(), parameter)); }
    };
    (@push $all:ident, $name:literal, &mut $value:expr, as_mut) => { $all.push(($name.to_string(), &mut $value)); };
    (@push $all:ident, $name:literal, &mut $value:expr, as_mut option) => {
        if let Some(parameter) = $value.as_mut() { $all.push(($name.to_string(), parameter)); }
    };
}

/// Gradient buffers, one for each [`Slot`] that received a gradient.
///
/// The first gradient of a slot is moved in, later ones are added in the order in which they come.
#[derive(Clone, Debug)]
pub struct Gradients<S> {
    buffers: Vec<Option<ArrayD<S>>>,
}

impl<S> Default for Gradients<S> {
    fn default() -> Self {
        Self { buffers: Vec::new() }
    }
}

impl<S: Scalar> Gradients<S> {
    /// No gradients yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the gradient of a parameter. Nothing happens for a frozen one; callers avoid computing
    /// it by asking [`Parameter::trains`] first.
    ///
    /// # Panics
    /// If the gradient has another shape than the parameter.
    pub fn add<D: Dimension>(&mut self, parameter: &Parameter<S, D>, gradient: Array<S, D>) {
        assert_eq!(parameter.value.shape(), gradient.shape(), "a gradient has its parameter's shape");
        let Some(Slot(i)) = parameter.slot else { return };
        if self.buffers.len() <= i {
            self.buffers.resize(i + 1, None);
        }
        match &mut self.buffers[i] {
            Some(sum) => sum.zip_mut_with(&gradient.into_dyn(), |s, g| *s += *g),
            empty => *empty = Some(standard(gradient.into_dyn())),
        }
    }

    /// The gradient of a slot, `None` if nothing was added to it.
    #[must_use]
    pub fn get(&self, slot: Slot) -> Option<ArrayViewD<'_, S>> {
        self.buffers.get(slot.0)?.as_ref().map(|g| g.view())
    }

    /// All buffers with their slots, in the order of the slots.
    pub fn iter(&self) -> impl Iterator<Item = (Slot, &[S])> {
        self.buffers.iter().enumerate().filter_map(|(i, b)| Some((Slot(i), b.as_ref()?.as_slice()?)))
    }

    /// Multiplies every gradient, as clipping does.
    pub fn scale(&mut self, factor: S) {
        for buffer in self.buffers.iter_mut().flatten() {
            buffer.mapv_inplace(|g| g * factor);
        }
    }

    /// How many slots hold a gradient.
    #[must_use]
    pub fn len(&self) -> usize {
        self.buffers.iter().flatten().count()
    }

    /// True if no slot holds a gradient.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Euclidean norm over all gradients, summed in double precision in slot order.
    #[must_use]
    pub fn norm(&self) -> f64 {
        let squares = self.iter().flat_map(|(_, g)| g).map(|g| g.to_f64() * g.to_f64());
        squares.sum::<f64>().sqrt()
    }
}

fn standard<S: Scalar>(a: ArrayD<S>) -> ArrayD<S> {
    if a.is_standard_layout() { a } else { a.as_standard_layout().into_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, Ix2, arr2};

    fn trainable(slot: usize) -> Parameter<f64, Ix2> {
        let mut p = Parameter::new(Kind::Weight, Array2::zeros((2, 1)));
        p.set_slot(Some(Slot(slot)));
        p
    }

    #[test]
    fn gradients_are_moved_then_added() {
        let (p, mut g) = (trainable(3), Gradients::new());
        g.add(&p, arr2(&[[1.0], [2.0]]));
        g.add(&p, arr2(&[[0.5], [4.0]]));
        assert_eq!(g.get(Slot(3)).unwrap(), arr2(&[[1.5], [6.0]]).into_dyn());
        assert_eq!(g.len(), 1);
        assert!((g.norm() - (1.5f64 * 1.5 + 36.0).sqrt()).abs() < 1e-15);
    }

    #[test]
    fn a_frozen_parameter_gets_no_buffer() {
        let p = Parameter::new(Kind::Bias, Array2::<f32>::zeros((2, 1)));
        let mut g = Gradients::new();
        g.add(&p, Array2::ones((2, 1)));
        assert!(g.is_empty() && g.get(Slot(0)).is_none());
    }
}
