//! What a family's blocks compute: the values in which one transformer differs from another, apart from sizes.

use super::disentangled::DisentangledPositions;
use super::relative::RelativeBuckets;
use super::rotary::RotaryPositions;
use adaptune_tensor::{Activation, AttentionMask, RmsWeight};

/// What the blocks of a model compute, and what stands around them.
///
/// A family of models is a choice of these values. [`Architecture::bert`] is one; others differ from it in some of them:
///
/// ```
/// use adaptune_transformer::{Architecture, NormKind, Residual};
/// let pre_norm = Architecture { residual: Residual::PreNorm, norm: NormKind::LAYER_NORM, ..Architecture::bert() };
/// assert!(pre_norm.residual.norms_before() && !pre_norm.residual.norms_after());
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Architecture {
    /// How a sublayer's output and its residual input become the next state.
    pub residual: Residual,
    /// Where norms stand before the sublayers, the first block has one before its attention. ModernBERT's has none: the
    /// embeddings are normalised already.
    pub first_norm: bool,
    /// What its norms compute.
    pub norm: NormKind,
    /// Which linear layers have biases.
    pub biases: Biases,
    /// Learned position embeddings are added to the token embeddings.
    pub learned_positions: bool,
    /// The embeddings are normalised.
    pub embedding_norm: bool,
    /// What the token embeddings are multiplied by, if not by 1.
    pub embedding_scale: Option<f64>,
    /// `E`, width of the embeddings, where a linear layer stands between them and the first block (ELECTRA, ALBERT).
    pub embedding_width: Option<usize>,
    /// The embeddings are normalised behind that layer, which then has no bias, and not before it (DeBERTa).
    pub norm_behind_projection: bool,
    /// How many blocks are stored, where several depths share one (ALBERT): the first of them stand at the first depths, and so on.
    pub shared_blocks: Option<usize>,
    /// The last hidden state is normalised, as pre-norm models need it.
    pub final_norm: bool,
    /// The output layer of the language model is a table of its own, and not that of the token embeddings.
    pub untied_output: bool,
    /// A pooler belongs to the model; a checkpoint need not have it.
    pub pooler: Option<Pooler>,
    /// What the model's own classifier reads, through the pooler or not.
    pub classifier_reads: ClassifierReads,
    /// The feed-forward network is `W_out (φ(W_gate x) ∘ W_in x)` and not `W_out φ(W_in x)` (Shazeer, 2020).
    pub gated: bool,
    /// Heads of keys and values, where they are fewer than those of queries (Ainslie et al., 2023).
    pub key_value_heads: Option<usize>,
    /// Width of a head, where it is not the hidden size divided by the number of heads.
    pub head_size: Option<usize>,
    /// What products of queries and keys are multiplied by, where it is not one over the root of the head's width.
    pub attention_scale: Option<f64>,
    /// Each head of queries and of keys is normalised, before it is rotated (Qwen 3, Gemma 3).
    pub query_key_norm: bool,
    /// Which keys a query sees.
    pub mask: ByLayer<AttentionMask>,
    /// A bias by the distance of a key from its query is added to scores: one table for all blocks.
    pub relative_bias: Option<RelativeBuckets>,
    /// Scores have terms between contents and relative positions, whose embeddings are one table for all blocks (DeBERTa).
    pub disentangled: Option<DisentangledPositions>,
    /// Queries and keys are rotated by their positions, where there is something here (Su et al., 2021).
    pub rotary: ByLayer<Option<RotaryPositions>>,
}

/// A layer over one vector of each sequence, `φ(W h + b)`, normalised or not, that pretraining left for heads to read.
///
/// ```
/// use adaptune_transformer::{Architecture, Pooler};
/// assert_eq!(Architecture::bert().pooler, Some(Pooler::BERT)); // tanh(W h_0 + b)
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pooler {
    /// `φ`.
    pub activation: Activation,
    /// There is a `b`.
    pub bias: bool,
    /// A norm of the model's kind stands behind it: ModernBERT's prediction head.
    pub norm: bool,
}

impl Pooler {
    /// BERT's, `tanh(W h_0 + b)`.
    pub const BERT: Self = Self { activation: Activation::Tanh, bias: true, norm: false };
}

/// What the classifier that transformers has for a model reads of each text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClassifierReads {
    /// The first token.
    First,
    /// The last token: decoders.
    Last,
    /// The mean of all tokens.
    Mean,
    /// Every token, and the mean of their logits is taken.
    EveryToken,
}

/// A value for every block. The pattern is repeated: of three values, the blocks 0, 3, 6 and so on have the first.
///
/// ```
/// use adaptune_transformer::ByLayer;
/// let pattern = ByLayer::pattern(vec!["global", "local", "local"]);
/// assert_eq!((pattern.at(3), pattern.at(5)), (&"global", &"local"));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ByLayer<T>(Vec<T>);

impl<T> ByLayer<T> {
    /// The same value for every block.
    #[must_use]
    pub fn every(value: T) -> Self {
        Self(vec![value])
    }

