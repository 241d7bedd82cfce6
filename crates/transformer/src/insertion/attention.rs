//! Modules at keys and values.

use super::properties::Properties;
use crate::accumulator::Accumulator;
use crate::pass::Pass;
use adaptune_tensor::{Gradients, Layout, Scalar};
use ndarray::{ArcArray2, Array2};

/// A module at keys and values: prefix tuning.
pub trait AttentionModule<S: Scalar>: Send + Sync {
    /// Gives keys and values, and its backward pass if any gradient is wanted.
    fn forward<'a>(&'a self, input: AttentionInput<S>) -> AttentionOutput<'a, S>;

    /// What it promises about itself at one of its points.
    fn properties(&self, layer: usize) -> Properties;
}

/// What an [`AttentionModule`] sees.
pub struct AttentionInput<S> {
    /// The block, from 0, for modules that stand in several.
    pub layer: usize,
    /// The keys, `[T, D_kv]`, as wide as the model's keys are.
    pub keys: Array2<S>,
    /// The values, `[T, D_kv]`.
    pub values: Array2<S>,
    /// The hidden state from which they were projected, for modules that weigh by it; shared.
    pub hidden: ArcArray2<S>,
    /// How keys and values lie.
    pub layout: Layout,
    /// How the hidden state lies: as they do, unless another module has been here already.
    pub hidden_layout: Layout,
    /// Dropout and whether gradients are wanted at all.
    pub pass: Pass,
    /// True if the gradient of the keys is wanted.
    pub wants_keys: bool,
    /// True if the gradient of the values is wanted.
    pub wants_values: bool,
    /// True if the gradient of the hidden state is wanted.
    pub wants_hidden: bool,
}

/// What an [`AttentionModule`] gives.
pub struct AttentionOutput<'a, S> {
    /// The keys, `[T_k, D_kv]`.
    pub keys: Array2<S>,
    /// The values, `[T_k, D_kv]`.
    pub values: Array2<S>,
    /// How keys and values lie; as many sequences as there were.
    pub layout: Layout,
    /// The backward pass, if any gradient is wanted.
    pub backward: Option<AttentionBackward<'a, S>>,
}

/// Takes the gradients of the new keys and values; gives those of the old ones that were wanted,
/// and adds that of the hidden state to the sum if the module used it.
pub type AttentionBackward<'a, S> =
    Box<dyn FnOnce(KeyValueGradient<S>, &mut Gradients<S>, &mut Accumulator<S>) -> KeyValueGradient<S> + Send + 'a>;

/// Gradients of keys and values, `None` where not wanted.
#[derive(Debug)]
pub struct KeyValueGradient<S> {
    /// `[T_k, D_kv]`.
    pub d_keys: Option<Array2<S>>,
    /// `[T_k, D_kv]`.
    pub d_values: Option<Array2<S>>,
}
