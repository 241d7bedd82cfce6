//! The configuration of a fusion: AdapterHub's `AdapterFusionConfig`, typed and checked.

use crate::core::fields::{FieldError, boolean, optional_number, unknown};
use crate::core::literal;
use crate::core::nearest::did_you_mean;
use serde_json::{Map, Value, json};
use std::str::FromStr;
use thiserror::Error;

/// Everything that makes one fusion differ from another; names of fields are AdapterHub's.
///
/// ```
/// use adaptune_adapters::FusionConfig;
/// let config: FusionConfig = "dynamic[query_before_ln=True]".parse()?;
/// assert_eq!(config, FusionConfig { query_before_ln: true, ..FusionConfig::dynamic() });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// | field | `dynamic` | `static` | meaning |
/// |---|---|---|---|
/// | `key` | true | true | a linear layer makes keys of what the adapters add; else that is the keys |
/// | `query` | true | true | a linear layer makes queries of what they read; else that is the queries |
/// | `value` | true | false | a matrix makes values of what they add; else that is the values |
/// | `query_before_ln` | false | false | queries come from the sublayer's output, before the base's norm |
/// | `regularization` | true | false | the loss grows with the distance of the value matrix from the identity |
/// | `residual_before` | false | false | values have the sublayer's output in them, rather than it being added behind |
/// | `temperature` | false | false | scores are divided by a temperature that falls from 50 to 1 in training |
/// | `value_before_softmax` | true | true | values are made before they are mixed; the result is the same |
/// | `value_initialized` | true | false | the value matrix begins near the identity, else at random |
/// | `dropout_prob` | none | none | dropout of the scores in training; that of the base's attention if there is none |
#[derive(Clone, Debug, PartialEq)]
pub struct FusionConfig {
    /// Keys are made by a linear layer.
    pub key: bool,
    /// Queries are made by a linear layer.
    pub query: bool,
    /// Values are made by a matrix.
    pub value: bool,
    /// Queries come from the sublayer's output.
    pub query_before_ln: bool,
    /// The value matrix is pulled to the identity.
    pub regularization: bool,
    /// Values have the sublayer's output in them.
    pub residual_before: bool,
    /// Scores are divided by a temperature that falls in training.
    pub temperature: bool,
    /// Values are made before they are mixed. As the matrix has no bias it makes no difference; kept for the file.
    pub value_before_softmax: bool,
    /// The value matrix begins near the identity.
    pub value_initialized: bool,
    /// Dropout of the scores.
    pub dropout_prob: Option<f64>,
}

impl Default for FusionConfig {
    fn default() -> Self {
        Self::dynamic()
    }
}

impl FusionConfig {
    /// Keys, queries and values are learned (AdapterHub's default, and the paper's).
    #[must_use]
    pub fn dynamic() -> Self {
        Self {
            key: true,
            query: true,
            value: true,
            query_before_ln: false,
            regularization: true,
            residual_before: false,
            temperature: false,
            value_before_softmax: true,
            value_initialized: true,
            dropout_prob: None,
        }
    }

    /// What the adapters give is mixed as it is; only keys and queries are learned.
    #[must_use]
    pub fn fixed_values() -> Self {
        Self { value: false, regularization: false, value_initialized: false, ..Self::dynamic() }
    }

    /// The preset of a name.
    fn preset(name: &str) -> Option<Self> {
        match name {
            "dynamic" => Some(Self::dynamic()),
            "static" => Some(Self::fixed_values()),
            _ => None,
        }
    }

