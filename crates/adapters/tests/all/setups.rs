//! Setups: trees of adapters as one value that a model owns. What each sequence gets is what it would get alone, gradients
//! are those of finite differences, and what means nothing is refused when the tree is built.

use adaptune_adapters::objective::Classification;
use adaptune_adapters::{
    Adapter, AdapterModel, AdapterPool, CompositionError, Expression, ExpressionError, Head, HeadConfig, LayerDrop,
    PerSequence, Setup, Stack, Task, format, merge,
};
use adaptune_autograd::check_gradients;
use adaptune_tensor::{Gradients, Parameters, Scalar, Seed};
use adaptune_transformer::{Batch, BatchError, Config, Encoder, Insertions, Pass};
use ndarray::{Array2, s};
use std::sync::Arc;

const LORAS: [&str; 4] = [
    "lora[r=2,alpha=5,output_lora=True]",
    "lora[r=3,alpha=2,intermediate_lora=True]",
    "lora[r=1,alpha=3,output_lora=True,intermediate_lora=True]",
    "lora[r=2,alpha=7]",
];

fn base<S: Scalar>() -> Encoder<S> {
    let config = Config { vocabulary: 11, positions: 12, ..Config::bert(6, 2, 2, 7) };
    Encoder::random(config, 0.4, Seed::new(3))
}

/// An adapter in which no parameter has the value it begins with.
fn adapter<S: Scalar>(name: &str, method: &str, base: &Encoder<S>) -> Adapter<S> {
    let parsed = method.parse().unwrap_or_else(|e| panic!("{method}: {e}"));
    let mut adapter = Adapter::on(name, &parsed, base, Seed::new(5)).unwrap_or_else(|e| panic!("{method}: {e}"));
    for (parameter_name, parameter) in adapter.parameters_mut() {
        let seed = Seed::new(7).named(name).named(&parameter_name);
        for (i, value) in parameter.values_mut().iter_mut().enumerate() {
            *value += S::from_f64(0.8 * seed.unit(i as u64) - 0.4);
        }
    }
    adapter
}

/// The setup of an expression in which `a`, `b` and so on stand for adapters of these methods, all of which train.
fn setup<S: Scalar>(text: &str, methods: &[&str], base: &Encoder<S>) -> Result<Setup<S>, ExpressionError> {
    let expression: Expression = text.parse()?;
    Setup::of(&expression, base.config(), |name| {
        let method = ["a", "b", "c", "d"].iter().position(|known| *known == name)?;
        Some(adapter(name, methods.get(method)?, base).into())
    })
}

fn refused(text: &str, methods: &[&str]) -> CompositionError {
    match setup::<f32>(text, methods, &base()) {
        Err(ExpressionError::Composition(error)) => error,
        other => panic!("{text}: {other:?}"),
    }
}

fn sequences(count: usize) -> Vec<Vec<u32>> {
    (0..count).map(|i| (0..1 + (i * 3) % 5).map(|t| ((i * 5 + t * 3) % 11) as u32).collect()).collect()
}

