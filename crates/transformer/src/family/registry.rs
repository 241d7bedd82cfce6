//! All families that are read, by their `model_type`; reading and writing `config.json`.

use super::format::{FamilyFormat, wrong};
use super::{albert, bert, deberta, distilbert, electra, eurobert, gpt2, llama, modernbert, mpnet};
use crate::config::{Config, ConfigError};
use crate::weights::{CONFIGURATION_LIMIT, read_text, resolve};
use serde_json::Value;
use std::path::Path;

/// Every family that [`Config::read`] knows.
const FAMILIES: &[FamilyFormat] = &[
    bert::BERT_FORMAT,
    bert::ROBERTA_FORMAT,
    bert::XLM_ROBERTA_FORMAT,
    bert::CAMEMBERT_FORMAT,
    distilbert::FORMAT,
    electra::FORMAT,
    albert::FORMAT,
    mpnet::FORMAT,
    deberta::FORMAT,
    modernbert::FORMAT,
    eurobert::FORMAT,
    gpt2::FORMAT,
    llama::LLAMA_FORMAT,
    llama::MISTRAL_FORMAT,
    llama::QWEN2_FORMAT,
    llama::QWEN3_FORMAT,
    llama::SMOLLM3_FORMAT,
];

impl Config {
    /// Reads `config.json` of a model directory.
    ///
    /// # Errors
    /// If the file is missing or broken, the family is unknown, or a value changes the model in a
    /// way that is not supported.
    pub fn read(directory: &Path) -> Result<Self, ConfigError> {
        let path = directory.join("config.json");
        let path = resolve(directory, "config.json")
            .map_err(|error| ConfigError::Read { path, source: std::io::Error::other(error) })?;
        match read_text(&path, CONFIGURATION_LIMIT) {
            Ok(text) => Self::from_json(&text, &path),
            Err(source) => Err(ConfigError::Read { path, source }),
        }
    }

    /// Reads a configuration from JSON text; `path` is for messages.
    ///
    /// # Errors
    /// As [`Config::read`].
    pub fn from_json(text: &str, path: &Path) -> Result<Self, ConfigError> {
        Self::from_json_of(FAMILIES, text, path)
    }

    /// Reads a configuration of one of these families from JSON text: so a program reads a family of its own.
    ///
    /// # Errors
    /// As [`Config::read`].
    pub fn from_json_of(families: &[FamilyFormat], text: &str, path: &Path) -> Result<Self, ConfigError> {
        let json = |source| ConfigError::Json { path: path.to_owned(), source };
        let raw: Value = serde_json::from_str(text).map_err(json)?;
        let found = raw.get("model_type").and_then(Value::as_str).unwrap_or("").to_owned();
        if found == "deberta" {
            let expected = "\"deberta-v2\": version 1 computes its attention otherwise; take a model of version 3";
            return Err(wrong("model_type", &found.into(), expected, path));
        }
        let Some(format) = families.iter().find(|format| format.family.model_type() == found) else {
            let names: Vec<&str> = families.iter().map(|format| format.family.model_type()).collect();
            return Err(ConfigError::Family { path: path.to_owned(), found, supported: names.join(", ") });
        };
        let config = (format.read)(raw, path)?;
        config.check(path)?;
        Ok(config)
    }

    /// The fields of `config.json`, as [`Config::from_json`] and Python's transformers read them. Of a family that this
    /// library does not know they are those that all families have in common.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let format = FAMILIES.iter().find(|format| format.family == self.family);
        let mut fields = format.map_or_else(|| Value::Object(serde_json::Map::new()), |format| (format.write)(self));
        fields["model_type"] = self.family.model_type().into();
        fields["vocab_size"] = self.vocabulary.into();
        fields["max_position_embeddings"] = self.positions.into();
        fields
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::samples;
    use super::*;
    use crate::family::Family;
    use adaptune_tensor::AttentionMask;
    use serde_json::json;

