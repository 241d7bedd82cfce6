//! All four shapes of insertion point, each with a small module of its own, through a whole model:
//! gradients against finite differences, and what is kept, computed and shared.

use adaptune_autograd::check_gradients;
use adaptune_tensor::{
    Gradients, Kind, Layout, Parameter, Parameters, Scalar, Seed, init, linear_weight_backward, parameters,
};
use adaptune_transformer::*;
use ndarray::{Array2, Axis, Ix2, concatenate, s};
use std::sync::Mutex;

const SIZES: (usize, usize, usize, usize) = (6, 3, 2, 7);

fn model<S: Scalar>() -> Encoder<S> {
    let (hidden, layers, heads, feed_forward) = SIZES;
    let config = Config { vocabulary: 11, positions: 9, ..Config::bert(hidden, layers, heads, feed_forward) };
    Encoder::random(config, 0.4, Seed::new(3))
}

fn batch() -> Batch {
    let ids: [&[u32]; 3] = [&[3, 1, 4, 1], &[5], &[9, 2, 6]];
    let types: [&[u32]; 3] = [&[0, 0, 1, 1], &[1], &[0, 1, 0]];
    Batch::new(ids.into_iter().zip(types)).expect("as many types as ids")
}

/// Promises nothing.
const LONELY: Properties =
    Properties { token_wise: false, causal: false, may_be_followed: false, needs_plain_weight: true };

/// `y = W (l ∘ x) + b`: the linear point, with a change of the layer's input.
struct Rescale<S>(Parameter<S, Ix2>);

impl<S: Scalar> LinearModule<S> for Rescale<S> {
    fn forward<'a>(&'a self, input: LinearInput<'a, S>) -> (Array2<S>, Option<LinearBackward<'a, S>>) {
        let keep = input.wants_backward(self.0.trains());
        let LinearInput { x, base, wants_input, .. } = input;
        let y = base.forward((&x * &self.0.view()).view());
        let kept = base.keep(&(&x * &self.0.view()).into_shared());
        let backward = keep.then(|| -> LinearBackward<'a, S> {
            Box::new(move |d_y, gradients, d_x| {
                base.parameters_backward(kept.as_ref(), d_y, gradients);
                let d = base.input_backward(d_y);
                gradients.add(&self.0, (&d * &x).sum_axis(Axis(0)).insert_axis(Axis(0)));
                if wants_input {
                    d_x.add(d * self.0.view());
                }
            })
        });
        (y, backward)
    }

    fn properties(&self, _: LinearPoint) -> Properties {
        LONELY
    }
}

/// `y = LN(A o + r)`: the sublayer point.
struct Mix<S>(Parameter<S, Ix2>);

impl<S: Scalar> SublayerModule<S> for Mix<S> {
    fn forward<'a>(&'a self, input: SublayerInput<'a, S>) -> (Array2<S>, Option<SublayerBackward<'a, S>>) {
        let keep = input.wants_backward(self.0.trains());
        let SublayerInput { output: o, residual: r, join, wants_output, wants_residual, .. } = input;
        let (y, trace) = join.forward(o.dot(&self.0.view().t()), &r, keep);
        let backward = trace.map(|trace| -> SublayerBackward<'a, S> {
            Box::new(move |d_y, gradients| {
                let (d, d_residual) = join.backward(&trace, d_y, wants_residual, gradients);
                gradients.add(&self.0, linear_weight_backward(o.view(), d.view()));
                SublayerGradient { d_output: wants_output.then(|| d.dot(&self.0.view())), d_residual }
            })
        });
        (y, backward)
    }

    fn properties(&self, _: SublayerPoint) -> Properties {
        LONELY
    }

    fn reads(&self, _: SublayerPoint) -> Option<Reads> {
        None
    }
}

/// Trainable rows in front of every sequence, `[rows, D]`.
struct Front<S>(Parameter<S, Ix2>);

impl<S: Scalar> Front<S> {
    fn rows(&self) -> usize {
        self.0.view().nrows()
    }

