//! What a head reads of each sequence: against the plain formulas, in files, and where it cannot be.

use adaptune_adapters::{Adapter, AdapterModel, AdapterPool, Head, HeadConfig, HeadError, Pooling, Task, format};
use adaptune_tensor::{Scalar, Seed};
use adaptune_transformer::{Batch, Config, Encoder, Pass};
use ndarray::{Array1, Array2, Axis, s};
use std::sync::Arc;

const SEQUENCES: [&[u32]; 3] = [&[3, 1, 4, 1, 7], &[5], &[9, 2, 6]];

fn base<S: Scalar>() -> Arc<Encoder<S>> {
    let config = Config { vocabulary: 11, positions: 12, ..Config::bert(6, 2, 2, 7) };
    Arc::new(Encoder::random(config, 0.4, Seed::new(3)))
}

fn config(pooling: Option<Pooling>) -> HeadConfig {
    let labels = ["a", "b", "c"].map(str::to_owned).to_vec();
    HeadConfig { pooling, layers: 1, ..HeadConfig::new(Task::CLASSIFICATION, labels) }
}

fn model<S: Scalar>(method: &str, pooling: Option<Pooling>) -> AdapterModel<S> {
    let base = base();
    let method = method.parse().expect("a method");
    let adapter = Adapter::new("test", &method, base.config(), Seed::new(5)).expect("it fits");
    let head = Head::new("test", &config(pooling), &base, Seed::new(6)).expect("it fits");
    AdapterModel::new(base, Some(adapter), head)
}

/// The rule, of one sequence's hidden states alone.
fn plain(pooling: Pooling, hidden: &Array2<f64>, base: &Encoder<f64>) -> Array1<f64> {
    let first = hidden.row(0).to_owned();
    let mean = hidden.sum_axis(Axis(0)) / hidden.nrows() as f64;
    match pooling {
        Pooling::First => first,
        Pooling::Last => hidden.row(hidden.nrows() - 1).to_owned(),
        Pooling::Mean => mean,
        Pooling::Max => hidden.columns().into_iter().map(|c| c.iter().fold(f64::MIN, |a, b| a.max(*b))).collect(),
        Pooling::Pooler | Pooling::MeanPooler => {
            let pooler = base.pooler().expect("BERT has one");
            let read = if pooling == Pooling::Pooler { first } else { mean };
            (pooler.weight().to_owned().dot(&read) + pooler.bias().expect("a bias")).mapv(f64::tanh)
        }
    }
}

#[test]
fn logits_are_those_of_each_sequence_alone_by_the_formula() {
    for pooling in Pooling::ALL {
        let model: AdapterModel<f64> = model("seq_bn[reduction_factor=2]", Some(pooling));
        let found = model.logits(&Batch::from_ids(&SEQUENCES)).expect("a good batch");
        let base = model.thawed_base();
        for (sequence, found) in SEQUENCES.iter().zip(found.rows()) {
            let batch = Batch::from_ids(&[sequence]);
            let hidden = base.forward(&batch, model.setup(), Pass::evaluate()).expect("a good batch").hidden;
            let read = plain(pooling, &hidden, model.base()).insert_axis(Axis(0));
            // A head of one layer: with the first token's read it is the layer alone.
            let first = AdapterModel::new(model.base().clone(), None, model.head().clone().named("test"));
            let stack = Head::new("test", &config(None), model.base(), Seed::new(6)).expect("it fits");
            let expected = stack.forward(first.thawed_base(), None, read.view(), Pass::evaluate()).0;
            let difference = (&found - &expected.row(0)).mapv(f64::abs).sum();
            assert!(difference < 1e-12, "{pooling:?}: {found} and {expected}");
        }
    }
}

