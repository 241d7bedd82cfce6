//! Modules whose forward pass is a closure over tape variables: against the hand-derived ones, against finite differences,
//! and what they keep, refuse and leave alone.

use adaptune_adapters::bottleneck::{InnerResidual, Position, Scaling};
use adaptune_adapters::closure::*;
use adaptune_adapters::objective::Classification;
use adaptune_adapters::{
    Adapter, AdapterModel, BottleneckConfig, Head, HeadConfig, Method, Module, Point, Task, format,
};
use adaptune_autograd::{CheckOptions, Var, check_gradients_with};
use adaptune_tensor::{Activation, Gradients, Parameters, Scalar, Seed, Slot, init};
use adaptune_transformer::*;
use ndarray::{Array1, Array2, Ix2};
use std::sync::{Arc, Mutex};

const D: usize = 6;
const F: usize = 7;
const LAYERS: usize = 3;

fn base<S: Scalar>(dropout: f64) -> Arc<Encoder<S>> {
    let config = Config { vocabulary: 11, positions: 9, ..Config::bert(D, LAYERS, 2, F) };
    Arc::new(Encoder::random(config, 0.4, Seed::new(3)).with_dropout(dropout, dropout))
}

fn batch() -> Batch {
    Batch::from_ids(&[&[3, 1, 4, 1], &[5], &[9, 2, 6]])
}

/// A model all of whose parameters are random: no bias is zero, no scale is one.
fn model(base: Arc<Encoder<f64>>, adapter: Adapter<f64>, thaw: Option<Thaw>) -> AdapterModel<f64> {
    let head = HeadConfig::new(Task::CLASSIFICATION, ["a", "b", "c"].map(str::to_owned).to_vec());
    let head = Head::new("test", &head, &base, Seed::new(6)).expect("it fits");
    let thawed = thaw.map(|thaw| Thawed::new(&base, thaw, false));
    let mut model = AdapterModel::new(base, Some(adapter), head).with_thawed(thawed);
    for (name, parameter) in model.parameters_mut() {
        let seed = Seed::new(7).named(&name);
        let draw = |i: usize| 1.6 * seed.unit(i as u64) - 0.8;
        parameter.values_mut().iter_mut().enumerate().for_each(|(i, v)| *v += draw(i));
    }
    model
}

fn loss(model: &AdapterModel<f64>, pass: Pass) -> (f64, Gradients<f64>) {
    let (targets, mut gradients) = (Classification(vec![2, 0, 1]), Gradients::new());
    let loss = model.loss_and_gradients(&batch(), &targets, 0.3, pass, &mut gradients).expect("a good batch");
    (loss, gradients)
}

/// A bottleneck adapter on the tape, with the parameters of a hand-derived one under the same names.
fn on_tape(adapter: &Adapter<f64>) -> Adapter<f64> {
    let Some(Method::Bottleneck(config)) = adapter.method() else { panic!("a bottleneck adapter") };
    let module = |point| {
        let named = adapter.module_parameters(point).into_iter();
        let set = named.fold(ParameterSet::new(), |set, (name, p)| set.with(&name, p.kind(), p.to_view().to_owned()));
        let config = config.clone();
        (point, SublayerClosure::new(set, move |at, p| wired(&config, at, p)).token_wise())
    };
    Adapter::of_modules("test", base::<f64>(0.0).config(), adapter.points().map(module)).expect("it fits")
}

/// What the documentation of the module `wiring` says, word for word.
fn wired(config: &BottleneckConfig, at: &SublayerVars<f64>, p: &ParameterVars<f64>) -> Var<f64, Ix2> {
    let (o, r) = (&at.output, &at.residual);
    let (x, e, together) = match config.position() {
        Position::Parallel => (r.clone(), o.clone(), false),
        Position::Sequential { norm_before: false, .. } => (o.clone(), o.clone(), false),
        Position::Sequential { residual, residual_before_norm, .. } => {
            let x = at.finish(o);
            let e = match residual {
                InnerResidual::Output => o.clone(),
                InnerResidual::Input => x.clone(),
                InnerResidual::Sum => o + r,
            };
            (x, e, residual_before_norm)
        }
    };
    let b = bottleneck(config, &x, at.pass, p);
    let norm = |x: Var<f64, Ix2>| if config.ln_after { norm(&x, "norm_after", p) } else { x };
    let z = if together { norm(b + &e) } else { norm(b) + &e };
    if config.original_ln_after { at.finish(&z) } else { z }
}

