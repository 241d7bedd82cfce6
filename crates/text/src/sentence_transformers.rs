//! The files of sentence-transformers, which say what a base was trained to have read of each text.

use crate::error::{Result, TextError};
use adaptune_adapters::Pooling;
use adaptune_transformer::weights::{CONFIGURATION_LIMIT, is_there, read_file, resolve};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::path::{Component, Path};

/// The file in which sentence-transformers lists what a model consists of.
pub(crate) const MODULES: &str = "modules.json";

/// An entry of that file.
#[derive(Deserialize)]
struct Module {
    path: String,
    r#type: String,
}

/// The `config.json` of its pooling. Where several are true, the vectors are put one behind the other.
#[derive(Deserialize)]
struct Modes {
    #[serde(default)]
    pooling_mode_cls_token: bool,
    #[serde(default)]
    pooling_mode_mean_tokens: bool,
    #[serde(default)]
    pooling_mode_max_tokens: bool,
    #[serde(default)]
    pooling_mode_lasttoken: bool,
    #[serde(default)]
    pooling_mode_mean_sqrt_len_tokens: bool,
    #[serde(default)]
    pooling_mode_weightedmean_tokens: bool,
}

/// What the model in a folder was trained to have read of each text; `None` if it does not say, or says something that no
/// [`Pooling`] is.
pub(crate) fn pooling(folder: &Path) -> Result<Option<Pooling>> {
    let Some(config) = pooling_config(folder)? else { return Ok(None) };
    let path = resolve(folder, &config)?;
    if !is_there(&path) {
        return Ok(None);
    }
    Ok(read::<Modes>(&path)?.pooling())
}

/// The file that says how a model of sentence-transformers pools, relative to its folder. It cannot lead out of it.
pub(crate) fn pooling_config(folder: &Path) -> Result<Option<String>> {
    let path = resolve(folder, MODULES)?;
    if !is_there(&path) {
        return Ok(None);
    }
    let modules: Vec<Module> = read(&path)?;
    let pooling = modules.into_iter().find(|module| module.r#type.ends_with(".Pooling"));
    let inside = |path: &String| Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
    Ok(pooling.map(|module| module.path).filter(inside).map(|path| format!("{path}/config.json")))
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let text = read_file(path, CONFIGURATION_LIMIT).map_err(TextError::io("read", path))?;
    serde_json::from_slice(&text)
        .map_err(|error| TextError::Model(format!("{}, a file of sentence-transformers: {error}", path.display())))
}

impl Modes {
    fn pooling(&self) -> Option<Pooling> {
        let others = self.pooling_mode_mean_sqrt_len_tokens || self.pooling_mode_weightedmean_tokens;
        let known = [
            (self.pooling_mode_cls_token, Pooling::First),
            (self.pooling_mode_mean_tokens, Pooling::Mean),
            (self.pooling_mode_max_tokens, Pooling::Max),
            (self.pooling_mode_lasttoken, Pooling::Last),
        ];
        let mut given = known.into_iter().filter(|(given, _)| *given).map(|(_, pooling)| pooling);
        let first = given.next().filter(|_| !others)?;
        given.next().is_none().then_some(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn modes(text: &str) -> Option<Pooling> {
        serde_json::from_str::<Modes>(text).expect("modes").pooling()
    }

    #[test]
    fn one_known_mode_is_a_pooling() {
        assert_eq!(
            modes(r#"{"pooling_mode_mean_tokens": true, "pooling_mode_cls_token": false}"#),
            Some(Pooling::Mean)
        );
        assert_eq!(modes(r#"{"pooling_mode_lasttoken": true}"#), Some(Pooling::Last));
        assert_eq!(modes(r#"{"pooling_mode_mean_tokens": true, "pooling_mode_cls_token": true}"#), None);
        assert_eq!(modes(r#"{"pooling_mode_max_tokens": true, "pooling_mode_weightedmean_tokens": true}"#), None);
        assert_eq!(modes(r#"{"word_embedding_dimension": 8}"#), None);
    }

    #[test]
    fn the_file_is_found_inside_the_folder_alone() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let modules = |path: &str| {
            let text = format!(
                r#"[{{"idx": 0, "path": "", "type": "sentence_transformers.models.Transformer"}},
                    {{"idx": 1, "path": "{path}", "type": "sentence_transformers.models.Pooling"}}]"#
            );
            std::fs::write(folder.path().join(MODULES), text).expect("written");
            pooling_config(folder.path()).expect("a good file")
        };
        assert_eq!(modules("1_Pooling"), Some("1_Pooling/config.json".into()));
        assert_eq!((modules("../other"), modules("/etc")), (None, None));
        std::fs::write(folder.path().join(MODULES), "{").expect("written");
        let error = pooling_config(folder.path()).expect_err("damaged").to_string();
        assert!(error.contains(MODULES) && error.contains("sentence-transformers"), "{error}");
    }
}
