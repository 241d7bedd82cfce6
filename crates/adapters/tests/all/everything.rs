//! What AdapterHub's own suite checks of every method, of every method here: adding, leaving out blocks, averaging, the
//! forward pass, files, isolation of training, merging, seeds.

use adaptune_adapters::objective::Classification;
use adaptune_adapters::{
    Adapter, AdapterModel, Combination, Head, HeadConfig, Method, PRESETS, Point, Task, combine, format, merge,
};
use adaptune_tensor::{Gradients, Parameters, Seed};
use adaptune_test_support::largest_difference;
use adaptune_transformer::{Batch, Config, Encoder, Insertions, Pass};
use ndarray::Array2;
use std::sync::Arc;

const LAYERS: usize = 3;

/// Hypercomplex dimensions must divide the width, a small one must not be dead under relu, ReFT's unit for last tokens has
/// something to do, and a weight among others has a gradient.
const SMALLER: &[(&str, &str)] = &[
    ("compacter", "compacter[reduction_factor=2]"),
    ("compacter++", "compacter++[reduction_factor=2]"),
    ("loreft", "loreft[suffix_positions=1]"),
    ("noreft", "noreft[suffix_positions=1]"),
    ("direft", "direft[suffix_positions=1]"),
    ("mtl_lora", "mtl_lora[n_up_projection=2]"),
    ("seq_bn", "seq_bn[reduction_factor=2]"),
    ("seq_bn_inv", "seq_bn_inv[reduction_factor=2]"),
    (
        "unipelt",
        "prefix_tuning[prefix_length=4,use_gating=True]|seq_bn[reduction_factor=2,use_gating=True]|lora[alpha=2,use_gating=True]",
    ),
];

/// Every name of the registry, and the forms that only PEFT has.
fn methods() -> Vec<&'static str> {
    let names =
        PRESETS.iter().map(|preset| SMALLER.iter().find(|(n, _)| *n == preset.name).map_or(preset.name, |s| s.1));
    names
        .chain(["prompt_tuning[combine=as_tokens]", "prefix_tuning_flat[prefix_length=3,position_shift=True]"])
        .collect()
}

fn base() -> Arc<Encoder<f64>> {
    let config = Config { vocabulary: 11, positions: 16, ..Config::bert(16, LAYERS, 2, 12) };
    Arc::new(Encoder::random(config, 0.4, Seed::new(3)))
}

fn fresh(method: &str, base: &Encoder<f64>, seed: u64) -> Adapter<f64> {
    let method: Method = method.parse().unwrap_or_else(|e| panic!("{method}: {e}"));
    Adapter::on("test", &method, base, Seed::new(seed)).unwrap_or_else(|e| panic!("{e}"))
}

/// No parameter has the value that it begins with, but for the signs on the diagonal of LoReFT's frames. What is drawn once and
/// never trains is the same for all.
fn adapter(method: &str, base: &Encoder<f64>, draws: u64) -> Adapter<f64> {
    let mut adapter = fresh(method, base, 5);
    for (name, parameter) in adapter.parameters_mut() {
        let seed = Seed::new(draws).named(&name);
        let sign = |v: f64| name.ends_with("projection.original") && v.abs() == 1.0;
        let values = parameter.values_mut().iter_mut().enumerate().filter(|(_, v)| !sign(**v));
        values.for_each(|(i, v)| *v += 0.6 * seed.unit(i as u64) - 0.25);
    }
    adapter
}

fn model(adapter: Adapter<f64>, base: &Arc<Encoder<f64>>) -> AdapterModel<f64> {
    let head = HeadConfig::new(Task::CLASSIFICATION, vec!["a".into(), "b".into()]);
    let head = Head::new("test", &head, base, Seed::new(1)).expect("it fits");
    AdapterModel::new(base.clone(), Some(adapter), head)
}

fn batch() -> Batch {
    Batch::from_ids(&[&[3, 1, 4, 1], &[5], &[9, 2, 6]])
}

fn hidden(base: &Encoder<f64>, insertions: &dyn Insertions<f64>) -> Array2<f64> {
    base.forward(&batch(), insertions, Pass::evaluate()).expect("a good batch").hidden
}

fn values(of: &impl Parameters<f64>) -> Vec<(String, Vec<f64>)> {
    of.parameters().into_iter().map(|(name, parameter)| (name, parameter.values().to_vec())).collect()
}

