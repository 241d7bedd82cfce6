//! Bases of every family.

use super::{Result, Seeds, read};
use crate::small::{base, config};
use adaptune_adapters::format::save_base;
use adaptune_tensor::Seed;
use adaptune_transformer::weights::{FloatFormat, write_safetensors, write_safetensors_as};
use adaptune_transformer::{Config, Encoder};
use serde_json::{Map, json};
use std::fs;
use std::path::Path;

pub(super) fn safetensors() -> Result<Seeds> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("x");
    let tensors: Vec<_> = base().tensors().into_iter().skip(8).take(4).collect();
    let views: Vec<_> = tensors.iter().map(|(name, tensor)| (name.clone(), tensor.view())).collect();
    let metadata = [("format".to_owned(), "pt".to_owned())].into();
    write_safetensors(&path, &views, &metadata)?;
    let mut seeds = vec![fs::read(&path)?];
    for format in [FloatFormat::F16, FloatFormat::BF16, FloatFormat::F64] {
        write_safetensors_as(format, &path, &views[..2], &[].into())?;
        seeds.push(fs::read(&path)?);
    }
    Ok(seeds)
}

pub(super) fn sharded() -> Result<Seeds> {
    let folder = tempfile::tempdir()?;
    let tensors: Vec<_> = base().tensors().into_iter().take(6).collect();
    let mut map = Map::new();
    for (shard, tensors) in ["a.safetensors", "b.safetensors"].iter().zip(tensors.chunks(3)) {
        let views: Vec<_> = tensors.iter().map(|(name, tensor)| (name.clone(), tensor.view())).collect();
        write_safetensors(&folder.path().join(shard), &views, &[].into())?;
        map.extend(tensors.iter().map(|(name, _)| (name.clone(), json!(shard))));
    }
    let index = json!({ "metadata": { "total_size": 100 }, "weight_map": map });
    fs::write(folder.path().join("model.safetensors.index.json"), index.to_string())?;
    Ok(vec![read(folder.path(), &["model.safetensors.index.json", "a.safetensors", "b.safetensors"])])
}

pub(super) fn configurations() -> Result<Seeds> {
    let sizes = json!({
        "vocab_size": 20, "hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 12,
        "max_position_embeddings": 16, "type_vocab_size": 2, "hidden_act": "gelu", "layer_norm_eps": 1e-12,
        "hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.1, "pad_token_id": 0,
        "dim": 8, "n_layers": 2, "n_heads": 2, "hidden_dim": 12, "activation": "gelu", "sinusoidal_pos_embds": false,
        "dropout": 0.1, "attention_dropout": 0.1, "seq_classif_dropout": 0.2,
        "relative_attention": true, "pos_att_type": "p2c|c2p", "share_att_key": true, "norm_rel_ebd": "layer_norm",
        "position_buckets": 4
    });
    let mut seeds = vec![saved(Encoder::random(config(), 0.3, Seed::new(1)))?];
    let families =
        ["bert", "roberta", "xlm-roberta", "camembert", "distilbert", "electra", "albert", "mpnet", "deberta-v2", "modernbert", "eurobert"];
    for family in families {
        let mut sizes = sizes.clone();
        sizes["model_type"] = family.into();
        let config = Config::from_json(&sizes.to_string(), Path::new("config.json"))?;
        seeds.push(saved(Encoder::random(config, 0.3, Seed::new(1)))?);
        seeds.push(sizes.to_string().into_bytes());
    }
    Ok(seeds)
}

fn saved(base: Encoder<f32>) -> Result<Vec<u8>> {
    let folder = tempfile::tempdir()?;
    save_base(&base, folder.path(), FloatFormat::F32)?;
    Ok(read(folder.path(), &["config.json", "model.safetensors"]))
}