/// What the documentation of the module `bottleneck` says.
fn bottleneck(c: &BottleneckConfig, x: &Var<f64, Ix2>, pass: Pass, p: &ParameterVars<f64>) -> Var<f64, Ix2> {
    let n = if c.ln_before { norm(x, "bottleneck.norm_before", p) } else { x.clone() };
    let linear = |x: &Var<f64, Ix2>, name: &str| {
        let part = |part: &str| format!("bottleneck.{name}.{part}");
        x.linear(&p.matrix(&part("weight")), Some(&p.vector(&part("bias"))))
    };
    let u = linear(&linear(&n, "down").activate(c.non_linearity), "up");
    let b = match c.scaling {
        Scaling::Fixed(s) => u * s,
        Scaling::Learned | Scaling::Channel => u * p.vector("bottleneck.scaling"),
    };
    pass.at(0).dropout(c.dropout).map_or(b.clone(), |dropout| b.dropout(dropout))
}

fn norm(x: &Var<f64, Ix2>, name: &str, p: &ParameterVars<f64>) -> Var<f64, Ix2> {
    x.layer_norm(&p.vector(&format!("{name}.weight")), &p.vector(&format!("{name}.bias")), 1e-5)
}

/// Both with the same numbers: outputs, loss and the gradient of every tensor, those of the base below included.
fn compare(method: &str, thaw: Option<Thaw>, dropout: f64) {
    let base = base(dropout);
    let method: Method = method.parse().unwrap_or_else(|e| panic!("{method}: {e}"));
    let adapter = Adapter::new("test", &method, base.config(), Seed::new(5)).expect("it fits");
    let taped = on_tape(&adapter);
    let (derived, taped) = (model(base.clone(), adapter, thaw), model(base, taped, thaw));
    let names = |model: &AdapterModel<f64>| model.parameters().into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(names(&derived), names(&taped));

    let close = |a: f64, b: f64| (a - b).abs() <= 1e-10 * (1.0 + a.abs());
    let logits = |model: &AdapterModel<f64>| model.logits(&batch()).expect("a good batch");
    assert!(logits(&derived).iter().zip(&logits(&taped)).all(|(a, b)| close(*a, *b)), "{method:?}: logits");
    let pass = if dropout > 0.0 { Pass::train(Seed::new(9)) } else { Pass::differentiate() };
    let ((loss_a, a), (loss_b, b)) = (loss(&derived, pass), loss(&taped, pass));
    assert!(close(loss_a, loss_b), "{method:?}: loss {loss_a} and {loss_b}");
    for (i, name) in names(&derived).iter().enumerate() {
        let [a, b] = [&a, &b].map(|gradients| gradients.get(Slot(i)).unwrap_or_else(|| panic!("{name} has none")));
        // A softmax does not answer to a shift, so the bias of the keys has no effect.
        let speaks = name.ends_with("key.bias") || a.iter().any(|d| d.abs() > 1e-8);
        assert!(speaks, "{method:?}: {name} says nothing");
        assert!(a.iter().zip(&b).all(|(a, b)| close(*a, *b)), "{method:?}: {name}: {a} and {b}");
    }
}

const METHODS: &[&str] = &[
    "seq_bn[reduction_factor=2,non_linearity=gelu]",
    "double_seq_bn[reduction_factor=3]",
    "par_bn[reduction_factor=2,non_linearity=tanh]",
    "seq_bn[reduction_factor=2,ln_before=True,scaling=2.5,non_linearity=swish]",
    "scaled_par_bn[reduction_factor=3,non_linearity=gelu_new]",
    "adapter_plus[reduction_factor=2,stochastic_depth=0]",
    "seq_bn[reduction_factor=2,ln_after=True,adapter_residual_before_ln=True,scaling=channel]",
    "seq_bn[reduction_factor=2,residual_before_ln=post_add,scaling=learned,leave_out=[0]]",
    "seq_bn[reduction_factor=2,ln_before=True,ln_after=True,residual_before_ln=False]",
    "par_bn[reduction_factor=2,mh_adapter=True,ln_before=True,ln_after=True,non_linearity=sigmoid]",
];

