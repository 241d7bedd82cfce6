//! Insertion points: where modules can be plugged into a frozen transformer.
//!
//! The transformer knows no adapter. At each point it asks [`Insertions`] for a module; without
//! one it does what the base does, at no cost. Four shapes carry every method known:
//!
//! | shape | where | sees | gives |
//! |---|---|---|---|
//! | [`LinearModule`] | the six projections of a block | input `x` and the base's layer | the output in place of `W x + b` |
//! | [`SublayerModule`] | after attention, after feed-forward | sublayer output `o`, residual input `r`, the base's norm | the next state, in place of `norm(o + r)` |
//! | [`SequenceModule`] | after the embeddings, after each block | the tokens and their layout | tokens and layout, possibly longer |
//! | [`AttentionModule`] | keys and values | both, and the hidden state that they came from | keys and values, possibly more of them |
//!
//! Modules are values: forward takes `&self` and returns, beside its result, a function that is
//! its backward pass and owns what that needs (a *trace*). It is `None` where no gradient is wanted:
//! the module does not train and neither does anything below it. So a pass that only evaluates
//! keeps nothing, and backward ends by itself at the lowest point that trains.

use crate::{Accumulator, Base, BaseLinear, BaseNorm, Pass};
use adaptune_tensor::{Gradients, Layout, Scalar};
use ndarray::{ArcArray2, Array2, ArrayView2};

/// The six linear layers of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Projection {
    /// Queries of the attention.
    Query,
    /// Keys of the attention.
    Key,
    /// Values of the attention.
    Value,
    /// Output of the attention.
    AttentionOutput,
    /// Hidden size to feed-forward size.
    FeedForwardIn,
    /// Feed-forward size to hidden size.
    FeedForwardOut,
}

impl Projection {
    /// All six, in the order of a pass.
    pub const ALL: [Self; 6] =
        [Self::Query, Self::Key, Self::Value, Self::AttentionOutput, Self::FeedForwardIn, Self::FeedForwardOut];
}

/// A linear layer of the base.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinearPoint {
    /// The block, from 0.
    pub layer: usize,
    /// The layer within the block.
    pub projection: Projection,
}

/// The two halves of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sublayer {
    /// Self-attention.
    Attention,
    /// The feed-forward network.
    FeedForward,
}

impl Sublayer {
    /// Both, in the order of a pass.
    pub const ALL: [Self; 2] = [Self::Attention, Self::FeedForward];
}

/// The end of a half block, where residual and norm are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SublayerPoint {
    /// The block, from 0.
    pub layer: usize,
    /// Which half.
    pub sublayer: Sublayer,
}

/// A place between blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SequencePoint {
    /// After the embeddings.
    Embeddings,
    /// After a block, counted from 0.
    Block(usize),
}

/// What is plugged in where. Every method has a default: nothing.
///
/// `()` plugs in nothing at all. A pass without gradients through it is the base itself:
///
/// ```
/// use adaptune_transformer::{Insertions, SublayerPoint, Sublayer};
/// let nothing: &dyn Insertions<f32> = &();
/// assert!(nothing.sublayer(SublayerPoint { layer: 0, sublayer: Sublayer::Attention }).is_none());
/// ```
pub trait Insertions<S: Scalar>: Sync {
    /// The module in place of a linear layer. One module may stand at several points: what it sees says which.
    fn linear(&self, _point: LinearPoint) -> Option<&dyn LinearModule<S>> {
        None
    }
    /// The module at the end of a half block.
    fn sublayer(&self, _point: SublayerPoint) -> Option<&dyn SublayerModule<S>> {
        None
    }
    /// The module between blocks.
    fn sequence(&self, _point: SequencePoint) -> Option<&dyn SequenceModule<S>> {
        None
    }
    /// The module at keys and values of a block.
    fn attention(&self, _layer: usize) -> Option<&dyn AttentionModule<S>> {
        None
    }
    /// How many positions lie before the first token of a sequence, as if as many tokens stood there: a prefix may take
    /// them.
    fn position_shift(&self, _sequence: usize) -> usize {
        0
    }
    /// How many sequences a batch must have, where this was put together for certain ones.
    fn sequences(&self) -> Option<usize> {
        None
    }
}

impl<S: Scalar> Insertions<S> for () {}