#[test]
fn what_is_added_is_there_and_trains() {
    let base = base();
    for method in methods() {
        let model = model(fresh(method, &base, 5), &base);
        let adapter = model.adapter().expect("there");
        assert_eq!(adapter.method(), Some(&method.parse().expect("a method")), "{method}: the configuration is kept");
        assert!(adapter.points().count() > 0 && adapter.parameter_count() > 0, "{method}");
        let frozen = model.parameters().into_iter().find(|(_, parameter)| parameter.slot().is_none());
        assert_eq!(frozen.map(|(name, _)| name), None, "{method}: everything trains");
    }
}

/// `leave_out`, and for ReFT `layers`, take the modules of a block away and leave the others as they were.
#[test]
fn blocks_that_are_left_out_have_no_modules() {
    let (base, mut tried) = (base(), 0);
    let in_block = |point: &Point, layer: usize| {
        let name = format!("{point}.");
        name.starts_with(&format!("layer.{layer}."))
    };
    for method in methods().into_iter().filter(|method| !method.contains('|')) {
        let mut config: Method = method.parse().expect("a method");
        let members = config.members().to_vec();
        let leave = |mut member: Method| {
            let set = member.set("leave_out", &[1].to_vec().into());
            set.or_else(|_| member.set("layers", &[0, 2].to_vec().into())).map(|()| member)
        };
        let Ok(less) = members.into_iter().map(leave).collect::<Result<Vec<_>, _>>() else {
            assert!(method.starts_with("prompt_tuning"), "{method}: only a prompt belongs to no block");
            continue;
        };
        let all: Vec<Point> = fresh(method, &base, 5).points().collect();
        config = Method::union(less);
        let adapter = Adapter::on("test", &config, &base, Seed::new(5)).unwrap_or_else(|e| panic!("{method}: {e}"));
        let expected: Vec<Point> = all.iter().filter(|point| !in_block(point, 1)).copied().collect();
        assert_eq!(adapter.points().collect::<Vec<_>>(), expected, "{method}");
        assert!(expected.len() < all.len(), "{method}: there was something to leave out");
        tried += 1;
    }
    assert!(tried > 15, "{tried} methods have blocks to leave out");
}

/// AdapterHub's weights: `-0.2 a + 0.9 b + 0.3 c` for every tensor.
#[test]
fn averages_are_exact_weighted_sums() {
    let base = base();
    for method in methods() {
        let [a, b, c] = [1, 2, 3].map(|draws| adapter(method, &base, draws));
        let parts = [(&a, -0.2), (&b, 0.9), (&c, 0.3)];
        let how = Combination::Average { normalise: false };
        let sum = combine("sum", &parts, &how, base.config()).unwrap_or_else(|e| panic!("{method}: {e}"));
        assert_eq!((sum.name(), sum.method()), ("sum", a.method()), "{method}");
        let [a, b, c] = [a, b, c].map(|adapter| values(&adapter));
        assert_eq!(a.len(), sum.parameters().len(), "{method}");
        for (i, (name, found)) in values(&sum).into_iter().enumerate() {
            for (k, found) in found.into_iter().enumerate() {
                let expected = -0.2 * a[i].1[k] + 0.9 * b[i].1[k] + 0.3 * c[i].1[k];
                assert!(a[i].0 == name && (found - expected).abs() < 1e-14, "{method}: {name}: {found} {expected}");
            }
        }
    }
}

#[test]
fn adapters_change_what_the_base_computes_and_repeat_to_the_bit() {
    let base = base();
    for method in methods() {
        let adapter = adapter(method, &base, 1);
        let found = hidden(&base, &adapter);
        assert_eq!(found, hidden(&base, &adapter), "{method}");
        let without = hidden(&base, &());
        let text = found.nrows() - without.nrows();
        let moved = text > 0 || (&found - &without).iter().any(|d| d.abs() > 1e-3);
        assert!(moved && found.iter().all(|v| v.is_finite()), "{method}: it does nothing");
        let model = model(adapter, &base);
        let logits = |model: &AdapterModel<f64>| model.logits(&batch()).expect("a good batch");
        let alone = AdapterModel::new(base.clone(), None, model.head().clone());
        assert_ne!(logits(&model), logits(&alone), "{method}");
    }
}

