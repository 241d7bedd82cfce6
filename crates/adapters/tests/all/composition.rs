//! Several adapters at once: stacks, mixed batches, dropped layers. What each sequence gets is what it would get alone,
//! and gradients are those of finite differences.

use adaptune_adapters::objective::Tagging;
use adaptune_adapters::{
    Adapter, AdapterModel, CompositionError, Head, HeadConfig, LayerDrop, Method, PerSequence, Setup, Stack, Task,
};
use adaptune_autograd::check_gradients;
use adaptune_tensor::{Gradients, Layout, Parameters, Scalar, Seed};
use adaptune_test_support::largest_difference;
use adaptune_transformer::{Batch, BatchError, Config, Encoder, Insertions, Pass};
use ndarray::{Array2, Axis, concatenate, s};
use std::sync::Arc;

/// One of each kind, none neutral: prompts of two lengths, gates, shifted positions, constants, unions.
const METHODS: &[&str] = &[
    "seq_bn[reduction_factor=2]",
    "double_seq_bn[reduction_factor=3,use_gating=True]",
    "adapter_plus[reduction_factor=2]",
    "compacter[reduction_factor=3,phm_dim=2]",
    "seq_bn_inv[reduction_factor=2]",
    "lora[r=2,alpha=5,intermediate_lora=True,output_lora=True]",
    "dora[r=2,alpha=3]",
    "ia3",
    "vera[r=3]",
    "mtl_lora[r=2,alpha=3,n_up_projection=2]",
    "prefix_tuning[prefix_length=3,bottleneck_size=4]",
    "prefix_tuning_flat[prefix_length=2,position_shift=True,use_gating=True]",
    "prompt_tuning[prompt_length=2]",
    "prompt_tuning[prompt_length=3,combine=prefix_after_bos]",
    "prompt_tuning[prompt_length=2,combine=as_tokens]",
    "loreft[r=2]",
    "mam[reduction_factor=2]",
    "unipelt",
];

fn base<S: Scalar>() -> Encoder<S> {
    let config = Config { vocabulary: 11, positions: 12, ..Config::bert(6, 2, 2, 7) };
    Encoder::random(config, 0.4, Seed::new(3))
}

/// An adapter in which no parameter has the value it begins with.
fn adapter<S: Scalar>(method: &str, base: &Encoder<S>) -> Adapter<S> {
    let parsed: Method = match method.split_once("mam[") {
        Some(_) => "prefix_tuning_flat[prefix_length=2]|par_bn[reduction_factor=2]".parse(),
        None => method.parse(),
    }
    .unwrap_or_else(|e| panic!("{method}: {e}"));
    let mut adapter = Adapter::on("test", &parsed, base, Seed::new(5)).unwrap_or_else(|e| panic!("{method}: {e}"));
    for (name, parameter) in adapter.parameters_mut() {
        let seed = Seed::new(7).named(method).named(&name);
        for (i, value) in parameter.values_mut().iter_mut().enumerate() {
            *value += S::from_f64(0.8 * seed.unit(i as u64) - 0.4);
        }
    }
    adapter
}

/// Twice as many sequences as parts, of several lengths, neighbours with other parts.
fn sequences(count: usize) -> Vec<Vec<u32>> {
    (0..count).map(|i| (0..1 + (i * 3) % 5).map(|t| ((i * 5 + t * 3) % 11) as u32).collect()).collect()
}

