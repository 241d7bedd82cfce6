//! The base model that a name stands for, with its tokenizer.

use crate::chat::ChatTemplate;
use crate::error::{Result, TextError};
use crate::hub::{self, DownloadObserver};
use crate::sentence_transformers;
use crate::shipped::Shipped;
use crate::tokenizer::{self, Tokenizer};
use adaptune_adapters::{Pooling, Task};
use adaptune_tensor::Precision;
use adaptune_transformer::weights::{
    CONFIGURATION_LIMIT, TOKENIZER_LIMIT, TensorSource, WeightDirectory, WeightError, is_there, read_file,
    replace_file, resolve,
};
use adaptune_transformer::{Config, Encoder};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// What transformers' tokenizers consist of, one way or another, and which tokens end a text.
const TOKENIZER_FILES: [&str; 9] = [
    "generation_config.json",
    "tokenizer.json",
    "chat_template.jinja",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "spm.model",
];

/// A base model: found, but not loaded.
#[derive(Clone, Debug)]
pub struct BaseModel {
    name: String,
    place: Place,
    config: Config,
}

#[derive(Clone, Debug)]
enum Place {
    Folder(PathBuf),
    Shipped(&'static Shipped),
}

impl BaseModel {
    /// Finds a model: a built-in one ([`BUILTIN`](crate::BUILTIN), [`BUILTIN_DECODER`](crate::BUILTIN_DECODER)), a folder, or a name on the Hugging Face hub.
    ///
    /// # Errors
    /// As [`hub::resolve`], or its `config.json` cannot be read or describes no base that is supported.
    pub fn find(name: &str, observer: &mut dyn DownloadObserver) -> Result<Self> {
        let (place, config) = match Shipped::called(name) {
            Some(shipped) => (Place::Shipped(shipped), Config::from_json(shipped.config, Path::new(name))?),
            None => {
                let folder = hub::resolve(name, observer)?;
                let config = Config::read(&folder)?;
                (Place::Folder(folder), config)
            }
        };
        Ok(Self { name: name.to_owned(), place, config })
    }

    /// Its name, as it was given.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its folder; none for a built-in one.
    #[must_use]
    pub fn folder(&self) -> Option<&Path> {
        match &self.place {
            Place::Folder(folder) => Some(folder),
            Place::Shipped(_) => None,
        }
    }

    /// Its configuration.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Returns how many numbers the base holds. Of its weights only the names are read: whether there is a pooler among them is
    /// not seen in `config.json`. Without weights it is as is usual in the family.
    ///
    /// # Errors
    /// The weights are there and cannot be read.
    pub fn parameter_count(&self) -> Result<usize> {
        let count = self.config.parameter_count();
        let parts = self.config.parts().into_iter().filter(|(part, _)| part.is_pooler());
        let pooler: usize = parts.map(|(_, shape)| shape.count()).sum();
        Ok(if self.has_pooler()? == Some(false) { count - pooler } else { count })
    }

