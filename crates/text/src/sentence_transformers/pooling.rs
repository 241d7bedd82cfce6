//! How the tokens of a text become one vector.

use super::json::{json, json_if_there};
use crate::error::{Result, TextError};
use adaptune_adapters::{Pooling, did_you_mean};
use adaptune_transformer::weights::resolve;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::Path;
use std::str::FromStr;
use thiserror::Error;

/// How the hidden states of a text's tokens, `[T, D]`, become one vector, `[D]`. Special tokens are tokens too.
///
/// ```
/// use adaptune_text::TokenPooling;
/// assert_eq!("cls".parse(), Ok(TokenPooling::First));
/// assert_eq!(TokenPooling::WeightedMean.to_string(), "weightedmean");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TokenPooling {
    /// The first token.
    #[serde(rename = "cls")]
    First,
    /// The largest number of each column.
    #[serde(rename = "max")]
    Max,
    /// The mean, `Σ h_t / T`.
    #[serde(rename = "mean")]
    Mean,
    /// The sum over the root of the number of tokens, `Σ h_t / √T`.
    #[serde(rename = "mean_sqrt_len_tokens")]
    MeanSqrtLen,
    /// The mean in which later tokens weigh more, `Σ t h_t / Σ t`, as decoders are pooled (Muennighoff, 2022).
    #[serde(rename = "weightedmean")]
    WeightedMean,
    /// The last token.
    #[serde(rename = "lasttoken")]
    Last,
}

/// A name that no [`TokenPooling`] has.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("no pooling is called {found}: expected cls, max, mean, mean_sqrt_len, weightedmean or lasttoken{hint}")]
pub struct ParsePoolingError {
    found: String,
    hint: String,
}

/// All of them with the names by which they are known: sentence-transformers' own, the key of its older files, and others.
/// Where a file chooses several, they are put together in this order.
const NAMES: [(TokenPooling, [&str; 4]); 6] = [
    (TokenPooling::First, ["cls", "pooling_mode_cls_token", "first", "cls_token"]),
    (TokenPooling::Max, ["max", "pooling_mode_max_tokens", "max", "max_tokens"]),
    (TokenPooling::Mean, ["mean", "pooling_mode_mean_tokens", "mean", "mean_tokens"]),
    (
        TokenPooling::MeanSqrtLen,
        ["mean_sqrt_len_tokens", "pooling_mode_mean_sqrt_len_tokens", "mean_sqrt_len", "mean-sqrt-len"],
    ),
    (
        TokenPooling::WeightedMean,
        ["weightedmean", "pooling_mode_weightedmean_tokens", "weighted_mean", "weighted-mean"],
    ),
    (TokenPooling::Last, ["lasttoken", "pooling_mode_lasttoken", "last", "last_token"]),
];

impl TokenPooling {
    /// The same as a head reads it; `None` if no head does.
    #[must_use]
    pub fn of_head(self) -> Option<Pooling> {
        match self {
            Self::First => Some(Pooling::First),
            Self::Max => Some(Pooling::Max),
            Self::Mean => Some(Pooling::Mean),
            Self::Last => Some(Pooling::Last),
            Self::MeanSqrtLen | Self::WeightedMean => None,
        }
    }

    fn names(self) -> [&'static str; 4] {
        NAMES.into_iter().find(|(pooling, _)| *pooling == self).map_or([""; 4], |(_, names)| names)
    }
}

impl TryFrom<Pooling> for TokenPooling {
    type Error = TextError;

    /// That of a head.
    ///
    /// # Errors
    /// It is the base's pooler, which reads no hidden states alone.
    fn try_from(pooling: Pooling) -> Result<Self> {
        match pooling {
            Pooling::First => Ok(Self::First),
            Pooling::Last => Ok(Self::Last),
            Pooling::Mean => Ok(Self::Mean),
            Pooling::Max => Ok(Self::Max),
            Pooling::Pooler | Pooling::MeanPooler => {
                let message =
                    "vectors are made of hidden states, not of the pooler: choose the pooling first, last, mean or max";
                Err(TextError::Model(message.into()))
            }
        }
    }
}

impl fmt::Display for TokenPooling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.names()[0])
    }
}

impl FromStr for TokenPooling {
    type Err = ParsePoolingError;

    fn from_str(name: &str) -> Result<Self, ParsePoolingError> {
        let found = NAMES.into_iter().find(|(_, names)| names.contains(&name));
        found.map(|(pooling, _)| pooling).ok_or_else(|| {
            let hint = did_you_mean(name, NAMES.iter().flat_map(|(_, names)| [names[0], names[2]]));
            ParsePoolingError { found: name.to_owned(), hint }
        })
    }
}

/// The `config.json` of a pooling.
#[derive(Deserialize)]
pub(super) struct Config {
    /// The modes in newer files: one name, or a list.
    #[serde(default)]
    pooling_mode: Option<Modes>,
    /// True if tokens of the prompt are pooled too.
    #[serde(default = "yes")]
    pub(super) include_prompt: bool,
    /// A key for each mode in older files, among others.
    #[serde(flatten)]
    others: serde_json::Map<String, serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Modes {
    One(String),
    Several(Vec<String>),
}

fn yes() -> bool {
    true
}

impl Config {
    /// That of the module in a folder of the model.
    pub(super) fn read(folder: &Path, module: &str) -> Result<Self> {
        json(&resolve(folder, &config_of(module))?)
    }

    /// The same, if there is one.
    pub(super) fn find(folder: &Path, module: &str) -> Result<Option<Self>> {
        json_if_there(folder, &config_of(module))
    }

    /// The modes that are chosen; the mean if none is, as in sentence-transformers.
    pub(super) fn modes(&self) -> Result<Vec<TokenPooling>> {
        let chosen = self
            .chosen()
            .map_err(|error| TextError::Model(format!("the pooling of sentence-transformers: {error}")))?;
        Ok(if chosen.is_empty() { vec![TokenPooling::Mean] } else { chosen })
    }

    /// The one mode that is chosen, as a head reads it.
    pub(super) fn of_head(&self) -> Option<Pooling> {
        match self.chosen().ok()?.as_slice() {
            [one] => one.of_head(),
            _ => None,
        }
    }

    fn chosen(&self) -> Result<Vec<TokenPooling>, ParsePoolingError> {
        let names: Vec<&str> = match &self.pooling_mode {
            Some(Modes::One(name)) => vec![name],
            Some(Modes::Several(names)) => names.iter().map(String::as_str).collect(),
            None => {
                let is_set = |key: &str| self.others.get(key).is_some_and(|value| value == true);
                NAMES.iter().map(|(_, names)| names[1]).filter(|key| is_set(key)).collect()
            }
        };
        names.into_iter().map(str::parse).collect()
    }
}

fn config_of(module: &str) -> String {
    format!("{module}/config.json")
}
