//! What adapters promise beside their numbers: they start as the identity, train alone, leave the
//! base as it is, count exactly, and are what their seed says.

use adaptune_adapters::{Adapter, AdapterModel, Head, HeadConfig, Method, Part, Targets, Task};
use adaptune_tensor::{Gradients, Parameters, Seed};
use adaptune_transformer::{Batch, Config, Encoder, Pass};
use ndarray::Array2;
use std::sync::Arc;

const METHODS: &[&str] = &[
    "seq_bn",
    "double_seq_bn",
    "par_bn",
    "scaled_par_bn",
    "adapter_plus",
    "seq_bn[ln_before=True,scaling=3]",
    "par_bn[leave_out=[0]]|seq_bn[mh_adapter=True,output_adapter=False]",
    "lora[r=3,alpha=12,intermediate_lora=True,output_lora=True,attn_matrices=[q,k,v,o]]",
    "lora[use_gating=True,alpha=2]",
    "ia3",
    "ia3[attn_matrices=[k,v,o],output_lora=True,intermediate_lora=False,scale_inputs=[o,output]]",
    "vera[intermediate_lora=True,r=5]",
    "lora[use_rslora=True]|par_bn",
];

fn base() -> Arc<Encoder<f32>> {
    let config = Config { vocabulary: 11, positions: 9, ..Config::bert(8, 3, 2, 12) };
    Arc::new(Encoder::random(config, 0.4, Seed::new(3)))
}

fn method(text: &str) -> Method {
    text.parse().unwrap_or_else(|e| panic!("{e}"))
}

fn adapter(text: &str, base: &Encoder<f32>, seed: u64) -> Adapter<f32> {
    Adapter::on("test", &method(text), base, Seed::new(seed)).unwrap_or_else(|e| panic!("{e}"))
}

fn model(text: &str, base: &Arc<Encoder<f32>>) -> AdapterModel<f32> {
    let head = HeadConfig::new(Task::Classification, vec!["a".into(), "b".into()]);
    let head = Head::new("test", &head, base, Seed::new(1)).expect("fits");
    AdapterModel::new(base.clone(), Some(adapter(text, base, 2)), head)
}

fn batch() -> Batch {
    Batch::from_ids(&[&[3, 1, 4, 1], &[5], &[9, 2, 6]])
}

fn hidden(base: &Encoder<f32>, adapter: Option<&Adapter<f32>>) -> Array2<f32> {
    match adapter {
        Some(adapter) => base.forward(&batch(), adapter, Pass::evaluate()).expect("a good batch").hidden,
        None => base.forward(&batch(), &(), Pass::evaluate()).expect("a good batch").hidden,
    }
}

#[test]
fn a_fresh_adapter_is_the_identity_bit_for_bit() {
    let base = base();
    for text in METHODS {
        for init in ["mam_adapter", "xavier"] {
            let mut method = method(text);
            let mut members = method.members().to_vec();
            let bottlenecks = members.iter_mut().filter(|member| matches!(member, Method::Bottleneck(_)));
            bottlenecks.for_each(|member| member.set("init_weights", &init.into()).expect("a known rule"));
            method = Method::union(members);
            let adapter = Adapter::new("test", &method, base.config(), Seed::new(4)).expect("fits");
            assert_eq!(hidden(&base, Some(&adapter)), hidden(&base, None), "{text} {init}");
        }
    }
    // c = m/n is 1 but for the rounding of its square root and quotient.
    let dora = hidden(&base, Some(&adapter("dora[intermediate_lora=True]", &base, 4)));
    assert!((dora - hidden(&base, None)).iter().all(|d| d.abs() < 1e-5));
    let changed = adapter("seq_bn[init_weights=bert]", &base, 4);
    assert_ne!(hidden(&base, Some(&changed)), hidden(&base, None), "AdapterHub's own start is not");
}

#[test]
fn the_same_seed_gives_the_same_adapter() {
    let base = base();
    let values = |text, seed| {
        adapter(text, &base, seed).parameters().iter().flat_map(|(_, p)| p.values().to_vec()).collect::<Vec<f32>>()
    };
    assert_eq!(values("seq_bn[init_weights=bert]", 1), values("seq_bn[init_weights=bert]", 1));
    assert_ne!(values("seq_bn[init_weights=bert]", 1), values("seq_bn[init_weights=bert]", 2));
    assert_eq!(
        values("seq_bn[init_weights=bert,init_weights_seed=0]", 1),
        values("seq_bn[init_weights=bert,init_weights_seed=0]", 2)
    );
}

/// In AdapterHub a seed of its own gives every layer the same values.
#[test]
fn layers_differ_with_a_seed_of_their_own_too() {
    let base = base();
    let adapter = adapter("seq_bn[init_weights=bert,init_weights_seed=7]", &base, 1);
    let down = |layer: usize| {
        let name = format!("layer.{layer}.feed_forward.bottleneck.down.weight");
        adapter.parameters().into_iter().find(|(n, _)| *n == name).expect("there").1.values().to_vec()
    };
    let downs = [0, 1, 2].map(down);
    assert!(downs[0] != downs[1] && downs[1] != downs[2]);
}

