//! The base model that `--model` names, with its tokeniser.

use super::model_path;
use super::tokenise::Tokeniser;
use adaptune_transformer::{Config, Encoder};
use anyhow::{Result, bail};
use std::path::PathBuf;

/// A base model: found, but not loaded.
pub(crate) struct BaseModel {
    folder: PathBuf,
    config: Config,
}

impl BaseModel {
    /// Finds a model: a folder, or a name on the Hugging Face hub.
    pub(crate) fn find(name: &str) -> Result<Self> {
        let folder = model_path::resolve(name)?;
        let config = Config::read(&folder)?;
        Ok(Self { folder, config })
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    /// The tokeniser, for texts of at most `max_length` tokens, or as many as the model has positions for.
    pub(crate) fn tokeniser(&self, max_length: Option<usize>) -> Result<Tokeniser> {
        let limit = self.config.max_tokens();
        let max_length = match max_length {
            Some(length) if length > limit => {
                bail!("--max-length is {length}, but the model has positions for {limit} tokens")
            }
            length => length.unwrap_or(limit),
        };
        let tokeniser = Tokeniser::from_dir(&self.folder, max_length)?;
        tokeniser.check_vocabulary(self.config.vocabulary)?;
        Ok(tokeniser)
    }

    /// Loads the weights.
    pub(crate) fn load(&self) -> Result<Encoder<f32>> {
        Ok(Encoder::load(&self.folder)?)
    }
}
