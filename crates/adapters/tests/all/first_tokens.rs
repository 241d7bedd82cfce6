//! A head that reads first tokens leaves the rest of the last block out: the same logits to the bit, the same gradients, and
//! every token is there where a module needs it.

use adaptune_adapters::closure::{ParameterSet, SublayerClosure};
use adaptune_adapters::objective::{Classification, Objective};
use adaptune_adapters::{Adapter, AdapterModel, Head, HeadConfig, Method, Part, PerSequence, Pooling, Stack, Task};
use adaptune_tensor::{Gradients, Parameters, Precision, Seed, Slot};
use adaptune_transformer::{
    AttentionModule, Base, Batch, Config, Encoder, Entry, Insertions, LinearModule, LinearPoint, Pass, Properties,
    Reads, Selection, SequenceModule, SequencePoint, Sublayer, SublayerBackward, SublayerInput, SublayerModule,
    SublayerPoint, Thaw, Thawed,
};
use ndarray::{Array1, Array2, Axis};
use std::sync::{Arc, Mutex};

const LAYERS: usize = 3;
const SEQUENCES: usize = 4;

/// Methods all of whose modules in the last block take rows one by one, but for those at keys and values.
const ALONE: [&str; 12] = [
    "seq_bn[reduction_factor=2,non_linearity=gelu]",
    "double_seq_bn[reduction_factor=2]",
    "par_bn[reduction_factor=2]",
    "compacter[phm_dim=2,reduction_factor=2]",
    "lora[selfattn_lora=True,intermediate_lora=True,output_lora=True]",
    "dora[attn_matrices=[\"q\",\"k\"],output_lora=True]",
    "ia3",
    "vera[attn_matrices=[\"q\",\"v\"],intermediate_lora=True]",
    "mtl_lora",
    "prefix_tuning",
    "prompt_tuning",
    "prefix_tuning|par_bn[reduction_factor=2]",
];

/// Methods of which some module in the last block looks at more than one row.
const TOGETHER: [&str; 3] = ["unipelt", "loreft", "direft"];

fn base() -> Arc<Encoder<f64>> {
    let config = Config { vocabulary: 11, positions: 60, ..Config::bert(8, LAYERS, 2, 12) };
    Arc::new(Encoder::random(config, 0.4, Seed::new(3)))
}

fn batch() -> Batch {
    Batch::from_ids(&[&[3, 1, 4, 1], &[5], &[9, 2, 6], &[8, 7, 3, 0, 2]])
}

fn adapter(method: &str, seed: u64) -> Adapter<f64> {
    let parsed: Method = method.parse().unwrap_or_else(|e| panic!("{method}: {e}"));
    let mut adapter =
        Adapter::on("test", &parsed, &base(), Seed::new(seed)).unwrap_or_else(|e| panic!("{method}: {e}"));
    move_about(&mut adapter, seed);
    adapter
}

/// No bias is zero, no scale is one.
fn move_about(parameters: &mut dyn Parameters<f64>, seed: u64) {
    for (name, parameter) in parameters.parameters_mut() {
        let seed = Seed::new(seed).named(&name);
        parameter.values_mut().iter_mut().enumerate().for_each(|(i, v)| *v += 0.6 * seed.unit(i as u64) - 0.3);
    }
}

fn model(adapter: Option<Adapter<f64>>, thaw: Option<Thaw>, use_pooler: bool) -> AdapterModel<f64> {
    let labels = ["a", "b", "c"].map(str::to_owned).to_vec();
    let pooling = use_pooler.then_some(Pooling::Pooler);
    let head = HeadConfig { pooling, ..HeadConfig::new(Task::CLASSIFICATION, labels) };
    let head = Head::new("test", &head, &base(), Seed::new(6)).expect("it fits");
    let mut model = AdapterModel::new(base(), adapter, head);
    model = model.with_thawed(thaw.map(|thaw| Thawed::new(&base(), thaw, use_pooler)));
    move_about(&mut model, 7);
    model
}

/// Notes how many tokens come to the end of the last block.
struct Seen<'a> {
    inner: &'a dyn Insertions<f64>,
    layer: usize,
    tokens: Mutex<usize>,
}

impl Insertions<f64> for Seen<'_> {
    fn linear(&self, point: LinearPoint) -> Option<&dyn LinearModule<f64>> {
        self.inner.linear(point)
    }
    fn sublayer(&self, point: SublayerPoint) -> Option<&dyn SublayerModule<f64>> {
        let last = SublayerPoint { layer: self.layer, sublayer: Sublayer::FeedForward };
        if point == last { Some(self) } else { self.inner.sublayer(point) }
    }
    fn sequence(&self, point: SequencePoint) -> Option<&dyn SequenceModule<f64>> {
        self.inner.sequence(point)
    }
    fn attention(&self, layer: usize) -> Option<&dyn AttentionModule<f64>> {
        self.inner.attention(layer)
    }
    fn position_shift(&self, sequence: usize) -> usize {
        self.inner.position_shift(sequence)
    }
    fn sequences(&self) -> Option<usize> {
        self.inner.sequences()
    }
}