    /// Whether there is a pooler among the weights; `None` if there are no weights that say so.
    fn has_pooler(&self) -> Result<Option<bool>> {
        let among = |weights: &dyn TensorSource| {
            let name = format!("{}.weight", self.config.family.tensors().pooler);
            Some(weights.contains(&name) || weights.contains(&self.config.family.full_name(&name)))
        };
        let folder = match &self.place {
            Place::Folder(folder) => folder,
            Place::Shipped(shipped) => return Ok(among(&shipped.weights()?)),
        };
        match WeightDirectory::open(folder) {
            Ok(weights) => Ok(among(&weights)),
            Err(WeightError::NoWeights { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Returns what its training read of each text, if its folder says so, as those of sentence-transformers do (`modules.json`).
    /// `None` if it says nothing, or something that no [`Pooling`] is.
    ///
    /// # Errors
    /// One of these files cannot be read.
    pub fn pooling(&self) -> Result<Option<Pooling>> {
        self.folder().map_or(Ok(None), sentence_transformers::pooling)
    }

    /// Returns the tokens that end a text, as `generation_config.json` says, or else `config.json`; none if neither does.
    ///
    /// # Errors
    /// One of these files cannot be read, or says something else than a token's number or a list of them.
    pub fn end_tokens(&self) -> Result<Vec<u32>> {
        let folder = match &self.place {
            Place::Folder(folder) => folder,
            Place::Shipped(shipped) => return Ok(shipped.ends.to_vec()),
        };
        for name in ["generation_config.json", "config.json"] {
            if let Some(ends) = eos_tokens(&resolve(folder, name)?)? {
                return Ok(ends);
            }
        }
        Ok(Vec::new())
    }

    /// Returns the template that turns conversations into the text that the model was trained on; `None` if it has none.
    ///
    /// # Errors
    /// As [`ChatTemplate::of_model`].
    pub fn chat_template(&self) -> Result<Option<ChatTemplate>> {
        self.folder().map_or(Ok(None), ChatTemplate::of_model)
    }

    /// Returns a template in the place of the model's own: the one of a file, or `chatml`; special tokens are those of the model.
    ///
    /// # Errors
    /// As [`ChatTemplate::from_file`].
    pub fn chat_template_called(&self, name: &str) -> Result<ChatTemplate> {
        let template =
            if name == "chatml" { ChatTemplate::chatml() } else { ChatTemplate::from_file(Path::new(name))? };
        self.with_own_tokens(template)
    }

    /// The template with the model's special tokens.
    ///
    /// # Errors
    /// A file that says them cannot be read.
    pub fn with_own_tokens(&self, template: ChatTemplate) -> Result<ChatTemplate> {
        match self.folder() {
            Some(folder) => template.with_tokens_of(folder),
            None => Ok(template),
        }
    }

    /// Returns what its files say of embeddings, if it is a model of sentence-transformers.
    pub(crate) fn sentence_transformer(&self) -> Result<Option<sentence_transformers::Description>> {
        self.folder().map_or(Ok(None), sentence_transformers::read)
    }

    /// Returns what a new head of this task reads of each text where nothing else is said: what the base was
    /// [trained](BaseModel::pooling) to have read, if its folder says so; `None` is what the task reads, the first token for whole
    /// texts, in a decoder the last. `docs/results.md` has what that is worth.
    ///
    /// # Errors
    /// As [`BaseModel::pooling`].
    pub fn default_pooling(&self, task: Task) -> Result<Option<Pooling>> {
        if task.reads_every_token() {
            return Ok(None);
        }
        // The first token of a decoder sees nothing but itself.
        let first = if self.config.is_causal() { Some(Pooling::Last) } else { None };
        Ok(self.pooling()?.filter(|pooling| *pooling != Pooling::First).or(first))
    }

    /// Returns the tokenizer, for texts of at most `max_length` tokens, or as many as the model has positions for.
    ///
    /// # Errors
    /// There is none that can be read, it does not fit the model, or the length is more than the model has positions for.
    pub fn tokenizer(&self, max_length: Option<usize>) -> Result<Tokenizer> {
        let limit = self.config.max_tokens();
        let max_length = match max_length {
            Some(length) if length > limit => {
                let message = format!("--max-length is {length}, but the model has positions for {limit} tokens");
                return Err(TextError::Tokenizer(message));
            }
            length => length.unwrap_or(limit),
        };
        let tokenizer = match &self.place {
            Place::Folder(folder) => Tokenizer::from_dir(folder, max_length)?,
            Place::Shipped(shipped) => Tokenizer::named(shipped.name, shipped.tokenizer, max_length)?,
        };
        tokenizer.check_vocabulary(self.config.vocabulary)?;
        Ok(tokenizer)
    }

    /// What is taken for granted of the tokenizer where the folder has no `tokenizer.json`; `None` where it has, or where none can be made.
    #[must_use]
    pub fn tokenizer_note(&self) -> Option<String> {
        let made = self.folder().map(tokenizer::made)?;
        made.ok().flatten().map(|made| made.note)
    }

    /// Puts the tokenizer's files into a folder, as far as the model has them.
    ///
    /// # Errors
    /// A file cannot be read or written.
    pub fn copy_tokenizer(&self, to: &Path) -> Result<()> {
        let write = |name: &str, bytes: &[u8]| -> Result<()> {
            Ok(replace_file(&to.join(name), |file| std::io::Write::write_all(file, bytes))?)
        };
        let folder = match &self.place {
            Place::Folder(folder) => folder,
            Place::Shipped(shipped) => return write("tokenizer.json", shipped.tokenizer),
        };
        for name in TOKENIZER_FILES {
            let path = resolve(folder, name)?;
            if path.exists() {
                write(name, &read_file(&path, TOKENIZER_LIMIT).map_err(TextError::io("read", &path))?)?;
            }
        }
        Ok(())
    }

    /// Loads the weights; its linear layers are held in this precision.
    ///
    /// # Errors
    /// The weights cannot be read, or are not those of the configuration.
    pub fn load(&self, precision: Precision) -> Result<Encoder<f32>> {
        match &self.place {
            Place::Folder(folder) => Ok(Encoder::load_in(folder, precision)?),
            Place::Shipped(shipped) => {
                let base = Encoder::from_weights(self.config.clone(), &shipped.weights()?)?;
                Ok(base.with_precision(precision))
            }
        }
    }
}

/// `eos_token_id` of a file, if it is there and says it.
fn eos_tokens(path: &Path) -> Result<Option<Vec<u32>>> {
    if !is_there(path) {
        return Ok(None);
    }
    let bytes = read_file(path, CONFIGURATION_LIMIT).map_err(TextError::io("read", path))?;
    let wrong = |what: String| TextError::Model(format!("{}: {what}", path.display()));
    let file: Value = serde_json::from_slice(&bytes).map_err(|error| wrong(format!("this is no JSON: {error}")))?;
    let ends = match &file["eos_token_id"] {
        Value::Null => return Ok(None),
        Value::Array(list) => list.clone(),
        one => vec![one.clone()],
    };
    serde_json::from_value(Value::Array(ends)).map(Some).map_err(|_| {
        let found = &file["eos_token_id"];
        wrong(format!("\"eos_token_id\" is {found}, but must be the number of a token, or a list of them"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin::Builtin;
    use crate::shipped::BUILTIN;
    use crate::table::{Table, TableOptions};

    fn find(name: &str) -> BaseModel {
        BaseModel::find(name, &mut ()).unwrap()
    }

    #[test]
    fn the_builtin_model_is_whole_and_small() {
        let base = find(BUILTIN).load(Precision::Full).unwrap();
        assert_eq!((base.config().layers, base.config().hidden), (4, 128));
    }

    #[test]
    fn it_knows_every_word_of_its_world_and_takes_every_text_whole() {
        let tokenizer = find(BUILTIN).tokenizer(None).unwrap();
        let unknown = tokenizer.id("[UNK]").unwrap();
        for builtin in Builtin::all().into_iter().filter(|builtin| matches!(builtin, Builtin::Examples(..))) {
            let table = Table::read_texts(builtin.to_string(), &TableOptions::default()).unwrap();
            let encoded = tokenizer.encode_all(&table).unwrap();
            assert_eq!((encoded.truncated, encoded.words_without_token), (0, 0), "{builtin}");
            assert!(encoded.rows.iter().all(|row| !row.token_ids.contains(&unknown)), "{builtin}");
        }
    }

    /// The folder that it was made from is a model like any other, and the same one.
    #[test]
    fn a_folder_of_the_name_is_written_with_a_point() {
        let folder = find("./builtin");
        assert!(matches!(folder.place, Place::Folder(_)));
        let builtin = find(BUILTIN).load(Precision::Full).unwrap();
        assert_eq!(folder.load(Precision::Full).unwrap().fingerprint(), builtin.fingerprint());
    }
}
