//! The base model that `--model` names, with its tokeniser.

use super::model_path;
use super::tokenise::Tokeniser;
use adaptune_transformer::weights::TensorFile;
use adaptune_transformer::{Config, Encoder};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};

/// What the base is called that is part of the program. A folder of this name is `./builtin`.
pub(crate) const BUILTIN: &str = "builtin";

const CONFIG: &str = include_str!("../../builtin/config.json");
const TOKENISER: &[u8] = include_bytes!("../../builtin/tokenizer.json");
const WEIGHTS: &[u8] = include_bytes!("../../builtin/model.safetensors");

/// A base model: found, but not loaded.
pub(crate) struct BaseModel {
    place: Place,
    config: Config,
}

enum Place {
    Folder(PathBuf),
    Builtin,
}

impl BaseModel {
    /// Finds a model: the built-in one, a folder, or a name on the Hugging Face hub.
    pub(crate) fn find(name: &str) -> Result<Self> {
        if name == BUILTIN {
            return Ok(Self { place: Place::Builtin, config: Config::from_json(CONFIG, Path::new(BUILTIN))? });
        }
        let folder = model_path::resolve(name)?;
        let config = Config::read(&folder)?;
        Ok(Self { place: Place::Folder(folder), config })
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
        let tokeniser = match &self.place {
            Place::Folder(folder) => Tokeniser::from_dir(folder, max_length)?,
            Place::Builtin => Tokeniser::from_bytes(TOKENISER, max_length).context(BUILTIN)?,
        };
        tokeniser.check_vocabulary(self.config.vocabulary)?;
        Ok(tokeniser)
    }

    /// Loads the weights.
    pub(crate) fn load(&self) -> Result<Encoder<f32>> {
        match &self.place {
            Place::Folder(folder) => Ok(Encoder::load(folder)?),
            Place::Builtin => {
                let weights = TensorFile::from_bytes(BUILTIN, WEIGHTS)?;
                Ok(Encoder::from_weights(self.config.clone(), &weights)?)
            }
        }
    }
}
