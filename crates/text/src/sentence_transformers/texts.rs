//! How texts are read: how long they may be, in which letters, and what stands before them.

use super::json::json_if_there;
use crate::error::Result;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

/// The files that say how long texts may be; which one depends on the class of the first version's transformer.
pub(crate) const LENGTHS: [&str; 7] = [
    "sentence_bert_config.json",
    "sentence_roberta_config.json",
    "sentence_distilbert_config.json",
    "sentence_camembert_config.json",
    "sentence_albert_config.json",
    "sentence_xlm-roberta_config.json",
    "sentence_xlnet_config.json",
];

/// The file that names prompts.
pub(crate) const PROMPTS: &str = "config_sentence_transformers.json";

/// How texts are read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TextSettings {
    /// The most tokens of a text, special ones included.
    pub(crate) max_length: Option<usize>,
    /// Texts are read in small letters.
    pub(crate) lower_case: bool,
    /// What may stand before a text, by name.
    pub(crate) prompts: BTreeMap<String, String>,
    /// The name of the one that stands there if nothing is said.
    pub(crate) default_prompt: Option<String>,
}

#[derive(Default, Deserialize)]
struct Lengths {
    #[serde(default)]
    max_seq_length: Option<usize>,
    #[serde(default)]
    do_lower_case: Option<bool>,
}

#[derive(Default, Deserialize)]
struct Prompts {
    #[serde(default)]
    prompts: Option<BTreeMap<String, String>>,
    #[serde(default)]
    default_prompt_name: Option<String>,
}

impl TextSettings {
    pub(super) fn read(folder: &Path) -> Result<Self> {
        let mut lengths = None;
        for name in LENGTHS {
            lengths = lengths.or(json_if_there::<Lengths>(folder, name)?);
        }
        let Lengths { max_seq_length, do_lower_case } = lengths.unwrap_or_default();
        let Prompts { prompts, default_prompt_name } = json_if_there(folder, PROMPTS)?.unwrap_or_default();
        Ok(Self {
            max_length: max_seq_length,
            lower_case: do_lower_case.unwrap_or_default(),
            prompts: prompts.unwrap_or_default(),
            default_prompt: default_prompt_name,
        })
    }
}
