//! A variable without its array.

use crate::gradients::{OutputGradient, TapeGradients};
use crate::tape::Node;
use crate::{Tape, Var};
use adaptune_tensor::Scalar;
use ndarray::{Array, Dimension};
use std::fmt;

/// Where a variable stands on its tape, and its shape, but not its array.
///
/// It is enough to start a backward pass from a result, and to ask for a gradient. A forward function that hands its
/// result on and runs backward later holds places rather than variables: then a result can be moved out of its variable
/// instead of being copied, and an input that no operation keeps is freed.
///
/// ```
/// use adaptune_autograd::{Tape, ndarray::arr1};
/// let tape = Tape::new();
/// let x = tape.variable(arr1(&[3.0, -1.0]));
/// let y = &x + 1.0; // keeps nothing of x
/// let (at_x, at_y) = (x.place(), y.place());
/// drop(x);
/// assert_eq!(y.into_array(), arr1(&[4.0, 0.0])); // moved
///
/// let mut gradients = tape.backward([at_y.with_gradient(arr1(&[0.5, 2.0]))])?;
/// assert_eq!(gradients.take_at(&at_x), Some(arr1(&[0.5, 2.0])));
/// # Ok::<(), adaptune_autograd::BackwardError>(())
/// ```
pub struct Place<S, D> {
    pub(crate) node: Option<Node<S>>,
    shape: D,
}

impl<S: Scalar, D: Dimension> Place<S, D> {
    /// True if the variable is on a tape.
    #[must_use]
    pub fn needs_gradient(&self) -> bool {
        self.node.is_some()
    }

    /// The tape that it is on.
    #[must_use]
    pub fn tape(&self) -> Option<&Tape<S>> {
        self.node.as_ref().map(|node| &node.tape)
    }

    /// The result that stands here with its gradient, for [`Tape::backward`].
    #[must_use]
    pub fn with_gradient(&self, gradient: Array<S, D>) -> OutputGradient<S> {
        OutputGradient::new(self.node.clone(), self.shape.slice().to_vec(), gradient)
    }
}

impl<S: Scalar, D: Dimension> Var<S, D> {
    /// Where it stands.
    #[must_use]
    pub fn place(&self) -> Place<S, D> {
        Place { node: self.node.clone(), shape: self.raw_dim() }
    }
}

impl<S: Scalar> TapeGradients<S> {
    /// As [`TapeGradients::take`], for a variable of which only the place is left.
    ///
    /// # Panics
    /// As [`TapeGradients::take`].
    #[must_use]
    pub fn take_at<D: Dimension>(&mut self, place: &Place<S, D>) -> Option<Array<S, D>> {
        self.take_node(place.node.as_ref()?)
    }
}

impl<S: Scalar, D: Dimension> fmt::Debug for Place<S, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shape = self.shape.slice();
        f.debug_struct("Place").field("shape", &shape).field("needs_gradient", &self.needs_gradient()).finish()
    }
}