#[test]
fn the_tape_gives_what_was_derived_by_hand() {
    METHODS.iter().for_each(|method| compare(method, None, 0.0));
}

/// With all of the base thawed, each gradient that a module hands down counts.
#[test]
fn the_tape_hands_down_the_same_gradients() {
    METHODS.iter().for_each(|method| compare(method, Some(Thaw::ALL), 0.0));
    METHODS.iter().take(4).for_each(|method| compare(method, Some(Thaw::LAYER_NORMS), 0.0));
}

#[test]
fn a_closure_can_draw_the_same_masks() {
    compare("seq_bn[reduction_factor=2,non_linearity=gelu,dropout=0.3]", Some(Thaw::BIASES), 0.2);
}

fn draw(shape: (usize, usize), name: &str) -> Array2<f64> {
    init::normal(shape, 0.7, Seed::new(11).named(name))
}

/// `y = (W x + b) ∘ (1 + tanh(B A x)) + W (x ∘ l)`: uses the base's layer twice, once with another input.
fn linear(inner: usize, outer: usize) -> LinearClosure<f64> {
    let parameters = ParameterSet::new()
        .weight("a", draw((2, inner), "a"))
        .weight("b", draw((outer, 2), "b"))
        .weight("l", Array1::from_elem(inner, 0.7));
    LinearClosure::new(parameters, |at, p| {
        let gate = at.x.linear(&p.matrix("a"), None).linear(&p.matrix("b"), None).tanh() + 1.0;
        let gated = at.base.apply(&at.x) * drop(gate, at.pass);
        gated + (&at.x * p.vector("l")).linear(&at.base.weight, None)
    })
}

/// The base's norm at the end of a post-norm sublayer.
fn norm_of(at: &SublayerVars<f64>) -> &NormOperation<f64> {
    match &at.join {
        JoinOperation::NormOfSum(norm) => norm,
        other => panic!("BERT's blocks are post-norm, not {other:?}"),
    }
}

/// `y = LN(LN(σ(G o) ∘ o + r) + s)`: the base's norm twice.
fn sublayer() -> SublayerClosure<f64> {
    let parameters = ParameterSet::new().weight("gate", draw((D, D), "gate")).bias("shift", Array1::from_elem(D, 0.3));
    SublayerClosure::new(parameters, |at, p| {
        let gate = at.output.linear(&p.matrix("gate"), None).sigmoid();
        norm_of(at).apply(&(at.finish(&(drop(gate, at.pass) * &at.output)) + p.vector("shift")))
    })
}

/// Two tokens in front of every sequence, and an affine map of all.
fn sequence() -> SequenceClosure<f64> {
    let parameters = ParameterSet::new().weight("rows", draw((2, D), "rows")).weight("map", draw((D, D), "map"));
    SequenceClosure::new(parameters, |at, p| {
        let (longer, layout) = prepend(&p.matrix("rows"), &at.tokens, &at.layout);
        (longer.linear(&p.matrix("map"), None).tanh() + longer, layout)
    })
}

/// Three keys and values in front of every sequence, the values weighed by a gate that reads the hidden state.
fn attention() -> AttentionClosure<f64> {
    let parameters = ParameterSet::new()
        .weight("keys", draw((3, D), "keys"))
        .weight("values", draw((3, D), "values"))
        .weight("gate", draw((1, D), "gate"));
    AttentionClosure::new(parameters, |at, p| {
        let gate = at.hidden.linear(&p.matrix("gate"), None).sigmoid(); // [T, 1]
        let (keys, layout) = prepend(&p.matrix("keys"), &at.keys, &at.layout);
        let (values, _) = prepend(&p.matrix("values"), &(&at.values * gate), &at.layout);
        (keys, values, layout)
    })
}

