//! An adapter belongs to one base: to its weights, and to what its configuration makes of them.

use adaptune_adapters::{Adapter, AdapterModel, AdapterPool, Head, HeadConfig, Task, format};
use adaptune_tensor::{Activation, Seed};
use adaptune_transformer::weights::{TensorFile, TensorSource, write_safetensors};
use adaptune_transformer::{Config, Encoder, Family};
use ndarray::ArrayD;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

fn config() -> Config {
    Config { vocabulary: 40, positions: 16, norm_epsilon: 1e-7, ..Config::bert(12, 3, 2, 20) }
}

fn base(config: Config) -> Arc<Encoder<f32>> {
    Arc::new(Encoder::random(config, 0.2, Seed::new(4)))
}

fn model(base: &Arc<Encoder<f32>>) -> AdapterModel<f32> {
    let method = "seq_bn[reduction_factor=5]".parse().expect("a method");
    let adapter = Adapter::on("mood", &method, base, Seed::new(5)).expect("fits");
    let head = HeadConfig::new(Task::CLASSIFICATION, vec!["bad".into(), "good".into()]);
    AdapterModel::new(base.clone(), Some(adapter), Head::new("mood", &head, base, Seed::new(6)).expect("fits"))
}

/// Makes another configuration of one.
type Change = fn(Config) -> Config;

/// The same weights under other configurations.
const OTHERS: [(Change, &str); 4] = [
    (|config| Config { heads: 3, ..config }, "num_attention_heads 2, but this base has 3"),
    (|config| Config { norm_epsilon: 1e-5, ..config }, "layer_norm_eps 1e-7, but this base has 1e-5"),
    (|config| Config { activation: Activation::Relu, ..config }, "activation gelu, but this base has relu"),
    (|config| Config { family: Family::ROBERTA, ..config }, "model type bert, but this base has roberta"),
];

#[test]
fn the_same_weights_under_another_configuration_are_another_base() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let own = base(config());
    format::save(&model(&own), folder.path()).expect("saved");
    format::load(folder.path(), own.clone()).expect("its own base");
    let dropout = config().with_dropout(0.3, 0.1);
    format::load(folder.path(), base(Config { name: Some("x".into()), ..dropout })).expect("it computes the same");
    for (change, words) in OTHERS {
        let other = base(change(config()));
        assert_eq!(other.fingerprint(), own.fingerprint(), "the test is about nothing otherwise");
        for error in [
            format::load(folder.path(), other.clone()).expect_err(words).to_string(),
            format::load_adapter(folder.path(), &other).expect_err(words).to_string(),
            format::load_head(folder.path(), &other).expect_err(words).to_string(),
        ] {
            assert!(error.contains(words) && error.contains("trained on a base with"), "{error}");
        }
        let refused = AdapterPool::new(own.clone()).add("mood", model(&other)).expect_err(words).to_string();
        assert!(refused.contains("another one"), "{refused}");
    }
}

/// Writes the weights of a directory again, with other metadata.
fn with_metadata(directory: &Path, change: impl Fn(&mut BTreeMap<String, String>)) {
    for name in ["adapter.safetensors", "model_head.safetensors"] {
        let file = TensorFile::open(directory.join(name)).expect("a whole file");
        let read = |name: &str| (name.to_owned(), file.read(name).expect("sound numbers"));
        let tensors: Vec<(String, ArrayD<f32>)> = file.names().into_iter().map(read).collect();
        let mut metadata = file.metadata().expect("some").clone().into_iter().collect();
        change(&mut metadata);
        let views: Vec<_> = tensors.iter().map(|(name, array)| (name.clone(), array.view())).collect();
        write_safetensors(&directory.join(name), &views, &metadata).expect("written");
    }
}

/// Earlier versions wrote the fingerprint of the weights alone, and Python writes nothing.
#[test]
fn what_a_file_does_not_say_is_not_held_against_it() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    format::save(&model(&base(config())), folder.path()).expect("saved");
    let other = base(Config { heads: 3, ..config() });
    with_metadata(folder.path(), |metadata| drop(metadata.remove("adaptune_base_config")));
    format::load(folder.path(), other.clone()).expect("the weights are the same");
    let weights = Arc::new(Encoder::<f32>::random(config(), 0.2, Seed::new(99)));
    let error = format::load(folder.path(), weights.clone()).expect_err("other weights").to_string();
    assert!(error.contains("with fingerprint"), "{error}");
    with_metadata(folder.path(), BTreeMap::clear);
    format::load(folder.path(), weights).expect("nothing is said");
}

#[test]
fn broken_metadata_are_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    format::save(&model(&base(config())), folder.path()).expect("saved");
    for text in ["", "[]", "{\"num_attention_heads\":2}"] {
        with_metadata(folder.path(), |metadata| drop(metadata.insert("adaptune_base_config".into(), text.into())));
        let error = format::load(folder.path(), base(config())).expect_err(text).to_string();
        assert!(error.contains("adaptune_base_config are broken"), "{text}: {error}");
    }
}
