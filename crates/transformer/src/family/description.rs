//! What a family is: names, in files and in Python.

use super::names::TensorNames;
use crate::point::Sublayer;
use adaptune_tensor::Activation;
use std::fmt;

/// A family of models: what its configurations and tensors are called. What its blocks compute is its
/// [`Architecture`](crate::Architecture).
///
/// Families are told apart by their `model_type`.
#[derive(Clone, Copy)]
pub struct Family(&'static FamilyDescription);

/// The description of a family.
#[derive(Debug)]
pub struct FamilyDescription {
    /// `model_type` in Hugging Face configurations.
    pub model_type: &'static str,
    /// What the names of its tensors begin with where they stand below a head (`bert.`).
    pub prefix: &'static str,
    /// Where checkpoints keep its tensors.
    pub tensors: TensorNames,
    /// What the names of the tensors of its heads begin with, beside `classifier.` and others that all families may have.
    pub heads: &'static [&'static str],
    /// What `config.json` calls sizes and constants, for messages.
    pub fields: FieldNames,
    /// It has dropout behind the output projection of the attention.
    pub drops_attention_output: bool,
    /// It has dropout behind the feed-forward network.
    pub drops_feed_forward: bool,
    /// What Python's libraries call what stands around its blocks.
    pub python: PythonNames,
}

/// What a family's `config.json` calls sizes and constants.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs, reason = "each is the name of the field of `Config` that is called so")]
pub struct FieldNames {
    pub vocabulary: &'static str,
    pub hidden: &'static str,
    pub layers: &'static str,
    pub heads: &'static str,
    pub feed_forward: &'static str,
    pub positions: &'static str,
    pub hidden_dropout: &'static str,
    pub attention_dropout: &'static str,
    pub head_dropout: &'static str,
    pub norm_epsilon: &'static str,
}

/// What Python's transformers, AdapterHub and PEFT call what stands around a family's blocks.
#[derive(Debug)]
pub struct PythonNames {
    /// What the names of its classes begin with: `Bert` of `BertModel`.
    pub class: &'static str,
    /// The head of its masked language model.
    pub language_head: Option<LanguageHeadNames>,
    /// Where AdapterHub keeps adapters.
    pub adapters: AdapterPaths,
    /// The head of its `…ForSequenceClassification`.
    pub classifier: Classifier,
    /// Whether its models in Python take keys and values from outside, as PEFT's prefix tuning needs.
    pub past_key_values: PastKeyValues,
}

/// Where checkpoints keep the head of a masked language model.
#[derive(Debug)]
pub struct LanguageHeadNames {
    /// The linear layer before the output.
    pub transform: &'static str,
    /// The norm behind it.
    pub norm: &'static str,
    /// The bias of the output.
    pub bias: &'static str,
    /// The activation between them, where it is not that of the blocks.
    pub activation: Option<Activation>,
}

/// The modules of a block to which AdapterHub attaches adapters, below the block's path.
#[derive(Debug)]
pub struct AdapterPaths {
    /// Bottlenecks behind the attention.
    pub after_attention: &'static str,
    /// Bottlenecks behind the feed-forward network.
    pub after_feed_forward: &'static str,
    /// Prefixes.
    pub attention: &'static str,
    /// What prefixes are called there.
    pub prefix: &'static str,
    /// AdapterHub gives models of the family adapters that compute the same. Where it does not, files are laid out in its way
    /// all the same, for this library alone.
    pub known: bool,
    /// Sublayers whose bottlenecks AdapterHub wires otherwise.
    pub differ: &'static [Sublayer],
}

/// The classification head that transformers has for a family.
#[derive(Debug)]
pub struct Classifier {
    /// Its linear layers, the first one first.
    pub layers: &'static [&'static str],
    /// The activation between them.
    pub activation: Activation,
    /// It reads the pooler's output and not the first token.
    pub pooled: bool,
    /// Its `…ForTokenClassification` is one layer `classifier` over each token, and nothing between.
    pub plain_tagger: bool,
    /// The head of its `…ForMultipleChoice`, if there is such a class.
    pub choice: Option<ChoiceHead>,
}

/// The head with which transformers scores each of several choices, with the activation of the [`Classifier`] between its layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChoiceHead {
    /// Its linear layers, the first one first; the last has one output.
    pub layers: &'static [&'static str],
    /// It reads the pooler's output and not the first token.
    pub pooled: bool,
}

impl ChoiceHead {
    /// One layer on the pooler, as most families have it.
    pub const POOLED: Self = Self { layers: &["classifier"], pooled: true };
}

/// Whether a family's models in Python take keys and values from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PastKeyValues {
    /// They do.
    Taken,
    /// They do, but where they classify sequences, what they give back is taken for a pooled state.
    NotForClassification,
    /// They do not.
    Refused,
}

impl Family {
    /// The family that a description describes.
    #[must_use]
    pub const fn new(description: &'static FamilyDescription) -> Self {
        Self(description)
    }

    /// Its description.
    #[must_use]
    pub fn description(self) -> &'static FamilyDescription {
        self.0
    }

    /// `model_type` in Hugging Face configurations.
    #[must_use]
    pub fn model_type(self) -> &'static str {
        self.0.model_type
    }

    /// What the names of its tensors begin with where they stand below a head (`bert.`).
    #[must_use]
    pub fn prefix(self) -> &'static str {
        self.0.prefix
    }

    /// The name of a tensor where the base stands below a head, of its [own name](TensorNames::name):
    /// `bert.pooler.dense.weight` of `pooler.dense.weight`.
    #[must_use]
    pub fn full_name(self, name: &str) -> String {
        let names = self.tensors();
        let of = |part: &str| !part.is_empty() && name.starts_with(part);
        let beside = names.pooler_is_beside && (of(names.pooler) || of(names.pooler_norm));
        let beside = beside || (!names.output.is_empty() && name == names.output);
        if beside { name.to_owned() } else { format!("{}{name}", self.prefix()) }
    }

    /// Where checkpoints keep its tensors.
    #[must_use]
    pub fn tensors(self) -> &'static TensorNames {
        &self.0.tensors
    }

    /// What Python's libraries call what stands around its blocks.
    #[must_use]
    pub fn python(self) -> &'static PythonNames {
        &self.0.python
    }
}

impl PartialEq for Family {
    fn eq(&self, other: &Self) -> bool {
        self.0.model_type == other.0.model_type
    }
}

impl Eq for Family {}

impl fmt::Debug for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.model_type)
    }
}

impl std::hash::Hash for Family {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.model_type.hash(state);
    }
}
