//! The files of sentence-transformers, which say what a model was trained to make of the tokens of a text.
//!
//! `modules.json` lists modules, each with a folder of its own: the transformer, a pooling, and behind it perhaps dense layers and
//! a normalisation. Beside it `sentence_bert_config.json` says how long texts may be, and `config_sentence_transformers.json` what
//! stands before them. Keys are read in the spelling of every version.

mod dense;
mod json;
mod modules;
mod pooling;
mod texts;

pub use pooling::{ParsePoolingError, TokenPooling};

use crate::error::{Result, TextError};
use adaptune_adapters::Pooling;
use dense::Dense;
use modules::{Kind, Module, modules};
use std::path::Path;

pub(crate) use modules::MODULES;
#[cfg(feature = "hub")]
pub(crate) use modules::files;
pub(crate) use texts::TextSettings;
#[cfg(feature = "hub")]
pub(crate) use texts::{LENGTHS, PROMPTS};

/// What a folder of sentence-transformers says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Description {
    /// How tokens become one vector; several are put one behind the other.
    pub(crate) pooling: Vec<TokenPooling>,
    /// Tokens of the prompt are pooled too.
    pub(crate) pools_prompt: bool,
    /// What is done with that vector.
    pub(crate) steps: Vec<Step>,
    /// How texts are read.
    pub(crate) texts: TextSettings,
}

/// What is done with the vector of a text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    Dense(Dense),
    Normalize,
}

/// Reads what a folder says; `None` if it is none of sentence-transformers.
pub(crate) fn read(folder: &Path) -> Result<Option<Description>> {
    let Some(all) = modules(folder)? else { return Ok(None) };
    let refused = |message: String| Err(TextError::Model(format!("{}: {message}", folder.join(MODULES).display())));
    let (mut pooling, mut pools_prompt, mut steps) = (None, true, Vec::new());
    for Module { path, kind, name } in &all {
        match (kind, pooling.is_some()) {
            (Kind::Transformer, false) if path.is_empty() => {}
            (Kind::Transformer, _) => {
                return refused(format!(
                    "the transformer was expected in the folder itself, as the first module; found it as `{path}`"
                ));
            }
            (Kind::Pooling, false) => {
                let config = pooling::Config::read(folder, path)?;
                pools_prompt = config.include_prompt;
                pooling = Some(config.modes()?);
            }
            (Kind::Dense, true) => steps.push(Step::Dense(Dense::read(folder, path)?)),
            (Kind::Normalize, true) => steps.push(Step::Normalize),
            (Kind::Dropout, true) => {}
            (Kind::Unknown, _) => {
                return refused(format!(
                    "the module {name} is not known: expected Transformer, Pooling, Dense, Normalize and Dropout of sentence_transformers"
                ));
            }
            _ => {
                return refused(format!(
                    "the module {name} stands where it means nothing: one pooling was expected behind the transformer, and the others behind it"
                ));
            }
        }
    }
    let Some(pooling) = pooling else {
        return refused("no module of it is a Pooling, which makes one vector of the tokens".into());
    };
    Ok(Some(Description { pooling, pools_prompt, steps, texts: TextSettings::read(folder)? }))
}

/// What the model in a folder was trained to have read of each text; `None` if it does not say, or says something that no
/// [`Pooling`] of a head is.
pub(crate) fn pooling(folder: &Path) -> Result<Option<Pooling>> {
    let module = modules(folder)?.into_iter().flatten().find(|module| module.kind == Kind::Pooling);
    let Some(module) = module else { return Ok(None) };
    Ok(pooling::Config::find(folder, &module.path)?.and_then(|config| config.of_head()))
}

#[cfg(test)]
mod tests;