fn drop(x: Var<f64, Ix2>, pass: Pass) -> Var<f64, Ix2> {
    pass.at(0).dropout(0.25).map_or(x.clone(), |dropout| x.dropout(dropout))
}

type Modules = Vec<(Point, Box<dyn Module<f64>>)>;

/// Modules of all shapes around one block.
fn all_shapes(layer: usize) -> Modules {
    let between = if layer == 0 { SequencePoint::Embeddings } else { SequencePoint::Block(layer - 1) };
    let projection = |projection| Point::Linear(LinearPoint { layer, projection });
    let sublayers =
        Sublayer::ALL.map(|half| (Point::Sublayer(SublayerPoint { layer, sublayer: half }), sublayer().into()));
    let mut modules: Modules = vec![
        (projection(Projection::Value), linear(D, D).into()),
        (projection(Projection::FeedForwardIn), linear(D, F).into()),
        (projection(Projection::FeedForwardOut), linear(F, D).into()),
        (Point::Sequence(between), sequence().into()),
        (Point::Attention(layer), attention().into()),
    ];
    modules.extend(sublayers);
    modules
}

fn of(modules: impl IntoIterator<Item = (Point, Box<dyn Module<f64>>)>) -> Adapter<f64> {
    Adapter::of_modules("test", base::<f64>(0.0).config(), modules).expect("they fit")
}

/// The gradient of every tensor against finite differences through the whole model.
fn check(adapter: Adapter<f64>, thaw: Option<Thaw>, dropout: f64) {
    let mut model = model(base(dropout), adapter, thaw);
    let pass = if dropout > 0.0 { Pass::train(Seed::new(9)) } else { Pass::differentiate() };
    let (_, gradients) = loss(&model, pass);
    for i in 0..model.parameters().len() {
        let (name, point) = {
            let (name, parameter) = model.parameters().swap_remove(i);
            (name, parameter.values().to_vec())
        };
        let found = gradients.get(Slot(i)).unwrap_or_else(|| panic!("{name} has no gradient"));
        let gradient: Vec<f64> = found.iter().copied().collect();
        let f = |x: &[f64]| {
            model.parameters_mut().swap_remove(i).1.values_mut().copy_from_slice(x);
            loss(&model, pass).0
        };
        // Norms of norms bend sharply: at the usual step the differences themselves are off by 1e-5.
        check_gradients_with(CheckOptions { step: 1e-4, ..Default::default() }, f, &point, &gradient)
            .unwrap_or_else(|e| panic!("{name}: {e}"));
        model.parameters_mut().swap_remove(i).1.values_mut().copy_from_slice(&point);
    }
}

#[test]
fn each_shape_follows_finite_differences() {
    for module in all_shapes(1) {
        check(of([module]), None, 0.0);
    }
}

#[test]
fn all_shapes_together_follow_them_with_dropout() {
    check(of(all_shapes(0)), None, 0.2);
}

#[test]
fn a_thawed_base_beneath_closures_follows_them() {
    check(of(all_shapes(1)), Some(Thaw::ALL), 0.0);
    check(of(all_shapes(2)), Some(Thaw::BIASES), 0.1);
}

/// Which variables needed gradients whenever the closure ran: `o`, `r`, a norm's weight, the parameter.
type Seen = Arc<Mutex<Vec<[bool; 4]>>>;

/// Scales of `o` that note what they see, in some layers.
fn scales(layers: impl IntoIterator<Item = usize>) -> (Adapter<f64>, Seen) {
    let seen = Seen::default();
    let module = |layer| {
        let (seen, parameters) = (Arc::clone(&seen), ParameterSet::new().weight("scale", Array1::from_elem(D, 0.8)));
        let module = SublayerClosure::new(parameters, move |at, p| {
            let (norm, scale) = (norm_of(at), p.vector("scale"));
            let all = [
                at.output.needs_gradient(),
                at.residual.needs_gradient(),
                norm.weight.needs_gradient(),
                scale.needs_gradient(),
            ];
            seen.lock().expect("no test panics with it").push(all);
            at.finish(&(&at.output * scale))
        });
        (SublayerPoint { layer, sublayer: Sublayer::FeedForward }, module)
    };
    let modules: Vec<_> = layers.into_iter().map(module).collect();
    (Adapter::of_modules("test", base::<f64>(0.0).config(), modules).expect("they fit"), seen)
}