/// Perhaps nothing.
impl<S: Scalar, I: Insertions<S> + ?Sized> Insertions<S> for Option<&I> {
    fn linear(&self, point: LinearPoint) -> Option<&dyn LinearModule<S>> {
        (*self)?.linear(point)
    }
    fn sublayer(&self, point: SublayerPoint) -> Option<&dyn SublayerModule<S>> {
        (*self)?.sublayer(point)
    }
    fn sequence(&self, point: SequencePoint) -> Option<&dyn SequenceModule<S>> {
        (*self)?.sequence(point)
    }
    fn attention(&self, layer: usize) -> Option<&dyn AttentionModule<S>> {
        (*self)?.attention(layer)
    }
    fn position_shift(&self, sequence: usize) -> usize {
        self.map_or(0, |inner| inner.position_shift(sequence))
    }
    fn sequences(&self) -> Option<usize> {
        (*self)?.sequences()
    }
}

/// A module in place of a linear layer of the base: LoRA, DoRA, IA3.
pub trait LinearModule<S: Scalar>: Send + Sync {
    /// Gives the layer's output, `[T, Out]`, and its backward pass if any gradient is wanted.
    fn forward<'a>(&'a self, input: LinearInput<'a, S>) -> (Array2<S>, Option<LinearBackward<'a, S>>);

    /// True if it computes with the layer by [`LinearInput::layer`] alone, never with its weights: then the layer may have
    /// another module in it already.
    fn stands_on_others(&self) -> bool {
        false
    }

    /// True if a row of the result depends on nothing but the same row of what it sees and on which sequence it belongs to: not
    /// on other rows, not on its place in the sequence, not on how long that is. Then rows that nobody reads may be left out, see
    /// [`Reads`](crate::Reads), and `layout` has one token for each sequence. A module that averages over a sequence must not say so.
    fn is_row_by_row(&self) -> bool {
        false
    }
}

/// What a [`LinearModule`] sees. It has the base's layer rather than its output, so that it may
/// also change what goes in, or compute the product in another way.
///
/// The layer may be thawed: [`LinearInput::layer`] and [`LinearInput::wants_backward`] take that into account, and who
/// computes with [`LinearInput::base`] calls [`BaseLinear::parameters_backward`] beside its own work.
pub struct LinearInput<'a, S> {
    /// Where it is, for modules that stand at several points.
    pub point: LinearPoint,
    /// `x`, `[T, In]`; shared, so keeping it costs nothing.
    pub x: ArcArray2<S>,
    /// The base's layer.
    pub base: BaseLinear<'a, S>,
    /// Modules that are in this layer already, the lowest first; there are some only where
    /// [`LinearModule::stands_on_others`].
    pub below: &'a [&'a dyn LinearModule<S>],
    /// The sequences.
    pub layout: Layout,
    /// Dropout and whether gradients are wanted at all.
    pub pass: Pass,
    /// True if `d_x` is wanted, because something below trains.
    pub wants_input: bool,
}

impl<'a, S: Scalar> LinearInput<'a, S> {
    /// What the layer gives for an input, `[T, In] → [T, Out]`, and its backward pass: the base's `W x + b`, or what the
    /// module below makes of it.
    #[must_use]
    pub fn layer(&self, x: &ArcArray2<S>, wants_input: bool) -> (Array2<S>, Option<LinearBackward<'a, S>>) {
        let Self { point, base, below, layout, pass, .. } = self;
        let (x, layout) = (x.clone(), layout.clone());
        let Some((module, below)) = below.split_last() else {
            return base.layer(x, pass.gradients(), wants_input);
        };
        let pass = pass.at(BELOW);
        module.forward(LinearInput { point: *point, x, base: *base, below, layout, pass, wants_input })
    }

    /// True if backward must run: the module trains, the layer itself does, or `d_x` is wanted.
    #[must_use]
    pub fn wants_backward(&self, module_trains: bool) -> bool {
        self.pass.gradients() && (module_trains || self.base.trains() || self.wants_input)
    }
}

/// Place of the random draws of the next module below.
const BELOW: u64 = 1;

/// Takes `d_y`, adds parameter gradients to the buffers and, if it was wanted, `d_x` to the sum.
pub type LinearBackward<'a, S> = Box<dyn FnOnce(ArrayView2<'_, S>, &mut Gradients<S>, &mut Accumulator<S>) + Send + 'a>;

/// A module at the end of a half block: every bottleneck adapter, fusion, routing.
pub trait SublayerModule<S: Scalar>: Send + Sync {
    /// Gives the next state, `[T, D]`, and its backward pass if any gradient is wanted.
    fn forward<'a>(&'a self, input: SublayerInput<'a, S>) -> (Array2<S>, Option<SublayerBackward<'a, S>>);

    /// True if another module may come behind it; see [`SublayerInput::followed`].
    fn can_be_followed(&self) -> bool {
        false
    }

    /// The same promise as [`LinearModule::is_row_by_row`].
    fn is_row_by_row(&self) -> bool {
        false
    }
}

