//! The sizes and constants themselves, and which of them can be computed with.

use super::architecture::Architecture;
use super::error::ConfigError;
use crate::family::Family;
use adaptune_tensor::Activation;
use std::path::Path;

/// Sizes and constants of a model.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The model family.
    pub family: Family,
    /// What the family's blocks compute.
    pub architecture: Architecture,
    /// The name that the model gives itself, if any.
    pub name: Option<String>,
    /// `V`, rows of the token embedding.
    pub vocabulary: usize,
    /// `D`.
    pub hidden: usize,
    /// Number of blocks that tokens go through.
    pub layers: usize,
    /// `H`, heads of the queries.
    pub heads: usize,
    /// `F`.
    pub feed_forward: usize,
    /// How many positions there are: rows of the position embedding where positions are learned.
    pub positions: usize,
    /// Row of the first token's position: 0, or 2 in RoBERTa, which counts from its padding id on.
    pub position_offset: usize,
    /// Rows of the token type embedding, 0 where there is none.
    pub token_types: usize,
    /// What norms add to the variance.
    pub norm_epsilon: f64,
    /// Activation of the feed-forward network.
    pub activation: Activation,
    /// Dropout after the embeddings.
    pub hidden_dropout: f64,
    /// Dropout after each feed-forward network; ALBERT has none.
    pub feed_forward_dropout: f64,
    /// Dropout after the output projection of the attention; DistilBERT has none.
    pub attention_output_dropout: f64,
    /// Dropout of the attention probabilities.
    pub attention_dropout: f64,
    /// Dropout that heads use unless they say otherwise.
    pub head_dropout: f64,
}

impl Config {
    /// A BERT of given sizes with two token types and no dropout.
    ///
    /// ```
    /// use adaptune_transformer::Config;
    /// let mini_lm = Config { vocabulary: 30522, ..Config::bert(384, 6, 12, 1536) };
    /// assert_eq!(mini_lm.max_tokens(), 512);
    /// ```
    #[must_use]
    pub fn bert(hidden: usize, layers: usize, heads: usize, feed_forward: usize) -> Self {
        Self {
            family: Family::BERT,
            architecture: Architecture::bert(),
            name: None,
            vocabulary: 1000,
            hidden,
            layers,
            heads,
            feed_forward,
            positions: 512,
            position_offset: 0,
            token_types: 2,
            norm_epsilon: 1e-12,
            activation: Activation::Gelu,
            hidden_dropout: 0.0,
            feed_forward_dropout: 0.0,
            attention_output_dropout: 0.0,
            attention_dropout: 0.0,
            head_dropout: 0.0,
        }
    }

    /// How many tokens a sequence may have.
    #[must_use]
    pub fn max_tokens(&self) -> usize {
        self.positions - self.position_offset
    }

    /// True of a decoder: no token sees one behind it, in any block.
    #[must_use]
    pub fn is_causal(&self) -> bool {
        use adaptune_tensor::AttentionMask::{Causal, CausalWindow};
        (0..self.layers).all(|layer| matches!(self.architecture.mask.at(layer), Causal | CausalWindow(_)))
    }

    /// Number of blocks that are stored: as many as tokens go through, unless several depths share one.
    #[must_use]
    pub fn blocks(&self) -> usize {
        self.architecture.shared_blocks.unwrap_or(self.layers)
    }

    /// Which of the stored blocks stands at a depth, counted from 0. What is plugged into a block stands wherever the block does.
    ///
    /// ```
    /// use adaptune_transformer::{Architecture, Config};
    /// let architecture = Architecture { shared_blocks: Some(2), ..Architecture::bert() };
    /// let config = Config { architecture, ..Config::bert(8, 5, 2, 16) };
    /// assert_eq!((0..5).map(|depth| config.block_at(depth)).collect::<Vec<_>>(), [0, 0, 0, 1, 1]);
    /// ```
    #[must_use]
    pub fn block_at(&self, depth: usize) -> usize {
        // In floating point, as in Python, whose quotient may be a whole number where this one is not.
        (depth as f64 / (self.layers as f64 / self.blocks() as f64)) as usize
    }

    /// `E`, the width of the embeddings: the hidden size, unless they are projected to it.
    #[must_use]
    pub fn embedding_width(&self) -> usize {
        self.architecture.embedding_width.unwrap_or(self.hidden)
    }

    /// The width of what stands behind the embeddings, at [`SequencePoint::Embeddings`](crate::SequencePoint::Embeddings): `E`, unless a
    /// norm stands behind their projection.
    #[must_use]
    pub fn embedded_width(&self) -> usize {
        if self.architecture.norm_behind_projection { self.hidden } else { self.embedding_width() }
    }

    /// `K`, the width of a head.
    #[must_use]
    pub fn head_size(&self) -> usize {
        self.architecture.head_size.unwrap_or(self.hidden / self.heads)
    }