fn batch(sequences: &[Vec<u32>]) -> Batch {
    Batch::from_ids(&sequences.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

fn hidden<S: Scalar>(base: &Encoder<S>, batch: &Batch, insertions: &dyn Insertions<S>) -> (Array2<S>, Layout) {
    let encoded = base.forward(batch, insertions, Pass::evaluate()).expect("a good batch");
    (encoded.hidden, encoded.layout)
}

/// Every sequence of a batch in which all methods are mixed, and one that has none, gives what it gives alone: in f32 the
/// very bits. Products of f64 are not ours, and what they add to a result may round otherwise where there are more rows.
fn mixed_is_each_alone<S: Scalar>(tolerance: f64) {
    let base = base::<S>();
    let adapters: Vec<Adapter<S>> = METHODS.iter().map(|method| adapter(method, &base)).collect();
    let mut parts: Vec<&dyn Insertions<S>> = adapters.iter().map(|a| a as _).collect();
    parts.push(&());
    let sequences = sequences(2 * parts.len());
    let rows: Vec<usize> = (0..sequences.len()).map(|s| (s * 5) % parts.len()).collect();
    let mixed = PerSequence::new(parts.clone(), &rows).expect("every part is there");
    let (together, layout) = hidden(&base, &batch(&sequences), &mixed);
    for (s, part) in rows.iter().enumerate() {
        let (alone, its) = hidden(&base, &batch(&sequences[s..=s]), parts[*part]);
        let name = METHODS.get(*part).unwrap_or(&"none");
        let among_others = together.slice(s![layout.range(s), ..]);
        let off = largest_difference(among_others.mapv(S::to_f64), alone.mapv(S::to_f64));
        assert!(off <= tolerance, "{name}, sequence {s}: off by {off:.1e}");
        let text: Vec<usize> = layout.text(s).map(|row| row - layout.range(s).start).collect();
        assert_eq!(text, its.text(0).collect::<Vec<_>>(), "{name}: where the text of sequence {s} lies");
    }
}

#[test]
fn each_row_of_a_mixed_batch_is_what_it_is_alone() {
    mixed_is_each_alone::<f32>(0.0);
    mixed_is_each_alone::<f64>(1e-13);
}

/// The loss `Σ w ∘ hidden` with fixed random weights; its gradients.
fn loss(base: &Encoder<f64>, batch: &Batch, insertions: &dyn Insertions<f64>, pass: Pass) -> (f64, Gradients<f64>) {
    let encoded = base.forward(batch, insertions, pass).expect("a good batch");
    let weight = Array2::from_shape_fn(encoded.hidden.dim(), |(t, d)| Seed::new(11).at(t as u64).unit(d as u64) - 0.5);
    let loss = (&encoded.hidden * &weight).sum();
    let mut gradients = Gradients::new();
    encoded.trace.backward(weight, &mut gradients);
    (loss, gradients)
}

/// Checks every gradient of the adapters where `compose` puts them together.
fn check(what: &str, mut adapters: Vec<Adapter<f64>>, compose: impl Fn(&[Adapter<f64>]) -> f64, found: Gradients<f64>) {
    let mut checked = 0;
    for a in 0..adapters.len() {
        for i in 0..adapters[a].parameters().len() {
            let (name, slot, point) = {
                let (name, parameter) = adapters[a].parameters().swap_remove(i);
                (name, parameter.slot().expect("it trains"), parameter.values().to_vec())
            };
            let Some(gradient) = found.get(slot) else { panic!("{what}: no gradient for {name} of adapter {a}") };
            let gradient: Vec<f64> = gradient.iter().copied().collect();
            let f = |x: &[f64]| {
                adapters[a].parameters_mut().swap_remove(i).1.values_mut().copy_from_slice(x);
                compose(&adapters)
            };
            check_gradients(f, &point, &gradient).unwrap_or_else(|e| panic!("{what}: {name} of adapter {a}: {e}"));
            adapters[a].parameters_mut().swap_remove(i).1.values_mut().copy_from_slice(&point);
            checked += 1;
        }
    }
    assert!(checked > 0);
}

/// All of them train, each parameter in a slot of its own.
fn training(methods: &[&str], base: &Encoder<f64>) -> Vec<Adapter<f64>> {
    let mut adapters: Vec<Adapter<f64>> = methods.iter().map(|method| adapter(method, base)).collect();
    let mut slot = 0;
    for adapter in &mut adapters {
        slot = adapter.train_from(slot);
    }
    adapters
}

fn parts(adapters: &[Adapter<f64>]) -> Vec<&dyn Insertions<f64>> {
    adapters.iter().map(|a| a as _).collect()
}

#[test]
fn mixed_batches_have_gradients() {
    let smooth = [
        "seq_bn[reduction_factor=3,non_linearity=gelu,use_gating=True]",
        "lora[r=2,alpha=5,output_lora=True]",
        "prefix_tuning_flat[prefix_length=2,use_gating=True]",
        "prompt_tuning[prompt_length=2]",
        "loreft[r=2,prefix_positions=1,suffix_positions=1]",
    ];
    let base = base::<f64>();
    let (sequences, rows) = (batch(&sequences(7)), [0, 1, 2, 4, 3, 1, 5]);
    let run = |adapters: &[Adapter<f64>]| {
        let mut parts = parts(adapters);
        parts.push(&());
        let mixed = PerSequence::new(parts.clone(), &rows).expect("every part is there");
        loss(&base, &sequences, &mixed, Pass::differentiate())
    };
    let adapters = training(&smooth, &base);
    let (_, gradients) = run(&adapters);
    check("mixed", adapters, |adapters| run(adapters).0, gradients);
}

#[test]
fn stacks_have_gradients() {
    for methods in [
        ["seq_bn_inv[reduction_factor=2,non_linearity=gelu]", "double_seq_bn[reduction_factor=3]"],
        ["double_seq_bn[reduction_factor=3]", "adapter_plus[reduction_factor=2]"],
        ["par_bn[reduction_factor=2,non_linearity=tanh]", "seq_bn[reduction_factor=3,non_linearity=gelu]"],
        ["lora[r=2,alpha=3]", "lora[r=1,alpha=4,intermediate_lora=True]"],
        ["ia3[attn_matrices=[v],output_lora=True,scale_inputs=[output]]", "lora[r=2,alpha=5,output_lora=True]"],
        ["vera[r=3]", "ia3[attn_matrices=[q,v],scale_inputs=[q]]"],
        ["prefix_tuning_flat[prefix_length=2]", "prefix_tuning_flat[prefix_length=1,use_gating=True]"],
        ["prompt_tuning[prompt_length=1]", "prompt_tuning[prompt_length=2,combine=prefix_after_bos]"],
        ["loreft[r=2,prefix_positions=1,suffix_positions=1]", "seq_bn[reduction_factor=2,non_linearity=gelu]"],
    ] {
        let (base, batch) = (base::<f64>(), batch(&sequences(4)));
        let run = |adapters: &[Adapter<f64>], pass| {
            let stack = Stack::new(base.config(), parts(adapters)).unwrap_or_else(|e| panic!("{methods:?}: {e}"));
            loss(&base, &batch, &stack, pass)
        };
        let adapters = training(&methods, &base);
        let (_, gradients) = run(&adapters, Pass::differentiate());
        check(&format!("{methods:?}"), adapters, |adapters| run(adapters, Pass::differentiate()).0, gradients);
    }
}

#[test]
fn loras_upon_each_other_add_up_and_their_order_does_not_count() {
    let (base, batch) = (base::<f64>(), batch(&sequences(3)));
    let [a, b] = ["lora[r=2,alpha=5,output_lora=True]", "lora[r=3,alpha=2,intermediate_lora=True]"]
        .map(|method| adapter(method, &base));
    let stack = |parts: [&dyn Insertions<f64>; 2]| {
        hidden(&base, &batch, &Stack::new(base.config(), parts.to_vec()).expect("they add up")).0
    };
    let (ab, ba) = (stack([&a, &b]), stack([&b, &a]));
    let once = adaptune_adapters::merge(&base, &a).expect("a LoRA");
    let twice = adaptune_adapters::merge(&once, &b).expect("a LoRA");
    let merged = hidden(&twice, &batch, &()).0;
    for other in [ba, merged] {
        let error = largest_difference(ab.clone(), other);
        assert!(error < 1e-12, "{error}");
    }
}

/// For a bottleneck upon another the base's last norm comes once: `LN(B_b(LN(z + r)) + z + r)` with `z = B_a(LN(o+r)) + o`.
#[test]
fn a_bottleneck_upon_one_that_does_nothing_is_itself() {
    let (base, batch) = (base::<f64>(), batch(&sequences(4)));
    let fresh = Adapter::on("fresh", &"seq_bn[reduction_factor=2]".parse().expect("a method"), &base, Seed::new(1));
    let mut nothing = fresh.expect("fits");
    nothing.parameters_mut().into_iter().for_each(|(_, p)| p.values_mut().fill(0.0));
    let task = adapter("double_seq_bn[reduction_factor=3]", &base);
    let alone = hidden(&base, &batch, &task).0;
    for parts in [[&nothing as &dyn Insertions<f64>, &task], [&task, &nothing]] {
        assert_eq!(hidden(&base, &batch, &Stack::new(base.config(), parts.to_vec()).expect("a stack")).0, alone);
    }
    assert_ne!(alone, hidden(&base, &batch, &()).0);
}

#[test]
fn a_stack_may_be_a_part_of_a_mixed_batch_and_have_layers_dropped() {
    let base = base::<f32>();
    let (language, task) = (adapter("seq_bn_inv", &base), adapter("seq_bn[reduction_factor=2]", &base));
    let (dropped_language, dropped_task) = (LayerDrop::new(&language, [0]), LayerDrop::new(&task, [0]));
    let of_dropped = Stack::new(base.config(), vec![&dropped_language, &dropped_task]).expect("a stack");
    let whole = Stack::new(base.config(), vec![&language, &task]).expect("a stack");
    let dropped_whole = LayerDrop::new(&whole, [0]);
    let sequences = sequences(3);
    let mixed = PerSequence::new(vec![&of_dropped as &dyn Insertions<f32>, &whole, &()], &[1, 0, 2]).expect("parts");
    let (together, layout) = hidden(&base, &batch(&sequences), &mixed);
    for (s, alone) in [(0, &whole as &dyn Insertions<f32>), (1, &dropped_whole), (2, &())] {
        let alone = hidden(&base, &batch(&sequences[s..=s]), alone).0;
        assert_eq!(together.slice(s![layout.range(s), ..]), alone, "sequence {s}");
    }
}

#[test]
fn dropped_layers_are_as_if_left_out() {
    let (base, batch) = (base::<f32>(), batch(&sequences(4)));
    for method in ["double_seq_bn", "lora[r=2]", "ia3"] {
        let whole = adapter(method, &base);
        let field = if method.contains('[') {
            method.replace(']', ",leave_out=[0]]")
        } else {
            format!("{method}[leave_out=[0]]")
        };
        let mut left_out = Adapter::on("left", &field.parse().expect("a method"), &base, Seed::new(1)).expect("fits");
        copy(&whole, &mut left_out);
        let dropped = hidden(&base, &batch, &LayerDrop::new(&whole, [0])).0;
        assert_eq!(dropped, hidden(&base, &batch, &left_out).0, "{method}");
        assert_ne!(dropped, hidden(&base, &batch, &whole).0, "{method}");
    }
}

/// A model whose lowest layers are to be without adapters computes, and learns, what one of a dropped setup does.
#[test]
fn a_model_without_its_lowest_layers_is_that_of_layer_drop() {
    let (base, batch) = (Arc::new(base::<f64>()), batch(&sequences(4)));
    let targets = Tagging(vec![Some(1); batch.layout().tokens()]);
    for method in METHODS.iter().filter(|method| !method.contains("prompt_tuning")) {
        let head = HeadConfig::new(Task::TAGGING, vec!["x".into(), "y".into()]);
        let head = || Head::new("task", &head, &base, Seed::new(1)).expect("fits");
        let mut whole = AdapterModel::new(base.clone(), Some(adapter(method, &base)), head());
        let before = whole.logits(&batch).expect("a good batch");
        whole.leave_out_lowest(1).unwrap_or_else(|e| panic!("{method}: {e}"));
        let dropped = LayerDrop::new(Setup::from(adapter(method, &base)), [0]);
        let dropped = AdapterModel::new(base.clone(), None, head()).with_setup(dropped).expect("it trains");
        let logits = whole.logits(&batch).expect("a good batch");
        assert!(logits == dropped.logits(&batch).expect("a good batch") && logits != before, "{method}");
        let gradients = |model: &AdapterModel<f64>| {
            let (pass, mut gradients) = (Pass::train(Seed::new(4)), Gradients::new());
            let loss = model.loss_and_gradients(&batch, &targets, 0.5, pass, &mut gradients).expect("a good batch");
            let found = gradients.iter().map(|(slot, values)| (slot.0, values.to_vec()));
            (loss, found.collect::<Vec<_>>())
        };
        assert_eq!(gradients(&whole), gradients(&dropped), "{method}");
        whole.leave_out_lowest(0).expect("it puts all back");
        assert_eq!(whole.logits(&batch).expect("a good batch"), before, "{method}");
    }
}

/// Parameters of the same name.
fn copy(from: &Adapter<f32>, to: &mut Adapter<f32>) {
    let from = from.parameters();
    for (name, parameter) in to.parameters_mut() {
        let (_, source) = from.iter().find(|(n, _)| *n == name).unwrap_or_else(|| panic!("{name}"));
        parameter.values_mut().copy_from_slice(source.values());
    }
}

#[test]
fn what_has_no_meaning_is_refused_with_the_reason() {
    let base = base::<f32>();
    let make = |method| adapter::<f32>(method, &base);
    let (plus, bottleneck) = (make("adapter_plus"), make("seq_bn"));
    let refused = |parts: &[&dyn Insertions<f32>]| Stack::new(base.config(), parts.to_vec()).err().expect("no meaning");
    let below = refused(&[&plus, &bottleneck]);
    assert_eq!(below, CompositionError::NotBelow { point: "layer.0.feed_forward".into(), part: 0 });
    assert!(below.to_string().contains("put it last"), "{below}");
    assert!(Stack::new(base.config(), vec![&bottleneck, &plus]).is_ok());
    let (lora, dora) = (make("lora"), make("dora"));
    let above = refused(&[&lora, &dora]);
    assert_eq!(above, CompositionError::NotAbove { point: "layer.0.query".into(), part: 1 });
    assert!(above.to_string().contains("put it first"), "{above}");
    assert!(Stack::new(base.config(), vec![&dora, &lora]).is_ok());
    assert_eq!(refused(&[]), CompositionError::Nothing);
    let missing = PerSequence::new(vec![&lora], &[0, 1]).err();
    assert_eq!(missing, Some(CompositionError::NoPart { sequence: 1, part: 1, parts: 1 }));
}

#[test]
fn a_mixed_batch_fits_as_many_sequences_as_it_was_told_of() {
    let base = base::<f32>();
    let lora = adapter("lora", &base);
    let mixed = PerSequence::new(vec![&lora as &dyn Insertions<f32>, &()], &[0, 1, 0]).expect("parts");
    let error = base.forward(&batch(&sequences(2)), &mixed, Pass::evaluate()).err();
    assert_eq!(error, Some(BatchError::Rows { expected: 3, found: 2 }));
    let none = PerSequence::new(vec![&lora], &[]).expect("nothing to do");
    assert_eq!(base.forward(&batch(&[]), &none, Pass::evaluate()).expect("an empty batch").hidden.nrows(), 0);
}

/// Row-wise concatenation in other batches changes nothing either: the parts' rows meet in another order.
#[test]
fn the_order_of_sequences_does_not_count() {
    let base = base::<f32>();
    let adapters = ["lora[r=2]", "prompt_tuning[prompt_length=2]"].map(|method| adapter::<f32>(method, &base));
    let parts: [&dyn Insertions<f32>; 2] = [&adapters[0], &adapters[1]];
    let sequences = sequences(3);
    let run = |order: &[usize], rows: &[usize]| {
        let chosen: Vec<Vec<u32>> = order.iter().map(|s| sequences[*s].clone()).collect();
        hidden(&base, &batch(&chosen), &PerSequence::new(parts.to_vec(), rows).expect("parts"))
    };
    let (forward, layout) = run(&[0, 1, 2], &[0, 1, 1]);
    let (backward, _) = run(&[2, 1, 0], &[1, 1, 0]);
    let reversed: Vec<_> = (0..3).rev().map(|s| forward.slice(s![layout.range(s), ..])).collect();
    assert_eq!(backward, concatenate(Axis(0), &reversed).expect("the same width"));
}

/// A model upon a frozen adapter computes what the stack does, trains its own part alone, and can be put upon another.
#[test]
fn a_model_stands_upon_one_adapter_and_then_upon_another() {
    let (base, batch) = (Arc::new(base::<f64>()), batch(&sequences(3)));
    let [a, b] = ["seq_bn_inv[reduction_factor=2]", "double_seq_bn[reduction_factor=3]"]
        .map(|method| Arc::new(adapter(method, &base)));
    let head = HeadConfig::new(Task::TAGGING, vec!["x".into(), "y".into()]);
    let head = Head::new("task", &head, &base, Seed::new(1)).expect("fits");
    let model = AdapterModel::new(base.clone(), Some(adapter("seq_bn[reduction_factor=2]", &base)), head.clone());
    let mut seen = vec![model.logits(&batch).expect("a good batch")];
    let mut model = model;
    for below in [&a, &b] {
        model = model.upon(vec![below.clone()]).expect("a stack");
        let stack = Stack::new(base.config(), vec![&**below, model.adapter().expect("there")]).expect("a stack");
        let (state, _) = hidden(&base, &batch, &stack);
        let expected = head.forward((&*base).into(), None, state.view(), Pass::evaluate()).0;
        seen.push(model.logits(&batch).expect("a good batch"));
        assert_eq!(seen.last(), Some(&expected));
    }
    assert!(seen[0] != seen[1] && seen[1] != seen[2]);
    let (targets, mut gradients) = (Tagging(vec![Some(1); batch.layout().tokens()]), Gradients::new());
    let pass = Pass::differentiate();
    model.loss_and_gradients(&batch, &targets, 0.5, pass, &mut gradients).expect("a good batch");
    assert_eq!(gradients.len(), model.parameters().len(), "what it stands upon has no gradient");
}

#[test]
fn a_model_stands_upon_nothing_that_trains_nor_upon_a_second_inverse() {
    let base = Arc::new(base::<f64>());
    let inverse = |base: &Encoder<f64>| adapter("seq_bn_inv[reduction_factor=2]", base);
    let model = |task| {
        let head = Head::new("h", &HeadConfig::new(task, vec!["x".into(), "y".into()]), &base, Seed::new(1));
        AdapterModel::new(base.clone(), Some(inverse(&base)), head.expect("fits"))
    };
    let mut training = inverse(&base);
    training.train_from(0);
    let error = model(Task::CLASSIFICATION).upon(vec![Arc::new(training)]).expect_err("it trains");
    assert_eq!(error, CompositionError::Trains { name: "test".into() });
    let error = model(Task::MASKED_LANGUAGE).upon(vec![Arc::new(inverse(&base))]).expect_err("two inverses");
    assert_eq!(error, CompositionError::TwoInverses);
    assert!(model(Task::CLASSIFICATION).upon(vec![Arc::new(inverse(&base))]).is_ok());
}