    fn prepend(&self, x: &Array2<S>, layout: &Layout) -> Array2<S> {
        let parts: Vec<_> = layout.ranges().flat_map(|r| [self.0.view(), x.slice(s![r, ..])]).collect();
        concatenate(Axis(0), &parts).expect("equally wide")
    }

    /// Splits a gradient into that of the rows in front, summed, and that of the rest.
    fn split(&self, d: &Array2<S>, layout: &Layout) -> (Array2<S>, Array2<S>) {
        let (mut front, mut rest) = (Array2::zeros(self.0.view().dim()), Vec::new());
        for range in layout.prepend(self.rows()).ranges() {
            front += &d.slice(s![range.start..range.start + self.rows(), ..]);
            rest.push(d.slice(s![range.start + self.rows()..range.end, ..]));
        }
        (front, concatenate(Axis(0), &rest).expect("equally wide"))
    }
}

impl<S: Scalar> SequenceModule<S> for Front<S> {
    fn forward<'a>(&'a self, input: SequenceInput<'a, S>) -> SequenceOutput<'a, S> {
        let SequenceInput { tokens, layout, pass, wants_tokens, .. } = input;
        let longer = self.prepend(&tokens, &layout);
        let after = layout.prepend(self.rows());
        let keep = pass.gradients() && (self.0.trains() || wants_tokens);
        let backward = keep.then(|| -> SequenceBackward<'a, S> {
            Box::new(move |d, gradients| {
                let (front, rest) = self.split(&d, &layout);
                gradients.add(&self.0, front);
                wants_tokens.then_some(rest)
            })
        });
        SequenceOutput { tokens: longer, layout: after, backward }
    }

    fn properties(&self, _: SequencePoint) -> Properties {
        LONELY
    }
}

/// The same rows as keys and values; the values are weighed by the mean of the hidden state.
impl<S: Scalar> AttentionModule<S> for Front<S> {
    fn forward<'a>(&'a self, input: AttentionInput<S>) -> AttentionOutput<'a, S> {
        let AttentionInput { keys, values, hidden, layout, pass, wants_keys, wants_values, wants_hidden, .. } = input;
        let gate = hidden.sum() / S::from_f64(hidden.len() as f64);
        let (longer_keys, longer_values) = (self.prepend(&keys, &layout), self.prepend(&values, &layout) * gate);
        let after = layout.prepend(self.rows());
        let keep = pass.gradients() && (self.0.trains() || wants_keys || wants_values || wants_hidden);
        let unscaled = keep.then(|| self.prepend(&values, &layout));
        let backward = unscaled.map(|unscaled| -> AttentionBackward<'a, S> {
            Box::new(move |KeyValueGradient { d_keys, d_values }, gradients, d_hidden| {
                let (d_keys, d_values) = (d_keys.expect("asked for"), d_values.expect("asked for"));
                let d_gate = (&d_values * &unscaled).sum();
                if wants_hidden {
                    d_hidden.add(Array2::from_elem(hidden.dim(), d_gate / S::from_f64(hidden.len() as f64)));
                }
                let (front_keys, d_keys) = self.split(&d_keys, &layout);
                let (front_values, d_values) = self.split(&(d_values * gate), &layout);
                gradients.add(&self.0, front_keys + front_values);
                KeyValueGradient { d_keys: wants_keys.then_some(d_keys), d_values: wants_values.then_some(d_values) }
            })
        });
        AttentionOutput { keys: longer_keys, values: longer_values, layout: after, backward }
    }

    fn properties(&self, _: usize) -> Properties {
        LONELY
    }
}

parameters!(Modules { "query" => query, "inner" => inner, "mix" => mix, "prompt" => prompt, "prefix" => prefix });

/// One module of each shape, and a second linear one with another width.
struct Modules<S> {
    query: Option<Rescale<S>>,
    inner: Option<Rescale<S>>,
    mix: Option<Mix<S>>,
    prompt: Option<Front<S>>,
    prefix: Option<Front<S>>,
    layer: usize,
}

