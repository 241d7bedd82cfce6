//! A family of models that this library does not know, described in one file: it loads, three adapters train in it, and its
//! gradients follow finite differences through the whole model. Its output is tied to the token embeddings: each token predicts
//! the next one.

mod family;
mod plainly;

use adaptune_adapters::{Adapter, Method};
use adaptune_autograd::{CheckOptions, check_gradients_with};
use adaptune_tensor::{Gradients, Parameters, Scalar, Seed, Slot, cross_entropy, cross_entropy_backward};
use adaptune_transformer::weights::{TensorFile, write_safetensors};
use adaptune_transformer::{Base, Batch, Config, Encoder, Insertions, Part, Pass, Selection, Thaw, Thawed};
use family::{FORMAT, TOY};
use ndarray::{Array2, s};
use serde_json::Value;
use std::path::Path;

const RESIDUALS: [&str; 3] = ["pre", "sandwich", "parallel"];
const METHODS: [&str; 3] = [
    "double_seq_bn[reduction_factor=2,non_linearity=gelu]",
    "lora[r=2,alpha=3,attn_matrices=[\"q\",\"k\",\"v\",\"o\"],intermediate_lora=True,output_lora=True,gate_lora=True]",
    "prefix_tuning[prefix_length=2,bottleneck_size=3]",
];

/// A norm of a few small numbers bends a lot, so differences are taken closer than usual.
const STEP: CheckOptions = CheckOptions { step: 1e-4, tolerance: 1e-7, scale: 1.0 };

fn config(residual: &str, dropout: f64) -> Config {
    let mut fields = family::sizes();
    fields["residual"] = residual.into();
    fields["dropout"] = dropout.into();
    Config::from_json_of(&[FORMAT], &fields.to_string(), Path::new("config.json")).expect("a good configuration")
}

fn model(residual: &str) -> Encoder<f64> {
    Encoder::random(config(residual, 0.0), 0.5, Seed::new(3))
}

fn sequences() -> [&'static [u32]; 3] {
    [&[3, 1, 4, 1, 5, 9], &[5], &[2, 6, 10]]
}

fn adapter<S: Scalar>(method: &str, model: &Encoder<S>) -> Adapter<S> {
    let method: Method = method.parse().expect("a method");
    let mut adapter = Adapter::on("toy", &method, model, Seed::new(5)).expect("it fits");
    for (name, parameter) in adapter.parameters_mut() {
        let seed = Seed::new(7).named(&name);
        let values = parameter.values_mut().iter_mut().enumerate();
        values.for_each(|(i, v)| *v += S::from_f64(0.6 * seed.unit(i as u64) - 0.25));
    }
    adapter.train_from(0);
    adapter
}

/// The next token of each, `None` behind the last one of a sequence.
fn next_tokens() -> Vec<Option<usize>> {
    let next = |ids: &&[u32]| ids[1..].iter().map(|id| Some(*id as usize)).chain([None]).collect::<Vec<_>>();
    sequences().iter().flat_map(next).collect()
}

/// The loss of predicting each next token, `hidden Eᵀ`, and its gradients, those of a thawed table among them.
fn loss(base: Base<'_, f64>, insertions: &dyn Insertions<f64>, pass: Pass) -> (f64, Gradients<f64>) {
    let (batch, targets, weight) = (Batch::from_ids(&sequences()), next_tokens(), 0.2);
    let encoded = base.read(&batch, insertions, pass, &Selection::All).expect("a good batch");
    let table = base.token_embeddings();
    let logits = encoded.hidden.dot(&table.view().t());
    let mut gradients = Gradients::new();
    let loss = cross_entropy(logits.view(), &targets, weight);
    let d_logits = cross_entropy_backward(logits, &targets, weight);
    table.add_gradient(d_logits.t().dot(&encoded.hidden), &mut gradients);
    encoded.trace.backward(d_logits.dot(&table.view()), &mut gradients);
    (loss, gradients)
}