impl SublayerModule<f64> for Seen<'_> {
    fn forward<'a>(&'a self, input: SublayerInput<'a, f64>) -> (Array2<f64>, Option<SublayerBackward<'a, f64>>) {
        *self.tokens.lock().expect("no panic while it was held") = input.output.nrows();
        match self.inner.sublayer(input.point) {
            Some(module) => module.forward(input),
            None => input.base(),
        }
    }

    fn properties(&self, _: SublayerPoint) -> Properties {
        let last = SublayerPoint { layer: self.layer, sublayer: Sublayer::FeedForward };
        Properties::all(self.inner.sublayer(last).map(|module| module.properties(last)))
    }

    fn reads(&self, point: SublayerPoint) -> Option<Reads> {
        self.inner.sublayer(point)?.reads(point)
    }
}

/// The tokens that come to the end of the last block in a pass for a head that reads first tokens.
fn rows(base: Base<'_, f64>, insertions: &dyn Insertions<f64>) -> usize {
    let seen = Seen { inner: insertions, layer: base.config().layers - 1, tokens: Mutex::new(0) };
    let first = base.read(&batch(), &seen, Pass::evaluate(), &Selection::First).expect("a good batch").hidden;
    assert_eq!(first.nrows(), SEQUENCES);
    seen.tokens.into_inner().expect("no panic while it was held")
}

/// Logits, and gradients in order, with every token there.
fn plainly(model: &AdapterModel<f64>) -> (ndarray::Array2<f64>, Gradients<f64>) {
    let (base, insertions, pass) = (model.thawed_base(), model.adapter(), Pass::differentiate());
    let encoded = base.forward(&batch(), &insertions, pass).expect("a good batch");
    let first: Vec<usize> = encoded.layout.ranges().map(|range| range.start).collect();
    let read = encoded.hidden.select(Axis(0), &first);
    let (logits, trace) = model.head().forward(base, None, read.view(), pass);
    let mut gradients = Gradients::new();
    let d = targets().loss_backward(logits.clone(), 0.3);
    let d = model.head().backward(base, trace, d, !encoded.trace.is_empty(), &mut gradients);
    if let Some(d) = d {
        let mut d_hidden = ndarray::Array2::zeros(encoded.hidden.dim());
        first.iter().zip(d.rows()).for_each(|(row, d)| d_hidden.row_mut(*row).assign(&d));
        encoded.trace.backward(d_hidden, &mut gradients);
    }
    (logits, gradients)
}

fn targets() -> Classification {
    Classification(vec![2, 0, 1, 1])
}

/// The model's own way against the plain one.
fn compare(what: &str, model: &AdapterModel<f64>) {
    let (logits, expected) = plainly(model);
    assert_eq!(model.logits(&batch()).expect("a good batch"), logits, "{what}: logits, to the bit");
    for pass in [Pass::differentiate(), Pass::differentiate().with_checkpointing(true)] {
        let (mut found, mut speaks) = (Gradients::new(), model.adapter().is_none());
        model.loss_and_gradients(&batch(), &targets(), 0.3, pass, &mut found).expect("a good batch");
        for (i, (name, _)) in model.parameters().into_iter().enumerate() {
            let (found, expected) = (found.get(Slot(i)), expected.get(Slot(i)));
            assert_eq!(found.is_some(), expected.is_some(), "{what}: {name}");
            let (Some(found), Some(expected)) = (found, expected) else { continue };
            let close = found.iter().zip(&expected).all(|(a, b)| (a - b).abs() <= 1e-12 * (1.0 + b.abs()));
            assert!(close, "{what}: {name}: {found} and {expected}");
            speaks |= Part::of(&name) == Part::Adapter && expected.iter().any(|d| d.abs() > 1e-6);
        }
        assert!(speaks, "{what}: the adapter learns");
    }
}

#[test]
fn what_nobody_reads_changes_nothing() {
    for method in ALONE.into_iter().chain(TOGETHER) {
        compare(method, &model(Some(adapter(method, 5)), None, false));
    }
}

#[test]
fn nor_beside_a_thawed_base_or_a_pooler() {
    for thaw in [Thaw::ALL, Thaw::BIASES, Thaw::LAYER_NORMS] {
        compare("thawed", &model(None, Some(thaw), false));
        compare("thawed, with a pooler", &model(Some(adapter(ALONE[0], 5)), Some(thaw), true));
    }
    compare("a head alone", &model(None, None, false));
}

#[test]
fn rows_are_left_out_where_modules_take_them_one_by_one() {
    let base = base();
    let rows = |insertions: &dyn Insertions<f64>| rows(Base::from(&*base), insertions);
    for method in ALONE {
        assert_eq!(rows(&adapter(method, 5)), SEQUENCES, "{method}");
    }
    for method in TOGETHER {
        assert_eq!(rows(&adapter(method, 5)), 13, "{method} sees every token");
    }
    assert_eq!(rows(&adapter("loreft[layers=[0,1]]", 5)), SEQUENCES, "nothing stands behind the last block");
    let (alone, other, together) = (adapter("lora", 5), adapter("seq_bn", 6), adapter("unipelt", 7));
    let mixed =
        |parts: &[&dyn Insertions<f64>]| rows(&PerSequence::new(parts.to_vec(), &[0, 1, 1, 0]).expect("it fits"));
    assert_eq!(mixed(&[&alone, &other]), SEQUENCES);
    assert_eq!(mixed(&[&alone, &together]), 13);
}