    const BERT: &str = r#"{"model_type": "bert", "vocab_size": 37, "hidden_size": 12, "num_hidden_layers": 2,
        "num_attention_heads": 3, "intermediate_size": 20, "max_position_embeddings": 24, "pad_token_id": 1}"#;

    fn read(text: &str) -> Result<Config, ConfigError> {
        Config::from_json(text, Path::new("m/config.json"))
    }

    #[test]
    fn roberta_counts_positions_from_its_padding_id() {
        let (bert, roberta) = (read(BERT).unwrap(), read(&BERT.replace("\"bert\"", "\"roberta\"")).unwrap());
        assert_eq!((bert.position_offset, bert.max_tokens()), (0, 24));
        assert_eq!((roberta.position_offset, roberta.max_tokens()), (2, 22));
    }

    #[test]
    fn what_cannot_be_computed_is_refused_with_a_reason() {
        let fails = |text: String, words: &str| {
            let message = read(&text).unwrap_err().to_string();
            assert!(message.contains(words) && message.contains("m/config.json"), "{message}");
        };
        fails(BERT.replace("\"bert\"", "\"mamba\""), "model type \"mamba\" is not supported");
        fails(BERT.replace("\"bert\"", "\"deberta\""), "\"model_type\" is \"deberta\", but must be \"deberta-v2\"");
        fails(BERT.replace("_heads\": 3", "_heads\": 5"), "must be a divisor of the hidden size 12");
        fails(BERT.replace("\"vocab_size\": 37,", ""), "missing field `vocab_size`");
        fails(BERT.replace("layers\": 2", "layers\": 0"), "must be at least 1");
        fails(BERT.replace('}', ", \"is_decoder\": true}"), "\"is_decoder\" is true, but must be false");
        fails(BERT.replace('}', ", \"position_embedding_type\": \"relative_key\"}"), "must be \"absolute\"");
        fails(BERT.replace('}', ", \"hidden_act\": \"gelo\"}"), "one of relu, gelu");
        fails(BERT.replace('}', ", \"hidden_dropout_prob\": 1.0}"), "\"hidden_dropout_prob\" is 1, but must be from 0");
        fails(BERT.replace('}', ", \"layer_norm_eps\": -1e-12}"), "must be a number that is not negative");
        fails(BERT.replace('}', ", \"layer_norm_eps\": 1e300}"), "is 1e300, but must be");
        let no_positions = format!("\"pad_token_id\": {}", usize::MAX);
        fails(
            BERT.replace("\"pad_token_id\": 1", &no_positions).replace("\"bert\"", "\"roberta\""),
            "must be more than",
        );
        let llama = |more: &str| BERT.replace("\"bert\"", "\"llama\"").replace('}', &format!(", {more}}}"));
        fails(llama("\"rope_scaling\": {\"type\": \"yarn\", \"factor\": 4}"), "\"default\", \"linear\" or \"llama3\"");
        fails(llama("\"rope_scaling\": {\"type\": \"linear\"}"), "\"factor\" is null, but must be a positive number");
        fails(llama("\"num_key_value_heads\": 2"), "num_key_value_heads");
        fails(llama("\"quantization_config\": {\"bits\": 4}"), "quantization_config");
        fails("{".into(), "expected the config.json of a Hugging Face model");
    }

    #[test]
    fn values_that_a_family_does_not_compute_are_named() {
        let sample = |family: &str| {
            let config = samples().into_iter().find(|config| config.family.model_type() == family);
            config.expect("each family has a sample").to_json()
        };
        for (family, field, value, words) in [
            ("electra", "embedding_size", json!("wide"), "\"embedding_size\" is \"wide\", but must be a whole number"),
            ("electra", "embedding_size", json!(0), "at least 1"),
            ("albert", "inner_group_num", json!(2), "\"inner_group_num\" is 2, but must be 1"),
            ("albert", "num_hidden_groups", json!(4), "at most the number of layers, 3"),
            ("deberta-v2", "pos_att_type", json!("c2p|p2p"), "a list of \"c2p\" and \"p2c\""),
            ("deberta-v2", "pos_att_type", json!([]), "\"relative_attention\" is true, but must be false"),
            ("deberta-v2", "relative_attention", json!(false), "\"relative_attention\" is false, but must be true"),
            ("deberta-v2", "conv_kernel_size", json!(3), "\"conv_kernel_size\" is 3, but must be 0"),
            ("deberta-v2", "position_buckets", json!(1), "\"position_buckets\" is 1, but must be from 2"),
            ("deberta-v2", "max_relative_positions", json!(3), "is 3, but must be from 4"),
            ("deberta-v2", "norm_rel_ebd", json!("batch_norm"), "\"layer_norm\" or \"none\""),
            ("deberta-v2", "pooler_hidden_size", json!(7), "\"pooler_hidden_size\" is 7, but must be 12"),
            ("deberta-v2", "pooler_dropout", json!(0.1), "\"pooler_dropout\" is 0.1, but must be 0"),
            ("mpnet", "relative_attention_num_buckets", json!(16), "must be 32"),
            ("modernbert", "mlp_dropout", json!(0.1), "\"mlp_dropout\" is 0.1, but must be 0"),
            ("modernbert", "layer_types", json!(["full_attention"]), "a list of 5 times"),
            (
                "modernbert",
                "rope_scaling",
                json!({"rope_type": "yarn"}),
                "\"rope_type\" is \"yarn\", but must be \"default\"",
            ),
            ("modernbert", "num_attention_heads", json!(4), "is 3, but must be an even number"),
            ("modernbert", "num_hidden_layers", json!(1_u64 << 40), "at most 65536"),
            ("modernbert", "classifier_pooling", json!("max"), "\"cls\" or \"mean\""),
            ("eurobert", "rope_parameters", json!({"rope_theta": 0.0}), "must be a positive number"),
            ("eurobert", "head_dim", json!(1_u64 << 40), "at most 65536"),
            ("gpt2", "scale_attn_by_inverse_layer_idx", json!(true), "is true, but must be false"),
            ("gpt2", "n_inner", json!("wide"), "must be a whole number"),
            ("llama", "hidden_size", json!(null), "\"hidden_size\" is null, but must be a whole number"),
            (
                "qwen3",
                "layer_types",
                json!(["full_attention", "linear_attention", "full_attention"]),
                "a list of 3 times",
            ),
            ("smollm3", "no_rope_layers", json!([1, 0, 2]), "a list of 3 times 0 or 1"),
            ("eurobert", "classifier_pooling", json!("max"), "\"bos\", \"mean\" or \"late\""),
        ] {
            let mut fields = sample(family);
            fields[field] = value;
            let message = read(&fields.to_string()).expect_err(words).to_string();
            assert!(message.contains(words) && message.contains("m/config.json"), "{family}: {message}");
        }
    }

    /// What a file does not say is what transformers takes for the family, not for another one.
    #[test]
    fn fields_that_are_not_there_are_those_of_the_family() {
        let read = |family: &str| {
            let fields = json!({
                "model_type": family, "vocab_size": 37, "hidden_size": 64, "num_hidden_layers": 4, "num_attention_heads": 32,
                "intermediate_size": 20, "max_position_embeddings": 24,
            });
            Config::from_json(&fields.to_string(), Path::new("m/config.json")).unwrap()
        };
        let [llama, mistral, qwen3, smollm3] = ["llama", "mistral", "qwen3", "smollm3"].map(read);
        let mask = |config: &Config| *config.architecture.mask.at(0);
        assert_eq!((llama.key_value_heads(), llama.head_size(), mask(&llama)), (32, 2, AttentionMask::Causal));
        assert_eq!((mistral.key_value_heads(), mask(&mistral)), (8, AttentionMask::CausalWindow(4096)));
        assert_eq!((qwen3.head_size(), mask(&qwen3)), (128, AttentionMask::Causal));
        let rotary = |layer| smollm3.architecture.rotary.at(layer).as_ref().map(|rotary| rotary.base);
        assert_eq!((smollm3.key_value_heads(), rotary(0), rotary(3)), (4, Some(2e6), None));
        assert!(!smollm3.architecture.untied_output && llama.architecture.untied_output);
    }

    #[test]
    fn families_name_every_part_that_they_have() {
        let families: Vec<Family> = samples().iter().map(|config| config.family).collect();
        assert!(FAMILIES.iter().all(|format| families.contains(&format.family)), "each family has a sample");
        for config in samples() {
            assert_eq!(config.unnamed_part(), None, "{:?}", config.family);
        }
    }
}
