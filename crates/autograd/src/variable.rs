//! Variables: arrays that may have a place on a tape, and how a tape makes them.

use crate::tape::{Node, Tape};
use adaptune_tensor::{Parameter, Scalar};
use ndarray::{ArcArray, Array, ArrayBase, ArrayView, DataOwned, Dimension, Ix0, IxDyn, ShapeError};
use std::fmt;

/// An array of rank `D` that may be differentiated.
///
/// A variable is on a tape if [`Tape::variable`] made it or if it was computed from one that is.
/// All others are constants: no operation computes or keeps anything for their sake. The array is
/// shared, so cloning is cheap, and it never changes.
///
/// `+ - * /` work between variables of any ranks that broadcast, and with plain numbers on either
/// side (a literal on the left wants its type, `2.0_f64 * x`). The rank of the result follows from
/// the ranks of both. Lengths that do not fit panic, as they do for arrays.
///
/// | `y` | `d_a` | `d_b` |
/// |---|---|---|
/// | `a + b` | `d_y` | `d_y` |
/// | `a − b` | `d_y` | `−d_y` |
/// | `a ∘ b` | `d_y ∘ b` | `d_y ∘ a` |
/// | `a / b` | `d_y / b` | `−d_y ∘ a / b²` |
/// | `−a` | `−d_y` | |
///
/// If one of them was broadcast, its gradient is the sum over the repetitions.
///
/// ```
/// use adaptune_autograd::{Tape, ndarray::{arr1, arr2}};
/// let tape = Tape::new();
/// let x = tape.variable(arr2(&[[1.0, 2.0], [3.0, 4.0]]));
/// let shift = tape.variable(arr1(&[10.0, 20.0]));
/// let y = (&x + &shift).square() / 2.0;
/// assert_eq!(y.value(), arr2(&[[60.5, 242.0], [84.5, 288.0]]));
///
/// let mut gradients = y.sum().backward()?;
/// assert_eq!(gradients.take(&shift), Some(arr1(&[24.0, 46.0]))); // summed over the rows
/// # Ok::<(), adaptune_autograd::BackwardError>(())
/// ```
pub struct Var<S, D: Dimension> {
    value: ArcArray<S, D>,
    pub(crate) node: Option<Node<S>>,
}

impl<S: Scalar, D: Dimension> Var<S, D> {
    pub(crate) fn new(value: ArcArray<S, D>, node: Option<Node<S>>) -> Self {
        Self { value, node }
    }

    /// A value that is never differentiated, on no tape. The array is moved, or shared if it is an
    /// `ArcArray`.
    #[must_use]
    pub fn constant<R: DataOwned<Elem = S>>(array: ArrayBase<R, D>) -> Self {
        Self::new(array.into_shared(), None)
    }

    /// The array.
    #[must_use]
    pub fn value(&self) -> ArrayView<'_, S, D> {
        self.value.view()
    }

    /// The array, shared: what a backward function keeps.
    #[must_use]
    pub fn to_shared(&self) -> ArcArray<S, D> {
        self.value.clone()
    }

    /// A copy of the array.
    #[must_use]
    pub fn to_array(&self) -> Array<S, D> {
        self.value.to_owned()
    }

    /// The array itself, copied only if something else shares it.
    #[must_use]
    pub fn into_array(self) -> Array<S, D> {
        self.value.into_owned()
    }

    /// The lengths of its axes.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        self.value.shape()
    }

    /// The lengths of its axes, as `ndarray` has them: a number, a tuple, ...
    #[must_use]
    pub fn dim(&self) -> D::Pattern {
        self.value.dim()
    }

    /// The lengths of its axes, as a value of type `D`.
    #[must_use]
    pub fn raw_dim(&self) -> D {
        self.value.raw_dim()
    }

    /// True if it is on a tape, that is: if a gradient is wanted for it or for something that it
    /// was computed from.
    #[must_use]
    pub fn needs_gradient(&self) -> bool {
        self.node.is_some()
    }

    /// The tape that it is on.
    #[must_use]
    pub fn tape(&self) -> Option<&Tape<S>> {
        self.node.as_ref().map(|node| &node.tape)
    }

    /// The same value as a constant: gradients end here.
    #[must_use]
    pub fn detach(&self) -> Self {
        Self::new(self.to_shared(), None)
    }

    /// The same variable with its rank known at run time only. Nothing is recorded.
    #[must_use]
    pub fn into_dyn(self) -> Var<S, IxDyn> {
        Var::new(self.value.into_dyn(), self.node)
    }

    /// The same variable with another type for its rank. Nothing is recorded.
    ///
    /// # Errors
    /// If it has another rank.
    pub fn into_dimensionality<E: Dimension>(self) -> Result<Var<S, E>, ShapeError> {
        Ok(Var::new(self.value.into_dimensionality()?, self.node))
    }
}

impl<S: Scalar> Var<S, Ix0> {
    /// The number.
    #[must_use]
    pub fn item(&self) -> S {
        self.value[()]
    }
}

impl<S: Scalar> Tape<S> {
    /// A variable whose gradient is wanted. The array is moved, or shared if it is an `ArcArray`.
    ///
    /// # Panics
    /// If the backward pass of this tape has run.
    #[must_use]
    pub fn variable<R: DataOwned<Elem = S>, D: Dimension>(&self, array: ArrayBase<R, D>) -> Var<S, D> {
        let value = array.into_shared();
        let node = self.leaf(value.raw_dim().into_dyn());
        Var::new(value, Some(node))
    }

    /// A value that is never differentiated; the same as [`Var::constant`].
    #[must_use]
    pub fn constant<R: DataOwned<Elem = S>, D: Dimension>(&self, array: ArrayBase<R, D>) -> Var<S, D> {
        Var::constant(array)
    }

    /// A copy of a parameter: a variable if it trains, a constant if it is frozen.
    ///
    /// # Panics
    /// If it trains and the backward pass of this tape has run.
    #[must_use]
    pub fn parameter<D: Dimension>(&self, parameter: &Parameter<S, D>) -> Var<S, D> {
        let value = parameter.view().to_owned();
        if parameter.trains() { self.variable(value) } else { self.constant(value) }
    }
}

impl<S: Clone, D: Dimension> Clone for Var<S, D> {
    fn clone(&self) -> Self {
        Self { value: self.value.clone(), node: self.node.clone() }
    }
}

impl<S: Scalar, D: Dimension> fmt::Debug for Var<S, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = &self.value;
        f.debug_struct("Var").field("value", value).field("needs_gradient", &self.needs_gradient()).finish()
    }
}
