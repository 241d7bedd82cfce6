//! What adapters promise beside their numbers: they start as the identity, train alone, leave the
//! base as it is, count exactly, and are what their seed says.

use adaptune_adapters::objective::{Classification, Tagging};
use adaptune_adapters::{Adapter, AdapterModel, Head, HeadConfig, Method, PRESETS, Part, Pooling, Task, merge};
use adaptune_tensor::{Gradients, Parameters, Seed};
use adaptune_transformer::{Batch, Config, Encoder, Pass};
use ndarray::Array2;
use std::path::Path;
use std::sync::Arc;

const METHODS: &[&str] = &[
    "seq_bn",
    "double_seq_bn",
    "par_bn",
    "scaled_par_bn",
    "adapter_plus",
    "seq_bn[ln_before=True,scaling=3]",
    "par_bn[leave_out=[0]]|seq_bn[mh_adapter=True,output_adapter=False]",
    "seq_bn[use_gating=True]",
    "compacter[reduction_factor=4,phm_dim=2]",
    "compacter++[reduction_factor=2,shared_W_phm=True,factorized_phm_W=False]",
    "seq_bn_inv",
    "double_seq_bn_inv[inv_adapter=glow]",
    "lora[r=3,alpha=12,intermediate_lora=True,output_lora=True,attn_matrices=[q,k,v,o]]",
    "lora[use_gating=True,alpha=2]",
    "ia3",
    "ia3[attn_matrices=[k,v,o],output_lora=True,intermediate_lora=False,scale_inputs=[o,output]]",
    "vera[intermediate_lora=True,r=5]",
    "lora[use_rslora=True]|par_bn",
    "mtl_lora[n_up_projection=3,alpha=5,intermediate_lora=True,output_lora=True]",
    "mtl_lora[task_specific_matrix_type=linear,use_rslora=True,dropout=0.2]",
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
    let head = HeadConfig::new(Task::CLASSIFICATION, vec!["a".into(), "b".into()]);
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
        let targets = Classification(vec![0, 1, 1]);
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
    let targets = Classification(vec![0, 1, 1]);
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
        ("prefix_tuning", 9_872_384),
        ("prefix_tuning_flat", 552_960),
        ("prompt_tuning", 7_680),
        ("loreft", 36_888),
        ("compacter++", 28_576),
        ("seq_bn_inv", 894_528 + 2 * (2 * 192 * 384 + 192 + 384)),
        // Two weights of a prefix's network with 800 in between, and the parallel adapter.
        ("mam", 30 * 768 + 800 * 769 + 18_432 * 801 + 7_091_712),
        ("noreft", 36_888),
        ("direft", 36_888),
        ("lora", 294_912),
        ("ia3", 55_296),
        ("dora", 294_912 + 24 * 768),
        ("mtl_lora", 294_912 + 24 * (1 + 8)),
        ("mtl_lora[n_up_projection=3]", 24 * (8 * 768 + 3 * 768 * 8 + 3 + 8)),
        // AdapterHub trains 24 full matrices, [R, R] and [D, D]; the paper's vectors are their diagonals.
        ("vera", 24 * (8 + 768)),
    ] {
        let adapter = Adapter::<f32>::blank("test", &method(text), &config, Seed::new(0)).expect("fits");
        assert_eq!(adapter.parameter_count(), count, "{text}");
    }
}

/// The table in the book: every preset has a row, and the row has its count and says whether it can be merged.
#[test]
fn the_table_of_methods_is_true() {
    let book = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/methods.md");
    let book = std::fs::read_to_string(book).expect("the book is in the repository");
    let config = Config { vocabulary: 30522, ..Config::bert(768, 12, 12, 3072) };
    let small = Config { vocabulary: 11, positions: 9, ..Config::bert(128, 1, 2, 128) };
    let small = Encoder::<f32>::random(small, 0.4, Seed::new(3));
    for preset in PRESETS {
        let row = book.lines().find(|line| line.starts_with(&format!("| `{}` | ", preset.name)));
        let cells: Vec<&str> = row.unwrap_or_else(|| panic!("no row for {}", preset.name)).split(" | ").collect();
        let adapter = Adapter::<f32>::blank("test", &(preset.method)(), &config, Seed::new(0)).expect("fits");
        assert_eq!(cells[4].replace(',', ""), adapter.parameter_count().to_string(), "{}", preset.name);
        let merges = merge(&small, &self::adapter(preset.name, &small, 1)).is_ok();
        assert_eq!(cells[5], if merges { "yes" } else { "no" }, "{}", preset.name);
        assert!(cells[1].contains(preset.paper), "{}: {}", preset.name, preset.paper);
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
    let weight = base.linear(point).expect("it is there").weight();
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
        family: adaptune_transformer::Family::DISTILBERT,
        ..Config::bert(8, 1, 2, 12)
    };
    let base = Encoder::<f32>::random(config, 0.4, Seed::new(3)).without_pooler();
    let two = vec!["a".to_owned(), "b".to_owned()];
    let fails =
        |config: HeadConfig| Head::new("test", &config, &base, Seed::new(0)).expect_err("does not fit").to_string();
    assert!(
        fails(HeadConfig { pooling: Some(Pooling::Pooler), ..HeadConfig::new(Task::CLASSIFICATION, two.clone()) })
            .contains("reads the pooler, but this model has none")
    );
    assert!(
        fails(HeadConfig { layers: 0, ..HeadConfig::new(Task::TAGGING, two.clone()) }).contains("at least one layer")
    );
    assert!(
        fails(HeadConfig::new(Task::CLASSIFICATION, two[..1].to_vec())).contains("needs at least 2 labels, but has 1")
    );
}

