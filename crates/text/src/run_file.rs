//! `run.json`: what an adapter was trained with, as far as later commands need it, and people want to know it.

use crate::data_file::DataFile;
use crate::error::{Result, TextError};
use crate::input_form::InputForm;
use crate::sentence_transformers::TokenPooling;
use crate::tokenizer::Tokenizer;
use adaptune_adapters::{HeadConfig, Task};
use adaptune_tensor::Precision;
use adaptune_transformer::Encoder;
use adaptune_transformer::weights::{CONFIGURATION_LIMIT, is_there, read_file, replace_file, resolve};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// The name of the file.
pub const RUN_FILE: &str = "run.json";

/// What an adapter was trained with.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RunFile {
    /// The base as it was named.
    pub model: String,
    /// The method as it was written.
    pub method: String,
    /// Longest text in tokens.
    pub max_length: usize,
    /// Numbers of the base's linear layers.
    #[serde(default)]
    pub base_dtype: BaseDtype,
    /// What the base computes with, and its tokenizer; nothing in files of version 0.1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<BaseIdentity>,
    /// The form of the texts; nothing in files of version 0.1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<InputForm>,
    /// The data files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub data: Vec<DataFile>,
    /// What is made of the tokens of a text, where vectors were trained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub embedding: Option<EmbeddingRun>,
    /// How a decoder was trained to go on with texts, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<LanguageRun>,
    /// The adapter that the training went on from, as it was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The version that wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// All other options, by name.
    #[serde(default)]
    pub options: Value,
}

/// What is made of the tokens of a text, where vectors were trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EmbeddingRun {
    /// How tokens become one vector.
    pub pooling: TokenPooling,
    /// Vectors are made as long as 1, since directions alone were compared.
    pub normalize: bool,
    /// What stood before every text.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub prompt: String,
    /// Texts were read in small letters.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lower_case: bool,
    /// The loss.
    pub loss: String,
    /// How many of the first numbers of a vector are good vectors too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub beginnings: Vec<usize>,
}

/// How a decoder was trained to go on with texts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LanguageRun {
    /// The template of conversations, in Jinja; nothing where the data were none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat_template: Option<String>,
}

/// Numbers of the base's large weights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BaseDtype {
    /// 32 bits.
    #[default]
    F32,
    /// 16 bits, rounded.
    Bf16,
}

/// What a base is known by, whatever it is called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaseIdentity {
    /// Of the base's weights, in hexadecimal.
    pub fingerprint: String,
    /// Of the tokenizer's file (SHA-256), in hexadecimal.
    pub tokenizer: String,
}

impl RunFile {
    /// Reads the file of a folder; nothing if there is none, for adapters of Python have none.
    ///
    /// # Errors
    /// The file is there and cannot be read, or is damaged: then what it said is not known, and nothing is put in its place.
    pub fn read(folder: &Path) -> Result<Option<Self>> {
        let path = resolve(folder, RUN_FILE)?;
        if !is_there(&path) {
            return Ok(None);
        }
        let text = read_file(&path, CONFIGURATION_LIMIT).map_err(TextError::io("read", &path))?;
        serde_json::from_slice(&text).map(Some).map_err(|error| TextError::RunFile { path, message: error.to_string() })
    }

    /// Writes the file into a folder, beside the old one and then in its place.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, folder: &Path) -> Result<()> {
        let path: PathBuf = folder.join(RUN_FILE);
        let text = serde_json::to_string_pretty(self)
            .map_err(|error| TextError::RunFile { path: path.clone(), message: error.to_string() })?;
        Ok(replace_file(&path, |file| std::io::Write::write_all(file, text.as_bytes()))?)
    }
}

impl BaseIdentity {
    /// That of a base and its tokenizer.
    #[must_use]
    pub fn of(base: &Encoder<f32>, tokenizer: &Tokenizer) -> Self {
        Self { fingerprint: format!("{:016x}", base.fingerprint()), tokenizer: tokenizer.sha256().to_owned() }
    }
}

