//! What goes into a backward pass, what comes out of it, and why one may refuse to start.

use crate::tape::{Node, Tape};
use crate::{Var, shape::standard};
use adaptune_tensor::Scalar;
use ndarray::{Array, ArrayD, ArrayView, Dimension};
use std::collections::BTreeMap;
use std::fmt;
use thiserror::Error;

/// Why a backward pass did not start. The tape is then as it was.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum BackwardError {
    /// The list of results is empty.
    #[error("there is no result to start from: give at least one, with its gradient")]
    Nothing,
    /// A result has no place on a tape.
    #[error(
        "the result is a constant, nothing that it was computed from needs a gradient: make a variable with \
         `Tape::variable`, and look for a `detach` or `no_grad` on the way"
    )]
    Constant,
    /// A result is on another tape.
    #[error("the result is on another tape: start the backward pass of the tape that its variables are from")]
    OtherTape,
    /// The gradient of a result has another shape than the result.
    #[error("the result has shape {value:?}, but the gradient given for it has {gradient:?}")]
    Shape {
        /// Of the result.
        value: Vec<usize>,
        /// Of its gradient.
        gradient: Vec<usize>,
    },
    /// The records are gone.
    #[error(
        "the backward pass of this tape has run, and has freed its records: run the forward pass again on a new tape"
    )]
    Spent,
}

/// A result together with its gradient: where a backward pass starts. Made by [`Var::with_gradient`] and
/// [`Place::with_gradient`](crate::Place::with_gradient).
pub struct OutputGradient<S> {
    node: Option<Node<S>>,
    shape: Vec<usize>,
    pub(crate) gradient: ArrayD<S>,
}

impl<S: Scalar> OutputGradient<S> {
    pub(crate) fn new<D: Dimension>(node: Option<Node<S>>, shape: Vec<usize>, gradient: Array<S, D>) -> Self {
        Self { node, shape, gradient: gradient.into_dyn() }
    }

    /// Where on `tape` the result is.
    pub(crate) fn place(&self, tape: &Tape<S>) -> Result<usize, BackwardError> {
        let node = self.node.as_ref().ok_or(BackwardError::Constant)?;
        if !node.tape.is(tape) {
            return Err(BackwardError::OtherTape);
        }
        if self.gradient.shape() != self.shape {
            let gradient = self.gradient.shape().to_vec();
            return Err(BackwardError::Shape { value: self.shape.clone(), gradient });
        }
        Ok(node.index)
    }
}

impl<S: Scalar> fmt::Debug for OutputGradient<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutputGradient").field("gradient", &self.gradient).finish_non_exhaustive()
    }
}

/// The gradients that a backward pass found: of the variables that [`Tape::variable`] made and that
/// the results depend on.
#[derive(Debug)]
pub struct TapeGradients<S: Scalar> {
    tape: Tape<S>,
    arrived: BTreeMap<usize, ArrayD<S>>,
}

impl<S: Scalar> TapeGradients<S> {
    pub(crate) fn new(tape: Tape<S>, arrived: BTreeMap<usize, ArrayD<S>>) -> Self {
        Self { tape, arrived }
    }

    /// Moves the gradient of a variable out, in standard layout.
    ///
    /// `None` if it is a constant, if the results do not depend on it, or if it was taken already.
    ///
    /// # Panics
    /// If `variable` is of another tape, or the result of an operation: those gradients are moved
    /// on as backward walks.
    #[must_use]
    pub fn take<D: Dimension>(&mut self, variable: &Var<S, D>) -> Option<Array<S, D>> {
        self.take_node(variable.node.as_ref()?)
    }

    pub(crate) fn take_node<D: Dimension>(&mut self, node: &Node<S>) -> Option<Array<S, D>> {
        let gradient = self.arrived.remove(&self.index(node))?;
        Some(standard(gradient.into_dimensionality().expect("a gradient has the rank of its value")))
    }

    /// The gradient of a variable, which stays where it is; `None` and panics as [`TapeGradients::take`].
    ///
    /// # Panics
    /// As [`TapeGradients::take`].
    #[must_use]
    pub fn get<D: Dimension>(&self, variable: &Var<S, D>) -> Option<ArrayView<'_, S, D>> {
        let gradient = self.arrived.get(&self.index(variable.node.as_ref()?))?.view();
        Some(gradient.into_dimensionality().expect("a gradient has the rank of its value"))
    }

    /// How many gradients there are that were not taken.
    #[must_use]
    pub fn len(&self) -> usize {
        self.arrived.len()
    }

    /// True if there are none (left).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.arrived.is_empty()
    }

    fn index(&self, node: &Node<S>) -> usize {
        assert!(node.tape.is(&self.tape), "this variable is on another tape than the one these gradients are from");
        assert!(node.leaf, "only variables that `Tape::variable` made keep a gradient, not the results of operations");
        node.index
    }
}
