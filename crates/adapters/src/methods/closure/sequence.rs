//! A closure between blocks.

use super::module::module;
use super::parameters::{ParameterSet, ParameterVars};
use super::recording::{Recording, result};
use adaptune_autograd::{Var, concatenate};
use adaptune_tensor::{Layout, Parameters, Scalar};
use adaptune_transformer::{
    Pass, Properties, SequenceBackward, SequenceInput, SequenceModule, SequenceOutput, SequencePoint,
};
use ndarray::{Axis, Ix2};

/// What the closure of a [`SequenceClosure`] sees.
pub struct SequenceVars<S: Scalar> {
    /// The tokens, `[T, D]`.
    pub tokens: Var<S, Ix2>,
    /// The sequences.
    pub layout: Layout,
    /// Dropout.
    pub pass: Pass,
}

type Forward<S> = dyn Fn(&SequenceVars<S>, &ParameterVars<S>) -> (Var<S, Ix2>, Layout) + Send + Sync;

/// A user-defined module between blocks.
///
/// Two trainable tokens in front of every sequence:
///
/// ```
/// use adaptune_adapters::closure::{ParameterSet, SequenceClosure, prepend};
/// use adaptune_tensor::{Seed, init};
/// let parameters = ParameterSet::<f32>::new().weight("tokens", init::normal((2, 16), 0.5, Seed::new(1)));
/// let prompt = SequenceClosure::new(parameters, |at, p| prepend(&p.matrix("tokens"), &at.tokens, &at.layout));
/// # let _ = prompt;
/// ```
pub struct SequenceClosure<S: Scalar> {
    parameters: ParameterSet<S>,
    closure: Box<Forward<S>>,
}

impl<S: Scalar> SequenceClosure<S> {
    /// A module with these parameters. The closure gives tokens, `[T', D]`, and how they lie, in as many sequences.
    ///
    /// A pass panics if the two do not fit each other or the input, or the closure names a parameter that is not there.
    pub fn new(
        parameters: ParameterSet<S>,
        closure: impl Fn(&SequenceVars<S>, &ParameterVars<S>) -> (Var<S, Ix2>, Layout) + Send + Sync + 'static,
    ) -> Self {
        Self { parameters, closure: Box::new(closure) }
    }
}

module!(SequenceClosure: sequence, SequenceModule);

impl<S: Scalar> SequenceModule<S> for SequenceClosure<S> {
    fn forward<'a>(&'a self, input: SequenceInput<'a, S>) -> SequenceOutput<'a, S> {
        let SequenceInput { tokens, layout, pass, wants_tokens, .. } = input;
        let mut recording = Recording::new(pass.gradients() && (self.any_trains() || wants_tokens));
        let (width, sequences) = (tokens.ncols(), layout.sequences());
        let tokens = recording.input(tokens, wants_tokens);
        let at_tokens = tokens.place();
        let at = SequenceVars { tokens, layout, pass };
        let (y, layout) = (self.closure)(&at, &self.parameters.record(&mut recording));
        drop(at);
        let (y, at_y) = result("the sequence", y, (tokens_of(&layout, sequences), width));
        let backward = recording.finish().map(|recorded| -> SequenceBackward<'a, S> {
            Box::new(move |d_y, gradients| recorded.backward([(at_y, Some(d_y))], gradients).take(&at_tokens))
        });
        SequenceOutput { tokens: y, layout, backward }
    }

    /// A closure may do anything.
    fn properties(&self, _: SequencePoint) -> Properties {
        Properties { token_wise: false, causal: false, may_be_followed: true, needs_plain_weight: false }
    }
}

/// `T` of a layout that a closure gave for so many sequences.
pub(super) fn tokens_of(layout: &Layout, sequences: usize) -> usize {
    assert_eq!(layout.sequences(), sequences, "the layout of a closure has other sequences than it was given");
    layout.tokens()
}

/// Rows `[P, D]` in front of each sequence of `x: [T, D]`, and the new layout: prompts, prefixes.
///
/// The gradient of the rows is the sum over all sequences.
///
/// # Panics
/// If the widths differ, or `x` has other rows than the layout.
#[must_use]
pub fn prepend<S: Scalar>(rows: &Var<S, Ix2>, x: &Var<S, Ix2>, layout: &Layout) -> (Var<S, Ix2>, Layout) {
    let count = rows.dim().0;
    let order: Vec<usize> =
        layout.ranges().flat_map(|range| (0..count).chain(range.start + count..range.end + count)).collect();
    let longer = layout.prepend(count);
    (concatenate(Axis(0), &[rows, x]).index_select(Axis(0), &order), longer)
}