impl From<BaseDtype> for Precision {
    fn from(dtype: BaseDtype) -> Self {
        match dtype {
            BaseDtype::F32 => Self::Full,
            BaseDtype::Bf16 => Self::Bf16,
        }
    }
}

impl RunFile {
    /// Returns the head that was trained with, where it has no layers and so is in no file: that of vectors, or of a language model.
    #[must_use]
    pub fn headless(&self) -> Option<HeadConfig> {
        if self.language.is_some() {
            return Some(HeadConfig::new(Task::CAUSAL_LANGUAGE, Vec::new()));
        }
        let pooling = self.embedding.as_ref()?.pooling.of_head();
        Some(HeadConfig { pooling, ..HeadConfig::new(Task::EMBEDDING, Vec::new()) })
    }

    /// Refuses another tokenizer than that of training: texts would be other tokens.
    ///
    /// # Errors
    /// It is another one; a file that does not say which it was refuses none.
    pub fn check_tokenizer(&self, tokenizer: &Tokenizer) -> Result<()> {
        let (found, Some(base)) = (tokenizer.sha256(), &self.base) else { return Ok(()) };
        if base.tokenizer == found {
            return Ok(());
        }
        Err(TextError::Tokenizer(format!(
            "{} is another than in training, which was on the base {} (SHA-256 {}…, and was {}…): texts would be other tokens; name \
             that base with --model, or put its tokenizer back",
            tokenizer.name(),
            self.model,
            &found[..found.len().min(12)],
            &base.tokenizer[..base.tokenizer.len().min(12)]
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::split::Aside;
    use crate::table::{Columns, Table, TableKind};
    use crate::tokenizer::sha256;

    fn run() -> RunFile {
        RunFile {
            model: "m".into(),
            method: "seq_bn".into(),
            max_length: 7,
            base_dtype: BaseDtype::Bf16,
            base: Some(BaseIdentity { fingerprint: "1f".into(), tokenizer: sha256(b"") }),
            input: Some(InputForm::of(TableKind::Pair, &Columns { label: Some("y".into()), ..Columns::default() })),
            data: vec![DataFile::kept_aside(Aside::new(0.1, 3), 1).of_examples(&Table::of_texts(&["a"]))],
            embedding: None,
            language: Some(LanguageRun { chat_template: Some("{{ messages }}".into()) }),
            from: None,
            version: Some("0.2.0".into()),
            options: serde_json::json!({ "epochs": 3 }),
        }
    }

    #[test]
    fn what_was_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(RunFile::read(folder.path()).unwrap(), None);
        run().write(folder.path()).unwrap();
        assert_eq!(RunFile::read(folder.path()).unwrap(), Some(run()));
        assert!(sha256(b"abc").starts_with("ba7816bf8f01cfea414140de5dae2223"));
    }

    /// Version 0.1 wrote five keys, options as one text.
    #[test]
    fn files_of_the_first_version_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let old = r#"{ "model": "m", "method": "lora", "max_length": 9, "options": "TrainOptions {}" }"#;
        std::fs::write(folder.path().join(RUN_FILE), old).unwrap();
        let read = RunFile::read(folder.path()).unwrap().unwrap();
        assert_eq!((read.max_length, read.base_dtype, read.input), (9, BaseDtype::F32, None));
    }

    #[test]
    fn a_damaged_file_is_not_taken_for_none() {
        let folder = tempfile::tempdir().unwrap();
        let whole = serde_json::to_string(&run()).unwrap();
        let cut = [&whole[..40], "", "{}", "[]", &whole.replace("\"max_length\":7", "\"max_length\":\"7\"")];
        for text in cut {
            std::fs::write(folder.path().join(RUN_FILE), text).unwrap();
            let message = RunFile::read(folder.path()).unwrap_err().to_string();
            assert!(message.contains("run.json") && message.contains("damaged"), "{message}");
        }
    }
}