fn batch(sequences: &[Vec<u32>]) -> Batch {
    Batch::from_ids(&sequences.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

fn hidden<S: Scalar>(base: &Encoder<S>, batch: &Batch, insertions: &dyn Insertions<S>) -> Array2<S> {
    base.forward(batch, insertions, Pass::evaluate()).expect("a good batch").hidden
}

fn off<S: Scalar>(a: &Array2<S>, b: &Array2<S>) -> f64 {
    (a - b).iter().fold(0.0, |most, d| d.to_f64().abs().max(most))
}

#[test]
fn loras_upon_each_other_add_up_however_they_are_nested() {
    let (base, batch) = (base::<f64>(), batch(&sequences(3)));
    let [a, b, c] =
        [("a", LORAS[0]), ("b", LORAS[1]), ("c", LORAS[2])].map(|(name, method)| adapter(name, method, &base));
    let merged = merge(&base, &a).and_then(|base| merge(&base, &b)).and_then(|base| merge(&base, &c)).expect("LoRAs");
    let expected = hidden(&merged, &batch, &());
    for text in ["stack(a, b, c)", "stack(stack(a, b), c)", "stack(a, stack(b, c))", "stack(c, stack(a), b)"] {
        let stack = setup(text, &LORAS, &base).unwrap_or_else(|e| panic!("{text}: {e}"));
        let error = off(&hidden(&base, &batch, &stack), &expected);
        assert!(error < 1e-12, "{text}: off by {error:.1e}");
    }
    assert!(off(&hidden(&base, &batch, &setup("stack(a, b)", &LORAS, &base).expect("they add up")), &expected) > 1e-3);
}

#[test]
fn dora_stands_upon_nothing_wherever_it_is_in_the_tree() {
    let methods = ["lora[r=2]", "dora[r=2]", "lora[r=1]"];
    let not_above = CompositionError::NotAbove { point: "layer.0.query".into(), part: 1 };
    for text in ["stack(a, b)", "stack(a, stack(b, c))", "stack(stack(a, c), b)", "stack(a, layer_drop(b, layers=[1]))"]
    {
        assert_eq!(refused(text, &methods), not_above, "{text}");
    }
    assert_eq!(refused("stack(a, per_sequence(c, b, part_of=[0, 1]))", &methods), not_above);
    assert!(not_above.to_string().contains("base's own weight") && not_above.to_string().contains("put it first"));
    let base = base::<f64>();
    let flat = setup("stack(b, a, c)", &methods, &base).expect("it is first");
    let nested = setup("stack(stack(b, a), c)", &methods, &base).expect("it is first");
    let batch = batch(&sequences(3));
    assert!(off(&hidden(&base, &batch, &flat), &hidden(&base, &batch, &nested)) < 1e-13);
}

/// Trees that choose by sequence, and what the sequences have alone.
const CHOOSING: &[(&str, [&str; 4])] = &[
    ("stack(a, per_sequence(b, c, none, part_of=[1, 0, 2, 0]))", ["stack(a, c)", "stack(a, b)", "a", "stack(a, b)"]),
    (
        "stack(per_sequence(b, c, part_of=[1, 0, 1, 0]), a)",
        ["stack(c, a)", "stack(b, a)", "stack(c, a)", "stack(b, a)"],
    ),
    (
        "stack(a, stack(per_sequence(b, c, part_of=[1, 1, 0, 0]), d))",
        ["stack(a, c, d)", "stack(a, c, d)", "stack(a, b, d)", "stack(a, b, d)"],
    ),
    (
        "per_sequence(stack(a, b), per_sequence(c, d, part_of=[1, 0]), part_of=[1, 0, 1, 0])",
        ["d", "stack(a, b)", "c", "stack(a, b)"],
    ),
];

/// Methods of every shape of insertion point, which may stand upon each other.
const MIXTURES: &[[&str; 4]] = &[
    LORAS,
    ["seq_bn[reduction_factor=2]", "double_seq_bn[reduction_factor=3]", "par_bn[reduction_factor=2]", "lora[r=2]"],
    ["prefix_tuning_flat[prefix_length=2]", "lora[r=2]", "prefix_tuning_flat[prefix_length=1]", "ia3"],
    [
        "prompt_tuning[prompt_length=2]",
        "prompt_tuning[prompt_length=1]",
        "loreft[r=2]",
        "seq_bn_inv[reduction_factor=2]",
    ],
];

fn each_alone<S: Scalar>(tolerance: f64) {
    let (base, sequences) = (base::<S>(), sequences(4));
    for methods in MIXTURES {
        for (text, alone) in CHOOSING {
            let tree = setup(text, methods, &base).unwrap_or_else(|e| panic!("{text} {methods:?}: {e}"));
            let together = base.forward(&batch(&sequences), &tree, Pass::evaluate()).expect("a good batch");
            for (s, alone) in alone.iter().enumerate() {
                let alone = setup(alone, methods, &base).unwrap_or_else(|e| panic!("{alone} {methods:?}: {e}"));
                let expected = hidden(&base, &batch(&sequences[s..=s]), &alone);
                let found = together.hidden.slice(s![together.layout.range(s), ..]).to_owned();
                assert_eq!(found.dim(), expected.dim(), "{text} {methods:?} sequence {s}");
                let off = off(&found, &expected);
                assert!(off <= tolerance, "{text} {methods:?} sequence {s}: off by {off:.1e}");
            }
        }
    }
}

#[test]
fn a_choice_by_sequence_within_a_tree_gives_each_what_it_gets_alone() {
    each_alone::<f32>(0.0);
    each_alone::<f64>(1e-12);
}

/// The loss `Σ w ∘ hidden` with fixed random weights; its gradients.
fn loss(base: &Encoder<f64>, batch: &Batch, setup: &Setup<f64>) -> (f64, Gradients<f64>) {
    let encoded = base.forward(batch, setup, Pass::differentiate()).expect("a good batch");
    let weight = Array2::from_shape_fn(encoded.hidden.dim(), |(t, d)| Seed::new(11).at(t as u64).unit(d as u64) - 0.5);
    let (loss, mut gradients) = ((&encoded.hidden * &weight).sum(), Gradients::new());
    encoded.trace.backward(weight, &mut gradients);
    (loss, gradients)
}

#[test]
fn trees_have_gradients() {
    let smooth = [
        "seq_bn[reduction_factor=3,non_linearity=gelu]",
        LORAS[0],
        LORAS[1],
        "par_bn[reduction_factor=2,non_linearity=tanh]",
    ];
    let (base, batch) = (base::<f64>(), batch(&sequences(4)));
    for (methods, texts) in [(LORAS, CHOOSING), (smooth, CHOOSING)] {
        for (text, _) in texts {
            check_tree(text, &methods, &base, &batch);
        }
    }
}

/// A tree and batch, with the gradients of every parameter against finite differences.
fn check_tree(text: &str, methods: &[&str], base: &Encoder<f64>, batch: &Batch) {
    let mut tree = setup(text, methods, base).unwrap_or_else(|e| panic!("{text}: {e}"));
    let slots = tree.train_from(0);
    let (_, gradients) = loss(base, batch, &tree);
    assert_eq!(gradients.len(), slots, "{text}");
    for i in 0..slots {
        let (name, parameter) = tree.parameters().swap_remove(i);
        let (slot, point) = (parameter.slot().expect("it trains"), parameter.values().to_vec());
        let gradient: Vec<f64> = gradients.get(slot).expect("it has one").iter().copied().collect();
        let f = |x: &[f64]| {
            tree.parameters_mut().swap_remove(i).1.values_mut().copy_from_slice(x);
            loss(base, batch, &tree).0
        };
        check_gradients(f, &point, &gradient).unwrap_or_else(|e| panic!("{text}: {name}: {e}"));
        tree.parameters_mut().swap_remove(i).1.values_mut().copy_from_slice(&point);
    }
}

#[test]
fn averages_have_gradients_of_every_kind_of_module_and_in_every_nesting() {
    let (base, batch) = (base::<f64>(), batch(&sequences(4)));
    let texts = [
        "average(0.3*a, 0.7*b)",
        "average(a, b, c, d)",
        "average(1.5*a, -0.5*none)",
        "average(stack(a, b), c)",
        "stack(a, average(b, c), d)",
        "average(average(a, b), 0.25*c)",
        "per_sequence(average(0.4*a, 0.6*b), c, none, part_of=[0, 1, 2, 0])",
        "average(a, per_sequence(b, c, part_of=[1, 0, 0, 1]))",
    ];
    let bottlenecks = [
        "seq_bn[reduction_factor=3,non_linearity=gelu]",
        "par_bn[reduction_factor=2,non_linearity=tanh]",
        "double_seq_bn[reduction_factor=2,non_linearity=gelu,residual_before_ln=False,original_ln_before=True]",
        "seq_bn[reduction_factor=2,non_linearity=tanh,ln_after=True,adapter_residual_before_ln=True]",
    ];
    // DoRA is not among them: the gradient of its norm is left out on purpose, as the paper has it.
    let linears = ["lora[r=2,alpha=5,output_lora=True,use_gating=True]", "ia3", "lora[r=1,alpha=7]", LORAS[1]];
    for methods in [bottlenecks, linears] {
        for text in texts.map(|text| text.replace("0.25*c", "c")) {
            check_tree(&text, &methods, &base, &batch);
        }
    }
}

#[test]
fn an_average_of_one_and_the_same_is_that_one() {
    let (base, batch) = (base::<f64>(), batch(&sequences(5)));
    let methods =
        ["seq_bn", "double_seq_bn", "par_bn", "compacter[phm_dim=2,reduction_factor=1]", "dora", "ia3", LORAS[2]];
    for method in
        methods.into_iter().chain(["seq_bn[residual_before_ln=False]", "seq_bn[ln_after=True,use_gating=True]"])
    {
        let average =
            setup("average(0.3*a, 0.45*a, 0.25*a)", &[method], &base).unwrap_or_else(|e| panic!("{method}: {e}"));
        let alone = adapter("a", method, &base);
        let (found, expected) = (hidden(&base, &batch, &average), hidden(&base, &batch, &alone));
        assert!(off(&found, &expected) < 1e-12, "{method}: {}", off(&found, &expected));
        assert!(off(&expected, &hidden(&base, &batch, &())) > 1e-3, "{method} does nothing");
    }
}

/// `W x + Σ w_i s_i B_i A_i x` is a stack of LoRAs whose scalings are multiplied by the weights, and so for what reads `r` alone.
#[test]
fn weights_multiply_what_each_part_adds() {
    let (base, batch) = (base::<f64>(), batch(&sequences(5)));
    let averaged = ["lora[r=2,alpha=5,output_lora=True]", "lora[r=2,alpha=2]"];
    let stacked = ["lora[r=2,alpha=1.5,output_lora=True]", "lora[r=2,alpha=1.4]"];
    let parallel = ["par_bn[scaling=2.0]", "par_bn[scaling=3.0,reduction_factor=3]"];
    let stacked_parallel = ["par_bn[scaling=0.6]", "par_bn[scaling=2.1,reduction_factor=3]"];
    for (averaged, stacked) in [(averaged, stacked), (parallel, stacked_parallel)] {
        let average = setup("average(0.3*a, 0.7*b)", &averaged, &base).expect("an average");
        let stack = setup("stack(a, b)", &stacked, &base).expect("a stack");
        let (found, expected) = (hidden(&base, &batch, &average), hidden(&base, &batch, &stack));
        assert!(off(&found, &expected) < 1e-12, "{averaged:?}: {}", off(&found, &expected));
    }
}

#[test]
fn what_has_no_average_is_refused_with_the_reason() {
    let methods = ["seq_bn", "prefix_tuning[prefix_length=2]", "seq_bn_inv", "adapter_plus"];
    for (text, words) in [
        ("average(a, b)", "part 1 of the average has a module there that has no average"),
        ("average(c, a)", "embeddings: part 0 of the average"),
        ("average(a, d)", "part 1 of the average"),
        ("average(0.3*a, 0.6*a)", "but these sum to 0.8999999999999999"),
        ("average()", "nothing to put together"),
    ] {
        assert!(refused(text, &methods).to_string().contains(words), "{text}: {}", refused(text, &methods));
    }
    let wrong = |text: &str| setup::<f32>(text, &methods, &base()).map(|_| ()).unwrap_err().to_string();
    assert!(
        wrong("average(0.3*a, a)").contains("a weight for each part or for none"),
        "{}",
        wrong("average(0.3*a, a)")
    );
    assert!(
        wrong("average(x*a)").contains("a number, as in 0.3*a, was expected at `x*a)`"),
        "{}",
        wrong("average(x*a)")
    );
    assert!(wrong("average(inf*a)").contains("a number, as in 0.3*a,"), "{}", wrong("average(inf*a)"));
    assert!(wrong("stack(0.3*a, 0.7*a)").contains("stack has no weights"), "{}", wrong("stack(0.3*a, 0.7*a)"));
}

#[test]
fn parts_that_disagree_on_the_batch_are_refused_when_the_tree_is_built() {
    let sequences = |part, found, expected| CompositionError::Sequences { part, found, expected };
    let stack = "stack(per_sequence(a, b, part_of=[0, 1]), c, per_sequence(a, b, part_of=[0, 1, 1]))";
    let bottlenecks = ["seq_bn"; 4];
    assert_eq!(refused(stack, &bottlenecks), sequences(2, 3, 2));
    let nested = "per_sequence(a, per_sequence(b, c, part_of=[0, 1, 1]), part_of=[0, 1, 1])";
    assert_eq!(refused(nested, &LORAS), sequences(1, 3, 2));
    assert!(refused(nested, &LORAS).to_string().contains("batches of 3 sequences, but would see 2"));
    let dropped = "per_sequence(a, layer_drop(stack(per_sequence(b, part_of=[0, 0])), layers=[0]), part_of=[0, 1])";
    assert_eq!(refused(dropped, &LORAS), sequences(1, 2, 1));
    assert_eq!(
        refused("per_sequence(a, part_of=[0, 1])", &LORAS),
        CompositionError::NoPart { sequence: 1, part: 1, parts: 1 }
    );
    // A part that no sequence has is never asked.
    let unused = "per_sequence(a, per_sequence(b, part_of=[0, 0, 0]), part_of=[0, 0])";
    assert!(setup::<f32>(unused, &LORAS, &base()).is_ok());
}

#[test]
fn a_batch_of_another_size_is_an_error_of_the_pass() {
    let base = Arc::new(base::<f32>());
    for (text, _) in CHOOSING {
        let tree = setup(text, &MIXTURES[2], &base).expect("it fits");
        assert_eq!(tree.sequences(), Some(4), "{text}");
        let error = base.forward(&batch(&sequences(3)), &tree, Pass::evaluate()).err();
        assert_eq!(error, Some(BatchError::Rows { expected: 4, found: 3 }), "{text}");
        let model = model(&base, None).with_setup(tree).expect("it trains");
        assert_eq!(model.logits(&batch(&sequences(5))).err(), Some(BatchError::Rows { expected: 4, found: 5 }));
        assert_eq!(model.constant_blocks(), 0, "nothing is known of batches of one");
    }
}

/// At a linear layer the upper choice would ask the lower one about a part of the batch.
#[test]
fn two_choices_by_sequence_upon_each_other_are_refused_at_linear_layers_alone() {
    let text = "stack(per_sequence(a, b, part_of=[0, 1, 1, 0]), per_sequence(c, d, part_of=[0, 0, 1, 1]))";
    let error = refused(text, &LORAS);
    assert_eq!(error, CompositionError::BySequenceTwice { point: "layer.0.query".into(), part: 1 });
    assert!(error.to_string().contains("one choice by sequence between stacks"), "{error}");
    let bottlenecks =
        ["seq_bn[reduction_factor=2]", "par_bn[reduction_factor=3]", "double_seq_bn[reduction_factor=2]", "seq_bn"];
    let (base, sequences) = (base::<f32>(), sequences(4));
    let tree = setup(text, &bottlenecks, &base).expect("each sees the whole batch");
    let together = base.forward(&batch(&sequences), &tree, Pass::evaluate()).expect("a good batch");
    for (s, alone) in ["stack(a, c)", "stack(b, c)", "stack(b, d)", "stack(a, d)"].into_iter().enumerate() {
        let alone = setup(alone, &bottlenecks, &base).expect("a stack");
        let expected = hidden(&base, &batch(&sequences[s..=s]), &alone);
        assert_eq!(together.hidden.slice(s![together.layout.range(s), ..]), expected, "sequence {s}");
    }
}

fn head<S: Scalar>(base: &Encoder<S>, task: Task) -> Head<S> {
    Head::new("mood", &HeadConfig::new(task, vec!["x".into(), "y".into()]), base, Seed::new(1)).expect("it fits")
}

fn model<S: Scalar>(base: &Arc<Encoder<S>>, adapter: Option<Adapter<S>>) -> AdapterModel<S> {
    AdapterModel::new(base.clone(), adapter, head(base, Task::CLASSIFICATION))
}

fn names<S: Scalar>(of: &dyn Parameters<S>) -> Vec<String> {
    of.parameters().into_iter().map(|(name, _)| name).collect()
}

#[test]
fn parameters_are_named_after_the_adapter_only_where_several_train() {
    let base = Arc::new(base::<f32>());
    let new = |name| adapter(name, "lora[r=2]", &base);
    let alone = names(&model(&base, Some(new("a"))));
    assert!(alone[0].starts_with("adapter.layer.0.") && alone.last().is_some_and(|name| name.starts_with("head.")));
    let put = |parts| model(&base, None).with_setup(Stack::new(base.config(), parts).expect("a stack"));
    let frozen: Setup<f32> = Setup::from(new("z")).frozen();
    let upon = put(vec![frozen, new("a").into()]).expect("one trains");
    assert_eq!(names(&upon), alone, "a frozen adapter is no parameter");
    assert_eq!(upon.adapter().map(Adapter::name), Some("a"));
    let both = put(vec![new("z").into(), new("a").into()]).expect("both train");
    let of = |adapter: &str| -> Vec<String> {
        let own = alone.iter().filter(|name| name.starts_with("adapter."));
        own.map(|name| name.replace("adapter.", &format!("adapter.{adapter}."))).collect()
    };
    let of_head = alone.iter().filter(|name| name.starts_with("head.")).cloned().collect();
    let expected: Vec<String> = [of("z"), of("a"), of_head].concat();
    assert_eq!(names(&both), expected);
    assert!(both.adapter().is_none() && both.setup().training().len() == 2);
    assert_eq!(both.counts().adapter, 2 * upon.counts().adapter);
    let twins = put(vec![new("a").into(), new("a").into()]).expect_err("they cannot be told apart");
    assert_eq!(twins, CompositionError::SameName { name: "a".into() });
}

#[test]
fn any_part_of_a_tree_trains_and_the_others_have_no_gradient() {
    let base = Arc::new(base::<f64>());
    let methods = ["seq_bn[reduction_factor=2]", "lora[r=2]", "double_seq_bn[reduction_factor=3]"];
    let targets = Classification(vec![0, 1, 1]);
    for frozen in [[false, true, false], [true, true, false], [true, false, true], [false, false, false]] {
        let part = |i: usize| {
            let part = Setup::from(adapter(["a", "b", "c"][i], methods[i], &base));
            if frozen[i] { part.frozen() } else { part }
        };
        let stack = Stack::new(base.config(), (0..3).map(part).collect()).expect("a stack");
        let model = model(&base, None).with_setup(stack).expect("it trains");
        let mut gradients = Gradients::new();
        let pass = Pass::differentiate();
        model.loss_and_gradients(&batch(&sequences(3)), &targets, 0.3, pass, &mut gradients).expect("a good batch");
        assert_eq!(gradients.len(), model.parameters().len(), "{frozen:?}");
        assert_eq!(model.setup().training().len(), frozen.iter().filter(|frozen| !**frozen).count());
    }
}

#[test]
fn frozen_adapters_are_shared_and_train_again_when_nobody_else_has_them() {
    let base = Arc::new(base::<f32>());
    let shared = Arc::new(adapter("a", "lora[r=2]", &base));
    let setup = Setup::from(shared.clone());
    assert!(setup.parameters().is_empty() && setup.adapters().len() == 1);
    let error = setup.unfrozen().expect_err("the test has it too");
    assert_eq!(error, CompositionError::Shared { name: "a".into() });
    let setup = Setup::from(shared).unfrozen().expect("nobody else has it");
    let model = model(&base, None).with_setup(LayerDrop::new(setup, [0])).expect("it trains");
    assert!(model.adapter().is_some_and(Parameters::any_trains));
    let (setup, ..) = model.into_setup();
    assert!(setup.training().is_empty() && setup.to_string() == "layer_drop(a, layers=[0])");
}

#[test]
fn a_language_model_undoes_one_inverse_of_all_sequences() {
    let base = Arc::new(base::<f32>());
    let model = || AdapterModel::new(base.clone(), None, head(&base, Task::MASKED_LANGUAGE));
    let inverse = |name| Setup::from(adapter(name, "seq_bn_inv[reduction_factor=2]", &base));
    let chosen = PerSequence::new(vec![inverse("a"), Setup::None], &[0, 1]).expect("two sequences");
    assert_eq!(model().with_setup(chosen).expect_err("one has none"), CompositionError::InverseBySequence);
    let two = Stack::new(base.config(), vec![inverse("a"), inverse("b")]).expect("a stack");
    assert_eq!(model().with_setup(two).expect_err("two inverses"), CompositionError::TwoInverses);
    let one = Stack::new(base.config(), vec![inverse("a"), adapter("b", "lora", &base).into()]).expect("a stack");
    let one = model().with_setup(one).expect("one inverse");
    let below = model().upon(vec![Arc::new(adapter("a", "seq_bn_inv[reduction_factor=2]", &base))]).expect("one");
    assert_ne!(one.logits(&batch(&sequences(2))).ok(), below.logits(&batch(&sequences(2))).ok());
}

#[test]
fn expressions_are_refused_with_the_place_and_the_reason() {
    let base = base::<f32>();
    let fails = |text: &str, words: &str| {
        let error = setup(text, &LORAS, &base).expect_err(text).to_string();
        assert!(error.contains(words), "{text}: {error}");
    };
    fails("", "a name was expected at ``");
    fails("stack(a, b", "`,` or `)` was expected");
    fails("stack(a, b) c", "the end was expected at `c`");
    fails("stac(a)", "did you mean `stack`?");
    fails("stack(a, e)", "no adapter `e`");
    fails("stack()", "name at least one adapter");
    fails("stack(a, layers=[1])", "has the options [layers], but needs []");
    fails("layer_drop(a)", "needs [layers]");
    fails("layer_drop(a, layers=[1], layers=[0])", "each once");
    fails("layer_drop(a, b, layers=[1])", "exactly one part, but 2");
    fails("layer_drop(a, layers=[x])", "a number was expected at `x])`");
    fails("layer_drop(a, layers=3)", "a list of numbers");
    fails("\"a", "between quotation marks");
    fails(&"stack(".repeat(5000), "nodes within each other");
    let quoted: Expression = "stack(\"none\", none, \"ä \\\" (\")".parse().expect("an expression");
    assert_eq!(quoted.to_string(), "stack(\"none\", none, \"ä \\\" (\")");
    assert_eq!(quoted.names(), ["none", "ä \" ("]);
}

#[test]
fn a_setup_is_saved_and_loaded() {
    let base = Arc::new(base::<f32>());
    let methods = ["seq_bn_inv[reduction_factor=2]", "dora[r=2]", "lora[r=2]"];
    let folder = tempfile::tempdir().expect("a temporary folder");
    let plain = model(&base, Some(adapter("old", "ia3", &base)));
    format::save(&plain, folder.path()).expect("it can be written");
    for text in
        ["stack(a, layer_drop(b, layers=[1]), c)", "per_sequence(stack(a, b), none, c, part_of=[2, 0, 1])", "none"]
    {
        let model = model(&base, None).with_setup(setup(text, &methods, &base).expect("it fits")).expect("it trains");
        format::save_setup(&model, folder.path()).expect("it can be written");
        assert!(!folder.path().join("adapter_config.json").exists(), "one of before would be taken for its own");
        let loaded: AdapterModel<f32> = format::load(folder.path(), base.clone()).expect("it was saved");
        assert_eq!(loaded.setup().to_string(), text);
        assert_eq!(names(&loaded), names(&model), "all of them train");
        let described = format::describe(folder.path()).expect("it can be read");
        let adapters = described.iter().filter(|part| part.kind == "adapter").map(|part| part.name.as_str());
        assert_eq!(adapters.collect::<Vec<_>>(), model.setup().expression().names());
        assert_eq!(described.last().map(|part| (part.kind, part.name.as_str())), Some(("head", "mood")));
        let batch = batch(&sequences(3));
        assert_eq!(loaded.logits(&batch).expect("three"), model.logits(&batch).expect("three"), "{text}");
    }
    format::save(&plain, folder.path()).expect("it can be written");
    let loaded: AdapterModel<f32> = format::load(folder.path(), base.clone()).expect("it was saved");
    assert_eq!(loaded.adapter().map(Adapter::name), Some("old"), "the setup has made way");
}

#[test]
fn what_cannot_be_saved_or_loaded_says_why() {
    let base = Arc::new(base::<f32>());
    let folder = tempfile::tempdir().expect("a temporary folder");
    let made = |text: &str| model(&base, None).with_setup(setup(text, &LORAS, &base).expect("fits")).expect("trains");
    let error = format::save(&made("stack(a, b)"), folder.path()).expect_err("two adapters").to_string();
    assert!(error.contains("save_setup"), "{error}");
    let error = format::save(&made("layer_drop(a, layers=[0])"), folder.path()).expect_err("lost").to_string();
    assert!(error.contains("layer_drop(a, layers=[0])") && error.contains("save_setup"), "{error}");
    let twins = model(&base, Some(adapter("a", "ia3", &base))).upon(vec![Arc::new(adapter("a", "lora", &base))]);
    let error = format::save_setup(&twins.expect("a stack"), folder.path()).expect_err("one name").to_string();
    assert!(error.contains("called \"a\""), "{error}");
    format::save_setup(&made("stack(a, b)"), folder.path()).expect("it can be written");
    let path = folder.path().join("adapter_setup.json");
    let text = std::fs::read_to_string(&path).expect("it was written");
    let fails = |from: &str, to: &str, words: &str| {
        std::fs::write(&path, text.replace(from, to)).expect("a writable folder");
        let error = format::load::<f32>(folder.path(), base.clone()).expect_err(to).to_string();
        assert!(error.contains(words), "{error}");
    };
    fails("\"Stack\"", "\"Parallel\"", "stands outside of all others");
    fails("\"Stack\"", "\"Fuse\"", "a,b/adapter_fusion_config.json");
    fails("\"b\"", "\"../b\"", "holds a point or a slash");
    fails("\"mood\"", "\"..\"", "holds a point or a slash");
    fails("\"b\"", "\"c\"", "adapter_config.json");
    fails("head_setup", "head", "one head only");
    std::fs::rename(folder.path().join("b"), folder.path().join("c")).expect("a writable folder");
    fails("\"b\"", "\"c\"", "holds an adapter \"b\"");
}

#[test]
fn a_bank_takes_setups_in_and_answers_each_by_its_own() {
    let base = Arc::new(base::<f32>());
    let language = Arc::new(adapter("german", "seq_bn_inv[reduction_factor=2]", &base));
    let task = |name: &str, method| model(&base, Some(adapter(name, method, &base)));
    let upon = |name: &str, method| task(name, method).upon(vec![language.clone()]).expect("a stack");
    let members = || [upon("mood", "seq_bn[reduction_factor=3]"), upon("topic", "lora[r=2]"), task("plain", "ia3")];
    let mut pool = AdapterPool::new(base.clone());
    let all: usize = members().iter().map(|member| member.counts().adapter + member.counts().head).sum();
    for member in members() {
        let name = member.adapter().expect("one trains").name().to_owned();
        pool.add(&name, member).expect("a new name");
    }
    assert_eq!(pool.parameter_count(), all + language.parameter_count(), "what two share is there once");
    let written: Vec<String> = pool.names().map(|name| pool.setup(name).expect("loaded").to_string()).collect();
    assert_eq!(written, ["stack(german, mood)", "plain", "stack(german, topic)"]);
    let sequences = sequences(5);
    let names = ["topic", "mood", "plain", "mood", "topic"];
    let logits = pool.logits(&batch(&sequences), &names).expect("all are loaded");
    for (s, (name, logits)) in names.iter().zip(logits).enumerate() {
        let alone = members().into_iter().find(|member| member.adapter().is_some_and(|a| a.name() == *name));
        assert_eq!(Some(logits), alone.and_then(|member| member.logits(&batch(&sequences[s..=s])).ok()), "{name}");
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    format::save_setup(&upon("mood", "seq_bn[reduction_factor=3]"), folder.path()).expect("it can be written");
    pool.load("again", folder.path()).expect("it was saved");
    let twice = pool.logits(&batch(&[sequences[1].clone(), sequences[1].clone()]), &["mood", "again"]);
    let twice = twice.expect("both are loaded");
    assert_eq!(twice[0], twice[1]);
    let choosing = setup("per_sequence(a, b, part_of=[0, 1])", &LORAS, &base).expect("it fits");
    let error =
        pool.add("choosing", model(&base, None).with_setup(choosing).expect("it trains")).expect_err("it chooses");
    assert!(error.to_string().contains("by sequence"), "{error}");
}
