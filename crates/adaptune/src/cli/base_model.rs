//! The base model that `--model` names, with its tokeniser.

use super::args::BaseDtype;
use super::model_path;
use super::tokenise::Tokeniser;
use adaptune_tensor::Precision;
use adaptune_transformer::weights::{TensorFile, TensorSource, WeightDirectory, WeightError, replace_file};
use adaptune_transformer::{Config, Encoder};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};

/// What the base is called that is part of the program. A folder of this name is `./builtin`.
pub(crate) const BUILTIN: &str = "builtin";

const CONFIG: &str = include_str!("../../builtin/config.json");
const TOKENISER: &[u8] = include_bytes!("../../builtin/tokenizer.json");
const WEIGHTS: &[u8] = include_bytes!("../../builtin/model.safetensors");

/// What transformers' tokenisers consist of, one way or another.
const TOKENISER_FILES: [&str; 6] =
    ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt", "vocab.json", "merges.txt"];

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

    /// How many numbers the base holds. Of its weights only the names are read: whether there is a pooler among them is not seen in
    /// `config.json`. Without weights it is as is usual in the family.
    pub(crate) fn parameter_count(&self) -> Result<usize> {
        let (count, d) = (self.config.parameter_count(), self.config.hidden);
        let usual = self.config.architecture.pooler;
        Ok(match (usual, self.has_pooler()?.unwrap_or(usual)) {
            (true, false) => count - (d * d + d),
            (false, true) => count + (d * d + d),
            _ => count,
        })
    }

    /// Whether there is a pooler among the weights; `None` if there are no weights that say so.
    fn has_pooler(&self) -> Result<Option<bool>> {
        let among = |weights: &dyn TensorSource| {
            let names = [self.config.family.prefix(), ""].map(|prefix| format!("{prefix}pooler.dense.weight"));
            Some(names.iter().any(|name| weights.contains(name)))
        };
        let Place::Folder(folder) = &self.place else { return Ok(among(&TensorFile::from_bytes(BUILTIN, WEIGHTS)?)) };
        match WeightDirectory::open(folder) {
            Ok(weights) => Ok(among(&weights)),
            Err(WeightError::NoWeights { .. } | WeightError::PickleOnly { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
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

    /// Puts the tokeniser's files into a folder, as far as the model has them.
    pub(crate) fn copy_tokeniser(&self, to: &Path) -> Result<()> {
        let write = |name: &str, bytes: &[u8]| -> Result<()> {
            Ok(replace_file(&to.join(name), |file| std::io::Write::write_all(file, bytes))?)
        };
        let Place::Folder(folder) = &self.place else { return write("tokenizer.json", TOKENISER) };
        for name in TOKENISER_FILES.iter().filter(|name| folder.join(name).exists()) {
            let path = folder.join(name);
            write(name, &std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?)?;
        }
        Ok(())
    }

    /// Loads the weights.
    pub(crate) fn load(&self, dtype: BaseDtype) -> Result<Encoder<f32>> {
        let base = self.load_full()?;
        Ok(match dtype {
            BaseDtype::F32 => base,
            BaseDtype::Bf16 => base.with_precision(Precision::Bf16),
        })
    }

    fn load_full(&self) -> Result<Encoder<f32>> {
        match &self.place {
            Place::Folder(folder) => Ok(Encoder::load(folder)?),
            Place::Builtin => {
                let weights = TensorFile::from_bytes(BUILTIN, WEIGHTS)?;
                Ok(Encoder::from_weights(self.config.clone(), &weights)?)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::builtin::Builtin;
    use crate::cli::table::{self, Columns};

    #[test]
    fn the_builtin_model_is_whole_and_small() {
        let model = BaseModel::find(BUILTIN).unwrap();
        let base = model.load_full().unwrap();
        assert_eq!((base.config().layers, base.config().hidden), (4, 128));
        assert!(WEIGHTS.len() < 3_000_000, "{}", WEIGHTS.len());
    }

    #[test]
    fn it_knows_every_word_of_its_world_and_takes_every_text_whole() {
        let tokeniser = BaseModel::find(BUILTIN).unwrap().tokeniser(None).unwrap();
        let unknown = tokeniser.id("[UNK]").unwrap();
        for builtin in Builtin::all().into_iter().filter(|builtin| matches!(builtin, Builtin::Examples(..))) {
            let table = table::read(Path::new(&builtin.to_string()), &Columns::default()).unwrap();
            let encoded = tokeniser.encode_all(&table).unwrap();
            assert_eq!((encoded.truncated, encoded.words_without_token), (0, 0), "{builtin}");
            assert!(encoded.rows.iter().all(|row| !row.token_ids.contains(&unknown)), "{builtin}");
        }
    }

    /// The folder that it was made from is a model like any other, and the same one.
    #[test]
    fn a_folder_of_the_name_is_written_with_a_point() {
        let folder = BaseModel::find("./builtin").unwrap();
        assert!(matches!(folder.place, Place::Folder(_)));
        let builtin = BaseModel::find(BUILTIN).unwrap().load_full().unwrap();
        assert_eq!(folder.load_full().unwrap().fingerprint(), builtin.fingerprint());
    }
}
