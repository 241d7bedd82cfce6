//! A closure at the end of a sublayer.

use super::base::JoinOperation;
use super::module::module;
use super::parameters::{ParameterSet, ParameterVars};
use super::recording::{Recording, result};
use adaptune_autograd::Var;
use adaptune_tensor::{Layout, Parameters, Scalar};
use adaptune_transformer::{
    Pass, Properties, Reads, SublayerBackward, SublayerGradient, SublayerInput, SublayerModule, SublayerPoint,
};
use ndarray::{Array2, Ix2};

/// What the closure of a [`SublayerClosure`] sees.
pub struct SublayerVars<S: Scalar> {
    /// `o`, the sublayer's output, `[T, D]`.
    pub output: Var<S, Ix2>,
    /// `r`, its residual input, `[T, D]`.
    pub residual: Var<S, Ix2>,
    /// How the base joins a sublayer's output with its residual input, as an operation.
    pub join: JoinOperation<S>,
    /// The sequences.
    pub layout: Layout,
    /// Dropout.
    pub pass: Pass,
}

impl<S: Scalar> SublayerVars<S> {
    /// Returns the next state for an output `z: [T, D]` of the sublayer, as the base makes it of `z = o`: in a post-norm block
    /// `LN(z + r)`, in a pre-norm block `z + r`.
    #[must_use]
    pub fn finish(&self, z: &Var<S, Ix2>) -> Var<S, Ix2> {
        self.join.apply(z, &self.residual)
    }
}

type Forward<S> = dyn Fn(&SublayerVars<S>, &ParameterVars<S>) -> Var<S, Ix2> + Send + Sync;

/// A user-defined module at the end of a sublayer.
///
/// Houlsby's bottleneck without biases, `y = LN(W_up φ(W_down o) + o + r)`:
///
/// ```
/// use adaptune_adapters::closure::{ParameterSet, SublayerClosure};
/// use adaptune_tensor::{Activation, Seed, init};
/// use ndarray::Array2;
/// let parameters = ParameterSet::<f32>::new()
///     .weight("down", init::kaiming_uniform((4, 16), Seed::new(1))) // [M, D]
///     .weight("up", Array2::zeros((16, 4))); // [D, M]
/// let bottleneck = SublayerClosure::new(parameters, |at, p| {
///     let a = at.output.linear(&p.matrix("down"), None).activate(Activation::Gelu);
///     at.finish(&(a.linear(&p.matrix("up"), None) + &at.output))
/// });
/// # let _ = bottleneck;
/// ```
pub struct SublayerClosure<S: Scalar> {
    parameters: ParameterSet<S>,
    closure: Box<Forward<S>>,
    token_wise: bool,
}

impl<S: Scalar> SublayerClosure<S> {
    /// A module with these parameters. The closure gives `[T, D]`.
    ///
    /// A pass panics if the closure gives another shape or names a parameter that is not there.
    pub fn new(
        parameters: ParameterSet<S>,
        closure: impl Fn(&SublayerVars<S>, &ParameterVars<S>) -> Var<S, Ix2> + Send + Sync + 'static,
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

module!(SublayerClosure: sublayer, SublayerModule);

impl<S: Scalar> SublayerModule<S> for SublayerClosure<S> {
    fn forward<'a>(&'a self, input: SublayerInput<'a, S>) -> (Array2<S>, Option<SublayerBackward<'a, S>>) {
        let mut recording = Recording::new(input.wants_backward(self.any_trains()));
        let SublayerInput { output, residual, join, layout, pass, wants_output, wants_residual, .. } = input;
        let shape = output.dim();
        let (output, residual) =
            (recording.input(output.into_owned(), wants_output), recording.input(residual, wants_residual));
        let (at_output, at_residual) = (output.place(), residual.place());
        let join = JoinOperation::new(join, &mut recording);
        let at = SublayerVars { output, residual, join, layout, pass };
        let y = (self.closure)(&at, &self.parameters.record(&mut recording));
        drop(at);
        let (y, at_y) = result("the next state", y, shape);
        let backward = recording.finish().map(|recorded| -> SublayerBackward<'a, S> {
            Box::new(move |d_y, gradients| {
                let mut found = recorded.backward([(at_y, Some(d_y))], gradients);
                SublayerGradient { d_output: found.take(&at_output), d_residual: found.take(&at_residual) }
            })
        });
        (y, backward)
    }

    fn properties(&self, _: SublayerPoint) -> Properties {
        let token_wise = self.token_wise;
        Properties { token_wise, causal: token_wise, may_be_followed: false, needs_plain_weight: false }
    }

    /// A closure may compute anything.
    fn reads(&self, _: SublayerPoint) -> Option<Reads> {
        None
    }
}