/// A prefix that came out of a network computes the same bits when the network is dropped.
#[test]
fn an_ejected_prefix_is_the_same_to_the_bit() {
    let base = base();
    for text in
        ["prefix_tuning[prefix_length=3,use_gating=True,leave_out=[1]]", "par_bn|prefix_tuning[bottleneck_size=5]"]
    {
        let deep = adapter(text, &base, 4);
        let expected = hidden(&base, Some(&deep));
        let flat = deep.ejected();
        assert_eq!(hidden(&base, Some(&flat)), expected, "{text}");
        let fresh =
            Adapter::<f32>::new("test", flat.method().expect("it has one"), base.config(), Seed::new(1)).expect("fits");
        let shapes = |a: &Adapter<f32>| {
            a.parameters().into_iter().map(|(name, p)| (name, p.shape().to_vec())).collect::<Vec<_>>()
        };
        assert_eq!(shapes(&flat), shapes(&fresh), "{text}: it has the parameters that its method says");
        assert_ne!(hidden(&base, None), expected, "{text}: a prefix is not the identity");
    }
}

/// Text behind a prefix that takes positions is embedded as text that begins there, and must leave room for it.
#[test]
fn a_prefix_may_shift_positions() {
    let base = base();
    let run = |text: &str| hidden(&base, Some(&adapter(text, &base, 4)));
    assert_ne!(
        run("prefix_tuning_flat[prefix_length=2]"),
        run("prefix_tuning_flat[prefix_length=2,position_shift=True]")
    );
    let shifted = adapter("prefix_tuning_flat[prefix_length=6,position_shift=True]", &base, 4);
    let error = base.forward(&batch(), &shifted, Pass::evaluate()).err().expect("too long").to_string();
    assert!(error.contains("has 4 tokens, but the model has positions for 3"), "{error}");
    let none =
        method("prefix_tuning[prefix_length=9,position_shift=True]").check(base.config()).unwrap_err().to_string();
    assert!(none.contains("leaves the text no position"), "{none}");
}

/// Tags are predicted for the text, in its order, wherever the prompt stands.
#[test]
fn a_prompt_gets_no_tags() {
    let base = base();
    let config = HeadConfig::new(Task::TAGGING, vec!["a".into(), "b".into()]);
    let first = [3, 4, 5, 6, 10, 14, 15, 16];
    for (combine, rows) in [("prefix", first), ("prefix_after_bos", [0, 4, 5, 6, 7, 11, 15, 16]), ("as_tokens", first)]
    {
        let text = format!("prompt_tuning[prompt_length=3,combine={combine}]");
        let head = Head::new("test", &config, &base, Seed::new(1)).expect("fits");
        let model = AdapterModel::new(base.clone(), Some(adapter(&text, &base, 2)), head);
        let logits = model.logits(&batch()).expect("a good batch");
        let encoded = base.forward(&batch(), model.adapter().expect("there"), Pass::evaluate()).expect("a good batch");
        assert_eq!((logits.nrows(), encoded.hidden.nrows()), (8, 8 + 3 * 3), "{combine}");
        let text_alone = encoded.hidden.select(ndarray::Axis(0), &rows);
        let expected = model.head().forward(model.thawed_base(), None, text_alone.view(), Pass::evaluate()).0;
        assert_eq!(logits, expected, "{combine}");
        let targets = Tagging(vec![None, Some(1), None, None, None, None, None, Some(0)]);
        let (all, _) = model.logits_and_loss(&batch(), &targets, 0.5).expect("a good batch");
        assert_eq!(all, logits, "{combine}");
    }
}

