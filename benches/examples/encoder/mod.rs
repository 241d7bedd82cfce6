//! Encoders and data that `worker` and `profile` measure.

use adaptune_adapters::{Adapter, AdapterModel, Head, HeadConfig, Task};
use adaptune_tensor::{Precision, Seed};
use adaptune_train::{Dataset, Example, Target};
use adaptune_transformer::{Config, Encoder};
use std::error::Error;
use std::sync::Arc;

pub(crate) type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// A model of a known shape with random weights, `minilm` or `bert-base`, in `f32` or `bf16`, with an adapter.
pub(crate) fn model(shape: &str, dtype: &str, method: &str) -> Outcome<AdapterModel<f32>> {
    let sizes = match shape {
        "minilm" => Config::bert(384, 6, 12, 1536),
        "bert-base" => Config::bert(768, 12, 12, 3072),
        _ => return Err(format!("expected minilm or bert-base, found {shape}").into()),
    };
    let config = Config { vocabulary: 30522, ..sizes.with_dropout(0.1, 0.1) };
    let precision = match dtype {
        "f32" => Precision::Full,
        "bf16" => Precision::Bf16,
        _ => return Err(format!("expected f32 or bf16, found {dtype}").into()),
    };
    let base = Arc::new(Encoder::random(config, 0.02, Seed::new(0)).with_precision(precision));
    let adapter = Adapter::on("bench", &method.parse()?, &base, Seed::new(1))?;
    let head = HeadConfig::new(Task::CLASSIFICATION, vec!["a".into(), "b".into()]);
    let head = Head::new("bench", &head, &base, Seed::new(2))?;
    Ok(AdapterModel::new(base, Some(adapter), head))
}

/// Sequences of one length, as many as `steps` batches hold.
pub(crate) fn data(sequences: usize, tokens: usize, steps: usize) -> Outcome<Dataset> {
    let id = |s: usize, t: usize| 1000 + ((s * 131 + t * 7919) % 29_000) as u32;
    let example = |s: usize| Example::single((0..tokens).map(|t| id(s, t)).collect(), Target::Class(s % 2));
    Ok(Dataset::new(Task::CLASSIFICATION, 2, (0..sequences * steps).map(example).collect())?)
}