#[test]
fn so_they_are_in_stacks_and_of_closures_that_promise_it() {
    let base = base();
    let rows = |insertions: &dyn Insertions<f64>| rows(Base::from(&*base), insertions);
    let (low, high, together) = (adapter(ALONE[0], 5), adapter("lora", 6), adapter("unipelt", 7));
    let stack = |parts: &[&dyn Insertions<f64>]| rows(&Stack::new(base.config(), parts.to_vec()).expect("it fits"));
    assert_eq!(stack(&[&low, &high]), SEQUENCES);
    assert_eq!(stack(&[&together, &high]), 13);
    let shift = || {
        let parameters = ParameterSet::new().bias("shift", Array1::from_elem(8, 0.3));
        SublayerClosure::new(parameters, |at, p| at.finish(&(&at.output + p.vector("shift"))))
    };
    let point = SublayerPoint { layer: LAYERS - 1, sublayer: Sublayer::Attention };
    let of = |closure| Adapter::of_modules("test", base.config(), [(point, closure)]).expect("it fits");
    assert_eq!(rows(&of(shift())), 13, "nobody knows");
    let promised = of(shift().token_wise());
    assert_eq!(rows(&promised), SEQUENCES);
    compare("a closure", &model(Some(promised), None, false));
}

/// In f32 and bf16 neither the cut of a product nor the way its operands are read changes a bit, and both depend on how many
/// rows there are.
#[test]
fn many_rows_or_few_give_the_same_bits() {
    let config = Config { vocabulary: 11, positions: 160, ..Config::bert(408, 2, 3, 500) };
    for precision in [Precision::Full, Precision::Bf16] {
        let base = Arc::new(Encoder::<f32>::random(config.clone(), 0.05, Seed::new(3)).with_precision(precision));
        let ids = |length: u32| (0..length).map(|t| t * 7 % 11).collect::<Vec<_>>();
        let sequences = [ids(150), ids(1), ids(97)];
        let batch = Batch::from_ids(&sequences.each_ref().map(Vec::as_slice));
        let method: Method = "double_seq_bn|lora".parse().expect("a method");
        let adapter = Adapter::on("test", &method, &base, Seed::new(5)).expect("it fits");
        let pass = Pass::evaluate();
        let every = base.forward(&batch, &adapter, pass).expect("a good batch").hidden;
        let first = Base::from(&*base).read(&batch, &adapter, pass, &Selection::First).expect("a good batch").hidden;
        assert_eq!(first, every.select(Axis(0), &[0, 150, 151]), "{precision:?}");
    }
}

#[test]
fn a_state_is_not_taken_for_another() {
    let (base, batch) = (base(), batch());
    let base = Base::from(&*base);
    let lower = |blocks| base.lower(&batch, &(), blocks, Some(&Selection::First));
    let run = |state| base.forward(Entry::State(&batch, state), &(), Pass::evaluate()).err().map(|e| e.to_string());
    let error = run(lower(LAYERS).expect("a good batch")).expect("it holds first tokens alone");
    assert!(error.contains("holds First") && error.contains("every token is to be read"), "{error}");
    let mean =
        base.read(Entry::State(&batch, lower(LAYERS).expect("a good batch")), &(), Pass::evaluate(), &Selection::Mean);
    assert!(mean.err().expect("it holds first tokens alone").to_string().contains("Mean is to be read"));
    assert_eq!(run(lower(LAYERS - 1).expect("a good batch")), None, "below the last block every token is there");
    let error = lower(LAYERS + 1).unwrap_err().to_string();
    assert!(error.contains(&format!("behind {} blocks", LAYERS + 1)), "{error}");
    let other = Batch::from_ids(&[&[1, 2]]);
    let state = lower(1).expect("a good batch");
    let error = base.forward(Entry::State(&other, state), &(), Pass::evaluate()).err().expect("another batch");
    assert!(error.to_string().contains("the batch has 1"), "{error}");
}

#[test]
fn a_state_behind_the_last_block_has_a_row_for_each_sequence() {
    let model = model(Some(adapter("seq_bn", 5)), None, false);
    let state = model.lower(&batch(), LAYERS).expect("a good batch");
    assert_eq!(state.hidden().nrows(), SEQUENCES);
    assert_eq!(model.lower(&batch(), LAYERS - 1).expect("a good batch").hidden().nrows(), 13);
    let logits = model.logits(&batch()).expect("a good batch");
    for blocks in 1..=LAYERS {
        let state = model.lower(&batch(), blocks).expect("a good batch");
        assert_eq!(
            model.logits(Entry::State(&batch(), state)).expect("a good batch"),
            logits,
            "behind {blocks} blocks"
        );
    }
}