/// Every gradient of `parameters` against finite differences of `loss`.
fn check<P: Parameters<f64>>(what: &str, parameters: &mut P, loss: impl Fn(&P) -> (f64, Gradients<f64>)) {
    let gradients = loss(parameters).1;
    let names: Vec<String> = parameters.parameters().into_iter().map(|(name, _)| name).collect();
    assert_eq!(gradients.len(), names.len(), "{what}: every parameter has a gradient");
    for (i, name) in names.iter().enumerate() {
        let point = parameters.parameters()[i].1.values().to_vec();
        let gradient: Vec<f64> = gradients.get(Slot(i)).expect("it trains").iter().copied().collect();
        assert!(gradient.iter().any(|g| *g != 0.0), "{what}, {name}: something depends on it");
        let f = |x: &[f64]| {
            parameters.parameters_mut()[i].1.values_mut().copy_from_slice(x);
            loss(parameters).0
        };
        check_gradients_with(STEP, f, &point, &gradient).unwrap_or_else(|e| panic!("{what}, {name}: {e}"));
        parameters.parameters_mut()[i].1.values_mut().copy_from_slice(&point);
    }
}

#[test]
fn the_model_is_what_its_description_says() {
    for residual in RESIDUALS {
        let model = model(residual);
        let encoded = model.forward(&Batch::from_ids(&sequences()), &(), Pass::evaluate()).expect("a good batch");
        let mut first = 0;
        for ids in sequences() {
            let found = encoded.hidden.slice(s![first..first + ids.len(), ..]);
            let norm = final_norm(&model);
            let expected = plainly::rms(model.config(), norm.view(), &plainly::hidden(&model, ids));
            let difference =
                (&found - &expected).fold(0.0, |most: f64, d| if d.abs() <= most { most } else { d.abs() });
            assert!(difference < 1e-12, "{residual}: {difference}");
            first += ids.len();
        }
    }
}

/// The weight of the norm behind the last block, as it would be saved.
fn final_norm(model: &Encoder<f64>) -> ndarray::Array1<f64> {
    let tensors = model.tensors();
    let (_, weight) = tensors.iter().find(|(name, _)| name == "model.norm.weight").expect("the family has it");
    weight.view().into_dimensionality().expect("a vector").to_owned()
}

#[test]
fn it_is_read_as_it_was_written() {
    for residual in RESIDUALS {
        let model = Encoder::<f32>::random(config(residual, 0.0), 0.5, Seed::new(3));
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("model.safetensors");
        write_safetensors(&path, &model.tensors(), &[].into()).expect("written");
        let file = TensorFile::open(&path).expect("a file");
        let read = Encoder::<f32>::from_weights(config(residual, 0.0), &file).expect("a model");
        assert_eq!(read.fingerprint(), model.fingerprint(), "{residual}");
        assert_eq!(read.parameter_count(), model.config().parameter_count(), "{residual}");
    }
    let model = model("pre");
    let shapes = model.tensors().into_iter().map(|(name, tensor)| (name, tensor.shape().to_vec()));
    let shapes: std::collections::BTreeMap<_, _> = shapes.collect();
    assert_eq!(shapes["model.layers.1.attn.qkv.weight"], [16 + 8 + 8, 6], "queries, keys and values in one");
    assert_eq!(shapes["model.layers.1.attn.out.weight"], [16, 6], "stored transposed");
    assert_eq!(shapes["model.layers.1.mlp.inner.weight"], [2 * 7, 6]);
    assert!(!shapes.keys().any(|name| name.ends_with(".bias")));
}

#[test]
fn its_configuration_is_refused_where_it_cannot_be_computed() {
    let fails = |field: &str, value: usize, words: &str| {
        let mut fields = family::sizes();
        fields[field] = value.into();
        let read = Config::from_json_of(&[FORMAT], &fields.to_string(), Path::new("m/config.json"));
        let message = read.expect_err("refused").to_string();
        assert!(message.contains(words) && message.contains("m/config.json"), "{message}");
    };
    fails("num_key_value_heads", 3, "a divisor of the number of heads 4");
    fails("head_dim", 0, "at least 1");
    fails("max_position_embeddings", 0, "more than 0");
    let unknown = Config::from_json(&family::sizes().to_string(), Path::new("config.json")).expect_err("refused");
    assert!(unknown.to_string().contains("\"toy\" is not supported"), "{unknown}");
    assert_eq!(config("pre", 0.0).family, TOY);
    assert_eq!(config("pre", 0.0).to_json()["model_type"], Value::from("toy"));
}