macro_rules! one_parameter {
    ($($type:ident),+) => {$(
        impl<S: Scalar> Parameters<S> for $type<S> {
            fn list<'a>(&'a self, name: &str, all: &mut adaptune_tensor::Named<'a, S>) {
                self.0.list(name, all);
            }
            fn list_mut<'a>(&'a mut self, name: &str, all: &mut adaptune_tensor::NamedMut<'a, S>) {
                self.0.list_mut(name, all);
            }
        }
    )+};
}
one_parameter!(Rescale, Mix, Front);

impl<S: Scalar> Modules<S> {
    fn all(layer: usize) -> Self {
        let (d, f) = (SIZES.0, SIZES.3);
        let draw = |name, shape| Parameter::new(Kind::Weight, init::normal(shape, 0.8, Seed::new(5).named(name)));
        let mut modules = Self {
            query: Some(Rescale(draw("query", (1, d)))),
            inner: Some(Rescale(draw("inner", (1, f)))),
            mix: Some(Mix(draw("mix", (d, d)))),
            prompt: Some(Front(draw("prompt", (2, d)))),
            prefix: Some(Front(draw("prefix", (3, d)))),
            layer,
        };
        modules.train_from(0);
        modules
    }

    fn none(layer: usize) -> Self {
        Self { query: None, inner: None, mix: None, prompt: None, prefix: None, layer }
    }
}

impl<S: Scalar> Insertions<S> for Modules<S> {
    fn linear(&self, point: LinearPoint) -> Option<&dyn LinearModule<S>> {
        let module = match point.projection {
            Projection::Query => &self.query,
            Projection::FeedForwardOut => &self.inner,
            _ => return None,
        };
        module.as_ref().filter(|_| point.layer == self.layer).map(|m| m as _)
    }
    fn sublayer(&self, point: SublayerPoint) -> Option<&dyn SublayerModule<S>> {
        let here = SublayerPoint { layer: self.layer, sublayer: Sublayer::Attention };
        self.mix.as_ref().filter(|_| point == here).map(|m| m as _)
    }
    fn sequence(&self, point: SequencePoint) -> Option<&dyn SequenceModule<S>> {
        let here = if self.layer == 0 { SequencePoint::Embeddings } else { SequencePoint::Block(self.layer - 1) };
        self.prompt.as_ref().filter(|_| point == here).map(|m| m as _)
    }
    fn attention(&self, layer: usize) -> Option<&dyn AttentionModule<S>> {
        self.prefix.as_ref().filter(|_| layer == self.layer).map(|m| m as _)
    }
}

/// `Σ c ∘ hidden` and its gradient.
fn loss(model: &Encoder<f64>, modules: &Modules<f64>, pass: Pass) -> (f64, Gradients<f64>, usize) {
    let encoded = model.forward(&batch(), modules, pass).expect("a good batch");
    let c: Array2<f64> = init::normal(encoded.hidden.dim(), 1.0, Seed::new(8));
    let (loss, steps, mut gradients) = ((&encoded.hidden * &c).sum(), encoded.trace.len(), Gradients::new());
    encoded.trace.backward(c, &mut gradients);
    (loss, gradients, steps)
}

fn check(modules: &mut Modules<f64>, pass: Pass) {
    let model = model();
    let (_, gradients, _) = loss(&model, modules, pass);
    let names: Vec<String> = modules.parameters().into_iter().map(|(name, _)| name).collect();
    assert_eq!(gradients.len(), names.len(), "every parameter has a gradient");
    for (i, name) in names.iter().enumerate() {
        let (slot, point) =
            (modules.parameters()[i].1.slot().expect("trains"), modules.parameters()[i].1.values().to_vec());
        let gradient: Vec<f64> = gradients.get(slot).expect("has a gradient").iter().copied().collect();
        let f = |x: &[f64]| {
            modules.parameters_mut()[i].1.values_mut().copy_from_slice(x);
            loss(&model, modules, pass).0
        };
        check_gradients(f, &point, &gradient).unwrap_or_else(|e| panic!("{name}: {e}"));
        modules.parameters_mut()[i].1.values_mut().copy_from_slice(&point);
    }
}

#[test]
fn gradients_of_every_shape_follow_finite_differences() {
    for layer in 0..3 {
        check(&mut Modules::all(layer), Pass::differentiate());
    }
}