/// What a [`SublayerModule`] sees.
///
/// The norm may be thawed: [`SublayerInput::wants_backward`] takes that into account.
pub struct SublayerInput<'a, S> {
    /// Where it is, for modules that stand at several points.
    pub point: SublayerPoint,
    /// `o`, output of the sublayer after its dropout, `[T, D]`.
    pub output: Array2<S>,
    /// `r`, the sublayer's residual input, `[T, D]`; shared, so keeping it costs nothing.
    pub residual: ArcArray2<S>,
    /// The base's norm at this place; `None` in blocks that normalise elsewhere.
    pub norm: Option<BaseNorm<'a, S>>,
    /// The sequences.
    pub layout: Layout,
    /// Dropout and whether gradients are wanted at all.
    pub pass: Pass,
    /// True if `d_o` is wanted.
    pub wants_output: bool,
    /// True if `d_r` is wanted.
    pub wants_residual: bool,
    /// Another module comes behind and takes what this one gives for the sublayer's output `o`. So it gives what it would
    /// have added to `r` and normalised, where it does. It is never set unless [`SublayerModule::can_be_followed`].
    pub followed: bool,
}

impl<'a, S: Scalar> SublayerInput<'a, S> {
    /// What the base does by itself, `norm(o + r)`.
    #[must_use]
    pub fn add_and_norm(self) -> (Array2<S>, Option<SublayerBackward<'a, S>>) {
        crate::points::add_and_norm(self)
    }

    /// True if backward must run: the module trains, the norm does, or `d_o` or `d_r` is wanted.
    #[must_use]
    pub fn wants_backward(&self, module_trains: bool) -> bool {
        let norm_trains = self.norm.is_some_and(BaseNorm::trains);
        self.pass.gradients() && (module_trains || norm_trains || self.wants_output || self.wants_residual)
    }
}

/// Takes the gradient of the next state; gives those of `o` and `r` that were wanted.
pub type SublayerBackward<'a, S> = Box<dyn FnOnce(Array2<S>, &mut Gradients<S>) -> SublayerGradient<S> + Send + 'a>;

/// Gradients with respect to the inputs of a [`SublayerModule`], `None` where not wanted.
#[derive(Debug)]
pub struct SublayerGradient<S> {
    /// `d_o`, `[T, D]`.
    pub d_output: Option<Array2<S>>,
    /// `d_r`, `[T, D]`.
    pub d_residual: Option<Array2<S>>,
}

/// A module between blocks: prompts, invertible adapters, ReFT.
pub trait SequenceModule<S: Scalar>: Send + Sync {
    /// Gives tokens and layout, and its backward pass if any gradient is wanted.
    fn forward<'a>(&'a self, input: SequenceInput<'a, S>) -> SequenceOutput<'a, S>;
}

/// What a [`SequenceModule`] sees.
pub struct SequenceInput<'a, S> {
    /// Where it is, for modules that stand at several points.
    pub point: SequencePoint,
    /// The base, for modules that do with their own rows what it does with tokens.
    pub base: Base<'a, S>,
    /// The tokens, `[T, D]`.
    pub tokens: Array2<S>,
    /// The sequences.
    pub layout: Layout,
    /// Dropout and whether gradients are wanted at all.
    pub pass: Pass,
    /// True if the gradient of the tokens is wanted.
    pub wants_tokens: bool,
}

/// What a [`SequenceModule`] gives.
pub struct SequenceOutput<'a, S> {
    /// The tokens that the next block sees.
    pub tokens: Array2<S>,
    /// How they lie.
    pub layout: Layout,
    /// The backward pass, if any gradient is wanted.
    pub backward: Option<SequenceBackward<'a, S>>,
}

/// Takes the gradient of the new tokens; gives that of the old ones if it was wanted.
pub type SequenceBackward<'a, S> = Box<dyn FnOnce(Array2<S>, &mut Gradients<S>) -> Option<Array2<S>> + Send + 'a>;

/// A module at keys and values: prefix tuning.
pub trait AttentionModule<S: Scalar>: Send + Sync {
    /// Gives keys and values, and its backward pass if any gradient is wanted.
    fn forward<'a>(&'a self, input: AttentionInput<S>) -> AttentionOutput<'a, S>;
}

/// What an [`AttentionModule`] sees.
pub struct AttentionInput<S> {
    /// The block, from 0, for modules that stand in several.
    pub layer: usize,
    /// The keys, `[T, D]`.
    pub keys: Array2<S>,
    /// The values, `[T, D]`.
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
    /// The keys, `[T_k, D]`.
    pub keys: Array2<S>,
    /// The values, `[T_k, D]`.
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
    /// `[T_k, D]`.
    pub d_keys: Option<Array2<S>>,
    /// `[T_k, D]`.
    pub d_values: Option<Array2<S>>,
}
