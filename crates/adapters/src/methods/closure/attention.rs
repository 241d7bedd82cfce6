//! A closure at keys and values.

use super::module::module;
use super::parameters::{ParameterSet, ParameterVars};
use super::recording::{Recording, result};
use super::sequence::tokens_of;
use adaptune_autograd::Var;
use adaptune_tensor::{Layout, Parameters, Scalar};
use adaptune_transformer::{
    AttentionBackward, AttentionInput, AttentionModule, AttentionOutput, KeyValueGradient, Pass, Properties,
};
use ndarray::Ix2;

/// What the closure of an [`AttentionClosure`] sees.
pub struct AttentionVars<S: Scalar> {
    /// The keys, `[T, D]`.
    pub keys: Var<S, Ix2>,
    /// The values, `[T, D]`.
    pub values: Var<S, Ix2>,
    /// The hidden state from which they were projected, `[T, D]`.
    pub hidden: Var<S, Ix2>,
    /// How keys and values lie.
    pub layout: Layout,
    /// How the hidden state lies: as they do, unless another module has been here already.
    pub hidden_layout: Layout,
    /// Dropout.
    pub pass: Pass,
}

type Forward<S> = dyn Fn(&AttentionVars<S>, &ParameterVars<S>) -> (Var<S, Ix2>, Var<S, Ix2>, Layout) + Send + Sync;

/// A user-defined module at keys and values.
///
/// Prefix tuning with a prefix of three:
///
/// ```
/// use adaptune_adapters::closure::{AttentionClosure, ParameterSet, prepend};
/// use adaptune_tensor::{Seed, init};
/// let rows = |name| init::normal((3, 16), 0.5, Seed::new(1).named(name));
/// let parameters = ParameterSet::<f32>::new().weight("keys", rows("keys")).weight("values", rows("values"));
/// let prefix = AttentionClosure::new(parameters, |at, p| {
///     let (keys, layout) = prepend(&p.matrix("keys"), &at.keys, &at.layout);
///     let (values, _) = prepend(&p.matrix("values"), &at.values, &at.layout);
///     (keys, values, layout)
/// });
/// # let _ = prefix;
/// ```
pub struct AttentionClosure<S: Scalar> {
    parameters: ParameterSet<S>,
    closure: Box<Forward<S>>,
}

impl<S: Scalar> AttentionClosure<S> {
    /// A module with these parameters. The closure gives keys and values, both `[T_k, D]`, and how they lie, in as many
    /// sequences.
    ///
    /// A pass panics if they do not fit each other or the input, or the closure names a parameter that is not there.
    pub fn new(
        parameters: ParameterSet<S>,
        closure: impl Fn(&AttentionVars<S>, &ParameterVars<S>) -> (Var<S, Ix2>, Var<S, Ix2>, Layout) + Send + Sync + 'static,
    ) -> Self {
        Self { parameters, closure: Box::new(closure) }
    }
}

module!(AttentionClosure: attention, AttentionModule);

impl<S: Scalar> AttentionModule<S> for AttentionClosure<S> {
    fn forward<'a>(&'a self, input: AttentionInput<S>) -> AttentionOutput<'a, S> {
        let AttentionInput { keys, values, hidden, layout, hidden_layout, pass, .. } = input;
        let AttentionInput { wants_keys, wants_values, wants_hidden, .. } = input;
        let wanted = self.any_trains() || wants_keys || wants_values || wants_hidden;
        let mut recording = Recording::new(pass.gradients() && wanted);
        let (width, sequences) = (keys.ncols(), layout.sequences());
        let (keys, values) = (recording.input(keys, wants_keys), recording.input(values, wants_values));
        let hidden = recording.input(hidden, wants_hidden);
        let (at_keys, at_values, at_hidden) = (keys.place(), values.place(), hidden.place());
        let at = AttentionVars { keys, values, hidden, layout, hidden_layout, pass };
        let (keys, values, layout) = (self.closure)(&at, &self.parameters.record(&mut recording));
        drop(at);
        let shape = (tokens_of(&layout, sequences), width);
        let (keys, new_keys) = result("the keys", keys, shape);
        let (values, new_values) = result("the values", values, shape);
        let backward = recording.finish().map(|recorded| -> AttentionBackward<'a, S> {
            Box::new(move |d, gradients, d_hidden| {
                let mut found = recorded.backward([(new_keys, d.d_keys), (new_values, d.d_values)], gradients);
                found.take(&at_hidden).into_iter().for_each(|d| d_hidden.add(d));
                KeyValueGradient { d_keys: found.take(&at_keys), d_values: found.take(&at_values) }
            })
        });
        AttentionOutput { keys, values, layout, backward }
    }

    /// A closure may do anything.
    fn properties(&self, _: usize) -> Properties {
        Properties { token_wise: false, causal: false, may_be_followed: true, needs_plain_weight: false }
    }
}