    /// Heads of keys and values.
    #[must_use]
    pub fn key_value_heads(&self) -> usize {
        self.architecture.key_value_heads.unwrap_or(self.heads)
    }

    /// Width of the queries, `H·K`.
    #[must_use]
    pub fn query_width(&self) -> usize {
        self.heads.saturating_mul(self.head_size())
    }

    /// Width of keys and of values.
    #[must_use]
    pub fn key_value_width(&self) -> usize {
        self.key_value_heads().saturating_mul(self.head_size())
    }

    /// The same model with other dropout rates: of hidden states (heads included) and of
    /// attention probabilities.
    #[must_use]
    pub fn with_dropout(self, hidden: f64, attention: f64) -> Self {
        let family = self.family.description();
        let [attention_output_dropout, feed_forward_dropout] =
            [family.drops_attention_output, family.drops_feed_forward].map(|drops| if drops { hidden } else { 0.0 });
        Self {
            hidden_dropout: hidden,
            feed_forward_dropout,
            attention_output_dropout,
            attention_dropout: attention,
            head_dropout: hidden,
            ..self
        }
    }

    /// Checks that a model of these sizes can be computed; `path` is for messages.
    pub(crate) fn check(&self, path: &Path) -> Result<(), ConfigError> {
        let error = self
            .wrong_size()
            .or_else(|| self.wrong_heads())
            .or_else(|| self.wrong_sharing())
            .or_else(|| self.wrong_rotation())
            .or_else(|| self.wrong_constant());
        match error {
            None => Ok(()),
            Some((field, found, expected)) => Err(ConfigError::Field { path: path.to_owned(), field, found, expected }),
        }
    }

    fn wrong_size(&self) -> Option<Wrong> {
        let names = self.family.description().fields;
        let sizes = [
            (names.vocabulary, self.vocabulary),
            (names.hidden, self.hidden),
            (names.layers, self.layers),
            (names.heads, self.heads),
            (names.feed_forward, self.feed_forward),
            ("embedding_size", self.embedding_width()),
            ("num_hidden_groups", self.blocks()),
            ("head_dim", self.architecture.head_size.unwrap_or(1)),
            ("num_key_value_heads", self.architecture.key_value_heads.unwrap_or(1)),
        ];
        let (name, size) = sizes.into_iter().find(|(_, size)| *size == 0)?;
        Some((name, size.to_string(), "at least 1".into()))
    }

    fn wrong_heads(&self) -> Option<Wrong> {
        let names = self.family.description().fields;
        if self.architecture.head_size.is_none() && !self.hidden.is_multiple_of(self.heads) {
            let expected = format!("a divisor of the hidden size {}", self.hidden);
            return Some((names.heads, self.heads.to_string(), expected));
        }
        if !self.heads.is_multiple_of(self.key_value_heads()) {
            let expected = format!("a divisor of the number of heads {}", self.heads);
            return Some(("num_key_value_heads", self.key_value_heads().to_string(), expected));
        }
        if self.positions <= self.position_offset {
            return Some((names.positions, self.positions.to_string(), format!("more than {}", self.position_offset)));
        }
        None
    }

    fn wrong_sharing(&self) -> Option<Wrong> {
        let (groups, layers) = (self.blocks(), self.layers);
        let expected = || format!("at most the number of layers, {layers}");
        (groups > layers).then(|| ("num_hidden_groups", groups.to_string(), expected()))
    }

    fn wrong_rotation(&self) -> Option<Wrong> {
        let pairs = |layer| self.architecture.rotary.at(layer).as_ref().map_or(0, |rotary| rotary.frequencies.len());
        let most = (0..self.layers).map(pairs).max().unwrap_or(0);
        let expected = || format!("at most the head's width, {}", self.head_size());
        (2 * most > self.head_size()).then(|| ("rotary dimensions", (2 * most).to_string(), expected()))
    }

    fn wrong_constant(&self) -> Option<Wrong> {
        let names = self.family.description().fields;
        let rates = [
            (names.hidden_dropout, self.hidden_dropout),
            (names.attention_dropout, self.attention_dropout),
            (names.head_dropout, self.head_dropout),
        ];
        if let Some((name, rate)) = rates.into_iter().find(|(_, rate)| !(0.0..1.0).contains(rate)) {
            return Some((name, rate.to_string(), "from 0 up to, but not, 1".into()));
        }
        let epsilon = self.norm_epsilon;
        // Runs compute in f32.
        let right = epsilon >= 0.0 && (epsilon as f32).is_finite();
        (!right)
            .then(|| (names.norm_epsilon, format!("{epsilon:?}"), "a number that is not negative, in f32 too".into()))
    }
}

/// A field of `config.json`, its value, and what would do.
type Wrong = (&'static str, String, String);
