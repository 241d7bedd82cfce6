//! The configuration of prompt tuning: AdapterHub's `PromptTuningConfig`, typed and checked.

use crate::core::checks::check_count;
use crate::core::error::MethodError;
use adaptune_transformer::Config;

/// Where the prompt stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Combine {
    /// In front of the sequence (`prefix`).
    First,
    /// Behind its first token (`prefix_after_bos`), which heads go on to read.
    AfterFirst,
    /// In front of the sequence as tokens like others (`as_tokens`), as in PEFT: with positions, behind which those of the
    /// text begin, with token type 0, and through the norm of the embeddings. AdapterHub has none of this.
    AsTokens,
}

impl Combine {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::First => "prefix",
            Self::AfterFirst => "prefix_after_bos",
            Self::AsTokens => "as_tokens",
        }
    }
}

/// What the prompt begins as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PromptInit {
    /// Numbers uniform in ±0.5 (`random_uniform`).
    Random,
    /// The embeddings of a text's tokens (`from_string`), over and over until the prompt is full. Tokens are the business
    /// of a tokenizer: [`Adapter::of_tokens`](crate::Adapter::of_tokens) takes them.
    Text,
}

/// Prompt tuning (Lester, Al-Rfou and Constant, 2021); field names are AdapterHub's.
///
/// | field | default | meaning |
/// |---|---|---|
/// | `prompt_length` | 10 | `P` |
/// | `combine` | prefix | where the prompt stands, see [`Combine`] |
/// | `prompt_init`, `prompt_init_text` | random_uniform | what it begins as, see [`PromptInit`] |
///
/// A fresh prompt is not the identity: it is seen from the first step on.
#[derive(Clone, Debug, PartialEq)]
pub struct PromptConfig {
    /// `P`.
    pub prompt_length: usize,
    /// Where the prompt stands.
    pub combine: Combine,
    /// What it begins as.
    pub prompt_init: PromptInit,
    /// The text, if it begins as one.
    pub prompt_init_text: Option<String>,
    /// Seed of the initial values, in place of the run's.
    pub init_weights_seed: Option<u64>,
}

impl PromptConfig {
    /// A prompt in front of the sequence (AdapterHub's `prompt_tuning`).
    #[must_use]
    pub fn prompt_tuning() -> Self {
        Self {
            prompt_length: 10,
            combine: Combine::First,
            prompt_init: PromptInit::Random,
            prompt_init_text: None,
            init_weights_seed: None,
        }
    }

    /// The width of the prompt: that of what it stands among.
    pub(super) fn width(&self, model: &Config) -> usize {
        match self.combine {
            Combine::AsTokens => model.embedding_width(),
            Combine::First | Combine::AfterFirst => model.embedded_width(),
        }
    }

    /// Checks the configuration by itself and against a model.
    pub(super) fn check_against(&self, model: &Config) -> Result<(), MethodError> {
        if self.prompt_init == PromptInit::Text && self.prompt_init_text.is_none() {
            return Err(MethodError::Contradiction("prompt_init=from_string needs the text: set prompt_init_text"));
        }
        if self.combine == Combine::AsTokens && self.prompt_length >= model.max_tokens() {
            return Err(MethodError::Contradiction(
                "combine=as_tokens leaves the text no position: the prompt is as long as the model's positions",
            ));
        }
        if self.prompt_init == PromptInit::Text && self.width(model) != model.embedding_width() {
            return Err(MethodError::Contradiction(
                "the embeddings of this base are narrower than what the prompt stands among, so it cannot begin as a text: set \
                 combine=as_tokens, or leave prompt_init_text out",
            ));
        }
        check_count("prompt_length", self.prompt_length)
    }
}