/// Tokens that a module puts into a sequence are no part of the text.
#[test]
fn virtual_tokens_are_not_pooled() {
    let method = "prompt_tuning[prompt_length=3]";
    let model: AdapterModel<f64> = model(method, Some(Pooling::Mean));
    let batch = Batch::from_ids(&SEQUENCES[..1]);
    let encoded = model.thawed_base().forward(&batch, model.setup(), Pass::evaluate()).expect("a good batch");
    assert_eq!(encoded.hidden.nrows(), 8);
    let text = encoded.layout.text(0);
    let rows: Vec<usize> = text.collect();
    let mean = encoded.hidden.select(Axis(0), &rows).sum_axis(Axis(0)) / 5.0;
    let read = model.thawed_base().read(&batch, model.setup(), Pass::evaluate(), &Pooling::Mean.selection());
    let read = read.expect("a good batch").hidden;
    assert!((&read.slice(s![0, ..]) - &mean).mapv(f64::abs).sum() < 1e-12);
}

#[test]
fn files_keep_the_pooling() {
    let batch = Batch::from_ids(&SEQUENCES);
    for pooling in [None].into_iter().chain(Pooling::ALL.map(Some)) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let model: AdapterModel<f32> = model("lora[r=3,alpha=7]", pooling);
        format::save(&model, folder.path()).expect("saved");
        let text = std::fs::read_to_string(folder.path().join("head_config.json")).expect("it was saved");
        let own = pooling.is_some_and(|pooling| !pooling.is_known_in_python());
        assert_eq!(text.contains("\"pooling\""), own, "Python's fields alone where they are enough: {text}");
        let loaded = format::load(folder.path(), model.base().clone()).expect("loaded");
        assert_eq!(loaded.head().config().selection(), model.head().config().selection());
        assert_eq!(loaded.logits(&batch).expect("a good batch"), model.logits(&batch).expect("a good batch"));
        if !own {
            continue;
        }
        let both = text.replace("\"use_pooler\": false", "\"use_pooler\": true");
        let other = text.replace(&format!("\"pooling\": \"{}\"", pooling.expect("own").name()), "\"pooling\": \"sum\"");
        for (text, expected) in
            [(both, "leave one of them out"), (other, "must be one of first, last, mean, max, pooler")]
        {
            std::fs::write(folder.path().join("head_config.json"), text).expect("written");
            let error = format::load_head::<f32>(folder.path(), model.base()).expect_err("nonsense").to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}

/// PEFT's own heads read the pooler; any other is written beside, as AdapterHub has it.
#[test]
fn beside_files_of_peft_heads_keep_their_pooling() {
    let batch = Batch::from_ids(&SEQUENCES);
    for (pooling, beside) in [(Pooling::Mean, true), (Pooling::Max, true), (Pooling::Pooler, false)] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let model: AdapterModel<f32> = model("lora[r=3,alpha=7]", Some(pooling));
        let adapter = model.adapter().expect("it has one");
        format::save_peft_with_head(adapter, model.head(), model.base(), folder.path()).expect("saved");
        assert_eq!(folder.path().join("head_config.json").exists(), beside, "{pooling:?}");
        let loaded = format::load(folder.path(), model.base().clone()).expect("loaded");
        assert_eq!(loaded.logits(&batch).expect("a good batch"), model.logits(&batch).expect("a good batch"));
    }
}

#[test]
fn heads_for_tokens_pool_nothing() {
    let tagging = HeadConfig { pooling: Some(Pooling::Mean), ..HeadConfig::new(Task::TAGGING, config(None).labels) };
    let error = Head::new("test", &tagging, &base::<f32>(), Seed::new(1)).expect_err("a head for tokens");
    assert_eq!(error, HeadError::Pooling { task: "tagging", pooling: "mean" });
}

/// A pool serves heads that read differently in one batch.
#[test]
fn a_pool_mixes_poolings() {
    let mut pool = AdapterPool::<f64>::new(base());
    let mut alone = Vec::new();
    for pooling in [Pooling::Max, Pooling::First, Pooling::Mean] {
        let model: AdapterModel<f64> = model("seq_bn[reduction_factor=2]", Some(pooling));
        let batch = Batch::from_ids(&SEQUENCES[alone.len()..=alone.len()]);
        alone.push(model.logits(&batch).expect("a good batch"));
        pool.add(pooling.name(), model).expect("a new name");
    }
    let found = pool.logits(&Batch::from_ids(&SEQUENCES), &["max", "first", "mean"]).expect("all are loaded");
    for (found, alone) in found.iter().zip(&alone) {
        assert!((found - alone).mapv(f64::abs).sum() < 1e-12);
    }
}
