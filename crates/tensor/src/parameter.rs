//! What trains: parameters, and the buffers that collect their gradients.
//!
//! A frozen weight is a plain array. Only a [`Parameter`] can have a [`Slot`], only a slot can have
//! a gradient buffer, so a buffer for a frozen weight cannot exist.

use crate::Scalar;
use crate::kernel::PIECE;
use ndarray::{Array, ArrayD, ArrayView, ArrayViewD, Dimension};
use rayon::prelude::*;

/// What a parameter is, for rules that differ by it: weight decay leaves biases and norms alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A matrix of a linear layer, or a vector that scales.
    Weight,
    /// An additive offset.
    Bias,
    /// Weight or bias of a layer norm.
    Norm,
    /// Coordinates of directions, whose size means nothing that could decay.
    Frame,
    /// A matrix that begins near the identity: to decay towards zero is not what it should.
    NearIdentity,
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

/// Parameters with their names, as [`Parameters::list`] collects them.
pub type Named<'a, S> = Vec<(String, &'a dyn AnyParameter<S>)>;
/// The same, to be changed.
pub type NamedMut<'a, S> = Vec<(String, &'a mut dyn AnyParameter<S>)>;

/// Something that holds parameters, under names that are stable within it (`down.weight`).
///
/// A [`Parameter`] is one, an `Option` or a `Vec` of such things is, and
/// [`parameters!`](crate::parameters) makes a struct one by listing its fields.
pub trait Parameters<S: Scalar> {
    /// Appends all parameters, in a fixed order, with names that begin with `name`.
    fn list<'a>(&'a self, name: &str, all: &mut Named<'a, S>);
    /// The same list, to be changed between steps.
    fn list_mut<'a>(&'a mut self, name: &str, all: &mut NamedMut<'a, S>);

    /// All parameters with their names, in a fixed order.
    fn parameters(&self) -> Named<'_, S> {
        let mut all = Vec::new();
        self.list("", &mut all);
        all
    }

    /// The same list, to be changed between steps.
    fn parameters_mut(&mut self) -> NamedMut<'_, S> {
        let mut all = Vec::new();
        self.list_mut("", &mut all);
        all
    }

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

impl<S: Scalar, D: Dimension> Parameters<S> for Parameter<S, D> {
    fn list<'a>(&'a self, name: &str, all: &mut Named<'a, S>) {
        all.push((name.to_owned(), self));
    }
    fn list_mut<'a>(&'a mut self, name: &str, all: &mut NamedMut<'a, S>) {
        all.push((name.to_owned(), self));
    }
}

impl<S: Scalar, P: Parameters<S>> Parameters<S> for Option<P> {
    fn list<'a>(&'a self, name: &str, all: &mut Named<'a, S>) {
        self.iter().for_each(|p| p.list(name, all));
    }
    fn list_mut<'a>(&'a mut self, name: &str, all: &mut NamedMut<'a, S>) {
        self.iter_mut().for_each(|p| p.list_mut(name, all));
    }
}

impl<S: Scalar, P: Parameters<S>> Parameters<S> for Vec<P> {
    fn list<'a>(&'a self, name: &str, all: &mut Named<'a, S>) {
        self.iter().enumerate().for_each(|(i, p)| p.list(&join(name, &i.to_string()), all));
    }
    fn list_mut<'a>(&'a mut self, name: &str, all: &mut NamedMut<'a, S>) {
        self.iter_mut().enumerate().for_each(|(i, p)| p.list_mut(&join(name, &i.to_string()), all));
    }
}

/// The name of a part of something: `outer.part`, or one of them alone if the other is empty.
#[doc(hidden)]
#[must_use]
pub fn join(outer: &str, part: &str) -> String {
    match (outer.is_empty(), part.is_empty()) {
        (true, _) => part.to_owned(),
        (_, true) => outer.to_owned(),
        _ => format!("{outer}.{part}"),
    }
}

/// Implements [`Parameters`] for a struct from a list of names and fields.
///
/// ```
/// use adaptune_tensor::{Kind, Parameter, Parameters, Scalar, parameters};
/// use ndarray::{Array1, Ix1, arr1};
///
/// struct Gain<S> {
///     scale: Parameter<S, Ix1>,
///     shift: Option<Parameter<S, Ix1>>,
/// }
/// parameters!(Gain { "scale" => scale, "shift" => shift });
///
/// let mut gain = Gain { scale: Parameter::new(Kind::Weight, arr1(&[1.0_f32])), shift: None };
/// assert_eq!(gain.train_from(0), 1);
/// assert_eq!(gain.parameters()[0].0, "scale");
/// ```
#[macro_export]
macro_rules! parameters {
    ($type:ident { $($name:literal => $field:ident),+ $(,)? }) => {
        impl<S: $crate::Scalar> $crate::Parameters<S> for $type<S> {
            fn list<'a>(&'a self, name: &str, all: &mut $crate::Named<'a, S>) {
                $($crate::Parameters::list(&self.$field, &$crate::join(name, $name), all);)+
            }
            fn list_mut<'a>(&'a mut self, name: &str, all: &mut $crate::NamedMut<'a, S>) {
                $($crate::Parameters::list_mut(&mut self.$field, &$crate::join(name, $name), all);)+
            }
        }
    };
}