    /// These values for the first blocks, and again from there on.
    ///
    /// # Panics
    /// If there is no value.
    #[must_use]
    pub fn pattern(values: Vec<T>) -> Self {
        assert!(!values.is_empty(), "a pattern has a value");
        Self(values)
    }

    /// The values of all blocks, kept as the shortest pattern that gives them.
    ///
    /// ```
    /// use adaptune_transformer::ByLayer;
    /// assert_eq!(ByLayer::of_all(vec!["a", "b", "a", "b", "a"]), ByLayer::pattern(vec!["a", "b"]));
    /// ```
    ///
    /// # Panics
    /// If there is no value.
    #[must_use]
    pub fn of_all(mut values: Vec<T>) -> Self
    where
        T: PartialEq,
    {
        let repeats = |n: &usize| values.iter().zip(&values[*n..]).all(|(value, later)| value == later);
        let shortest = (1..values.len()).find(repeats).unwrap_or(values.len());
        values.truncate(shortest);
        Self::pattern(values)
    }

    /// The value of a block, counted from 0.
    #[must_use]
    pub fn at(&self, layer: usize) -> &T {
        &self.0[layer % self.0.len()]
    }
}

/// How the output of a sublayer `f` and its residual input `x` become the next state, with `N` a norm of the base.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Residual {
    /// `N(x + f(x))`: the transformer of Vaswani et al. (2017), BERT.
    PostNorm,
    /// `x + f(N(x))`: GPT-2, Llama, ModernBERT.
    PreNorm,
    /// `x + N₂(f(N₁(x)))`: Gemma 3.
    Sandwich,
    /// `x + a(N(x)) + f(N(x))`, attention and feed-forward side by side behind one norm: GPT-J, Phi.
    Parallel,
}

impl Residual {
    /// True if a sublayer reads a normalised state.
    #[must_use]
    pub fn norms_before(self) -> bool {
        match self {
            Self::PostNorm => false,
            Self::PreNorm | Self::Sandwich | Self::Parallel => true,
        }
    }

    /// True if attention and feed-forward read the same normalised state, side by side.
    #[must_use]
    pub fn is_parallel(self) -> bool {
        match self {
            Self::Parallel => true,
            Self::PostNorm | Self::PreNorm | Self::Sandwich => false,
        }
    }

    /// True if a norm stands behind a sublayer, of its output or of the sum.
    #[must_use]
    pub fn norms_after(self) -> bool {
        match self {
            Self::PostNorm | Self::Sandwich => true,
            Self::PreNorm | Self::Parallel => false,
        }
    }
}

/// What a norm computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NormKind {
    /// `w ∘ (x − μ)/√(σ² + ε) + b` (Ba, Kiros and Hinton, 2016), with a bias or without.
    Layer {
        /// There is a `b`.
        bias: bool,
    },
    /// `w ∘ x/√(mean(x²) + ε)`, or with `1 + w` (Zhang and Sennrich, 2019).
    Rms(RmsWeight),
}

impl NormKind {
    /// Layer norm with a bias.
    pub const LAYER_NORM: Self = Self::Layer { bias: true };

    /// The weight with which a norm changes nothing but mean and scale.
    #[must_use]
    pub fn identity(self) -> f64 {
        match self {
            Self::Layer { .. } | Self::Rms(RmsWeight::Plain) => 1.0,
            Self::Rms(RmsWeight::OnePlus) => 0.0,
        }
    }

    /// True if the norm has a bias.
    #[must_use]
    pub fn has_bias(self) -> bool {
        match self {
            Self::Layer { bias } => bias,
            Self::Rms(_) => false,
        }
    }
}

/// Which linear layers of a block have a bias.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Biases {
    /// Queries, keys and values.
    pub query_key_value: bool,
    /// The attention's output.
    pub attention_output: bool,
    /// The feed-forward network.
    pub feed_forward: bool,
}

impl Biases {
    /// Every layer has one.
    pub const ALL: Self = Self { query_key_value: true, attention_output: true, feed_forward: true };
    /// No layer has one.
    pub const NONE: Self = Self { query_key_value: false, attention_output: false, feed_forward: false };
}

impl Architecture {
    /// BERT (Devlin et al., 2019): post-norm blocks with layer norms, biases everywhere, full attention, a plain feed-forward
    /// network, learned positions, a norm behind the embeddings, and a pooler.
    #[must_use]
    pub fn bert() -> Self {
        Self {
            residual: Residual::PostNorm,
            first_norm: true,
            norm: NormKind::LAYER_NORM,
            biases: Biases::ALL,
            learned_positions: true,
            embedding_norm: true,
            embedding_scale: None,
            embedding_width: None,
            norm_behind_projection: false,
            shared_blocks: None,
            final_norm: false,
            untied_output: false,
            pooler: Some(Pooler::BERT),
            classifier_reads: ClassifierReads::First,
            gated: false,
            key_value_heads: None,
            head_size: None,
            attention_scale: None,
            query_key_norm: false,
            mask: ByLayer::every(AttentionMask::Full),
            relative_bias: None,
            disentangled: None,
            rotary: ByLayer::every(None),
        }
    }
}
