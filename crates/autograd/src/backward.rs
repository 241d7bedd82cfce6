//! The backward pass: a walk over a tape from its end, from given gradients of results to those of variables.

use crate::Var;
use crate::gradients::{BackwardError, OutputGradient, TapeGradients};
use crate::tape::{Record, Tape};
use adaptune_tensor::Scalar;
use ndarray::{Array, ArrayD, Dimension, Ix0, arr0};
use std::collections::BTreeMap;

impl<S: Scalar> Tape<S> {
    /// Walks the tape from its end, starting with the given gradients of some results; see
    /// [`Var::with_gradient`]. [`Var::backward`] does so for a loss.
    ///
    /// Each backward function runs once and is freed with all that it kept before the next one
    /// runs. The first gradient of a value is moved into place, later ones are added to it.
    /// Operations that no given result depends on are freed without running.
    ///
    /// ```
    /// use adaptune_autograd::{Tape, ndarray::{arr0, arr1}};
    /// let tape = Tape::new();
    /// let x = tape.variable(arr1(&[2.0, -1.0]));
    /// let (y, z) = (&x * &x, x.sum());
    /// let mut gradients = tape.backward([y.with_gradient(arr1(&[1.0, 10.0])), z.with_gradient(arr0(0.5))])?;
    /// assert_eq!(gradients.take(&x), Some(arr1(&[4.5, -19.5])));
    /// # Ok::<(), adaptune_autograd::BackwardError>(())
    /// ```
    ///
    /// # Errors
    /// If no result is given, one is a constant or of another tape, a gradient has not the shape of
    /// its value, or the backward pass of this tape has run already.
    ///
    /// # Panics
    /// If the backward function of a user-defined operation breaks the rules of [`record`](crate::record).
    pub fn backward(
        &self,
        outputs: impl IntoIterator<Item = OutputGradient<S>>,
    ) -> Result<TapeGradients<S>, BackwardError> {
        let outputs: Vec<_> = outputs.into_iter().collect();
        if outputs.is_empty() {
            return Err(BackwardError::Nothing);
        }
        let places = outputs.iter().map(|output| output.place(self)).collect::<Result<Vec<_>, _>>()?;
        let records = self.take_records().ok_or(BackwardError::Spent)?;
        let mut walk = Walk::new(records);
        for (place, output) in places.into_iter().zip(outputs) {
            walk.add(place, output.gradient);
        }
        Ok(TapeGradients::new(self.clone(), walk.run()))
    }
}

impl<S: Scalar, D: Dimension> Var<S, D> {
    /// This result with its gradient, for [`Tape::backward`].
    #[must_use]
    pub fn with_gradient(&self, d_self: Array<S, D>) -> OutputGradient<S> {
        self.place().with_gradient(d_self)
    }

    /// The backward pass from this result, given its gradient; see [`Tape::backward`].
    ///
    /// # Errors
    /// If this is a constant, `d_self` has another shape, or the tape is spent.
    pub fn backward_from(&self, d_self: Array<S, D>) -> Result<TapeGradients<S>, BackwardError> {
        let tape = self.tape().ok_or(BackwardError::Constant)?;
        tape.backward([self.with_gradient(d_self)])
    }
}

impl<S: Scalar> Var<S, Ix0> {
    /// The backward pass from this number, a loss: gradients of it with respect to every variable.
    ///
    /// It frees the records of the tape as it walks, so it can run once; see [`Tape::backward`].
    ///
    /// # Errors
    /// If this is a constant, or the tape is spent.
    pub fn backward(&self) -> Result<TapeGradients<S>, BackwardError> {
        self.backward_from(arr0(S::one()))
    }
}

/// The records that are not yet walked, and the gradients that have arrived at them.
struct Walk<S> {
    records: Vec<Record<S>>,
    gradients: Vec<Option<ArrayD<S>>>,
}

impl<S: Scalar> Walk<S> {
    fn new(records: Vec<Record<S>>) -> Self {
        let gradients = records.iter().map(|_| None).collect();
        Self { records, gradients }
    }

    /// The gradients of the variables that the caller made.
    fn run(mut self) -> BTreeMap<usize, ArrayD<S>> {
        let mut arrived = BTreeMap::new();
        while let (Some(record), Some(gradient)) = (self.records.pop(), self.gradients.pop()) {
            let Some(d_y) = gradient else { continue };
            match record.backward {
                None => drop(arrived.insert(self.records.len(), d_y)),
                Some(backward) => self.hand_on(&record.parents, backward(d_y)),
            }
        }
        arrived
    }

    fn hand_on(&mut self, parents: &[Option<usize>], gradients: Vec<Option<ArrayD<S>>>) {
        for (parent, gradient) in parents.iter().zip(gradients) {
            if let (Some(parent), Some(gradient)) = (parent, gradient) {
                self.add(*parent, gradient);
            }
        }
    }

    fn add(&mut self, place: usize, gradient: ArrayD<S>) {
        let shape = self.records[place].shape.slice();
        assert_eq!(gradient.shape(), shape, "a backward function gave a gradient of another shape than its input has");
        match &mut self.gradients[place] {
            Some(sum) => *sum += &gradient,
            empty => *empty = Some(gradient),
        }
    }
}
