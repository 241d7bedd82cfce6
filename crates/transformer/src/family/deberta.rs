//! DeBERTa of version 2 and 3: BERT's blocks with disentangled attention. Version 1 is another model.

use super::bert::{ADAPTERS, FIELDS, File, write as write_bert};
use super::description::{
    ChoiceHead, Classifier, Family, FamilyDescription, FieldNames, LanguageHeadNames, PastKeyValues, PythonNames,
};
use super::format::{FamilyFormat, activation, flag, number, refuse, size, text, wrong};
use super::names::{StoredLinear, TensorNames};
use crate::config::{Architecture, Config, ConfigError, DisentangledPositions, Pooler};
use crate::point::{BlockNorm, Projection};
use adaptune_tensor::Activation;
use serde_json::{Value, json};
use std::path::Path;

impl Family {
    /// DeBERTa (He et al., 2021) of version 2 and 3.
    pub const DEBERTA_V2: Self = Self::new(&DEBERTA_V2);
}

pub(super) const FORMAT: FamilyFormat = FamilyFormat { family: Family::DEBERTA_V2, read, write };

static DEBERTA_V2: FamilyDescription = FamilyDescription {
    model_type: "deberta-v2",
    prefix: "deberta.",
    tensors: TensorNames {
        tokens: "embeddings.word_embeddings.weight",
        positions: "embeddings.position_embeddings.weight",
        token_types: "embeddings.token_type_embeddings.weight",
        embedding_norm: "embeddings.LayerNorm",
        embedding_projection: "embeddings.embed_proj",
        relative_positions: "encoder.rel_embeddings.weight",
        relative_positions_norm: "encoder.LayerNorm",
        pooler: "pooler.dense",
        pooler_is_beside: true,
        block: "encoder.layer",
        linears: &[
            (Projection::Query, StoredLinear::whole("attention.self.query_proj")),
            (Projection::Key, StoredLinear::whole("attention.self.key_proj")),
            (Projection::Value, StoredLinear::whole("attention.self.value_proj")),
            (Projection::PositionKey, StoredLinear::whole("attention.self.pos_key_proj")),
            (Projection::PositionQuery, StoredLinear::whole("attention.self.pos_query_proj")),
            (Projection::AttentionOutput, StoredLinear::whole("attention.output.dense")),
            (Projection::FeedForwardIn, StoredLinear::whole("intermediate.dense")),
            (Projection::FeedForwardOut, StoredLinear::whole("output.dense")),
        ],
        norms: &[
            (BlockNorm::AfterAttention, "attention.output.LayerNorm"),
            (BlockNorm::AfterFeedForward, "output.LayerNorm"),
        ],
        ..TensorNames::NONE
    },
    // Checkpoints hold learned positions that no token gets where `position_biased_input` is false.
    heads: &["lm_predictions.", "mask_predictions.", "embeddings.position_embeddings."],
    fields: FieldNames { head_dropout: "cls_dropout", ..FIELDS },
    drops_attention_output: true,
    drops_feed_forward: true,
    python: PythonNames {
        class: "DebertaV2",
        language_head: Some(LanguageHeadNames {
            transform: "lm_predictions.lm_head.dense",
            norm: "lm_predictions.lm_head.LayerNorm",
            bias: "lm_predictions.lm_head.bias",
            activation: None,
        }),
        adapters: ADAPTERS,
        classifier: Classifier {
            layers: &["classifier"],
            activation: Activation::Tanh,
            pooled: true,
            plain_tagger: true,
            choice: Some(ChoiceHead::POOLED),
        },
        past_key_values: PastKeyValues::Refused,
    },
};

/// What a file leaves out is otherwise than in BERT.
const DEFAULTS: [(&str, f64); 3] =
    [("type_vocab_size", 0.0), ("layer_norm_eps", 1e-7), ("max_position_embeddings", 512.0)];

fn read(mut raw: Value, path: &Path) -> Result<Config, ConfigError> {
    refuse_what_is_not_computed(&raw, path)?;
    for (field, value) in DEFAULTS.into_iter().filter(|(field, _)| raw[*field].is_null()).collect::<Vec<_>>() {
        raw[field] = if value.fract() == 0.0 { json!(value as u64) } else { json!(value) };
    }
    let config = File::parse(raw.clone(), path)?.config(Family::DEBERTA_V2, 0, path)?;
    let fields = Fields { raw: &raw, path };
    let disentangled = fields.disentangled(config.positions)?;
    let terms = disentangled.map_or(1, DisentangledPositions::terms);
    let scale = 1.0 / (config.head_size() as f64 * terms as f64).sqrt();
    let width = size(&raw, "embedding_size", config.hidden, path)?;
    let architecture = Architecture {
        learned_positions: raw["position_biased_input"].is_null() || flag(&raw, "position_biased_input", path)?,
        embedding_width: Some(width).filter(|width| *width != config.hidden),
        norm_behind_projection: width != config.hidden,
        attention_scale: disentangled.map(|_| scale),
        disentangled,
        pooler: Some(fields.pooler(&config)?),
        ..Architecture::bert()
    };
    let head_dropout = number(&raw, "cls_dropout", config.hidden_dropout, path)?;
    Ok(Config { architecture, head_dropout, ..config })
}

