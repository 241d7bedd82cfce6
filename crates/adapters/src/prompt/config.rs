//! The configuration of prompt tuning: AdapterHub's `PromptTuningConfig`, typed and checked.

use super::PromptTuning;
use crate::format::Stored;
use crate::method::fields::{count, seed, unknown, wrong};
use crate::method::{FieldError, MethodConfig, MethodError, check_count};
use crate::modules::Modules;
use crate::point::Point;
use adaptune_tensor::{Scalar, Seed};
use adaptune_transformer::{Config, Family, SequencePoint};
use serde_json::{Map, Value, json};

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
    fn name(self) -> &'static str {
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
}

impl MethodConfig for PromptConfig {
    const ARCHITECTURE: Option<&'static str> = Some("prompt_tuning");

    fn ground() -> Self {
        Self::prompt_tuning()
    }

    fn fields(&self) -> Map<String, Value> {
        let fields = json!({
            "prompt_length": self.prompt_length,
            "combine": self.combine.name(),
            "prompt_init": if self.prompt_init == PromptInit::Random { "random_uniform" } else { "from_string" },
            "prompt_init_text": self.prompt_init_text,
            "init_weights_seed": self.init_weights_seed,
        });
        fields.as_object().cloned().unwrap_or_default()
    }

    fn set(&mut self, name: &str, value: &Value) -> Result<(), FieldError> {
        match (name, value.as_str()) {
            ("prompt_length", _) => self.prompt_length = count(name, value)?,
            ("combine", Some("prefix")) => self.combine = Combine::First,
            ("combine", Some("prefix_after_bos")) => self.combine = Combine::AfterFirst,
            ("combine", Some("as_tokens")) => self.combine = Combine::AsTokens,
            ("combine", _) => return Err(wrong(name, value, "\"prefix\", \"prefix_after_bos\" or \"as_tokens\"")),
            ("prompt_init", Some("random_uniform")) => self.prompt_init = PromptInit::Random,
            ("prompt_init", Some("from_string")) => self.prompt_init = PromptInit::Text,
            ("prompt_init", _) => return Err(wrong(name, value, "\"random_uniform\" or \"from_string\"")),
            ("prompt_init_text", None) if value.is_null() => self.prompt_init_text = None,
            ("prompt_init_text", Some(text)) => self.prompt_init_text = Some(text.to_owned()),
            ("prompt_init_text", None) => return Err(wrong(name, value, "a text or None")),
            ("init_weights_seed", _) => self.init_weights_seed = seed(name, value)?,
            _ => return Err(unknown(name, &self.fields())),
        }
        Ok(())
    }

    fn file_fields(&self) -> Result<Map<String, Value>, String> {
        match self.combine {
            Combine::AsTokens => {
                Err("AdapterHub has no such adapter: its prompts take no positions and stand behind the \
                                      embeddings' norm (combine is as_tokens)"
                    .into())
            }
            _ => Ok(self.fields()),
        }
    }

    fn check(&self, model: &Config) -> Result<(), MethodError> {
        if self.prompt_init == PromptInit::Text && self.prompt_init_text.is_none() {
            return Err(MethodError::Contradiction("prompt_init=from_string needs the text: set prompt_init_text"));
        }
        if self.combine == Combine::AsTokens && self.prompt_length >= model.max_tokens() {
            return Err(MethodError::Contradiction(
                "combine=as_tokens leaves the text no position: the prompt is as long as the model's positions",
            ));
        }
        check_count("prompt_length", self.prompt_length)
    }

    fn modules<S: Scalar>(&self, model: &Config, seed: Seed, modules: &mut Modules<S>) -> Result<(), MethodError> {
        let seed = self.init_weights_seed.map_or(seed, Seed::new).named("prompt");
        modules.place(SequencePoint::Embeddings, PromptTuning::new(self, model.hidden, seed))
    }

    fn stored(&self, _family: Family, adapter: &str, _point: Option<Point>, _parameter: &str) -> Stored {
        Stored::same(format!("prompt_tuning.prompt_tunings.{adapter}.prompt_embedding.weight"))
    }
}
