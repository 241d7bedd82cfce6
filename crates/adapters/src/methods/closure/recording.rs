//! One pass through a module on a tape of its own: what becomes a variable, and where gradients go.

use adaptune_autograd::{Place, Tape, TapeGradients, Var};
use adaptune_tensor::{Gradients, Parameter, Scalar};
use ndarray::{Array2, ArrayBase, DataOwned, Dimension, Ix2};

/// The forward pass of a module. Without a tape everything is a constant.
pub(super) struct Recording<'a, S: Scalar> {
    tape: Option<Tape<S>>,
    deliveries: Vec<Delivery<'a, S>>,
}

/// Moves the gradient of one parameter to its buffer.
type Delivery<'a, S> = Box<dyn FnOnce(&mut TapeGradients<S>, &mut Gradients<S>) + Send + 'a>;

impl<'a, S: Scalar> Recording<'a, S> {
    /// `wanted` says that backward will run.
    pub(super) fn new(wanted: bool) -> Self {
        Self { tape: wanted.then(Tape::new), deliveries: Vec::new() }
    }

    /// An input of the module: a variable only if its gradient is wanted.
    pub(super) fn input<R: DataOwned<Elem = S>>(&self, array: ArrayBase<R, Ix2>, wanted: bool) -> Var<S, Ix2> {
        match &self.tape {
            Some(tape) if wanted => tape.variable(array),
            _ => Var::constant(array),
        }
    }

    /// A parameter: a variable only if it trains.
    pub(super) fn parameter<D: Dimension + 'static>(&mut self, parameter: &'a Parameter<S, D>) -> Var<S, D> {
        let Some(tape) = self.tape.as_ref().filter(|_| parameter.trains()) else {
            return Var::constant(parameter.view().to_owned());
        };
        let variable = tape.parameter(parameter);
        let place = variable.place();
        self.deliveries.push(Box::new(move |found, gradients| {
            if let Some(d) = found.take_at(&place) {
                gradients.add(parameter, d);
            }
        }));
        variable
    }

    /// What is left when the closure has run: the backward pass, if one is wanted.
    pub(super) fn finish(self) -> Option<Recorded<'a, S>> {
        let deliveries = self.deliveries;
        self.tape.map(|tape| Recorded { tape, deliveries })
    }
}

/// A result of the closure with its gradient, if one arrives.
type Start<S> = (Place<S, Ix2>, Option<Array2<S>>);

/// The backward pass of a module.
pub(super) struct Recorded<'a, S: Scalar> {
    tape: Tape<S>,
    deliveries: Vec<Delivery<'a, S>>,
}

impl<S: Scalar> Recorded<'_, S> {
    /// Walks the tape from the results, each with its gradient, and adds the gradients of parameters.
    pub(super) fn backward<const N: usize>(
        self,
        results: [Start<S>; N],
        gradients: &mut Gradients<S>,
    ) -> InputGradients<S> {
        let on_tape = results.into_iter().filter(|(place, _)| place.needs_gradient());
        let starts: Vec<_> = on_tape.filter_map(|(place, d)| Some(place.with_gradient(d?))).collect();
        if starts.is_empty() {
            return InputGradients(None);
        }
        let mut found = self.tape.backward(starts).expect("a closure computes with the variables that it is given");
        for deliver in self.deliveries {
            deliver(&mut found, gradients);
        }
        InputGradients(Some(found))
    }
}

/// Gradients of a module's inputs.
pub(super) struct InputGradients<S: Scalar>(Option<TapeGradients<S>>);

impl<S: Scalar> InputGradients<S> {
    /// `None` if it was not wanted, or the results do not depend on the input.
    pub(super) fn take(&mut self, place: &Place<S, Ix2>) -> Option<Array2<S>> {
        self.0.as_mut()?.take_at(place)
    }
}

/// Takes a closure's result apart: the array, moved if nothing keeps it, and where backward will start.
pub(super) fn result<S: Scalar>(
    what: &str,
    y: Var<S, Ix2>,
    (rows, columns): (usize, usize),
) -> (Array2<S>, Place<S, Ix2>) {
    assert_eq!(y.dim(), (rows, columns), "{what} of a closure has another shape than this point wants");
    let place = y.place();
    (y.into_array(), place)
}