fn trace_length(adapter: &Adapter<f64>, pass: Pass) -> usize {
    base(0.0).forward(&batch(), adapter, pass).expect("a good batch").trace.len()
}

#[test]
fn only_what_is_wanted_is_a_variable() {
    let (mut adapter, seen) = scales([1, 2]);
    let take = || std::mem::take(&mut *seen.lock().expect("no test panics with it"));
    assert_eq!(trace_length(&adapter, Pass::differentiate()), 0, "a frozen closure ends the backward pass");
    assert_eq!(take(), [[false; 4]; 2]);
    adapter.train_from(0);
    assert_eq!(trace_length(&adapter, Pass::evaluate()), 0, "an evaluation keeps nothing");
    assert_eq!(take(), [[false; 4]; 2]);
    assert_eq!(trace_length(&adapter, Pass::differentiate()), 2, "from the lowest that trains");
    assert_eq!(take(), [[false, false, false, true], [true, true, false, true]]);

    let model = model(base(0.0), adapter, Some(Thaw::LAYER_NORMS));
    let mut expected = vec![[true, true, true, true]; 2];
    loss(&model, Pass::differentiate());
    assert_eq!(take(), expected);
    expected = vec![[false; 4]; 2];
    model.logits(&batch()).expect("a good batch");
    assert_eq!(take(), expected);
}

#[test]
fn a_frozen_closure_lets_gradients_through_but_gets_none() {
    let mut model = model(base(0.0), scales([0, 1]).0, None);
    let (_, all) = loss(&model, Pass::differentiate());
    model.parameters_mut().swap_remove(1).1.set_slot(None);
    let (_, lower) = loss(&model, Pass::differentiate());
    assert!(lower.get(Slot(1)).is_none() && all.get(Slot(1)).is_some());
    assert_eq!(lower.get(Slot(0)), all.get(Slot(0)));
}

#[test]
fn keeping_changes_no_bit_of_the_result_and_nothing_of_the_base() {
    let base = base(0.0);
    let before = base.fingerprint();
    let model = model(base.clone(), of(all_shapes(0).into_iter().chain(all_shapes(2))), None);
    let adapter = model.adapter().expect("there");
    let run = |pass| base.forward(&batch(), adapter, pass).expect("a good batch").hidden;
    assert_eq!(run(Pass::evaluate()), run(Pass::differentiate()));
    loss(&model, Pass::train(Seed::new(2)));
    assert_eq!(base.fingerprint(), before);
}

/// What the result does not depend on gets no gradient, and nobody else's.
#[test]
fn a_closure_that_cuts_hands_nothing_down() {
    let point = |layer| SublayerPoint { layer, sublayer: Sublayer::FeedForward };
    let cut = SublayerClosure::new(ParameterSet::new().bias("unused", Array1::ones(D)), |at, _| at.output.detach());
    let shift = ParameterSet::new().bias("shift", Array1::from_elem(D, 0.4));
    let shift = SublayerClosure::new(shift, |at, p| at.finish(&(&at.output + p.vector("shift"))));
    let adapter = Adapter::of_modules("test", base::<f64>(0.0).config(), [(point(0), shift), (point(1), cut)]);
    let mut model = model(base(0.0), adapter.expect("they fit"), None);
    let (_, gradients) = loss(&model, Pass::differentiate());
    assert!(gradients.get(Slot(0)).is_none() && gradients.get(Slot(1)).is_none());
    let head = model.parameters_mut().len() - 2;
    assert_eq!(gradients.len(), head, "the head learns all the same");
}

