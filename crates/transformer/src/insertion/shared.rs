//! What a linear layer gives, computed once for several modules in it.

use crate::accumulator::Accumulator;
use crate::base::LinearBackward;
use adaptune_tensor::{Scalar, copied};
use ndarray::{ArcArray2, Array2};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// The output of a layer for an input, which several modules start from; see
/// [`LinearInput::shared`](crate::LinearInput::shared).
pub struct SharedOutput<S> {
    /// How many modules are in the layer already.
    depth: usize,
    /// `x`, `[T, In]`, and `y`, `[T, Out]`.
    x: ArcArray2<S>,
    y: ArcArray2<S>,
    /// `d_y`, where it is wanted.
    gradient: Option<Arc<Mutex<Accumulator<S>>>>,
}

impl<S> Clone for SharedOutput<S> {
    fn clone(&self) -> Self {
        Self { depth: self.depth, x: self.x.clone(), y: self.y.clone(), gradient: self.gradient.clone() }
    }
}

impl<S> fmt::Debug for SharedOutput<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedOutput").field("shape", &self.y.shape()).finish()
    }
}

impl<S: Scalar> SharedOutput<S> {
    /// The output `y` of the input `x`, with the first `depth` of the [modules below](crate::LinearInput::below) in the layer;
    /// gradients are gathered if they are wanted.
    #[must_use]
    pub fn new(depth: usize, x: ArcArray2<S>, y: ArcArray2<S>, wants_gradient: bool) -> Self {
        Self { depth, x, y, gradient: wants_gradient.then(|| Arc::new(Mutex::new(Accumulator::new()))) }
    }

    /// True if it is the output for this very array, with so many modules in the layer.
    pub(super) fn is_of(&self, x: &ArcArray2<S>, depth: usize) -> bool {
        self.depth == depth && self.x.as_ptr() == x.as_ptr() && self.x.dim() == x.dim()
    }

    /// A copy of the output, whose backward pass leaves the gradient here.
    #[must_use]
    pub fn layer<'a>(&self) -> (Array2<S>, Option<LinearBackward<'a, S>>) {
        let backward = self.gradient.clone().map(|gradient| -> LinearBackward<'a, S> {
            Box::new(move |d_y, _, _| gradient.lock().unwrap_or_else(PoisonError::into_inner).add(copied(&d_y)))
        });
        (copied(&self.y), backward)
    }

    /// `d_y`, the sum of what the modules gave; `None` if none gave any.
    #[must_use]
    pub fn into_gradient(self) -> Option<Array2<S>> {
        let gradient = self.gradient?;
        let sum = std::mem::take(&mut *gradient.lock().unwrap_or_else(PoisonError::into_inner));
        sum.into_sum()
    }
}
