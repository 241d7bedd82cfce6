//! A closure in place of a linear layer of the base.

use super::base::LinearOperation;
use super::module::module;
use super::parameters::{ParameterSet, ParameterVars};
use super::recording::{Recording, result};
use adaptune_autograd::Var;
use adaptune_tensor::{Layout, Parameters, Scalar};
use adaptune_transformer::{LinearBackward, LinearInput, LinearModule, LinearPoint, Pass, Properties};
use ndarray::{Array2, Ix2};

/// What the closure of a [`LinearClosure`] sees.
pub struct LinearVars<S: Scalar> {
    /// `x`, `[T, In]`.
    pub x: Var<S, Ix2>,
    /// The base's layer, as an operation.
    pub base: LinearOperation<S>,
    /// The sequences.
    pub layout: Layout,
    /// Dropout.
    pub pass: Pass,
}

type Forward<S> = dyn Fn(&LinearVars<S>, &ParameterVars<S>) -> Var<S, Ix2> + Send + Sync;

/// A user-defined module in place of a linear layer of the base.
///
/// LoRA without a scale, `y = W x + b + B A x`:
///
/// ```
/// use adaptune_adapters::closure::{LinearClosure, ParameterSet};
/// use adaptune_tensor::{Seed, init};
/// use ndarray::Array2;
/// let parameters = ParameterSet::<f32>::new()
///     .weight("a", init::kaiming_uniform((4, 16), Seed::new(1))) // [R, In]
///     .weight("b", Array2::zeros((16, 4))); // [Out, R]
/// let lora = LinearClosure::new(parameters, |at, p| {
///     at.base.apply(&at.x) + at.x.linear(&p.matrix("a"), None).linear(&p.matrix("b"), None)
/// });
/// # let _ = lora;
/// ```
pub struct LinearClosure<S: Scalar> {
    parameters: ParameterSet<S>,
    closure: Box<Forward<S>>,
    token_wise: bool,
}

impl<S: Scalar> LinearClosure<S> {
    /// A module with these parameters. The closure gives `[T, Out]`.
    ///
    /// A pass panics if the closure gives another shape or names a parameter that is not there.
    pub fn new(
        parameters: ParameterSet<S>,
        closure: impl Fn(&LinearVars<S>, &ParameterVars<S>) -> Var<S, Ix2> + Send + Sync + 'static,
    ) -> Self {
        Self { parameters, closure: Box::new(closure), token_wise: false }
    }

    /// The same module with a promise: what the closure returns for a token depends on nothing but what it sees of the same
    /// token, and on the sequence that this belongs to. Then the last block leaves out tokens that are not read, and there
    /// `at.layout` has only those that are; see [`Properties::token_wise`].
    #[must_use]
    pub fn token_wise(self) -> Self {
        Self { token_wise: true, ..self }
    }
}

module!(LinearClosure: linear, LinearModule);

impl<S: Scalar> LinearModule<S> for LinearClosure<S> {
    fn forward<'a>(&'a self, input: LinearInput<'a, S>) -> (Array2<S>, Option<LinearBackward<'a, S>>) {
        let mut recording = Recording::new(input.wants_backward(self.any_trains()));
        let LinearInput { x, base, layout, pass, wants_input, .. } = input;
        let shape = (x.nrows(), base.dim().0);
        let x = recording.input(x, wants_input);
        let at_x = x.place();
        let at = LinearVars { x, base: LinearOperation::new(base, &mut recording), layout, pass };
        let y = (self.closure)(&at, &self.parameters.record(&mut recording));
        drop(at);
        let (y, at_y) = result("the result", y, shape);
        let backward = recording.finish().map(|recorded| -> LinearBackward<'a, S> {
            Box::new(move |d_y, gradients, d_x| {
                let mut found = recorded.backward([(at_y, Some(d_y.to_owned()))], gradients);
                found.take(&at_x).into_iter().for_each(|d| d_x.add(d));
            })
        });
        (y, backward)
    }

    fn properties(&self, _: LinearPoint) -> Properties {
        let token_wise = self.token_wise;
        Properties { token_wise, causal: token_wise, may_be_followed: true, needs_plain_weight: true }
    }
}