#[test]
#[should_panic(expected = "the next state of a closure has another shape than this point wants")]
fn another_shape_is_refused() {
    let module = SublayerClosure::new(ParameterSet::new(), |at, _| {
        at.output.mean_axis(ndarray::Axis(0)).insert_axis(ndarray::Axis(0))
    });
    let point = SublayerPoint { layer: 0, sublayer: Sublayer::Attention };
    let _ = trace_length(&of([(point.into(), module.into())]), Pass::evaluate());
}

#[test]
#[should_panic(expected = "the layout of a closure has other sequences than it was given")]
fn so_are_other_sequences() {
    let module = SequenceClosure::new(ParameterSet::<f64>::new(), |at, _| {
        (at.tokens.clone(), adaptune_tensor::Layout::from_lengths(&[8]))
    });
    let _ = trace_length(&of([(Point::Sequence(SequencePoint::Embeddings), module.into())]), Pass::evaluate());
}

#[test]
fn modules_that_make_no_adapter_are_refused() {
    let point = |layer| Point::Sublayer(SublayerPoint { layer, sublayer: Sublayer::Attention });
    let fails = |modules: Modules| {
        let made = Adapter::of_modules("test", base::<f64>(0.0).config(), modules);
        made.expect_err("it does not fit").to_string()
    };
    assert!(fails(vec![]).contains("would have no module"));
    assert_eq!(
        fails(vec![(point(3), sublayer().into())]),
        "there is no point layer.3.attention: the model has layers 0 to 2"
    );
    assert!(fails(vec![(point(0), sequence().into())]).contains("this point takes a SublayerModule"));
    assert!(fails(vec![(point(1), sublayer().into()), (point(1), sublayer().into())]).contains("two modules at"));
}

#[test]
fn its_numbers_are_saved_under_their_names() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("own.safetensors");
    let saved = model(base(0.0), of(all_shapes(1)), None);
    let error = format::save(&saved, folder.path()).expect_err("AdapterHub has no format for it").to_string();
    assert!(error.contains("save_parameters"), "{error}");
    assert_eq!(std::fs::read_dir(folder.path()).expect("it is there").count(), 0, "nothing is half written");

    let adapter = saved.adapter().expect("there");
    format::save_parameters(adapter, saved.base(), &path).expect("it is written");
    let mut loaded = of(all_shapes(1));
    format::load_parameters(&mut loaded, saved.base(), &path).expect("it is read");
    let values =
        |adapter: &Adapter<f64>| adapter.parameters().iter().map(|(_, p)| p.values().to_vec()).collect::<Vec<_>>();
    assert_eq!(values(&loaded), values(adapter));
    let named = format::named_parameters(&saved);
    assert!(named.iter().any(|(names, _)| names[0].ends_with("layer.1.feed_forward.gate")), "{:?}", named[0].0);

    let error = format::load_parameters(&mut of(all_shapes(0)), saved.base(), &path).expect_err("other points");
    assert!(error.to_string().contains("is missing; the configuration in the program asks for it"), "{error}");
}

/// The same closure serves both types of numbers.
#[test]
fn single_precision_follows_double() {
    fn gates<S: Scalar>() -> (Arc<Encoder<S>>, Adapter<S>) {
        let base = base(0.0);
        let parameters = ParameterSet::new().weight("gate", init::normal((D, D), 0.5, Seed::new(1)));
        let module = SublayerClosure::new(parameters, |at, p| {
            let gate = at.output.linear(&p.matrix("gate"), None).activate(Activation::Gelu);
            at.finish(&(gate * &at.output))
        });
        let point = SublayerPoint { layer: 1, sublayer: Sublayer::FeedForward };
        let adapter = Adapter::of_modules("test", base.config(), [(point, module)]).expect("it fits");
        (base, adapter)
    }
    let ((single, a), (double, b)) = (gates::<f32>(), gates::<f64>());
    let a = single.forward(&batch(), &a, Pass::evaluate()).expect("a good batch").hidden;
    let b = double.forward(&batch(), &b, Pass::evaluate()).expect("a good batch").hidden;
    assert!(a.iter().zip(&b).all(|(a, b)| (f64::from(*a) - b).abs() < 1e-4));
}