/// Gradient buffers, one for each [`Slot`] that received a gradient.
///
/// The first gradient of a slot is moved in, later ones are added in the order in which they come.
#[derive(Clone, Debug)]
pub struct Gradients<S> {
    buffers: Vec<Option<ArrayD<S>>>,
    loss: S,
}

impl<S: Scalar> Default for Gradients<S> {
    fn default() -> Self {
        Self { buffers: Vec::new(), loss: S::zero() }
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
            Some(sum) => add_to(sum, &standard(gradient.into_dyn())),
            empty => *empty = Some(standard(gradient.into_dyn())),
        }
    }

    /// Lets `add` add to the gradient of a parameter where it lies, for what reaches only a part of the parameter:
    /// it need not make an array of zeros around that part. Nothing happens for a frozen one.
    pub fn add_in<D: Dimension>(
        &mut self,
        parameter: &Parameter<S, D>,
        add: impl FnOnce(ndarray::ArrayViewMut<'_, S, D>),
    ) {
        let Some(Slot(i)) = parameter.slot else { return };
        if self.buffers.len() <= i {
            self.buffers.resize(i + 1, None);
        }
        let buffer = self.buffers[i].get_or_insert_with(|| ArrayD::zeros(parameter.value.shape()));
        add(buffer.view_mut().into_dimensionality().expect("a gradient has its parameter's dimensions"));
    }

    /// Adds what a module adds to the loss beside that of the examples, such as the balance of a router: its backward pass says so,
    /// where it adds the gradients of that.
    pub fn add_loss(&mut self, loss: S) {
        self.loss += loss;
    }

    /// Takes the sum of what modules have added to the loss.
    pub fn take_loss(&mut self) -> S {
        std::mem::replace(&mut self.loss, S::zero())
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
        let buffers = self.buffers.iter_mut().flatten().filter_map(|buffer| buffer.as_slice_mut());
        let pieces: Vec<_> = buffers.flat_map(|buffer| buffer.chunks_mut(PIECE)).collect();
        pieces.into_par_iter().for_each(|piece| S::scale_by(piece, factor));
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

    /// Euclidean norm over all gradients, summed in double precision, piece by piece in slot order.
    #[must_use]
    pub fn norm(&self) -> f64 {
        let pieces: Vec<_> = self.iter().flat_map(|(_, g)| g.chunks(PIECE)).collect();
        let squares: Vec<f64> = pieces.into_par_iter().map(S::sum_of_squares).collect();
        squares.into_iter().sum::<f64>().sqrt()
    }
}

/// Adds an array to another; both have standard layout.
fn add_to<S: Scalar>(sum: &mut ArrayD<S>, other: &ArrayD<S>) {
    let (sum, other) = (sum.as_slice_mut().expect("standard layout"), other.as_slice().expect("standard layout"));
    S::add_row(sum, other);
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
        let first = arr2(&[[1.0], [2.0]]);
        let place = first.as_ptr();
        g.add(&p, first);
        assert_eq!(g.get(Slot(3)).unwrap().as_ptr(), place, "it is not copied");
        g.add(&p, arr2(&[[0.5], [4.0]]));
        assert_eq!(g.get(Slot(3)).unwrap(), arr2(&[[1.5], [6.0]]).into_dyn());
        assert_eq!(g.len(), 1);
        assert!((g.norm() - (1.5f64 * 1.5 + 36.0).sqrt()).abs() < 1e-15);
    }

    #[test]
    fn a_part_is_added_where_it_lies() {
        let (p, mut g) = (trainable(0), Gradients::new());
        g.add_in(&p, |mut d| d[[1, 0]] += 2.0);
        g.add(&p, arr2(&[[1.0], [0.5]]));
        g.add_in(&p, |mut d| d[[0, 0]] += 3.0);
        assert_eq!(g.get(Slot(0)).unwrap(), arr2(&[[4.0], [2.5]]).into_dyn());
        g.add_in(&Parameter::new(Kind::Bias, Array2::zeros((2, 1))), |_| panic!("it is frozen"));
    }

    #[test]
    fn a_frozen_parameter_gets_no_buffer() {
        let p = Parameter::new(Kind::Bias, Array2::<f32>::zeros((2, 1)));
        let mut g = Gradients::new();
        g.add(&p, Array2::ones((2, 1)));
        assert!(g.is_empty() && g.get(Slot(0)).is_none());
    }
}
