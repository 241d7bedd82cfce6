//! A closure at the end of a half block.

use super::base::NormOperation;
use super::parameters::{ParameterSet, ParameterVars};
use super::recording::{Recording, result};
use adaptune_autograd::Var;
use adaptune_tensor::{Layout, Parameters, Scalar};
use adaptune_transformer::{Pass, SublayerBackward, SublayerGradient, SublayerInput, SublayerModule};
use ndarray::{Array2, Ix2};

/// What the closure of a [`SublayerClosure`] sees.
pub struct SublayerVars<S: Scalar> {
    /// `o`, the sublayer's output, `[T, D]`.
    pub output: Var<S, Ix2>,
    /// `r`, its residual input, `[T, D]`.
    pub residual: Var<S, Ix2>,
    /// The base's norm at this place, as an operation; `None` in blocks that normalise elsewhere.
    pub norm: Option<NormOperation<S>>,
    /// The sequences.
    pub layout: Layout,
    /// Dropout.
    pub pass: Pass,
}

impl<S: Scalar> SublayerVars<S> {
    /// `LN(x)` with the base's norm, or `x` where the base has none; `[T, D] → [T, D]`.
    #[must_use]
    pub fn normalise(&self, x: &Var<S, Ix2>) -> Var<S, Ix2> {
        self.norm.as_ref().map_or_else(|| x.clone(), |norm| norm.apply(x))
    }

    /// `LN(z + r)`: what the base does with `z = o`.
    #[must_use]
    pub fn add_and_norm(&self, z: &Var<S, Ix2>) -> Var<S, Ix2> {
        self.normalise(&(z + &self.residual))
    }
}

type Forward<S> = dyn Fn(&SublayerVars<S>, &ParameterVars<S>) -> Var<S, Ix2> + Send + Sync;

/// A module of one's own at the end of a half block.
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
///     at.add_and_norm(&(a.linear(&p.matrix("up"), None) + &at.output))
/// });
/// # let _ = bottleneck;
/// ```
pub struct SublayerClosure<S: Scalar> {
    parameters: ParameterSet<S>,
    closure: Box<Forward<S>>,
    row_by_row: bool,
}

impl<S: Scalar> SublayerClosure<S> {
    /// A module with these parameters. The closure gives `[T, D]`.
    ///
    /// A pass panics if the closure gives another shape or asks for a parameter that is not there.
    pub fn new(
        parameters: ParameterSet<S>,
        closure: impl Fn(&SublayerVars<S>, &ParameterVars<S>) -> Var<S, Ix2> + Send + Sync + 'static,
    ) -> Self {
        Self { parameters, closure: Box::new(closure), row_by_row: false }
    }

    /// The same module with a promise: a row that the closure gives depends on nothing but the same row of what it sees, and on
    /// which sequence it belongs to. Then the last block leaves out rows that nobody reads, and there `at.layout` has one token for
    /// each sequence; see [`Reads`](adaptune_transformer::Reads).
    #[must_use]
    pub fn row_by_row(self) -> Self {
        Self { row_by_row: true, ..self }
    }
}

module!(SublayerClosure: sublayer, SublayerModule);

impl<S: Scalar> SublayerModule<S> for SublayerClosure<S> {
    fn forward<'a>(&'a self, input: SublayerInput<'a, S>) -> (Array2<S>, Option<SublayerBackward<'a, S>>) {
        let mut recording = Recording::new(input.wants_backward(self.any_trains()));
        let SublayerInput { output, residual, norm, layout, pass, wants_output, wants_residual, .. } = input;
        let shape = output.dim();
        let (output, residual) = (recording.input(output, wants_output), recording.input(residual, wants_residual));
        let (at_output, at_residual) = (output.place(), residual.place());
        let norm = norm.map(|norm| NormOperation::new(norm, &mut recording));
        let at = SublayerVars { output, residual, norm, layout, pass };
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

    fn is_row_by_row(&self) -> bool {
        self.row_by_row
    }
}