#[test]
fn a_prompt_may_begin_as_a_text() {
    let base = base();
    let method = method("prompt_tuning[prompt_length=5,prompt_init=from_string,prompt_init_text='a good film']");
    assert_eq!(method.prompt_text(), Some("a good film"));
    let refused = Adapter::<f32>::on("test", &method, &base, Seed::new(1)).expect_err("no tokens").to_string();
    assert!(refused.contains("Adapter::of_tokens"), "{refused}");
    let adapter = Adapter::of_tokens("test", &method, &base, &[7, 3], Seed::new(1)).expect("tokens of the base");
    let table = adaptune_transformer::Base::from(&*base).token_embeddings();
    let expected = table.view().select(ndarray::Axis(0), &[7, 3, 7, 3, 7]);
    assert_eq!(adapter.parameters()[0].1.to_view(), expected.into_dyn());
    for tokens in [&[][..], &[11]] {
        assert!(Adapter::of_tokens("test", &method, &base, tokens, Seed::new(1)).is_err());
    }
    let textless = self::method("prompt_tuning[prompt_init=from_string]").check(base.config()).unwrap_err().to_string();
    assert!(textless.contains("set prompt_init_text"), "{textless}");
}

/// ReFT starts where it moves nothing, though its subspace is drawn.
#[test]
fn fresh_reft_moves_nothing() {
    let base = base();
    for text in ["loreft[r=3,suffix_positions=1]", "noreft[r=2]", "direft[r=2,non_linearity=tanh]"] {
        assert_eq!(hidden(&base, Some(&adapter(text, &base, 4))), hidden(&base, None), "{text}");
    }
    let moved = |text: &str| {
        let mut adapter = adapter(text, &base, 4);
        let change = |p: &mut dyn adaptune_tensor::AnyParameter<f32>| p.values_mut().iter_mut().for_each(|v| *v += 0.5);
        adapter
            .parameters_mut()
            .into_iter()
            .filter(|(name, _)| name.ends_with("source.bias"))
            .for_each(|(_, p)| change(p));
        hidden(&base, Some(&adapter))
    };
    let only_last = moved("loreft[prefix_positions=0,suffix_positions=1,layers=[2]]");
    let differs = |t: usize| only_last.row(t) != hidden(&base, None).row(t);
    assert_eq!((0..8).filter(|t| differs(*t)).collect::<Vec<_>>(), [3, 4, 7], "the last tokens of the three sequences");
    for text in ["loreft[r=8]", "direft[r=9]", "loreft[prefix_positions=0]", "loreft[layers=[3]]", "noreft[layers=[]]"]
    {
        assert!(method(text).check(base.config()).is_err(), "{text}");
    }
}

/// Gates of AdapterHub average over padding too, so what shares a batch changes a sentence.
#[test]
fn a_gate_does_not_depend_on_the_batch() {
    let base = base();
    for text in
        ["seq_bn[use_gating=True,init_weights=bert,scaling=50]", "prefix_tuning_flat[prefix_length=2,use_gating=True]"]
    {
        let adapter = adapter(text, &base, 3);
        let together = hidden(&base, Some(&adapter));
        let alone = Batch::from_ids(&[&[9, 2, 6]]);
        let alone = base.forward(&alone, &adapter, Pass::evaluate()).expect("a good batch").hidden;
        assert_eq!(alone, together.slice(ndarray::s![5.., ..]), "{text}");
    }
}

/// Fields that leave a Compacter no way to be built, and those that AdapterHub does not survive but we do.
#[test]
fn compacters_must_divide() {
    let base = base();
    let fails = |text: &str| method(text).check(base.config()).unwrap_err().to_string();
    assert!(fails("compacter[reduction_factor=4,phm_dim=3]").contains("phm_dim is 3, but must be a divisor"));
    assert!(fails("compacter[reduction_factor=4,phm_dim=4]").contains("phm_dim is 4"), "the bottleneck is 2 wide");
    let map = "compacter[reduction_factor={'0': 2, 'default': 4},phm_dim=2,shared_W_phm=True]";
    assert!(fails(map).contains("bottlenecks of one width"));
    let count = |text: &str| adapter(text, &base, 1).parameter_count();
    // n³ for the rule; for each of six bottlenecks of 8 and 4, with n = 2: weights and biases.
    let own = 2 * (4 + 2) + 4 + 2 * (2 + 4) + 8;
    assert_eq!(count("compacter[reduction_factor=2,phm_dim=2]"), 8 + 6 * own);
    assert_eq!(
        count("compacter[reduction_factor=2,phm_dim=2,learn_phm=False]"),
        6 * own,
        "a fixed rule does not count"
    );
    assert_eq!(
        count("compacter[reduction_factor=2,phm_dim=2,shared_W_phm=True,factorized_phm_W=False]"),
        8 + 2 * 16 + 6 * 12
    );
    assert_eq!(count("compacter[reduction_factor=2,phm_dim=2,init_weights=houlsby]"), 8 + 6 * own);
}