#[test]
fn gradients_of_adapters_follow_finite_differences() {
    for residual in RESIDUALS {
        let model = model(residual);
        for method in METHODS {
            let mut adapter = adapter(method, &model);
            let run = |adapter: &Adapter<f64>| loss(Base::from(&model), adapter, Pass::differentiate());
            check(&format!("{residual}, {method}"), &mut adapter, run);
        }
    }
}

/// Embeddings, all norms and all linear layers of the base itself.
#[test]
fn gradients_of_thawed_tensors_follow_finite_differences() {
    for residual in RESIDUALS {
        let model = model(residual);
        let mut thawed = Thawed::new(&model, Thaw::ALL, false);
        thawed.train_from(0);
        assert_eq!(thawed.parameter_count(), model.parameter_count(), "{residual}: every tensor");
        check(residual, &mut thawed, |thawed| loss(Base::new(&model, Some(thawed)), &(), Pass::differentiate()));
    }
}

#[test]
fn gradients_hold_with_dropout_and_checkpointing() {
    let model = Encoder::<f64>::random(config("sandwich", 0.2), 0.5, Seed::new(3));
    let mut adapter = adapter(METHODS[0], &model);
    for pass in [Pass::train(Seed::new(1)), Pass::train(Seed::new(1)).with_checkpointing(true)] {
        check("dropout", &mut adapter, |adapter| loss(Base::from(&model), adapter, pass));
    }
}

#[test]
fn adapters_learn() {
    let model = model("pre");
    for method in METHODS {
        let mut adapter = adapter(method, &model);
        let before = loss(Base::from(&model), &adapter, Pass::evaluate()).0;
        for _ in 0..60 {
            let gradients = loss(Base::from(&model), &adapter, Pass::differentiate()).1;
            for (i, (_, parameter)) in adapter.parameters_mut().into_iter().enumerate() {
                let gradient = gradients.get(Slot(i)).expect("it trains");
                parameter.values_mut().iter_mut().zip(gradient).for_each(|(p, g)| *p -= 0.1 * g);
            }
        }
        let after = loss(Base::from(&model), &adapter, Pass::evaluate()).0;
        assert!(after < 0.7 * before, "{method}: {before} before, {after} after");
    }
}

#[test]
fn no_token_sees_a_later_one_and_no_sequence_its_neighbours() {
    let model = Encoder::<f32>::random(config("pre", 0.0), 0.5, Seed::new(3));
    let adapter: Adapter<f32> = adapter(METHODS[1], &model);
    let hidden = |ids: &[&[u32]]| -> Array2<f32> {
        model.forward(&Batch::from_ids(ids), &adapter, Pass::evaluate()).expect("a good batch").hidden
    };
    let [long, short, third] = sequences();
    let together = hidden(&[long, short, third]);
    assert_eq!(hidden(&[third]), together.slice(s![7.., ..]));
    let mut changed = long.to_vec();
    changed[4] = 0;
    let other = hidden(&[&changed]);
    assert_eq!(other.slice(s![..4, ..]), together.slice(s![..4, ..]));
    assert_ne!(other.row(5), together.row(5));
}

/// One token of each sequence is read: the others are left out of the last block, wherever that token stands.
#[test]
fn what_is_read_alone_is_what_it_is_beside_the_others() {
    for residual in RESIDUALS {
        let model = model(residual);
        for method in METHODS {
            let adapter = adapter(method, &model);
            let read = |selection: &Selection| {
                let (base, batch) = (Base::from(&model), Batch::from_ids(&sequences()));
                base.read(&batch, &adapter, Pass::evaluate(), selection).expect("a good batch").hidden
            };
            let all = read(&Selection::All);
            for (selection, rows) in [(Selection::First, [0, 6, 7]), (Selection::Last, [5, 6, 9])] {
                let expected = all.select(ndarray::Axis(0), &rows);
                let difference = (read(&selection) - expected).fold(0.0, |most: f64, d| d.abs().max(most));
                assert!(difference < 1e-12, "{residual}, {method}, {selection:?}: {difference}");
            }
        }
    }
}

#[test]
fn every_part_is_listed_once() {
    let parts: Vec<Part> = config("sandwich", 0.0).parts().into_iter().map(|(part, _)| part).collect();
    let mut sorted = parts.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!((sorted.len(), parts.len()), (parts.len(), 1 + 3 * (7 + 6) + 1));
}