#[test]
fn each_shape_works_alone() {
    let all = || Modules::all(1);
    check(&mut Modules { query: all().query, ..Modules::none(1) }, Pass::differentiate());
    check(&mut Modules { inner: all().inner, ..Modules::none(1) }, Pass::differentiate());
    check(&mut Modules { mix: all().mix, ..Modules::none(1) }, Pass::differentiate());
    check(&mut Modules { prompt: all().prompt, ..Modules::none(1) }, Pass::differentiate());
    check(&mut Modules { prefix: all().prefix, ..Modules::none(1) }, Pass::differentiate());
}

#[test]
fn gradients_hold_with_dropout() {
    let pass = Pass::train(Seed::new(1));
    let (plain, dropped) = (model::<f64>(), model::<f64>().with_dropout(0.3, 0.2));
    let modules = Modules::all(0);
    assert_ne!(loss(&plain, &modules, pass).0, loss(&dropped, &modules, pass).0);
    let (_, gradients, _) = loss(&dropped, &modules, pass);
    let point = modules.prompt.as_ref().expect("there").0.view().iter().copied().collect::<Vec<_>>();
    let slot = modules.parameters()[3].1.slot().expect("trains");
    let gradient: Vec<f64> = gradients.get(slot).expect("has a gradient").iter().copied().collect();
    let mut changed = Modules::all(0);
    let f = |x: &[f64]| {
        changed.parameters_mut()[3].1.values_mut().copy_from_slice(x);
        loss(&dropped, &changed, pass).0
    };
    check_gradients(f, &point, &gradient).unwrap_or_else(|e| panic!("{e}"));
}

#[test]
fn backward_ends_at_the_lowest_point_that_trains() {
    let steps = |modules: &Modules<f64>, pass| loss(&model(), modules, pass).2;
    // Layer 1: the module before it, then blocks 1 and 2.
    assert_eq!(steps(&Modules::all(1), Pass::differentiate()), 3);
    assert_eq!(steps(&Modules { mix: Modules::all(2).mix, ..Modules::none(2) }, Pass::differentiate()), 1);
    assert_eq!(steps(&Modules::none(0), Pass::differentiate()), 0);
    assert_eq!(steps(&Modules::all(0), Pass::evaluate()), 0, "an evaluation keeps nothing");
    let mut frozen = Modules::all(0);
    frozen.freeze();
    assert_eq!(steps(&frozen, Pass::differentiate()), 0, "a frozen module is no reason for a gradient");
}

#[test]
fn a_frozen_module_lets_gradients_through_but_gets_none() {
    let mut modules = Modules::all(1);
    modules.freeze();
    modules.prompt.as_mut().expect("there").train_from(0);
    let (_, gradients, _) = loss(&model(), &modules, Pass::differentiate());
    assert_eq!(gradients.len(), 1);
    let prompt_alone = gradients.get(adaptune_tensor::Slot(0)).expect("trains").to_owned();
    let (_, all, _) = loss(&model(), &Modules::all(1), Pass::differentiate());
    assert_eq!(
        prompt_alone,
        all.get(Modules::<f64>::all(1).parameters()[3].1.slot().expect("trains")).expect("trains")
    );
}

#[test]
fn keeping_traces_does_not_change_the_result() {
    let (model, modules) = (model::<f32>(), Modules::all(1));
    let run = |pass| model.forward(&batch(), &modules, pass).expect("a good batch").hidden;
    assert_eq!(run(Pass::evaluate()), run(Pass::differentiate()));
}

#[test]
fn a_sequence_gives_the_same_bits_whatever_shares_its_batch() {
    let model = model::<f32>();
    let together = model.forward(&batch(), &(), Pass::evaluate()).expect("a good batch").hidden;
    let alone = Batch::new([(&[9, 2, 6][..], &[0, 1, 0][..])]).expect("as many types as ids");
    let alone = model.forward(&alone, &(), Pass::evaluate()).expect("a good batch").hidden;
    assert_eq!(alone, together.slice(s![5.., ..]));
}