/// The convolution of the largest models of version 2, and dropout in a place where there is none here.
fn refuse_what_is_not_computed(raw: &Value, path: &Path) -> Result<(), ConfigError> {
    if let Some(found) = raw.get("conv_kernel_size").filter(|found| !found.is_null() && **found != json!(0)) {
        let expected = "0: the convolution beside the first block, which the largest models of version 2 have, is not computed; take a \
                        model of version 3";
        return Err(wrong("conv_kernel_size", found, expected, path));
    }
    refuse(raw, "pooler_dropout", &[json!(0), json!(0.0)], path)
}

/// The fields of a file.
struct Fields<'a> {
    raw: &'a Value,
    path: &'a Path,
}

impl Fields<'_> {
    fn pooler(&self, config: &Config) -> Result<Pooler, ConfigError> {
        let (raw, path) = (self.raw, self.path);
        refuse(raw, "pooler_hidden_size", &[json!(config.hidden)], path)?;
        refuse(raw, "attention_head_size", &[json!(config.head_size())], path)?;
        let activation = activation(text(raw, "pooler_hidden_act", "gelu", path)?, "pooler_hidden_act", path)?;
        Ok(Pooler { activation, ..Pooler::BERT })
    }

    fn disentangled(&self, positions: usize) -> Result<Option<DisentangledPositions>, ConfigError> {
        let (raw, path) = (self.raw, self.path);
        let [content_to_position, position_to_content] = self.kinds()?;
        let norm = self.norm()?;
        match (flag(raw, "relative_attention", path)?, content_to_position || position_to_content) {
            (false, false) => return Ok(None),
            (true, true) => {}
            (relative, _) => {
                let expected = format!("{}, as pos_att_type is {}", !relative, raw["pos_att_type"]);
                return Err(wrong("relative_attention", &relative.into(), expected, path));
            }
        }
        let most = self.count("max_relative_positions")?.unwrap_or(positions);
        let buckets = self.count("position_buckets")?;
        // With fewer distances than that the logarithm by which buckets grow is none.
        let least = buckets.map_or(1, |buckets| (buckets / 2).saturating_add(2));
        if most < least || most > MOST {
            let expected = format!("from {least} to {MOST}, for position_buckets {}", raw["position_buckets"]);
            return Err(wrong("max_relative_positions", &most.into(), expected, path));
        }
        if let Some(buckets) = buckets.filter(|buckets| !(2..=MOST).contains(buckets)) {
            return Err(wrong("position_buckets", &buckets.into(), format!("from 2 to {MOST}, or -1 for none"), path));
        }
        let own_projections = !flag(raw, "share_att_key", path)?;
        Ok(Some(DisentangledPositions {
            content_to_position,
            position_to_content,
            buckets,
            most,
            own_projections,
            norm,
        }))
    }

    /// Which terms there are: a list, or a text with `|` between them.
    fn kinds(&self) -> Result<[bool; 2], ConfigError> {
        let found = &self.raw["pos_att_type"];
        let error =
            || wrong("pos_att_type", found, "a list of \"c2p\" and \"p2c\", or both with | between them", self.path);
        let names: Vec<&str> = match found {
            Value::Null => Vec::new(),
            Value::String(text) => text.split('|').map(str::trim).filter(|name| !name.is_empty()).collect(),
            Value::Array(list) => list.iter().map(|name| name.as_str().ok_or_else(error)).collect::<Result<_, _>>()?,
            _ => return Err(error()),
        };
        if names.iter().any(|name| !["c2p", "p2c"].contains(&name.to_lowercase().as_str())) {
            return Err(error());
        }
        Ok(["c2p", "p2c"].map(|kind| names.iter().any(|name| name.to_lowercase() == kind)))
    }

    fn norm(&self) -> Result<bool, ConfigError> {
        let said = text(self.raw, "norm_rel_ebd", "none", self.path)?.to_lowercase();
        match said.trim() {
            "layer_norm" => Ok(true),
            "none" | "" => Ok(false),
            _ => Err(wrong("norm_rel_ebd", &said.into(), "\"layer_norm\" or \"none\"", self.path)),
        }
    }

    /// A number that says something if it is positive.
    fn count(&self, field: &'static str) -> Result<Option<usize>, ConfigError> {
        match self.raw[field].as_i64() {
            Some(number) if number < 1 => Ok(None),
            _ => Ok(Some(size(self.raw, field, 0, self.path)?).filter(|number| *number > 0)),
        }
    }
}

/// For each distance a number is kept.
const MOST: usize = 1 << 20;

fn write(config: &Config) -> Value {
    let mut fields = write_bert(config);
    let Architecture { learned_positions, disentangled, pooler, .. } = &config.architecture;
    fields["position_biased_input"] = (*learned_positions).into();
    fields["embedding_size"] = config.embedding_width().into();
    fields["cls_dropout"] = config.head_dropout.into();
    fields["pooler_hidden_size"] = config.hidden.into();
    fields["pooler_hidden_act"] = pooler.map_or("gelu", |pooler| pooler.activation.name()).into();
    fields["pooler_dropout"] = 0.into();
    // The language model's head that pretrained ones have.
    fields["legacy"] = false.into();
    fields["relative_attention"] = disentangled.is_some().into();
    if let Some(of) = disentangled {
        let kinds = [(of.content_to_position, "c2p"), (of.position_to_content, "p2c")];
        fields["pos_att_type"] = kinds.into_iter().filter(|(there, _)| *there).map(|(_, kind)| kind).collect();
        fields["max_relative_positions"] = of.most.into();
        fields["position_buckets"] = of.buckets.map_or(json!(-1), Value::from);
        fields["share_att_key"] = (!of.own_projections).into();
        fields["norm_rel_ebd"] = if of.norm { "layer_norm" } else { "none" }.into();
    }
    fields
}