#[test]
fn a_step_leaves_the_base_as_it_is_and_gives_only_the_adapter_and_head_gradients() {
    let base = base();
    let before = base.fingerprint();
    for text in METHODS {
        let model = model(text, &base);
        let mut gradients = Gradients::new();
        let targets = Targets::Classes(vec![0, 1, 1]);
        model
            .loss_and_gradients(&batch(), &targets, 0.3, Pass::train(Seed::new(1)), &mut gradients)
            .expect("a good batch");
        assert_eq!(
            gradients.len(),
            model.parameters().len(),
            "{text}: one buffer for each trainable tensor and no other"
        );
    }
    assert_eq!(base.fingerprint(), before);
}

#[test]
fn what_is_frozen_gets_no_gradient() {
    let base = base();
    let mut model = model("double_seq_bn", &base);
    let heads: usize = model.parameters().iter().filter(|(name, _)| Part::of(name) == Part::Head).count();
    for (name, parameter) in model.parameters_mut() {
        if Part::of(&name) == Part::Adapter {
            parameter.set_slot(None);
        }
    }
    let mut gradients = Gradients::new();
    let targets = Targets::Classes(vec![0, 1, 1]);
    model.loss_and_gradients(&batch(), &targets, 0.3, Pass::differentiate(), &mut gradients).expect("a good batch");
    assert_eq!(gradients.len(), heads);
    let adapter = model.adapter().expect("there");
    let encoded = base.forward(&batch(), adapter, Pass::differentiate()).expect("a good batch");
    assert!(encoded.trace.is_empty(), "nothing is kept for a frozen adapter");
}

/// AdapterHub's own numbers for BERT-base.
#[test]
fn counts_are_adapterhubs() {
    let config = Config { vocabulary: 30522, ..Config::bert(768, 12, 12, 3072) };
    for (text, count) in [
        ("seq_bn", 894_528),
        ("double_seq_bn", 1_789_056),
        ("par_bn", 7_091_712),
        ("scaled_par_bn", 7_091_724),
        ("lora", 294_912),
        ("ia3", 55_296),
        ("dora", 294_912 + 24 * 768),
        // AdapterHub trains 24 full matrices, [R, R] and [D, D]; the paper's vectors are their diagonals.
        ("vera", 24 * (8 + 768)),
    ] {
        let adapter = Adapter::<f32>::blank("test", &method(text), &config, Seed::new(0)).expect("fits");
        assert_eq!(adapter.parameter_count(), count, "{text}");
    }
}

#[test]
fn a_method_that_starts_from_the_bases_weights_says_so() {
    let base = base();
    let error = Adapter::<f32>::new("test", &method("seq_bn|dora"), base.config(), Seed::new(0)).expect_err("needs it");
    assert!(error.to_string().contains("Adapter::on"), "{error}");
    let adapter = adapter("dora[attn_matrices=[k]]", &base, 1);
    let norms: Vec<f32> =
        adapter.parameters().iter().find(|(name, _)| name == "layer.1.key.m").expect("there").1.values().into();
    let point = adaptune_transformer::LinearPoint { layer: 1, projection: adaptune_transformer::Projection::Key };
    let weight = base.linear(point).weight();
    assert!(norms.iter().zip(weight.outer_iter()).all(|(n, row)| (n - row.dot(&row).sqrt()).abs() < 1e-5));
}

/// The adapter's width follows the formula `2 D M + D + M` for each module.
#[test]
fn counts_follow_the_formula() {
    let base = base();
    let adapter = adapter("double_seq_bn[reduction_factor={'0': 2, 'default': 3},leave_out=[1]]", &base, 0);
    let module = |m: usize| 2 * 8 * m + 8 + m;
    assert_eq!(adapter.parameter_count(), 2 * module(4) + 2 * module(2));
    let counts = model("seq_bn", &base).counts();
    assert_eq!((counts.adapter, counts.head), (3 * module(1), 8 * 8 + 8 + 2 * 8 + 2));
}

#[test]
fn a_sentence_does_not_depend_on_its_batch() {
    let base = base();
    let adapter = adapter("double_seq_bn[init_weights=bert,ln_before=True]", &base, 3);
    let together = hidden(&base, Some(&adapter));
    let alone = base.forward(&Batch::from_ids(&[&[9, 2, 6]]), &adapter, Pass::evaluate()).expect("a good batch").hidden;
    assert_eq!(alone, together.slice(ndarray::s![5.., ..]));
}

#[test]
fn heads_that_do_not_fit_are_refused() {
    let config = Config {
        vocabulary: 11,
        token_types: 0,
        family: adaptune_transformer::Family::DistilBert,
        ..Config::bert(8, 1, 2, 12)
    };
    let base = Encoder::<f32>::random(config, 0.4, Seed::new(3));
    let two = vec!["a".to_owned(), "b".to_owned()];
    let fails =
        |config: HeadConfig| Head::new("test", &config, &base, Seed::new(0)).expect_err("does not fit").to_string();
    assert!(
        fails(HeadConfig { use_pooler: true, ..HeadConfig::new(Task::Classification, two.clone()) })
            .contains("reads the pooler, but this model has none")
    );
    assert!(
        fails(HeadConfig { layers: 0, ..HeadConfig::new(Task::Tagging, two.clone()) }).contains("at least one layer")
    );
    assert!(
        fails(HeadConfig::new(Task::Classification, two[..1].to_vec())).contains("needs at least 2 labels, but has 1")
    );
}