/// A twin that is filled from the files gives the same logits, and was something else before.
#[test]
fn what_is_saved_makes_a_twin() {
    let base = base();
    for method in methods() {
        let (model, directory) = (model(adapter(method, &base, 1), &base), tempfile::tempdir().expect("a folder"));
        format::save(&model, directory.path()).unwrap_or_else(|e| panic!("{method}: {e}"));
        let twin = format::load(directory.path(), base.clone()).unwrap_or_else(|e| panic!("{method}: {e}"));
        let logits = |model: &AdapterModel<f64>| model.logits(&batch()).expect("a good batch");
        let off = largest_difference(logits(&twin), logits(&model));
        assert!(off < 1e-12, "{method}: the twin is off by {off:.1e}");
        assert_eq!(configuration(&twin), configuration(&model), "{method}");
        let other = fresh(method, &base, 9);
        assert_ne!(hidden(&base, &other), hidden(&base, twin.adapter().expect("there")), "{method}");
    }
}

/// The fields that say what an adapter computes. Files do not say how it began and what was dropped in training as we do.
fn configuration(model: &AdapterModel<f64>) -> Vec<serde_json::Map<String, serde_json::Value>> {
    let method = model.adapter().and_then(Adapter::method).expect("it has one");
    let fields = |member: &Method| {
        let mut fields = member.fields();
        ["init_weights", "stochastic_depth"].iter().for_each(|name| _ = fields.remove(*name));
        fields
    };
    method.members().iter().map(fields).collect()
}

/// After a few steps every tensor of adapter and head has changed, and not a bit of the base or of another adapter.
#[test]
fn training_changes_the_adapter_and_the_head_alone() {
    let base = base();
    let before = base.fingerprint();
    let plain = hidden(&base, &());
    for method in methods() {
        let other = adapter(method, &base, 2);
        let (untouched, mut model) = (values(&other), model(adapter(method, &base, 1), &base));
        let start = values(&model);
        for step in 0..4 {
            descend(&mut model, step);
        }
        let (end, shapes) = (values(&model), start.len());
        assert_eq!(end.len(), shapes, "{method}");
        for ((name, old), (_, new)) in start.iter().zip(&end) {
            assert_ne!(old, new, "{method}: {name} has not moved");
        }
        assert_eq!(values(&other), untouched, "{method}: another adapter");
    }
    assert_eq!(base.fingerprint(), before);
    assert_eq!(hidden(&base, &()), plain, "the base computes what it did, to the bit");
}

/// One step of gradient descent.
fn descend(model: &mut AdapterModel<f64>, step: u64) {
    let (targets, mut gradients) = (Classification(vec![0, 1, 1]), Gradients::new());
    let pass = Pass::train(Seed::new(step));
    model.loss_and_gradients(&batch(), &targets, 0.3, pass, &mut gradients).expect("a good batch");
    for (_, parameter) in model.parameters_mut() {
        let Some(gradient) = parameter.slot().and_then(|slot| gradients.get(slot)) else { continue };
        let gradient: Vec<f64> = gradient.iter().copied().collect();
        parameter.values_mut().iter_mut().zip(gradient).for_each(|(v, d)| *v -= 0.05 * d);
    }
}

/// What can be merged computes the same as a part of the base; what cannot is refused. The base is a copy in any case.
#[test]
fn what_is_mergeable_merges() {
    let base = base();
    let (before, mut merged_ones) = (base.fingerprint(), Vec::new());
    for method in methods() {
        let adapter = adapter(method, &base, 1);
        let Ok(merged) = merge(&base, &adapter) else { continue };
        let off = largest_difference(hidden(&merged, &()), hidden(&base, &adapter));
        assert!(off < 1e-10, "{method}: merged and active differ by {off:.1e}");
        merged_ones.push(method);
    }
    assert_eq!(merged_ones, ["lora", "dora", "ia3", "vera", "mtl_lora[n_up_projection=2]"]);
    assert_eq!(base.fingerprint(), before);
}

/// The same seed gives the same adapter to the bit, another gives another. IA3 begins with ones, and VeRA's vectors with
/// constants; of VeRA the shared matrices are drawn, so the same vectors are another function.
#[test]
fn an_adapter_is_what_its_seed_says() {
    let base = base();
    for method in methods() {
        let [one, again, other] = [5, 5, 6].map(|seed| fresh(method, &base, seed));
        assert_eq!(values(&one), values(&again), "{method}");
        assert_eq!(hidden(&base, &one), hidden(&base, &again), "{method}");
        let drawn = !["ia3", "vera"].contains(&method);
        assert_eq!(values(&one) != values(&other), drawn, "{method}");
    }
    let [one, other] = [5, 6].map(|seed| {
        let mut adapter = fresh("vera", &base, seed);
        adapter.parameters_mut().into_iter().for_each(|(_, p)| p.values_mut().iter_mut().for_each(|v| *v += 0.3));
        hidden(&base, &adapter)
    });
    assert_ne!(one, other, "VeRA draws its shared matrices");
}