    /// Sets a field by its name.
    ///
    /// # Errors
    /// If there is no such field, or the value is of the wrong kind.
    pub fn set(&mut self, name: &str, value: &Value) -> Result<(), FieldError> {
        match name {
            "key" => self.key = boolean(name, value)?,
            "query" => self.query = boolean(name, value)?,
            "value" => self.value = boolean(name, value)?,
            "query_before_ln" => self.query_before_ln = boolean(name, value)?,
            "regularization" => self.regularization = boolean(name, value)?,
            "residual_before" => self.residual_before = boolean(name, value)?,
            "temperature" => self.temperature = boolean(name, value)?,
            "value_before_softmax" => self.value_before_softmax = boolean(name, value)?,
            "value_initialized" => self.value_initialized = boolean(name, value)?,
            "dropout_prob" => self.dropout_prob = optional_number(name, value)?,
            _ => return Err(unknown(name, &self.fields())),
        }
        Ok(())
    }

    /// All fields by their names.
    #[must_use]
    pub fn fields(&self) -> Map<String, Value> {
        let fields = json!({
            "key": self.key,
            "query": self.query,
            "value": self.value,
            "query_before_ln": self.query_before_ln,
            "regularization": self.regularization,
            "residual_before": self.residual_before,
            "temperature": self.temperature,
            "value_before_softmax": self.value_before_softmax,
            "value_initialized": self.value_initialized,
            "dropout_prob": self.dropout_prob,
        });
        fields.as_object().cloned().unwrap_or_default()
    }
}

/// A text that is no configuration of a fusion.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ParseFusionError {
    /// There is no such preset.
    #[error("there is no fusion `{name}`{suggestion} (there are: dynamic, static)")]
    Unknown {
        /// The name.
        name: String,
        /// The nearest one, as words.
        suggestion: String,
    },
    /// The text is not of the form `name[field=value, …]`.
    #[error("cannot read `{text}`: {why}; expected name[field=value, …], as in dynamic[query_before_ln=True]")]
    Form {
        /// The text.
        text: String,
        /// What is wrong with it.
        why: String,
    },
    /// A field is unknown or its value wrong.
    #[error("fusion `{name}`: {source}")]
    Field {
        /// The preset.
        name: String,
        /// What is wrong with the field.
        source: FieldError,
    },
}

/// A preset, and fields that differ from it between brackets.
impl FromStr for FusionConfig {
    type Err = ParseFusionError;

    fn from_str(text: &str) -> Result<Self, ParseFusionError> {
        let form = |why| ParseFusionError::Form { text: text.trim().to_owned(), why };
        let (name, fields) = literal::name_and_fields(text).map_err(form)?;
        let suggestion = || did_you_mean(name, ["dynamic", "static"]);
        let unknown = || ParseFusionError::Unknown { name: name.to_owned(), suggestion: suggestion() };
        let mut config = Self::preset(name).ok_or_else(unknown)?;
        for field in literal::split(fields, ',').map_err(form)? {
            let (field, value) = literal::field(field).map_err(form)?;
            let named = |source| ParseFusionError::Field { name: name.to_owned(), source };
            config.set(field, &value).map_err(named)?;
        }
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_with_fields_are_read_and_mistakes_named() {
        let odd: FusionConfig = "static[residual_before=True, dropout_prob=0.25]".parse().expect("a fusion");
        let expected = FusionConfig { residual_before: true, dropout_prob: Some(0.25), ..FusionConfig::fixed_values() };
        assert_eq!(odd, expected);
        let error = |text: &str| text.parse::<FusionConfig>().unwrap_err().to_string();
        assert!(error("dynamik").contains("did you mean `dynamic`"), "{}", error("dynamik"));
        assert!(error("dynamic[qery=False]").contains("query"), "{}", error("dynamic[qery=False]"));
        assert!(error("dynamic[key=7]").contains("True or False"));
        assert!(error("static[key=False").contains("] is missing"));
    }

    #[test]
    fn all_fields_are_set_by_their_names() {
        let mut config = FusionConfig::dynamic();
        let other =
            FusionConfig { key: false, query_before_ln: true, temperature: true, ..FusionConfig::fixed_values() };
        other.fields().iter().for_each(|(name, value)| config.set(name, value).expect("a field"));
        assert_eq!(config, other);
    }
}