#[test]
fn bad_batches_are_refused() {
    let fails =
        |batch: Batch| model::<f32>().forward(&batch, &(), Pass::evaluate()).err().expect("refused").to_string();
    assert!(fails(Batch::from_ids(&[&[1], &[11]])).contains("token id 11 is not below the vocabulary size 11"));
    assert!(fails(Batch::from_ids(&[&[1], &[]])).contains("sequence 1 is empty"));
    assert!(fails(Batch::from_ids(&[&[1; 10]])).contains("has 10 tokens, but the model has positions for 9"));
    assert!(fails(Batch::new([(&[1][..], &[2][..])]).expect("equally many")).contains("token type 2 is not below 2"));
    assert!(Batch::new([(&[1, 2][..], &[0][..])]).is_err());
}

/// One module at every point: it notes what it is told of its place, and lets everything pass.
#[derive(Default)]
struct Everywhere(Mutex<Vec<String>>);

impl Everywhere {
    fn note(&self, place: impl std::fmt::Debug) {
        self.0.lock().expect("no panic while it was held").push(format!("{place:?}"));
    }
}

impl LinearModule<f64> for Everywhere {
    fn forward<'a>(&'a self, input: LinearInput<'a, f64>) -> (Array2<f64>, Option<LinearBackward<'a, f64>>) {
        self.note(input.point);
        (input.base.forward(input.x.view()), None)
    }

    fn properties(&self, _: LinearPoint) -> Properties {
        LONELY
    }
}

impl SublayerModule<f64> for Everywhere {
    fn forward<'a>(&'a self, input: SublayerInput<'a, f64>) -> (Array2<f64>, Option<SublayerBackward<'a, f64>>) {
        self.note(input.point);
        (input.output.into_owned(), None)
    }

    fn properties(&self, _: SublayerPoint) -> Properties {
        LONELY
    }

    fn reads(&self, _: SublayerPoint) -> Option<Reads> {
        None
    }
}

impl SequenceModule<f64> for Everywhere {
    fn forward<'a>(&'a self, input: SequenceInput<'a, f64>) -> SequenceOutput<'a, f64> {
        self.note(input.point);
        SequenceOutput { tokens: input.tokens, layout: input.layout, backward: None }
    }

    fn properties(&self, _: SequencePoint) -> Properties {
        LONELY
    }
}

impl AttentionModule<f64> for Everywhere {
    fn forward<'a>(&'a self, input: AttentionInput<f64>) -> AttentionOutput<'a, f64> {
        self.note(input.layer);
        AttentionOutput { keys: input.keys, values: input.values, layout: input.layout, backward: None }
    }

    fn properties(&self, _: usize) -> Properties {
        LONELY
    }
}

impl Insertions<f64> for Everywhere {
    fn linear(&self, _: LinearPoint) -> Option<&dyn LinearModule<f64>> {
        Some(self)
    }
    fn sublayer(&self, _: SublayerPoint) -> Option<&dyn SublayerModule<f64>> {
        Some(self)
    }
    fn sequence(&self, _: SequencePoint) -> Option<&dyn SequenceModule<f64>> {
        Some(self)
    }
    fn attention(&self, _: usize) -> Option<&dyn AttentionModule<f64>> {
        Some(self)
    }
}

#[test]
fn a_module_at_many_points_is_told_which() {
    let (model, everywhere) = (model(), Everywhere::default());
    model.forward(&batch(), &everywhere, Pass::evaluate()).expect("a good batch");
    let mut expected = vec![format!("{:?}", SequencePoint::Embeddings)];
    for layer in 0..model.config().layers {
        let linear = |projection| format!("{:?}", LinearPoint { layer, projection });
        let sublayer = |sublayer| format!("{:?}", SublayerPoint { layer, sublayer });
        expected.extend(Projection::ALL[..3].iter().copied().map(linear));
        expected.extend([layer.to_string(), linear(Projection::AttentionOutput), sublayer(Sublayer::Attention)]);
        expected.extend([Projection::FeedForwardIn, Projection::FeedForwardOut].map(linear));
        expected.extend([sublayer(Sublayer::FeedForward), format!("{:?}", SequencePoint::Block(layer))]);
    }
    assert_eq!(*everywhere.0.lock().expect("no panic while it was held"), expected);
}
