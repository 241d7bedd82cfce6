//! The modules of several adapters at one point, each for its own sequences: the four shapes, forward beside backward.
//!
//! The rows of each part are taken out, its module (or the base) computes with them as with a batch of its own, and the
//! results are put back; gradients go the same way. Where all sequences have the same module nothing is taken apart.

use super::rows::Rows;
use adaptune_tensor::{Gradients, Layout, Scalar};
use adaptune_transformer::{
    Accumulator, AttentionBackward, AttentionInput, AttentionModule, AttentionOutput, KeyValueGradient, LinearBackward,
    LinearInput, LinearModule, Properties, SequenceBackward, SequenceInput, SequenceModule, SequenceOutput,
    SublayerBackward, SublayerGradient, SublayerInput, SublayerModule,
};
use ndarray::{Array2, ArrayView2};
use rayon::prelude::*;
use std::sync::Arc;

/// Which sequences belong to each part.
pub(super) type Groups = Arc<[Vec<usize>]>;

/// The modules that the parts have at one point. Some sequence belongs to one of them.
pub(super) struct ByRow<'p, M: ?Sized> {
    pub(super) groups: Groups,
    pub(super) modules: Vec<Option<&'p M>>,
}

impl<'p, M: ?Sized> ByRow<'p, M> {
    /// The parts that have sequences: a number, these sequences, and the module if there is one.
    fn groups(&self) -> impl Iterator<Item = (u64, &[usize], Option<&'p M>)> {
        let groups = self.groups.iter().zip(&self.modules).enumerate();
        groups.filter(|(_, (s, _))| !s.is_empty()).map(|(i, (s, module))| (i as u64, s.as_slice(), *module))
    }

    /// The one module that all sequences have, if it is so: then nothing has to be taken apart.
    fn only(&self) -> Option<&'p M> {
        let mut groups = self.groups();
        let (_, _, module) = groups.next()?;
        module.filter(|_| groups.next().is_none())
    }
}

impl<S: Scalar> LinearModule<S> for ByRow<'_, dyn LinearModule<S> + '_> {
    fn forward<'a>(&'a self, input: LinearInput<'a, S>) -> (Array2<S>, Option<LinearBackward<'a, S>>) {
        if let Some(module) = self.only() {
            return module.forward(input);
        }
        let LinearInput { point, x, base, below, layout, pass, wants_input } = input;
        let parts = side_by_side(self.groups(), |i, sequences, module: Option<&'a _>| {
            let rows = Rows::of(&layout, sequences);
            let (x, layout, pass) = (rows.take(&x).into_shared(), layout.select(sequences), pass.at(i));
            let input = LinearInput { point, x, base, below: below.clone(), layout, pass, wants_input };
            let (part, backward) = match module {
                Some(module) => module.forward(input),
                None => input.layer(&input.x, wants_input),
            };
            (rows, part, backward)
        });
        let (y, backwards) = put_together(parts);
        let backward = (!backwards.is_empty()).then(|| -> LinearBackward<'a, S> {
            Box::new(move |d_y, gradients, d_x| linear_backward(backwards, d_y, gradients, d_x))
        });
        (y, backward)
    }

    fn properties(&self) -> Properties {
        Properties::all(self.modules.iter().flatten().map(|module| module.properties()))
    }
}

/// What each part gives. Parts are computed side by side: one alone may be too small for several threads.
fn side_by_side<'g, M: ?Sized + Sync + 'g, T: Send>(
    groups: impl Iterator<Item = (u64, &'g [usize], Option<&'g M>)>,
    compute: impl Fn(u64, &'g [usize], Option<&'g M>) -> T + Sync,
) -> Vec<T> {
    groups.collect::<Vec<_>>().into_par_iter().map(|(i, sequences, module)| compute(i, sequences, module)).collect()
}

/// The rows of all parts, and the ways back of those that have one.
fn put_together<S: Scalar, B>(parts: Vec<(Rows, Array2<S>, Option<B>)>) -> (Array2<S>, Vec<(Rows, B)>) {
    let (mut y, mut backwards) = (None, Vec::new());
    for (rows, part, backward) in parts {
        rows.put(part, &mut y);
        backwards.extend(backward.map(|backward| (rows, backward)));
    }
    (y.expect("some sequence belongs to a part"), backwards)
}

fn linear_backward<S: Scalar>(
    parts: Vec<(Rows, LinearBackward<'_, S>)>,
    d_y: ArrayView2<'_, S>,
    gradients: &mut Gradients<S>,
    d_x: &mut Accumulator<S>,
) {
    let mut d = None;
    for (rows, backward) in parts {
        let mut part = Accumulator::new();
        backward(rows.take(&d_y).view(), gradients, &mut part);
        part.into_sum().into_iter().for_each(|part| rows.put(part, &mut d));
    }
    d.into_iter().for_each(|d| d_x.add(d));
}

impl<S: Scalar> SublayerModule<S> for ByRow<'_, dyn SublayerModule<S> + '_> {
    fn forward<'a>(&'a self, input: SublayerInput<'a, S>) -> (Array2<S>, Option<SublayerBackward<'a, S>>) {
        if let Some(module) = self.only() {
            return module.forward(input);
        }
        let SublayerInput { point, output, residual, join, layout, pass, .. } = input;
        let SublayerInput { wants_output, wants_residual, followed, .. } = input;
        let parts = side_by_side(self.groups(), |i, sequences, module: Option<&'a _>| {
            let rows = Rows::of(&layout, sequences);
            let input = SublayerInput {
                point,
                output: rows.take(&output),
                residual: rows.take(&residual).into_shared(),
                join,
                layout: layout.select(sequences),
                pass: pass.at(i),
                wants_output,
                wants_residual,
                followed,
            };
            let (part, backward) = match module {
                Some(module) => module.forward(input),
                None => input.base(),
            };
            (rows, part, backward)
        });
        let (y, backwards) = put_together(parts);
        let backward = (!backwards.is_empty()).then(|| -> SublayerBackward<'a, S> {
            Box::new(move |d, gradients| sublayer_backward(backwards, d, gradients))
        });
        (y, backward)
    }

    fn properties(&self) -> Properties {
        Properties::all(self.modules.iter().flatten().map(|module| module.properties()))
    }
}

fn sublayer_backward<S: Scalar>(
    parts: Vec<(Rows, SublayerBackward<'_, S>)>,
    d: Array2<S>,
    gradients: &mut Gradients<S>,
) -> SublayerGradient<S> {
    let (mut d_output, mut d_residual) = (None, None);
    for (rows, backward) in parts {
        let part = backward(rows.take(&d), gradients);
        part.d_output.into_iter().for_each(|part| rows.put(part, &mut d_output));
        part.d_residual.into_iter().for_each(|part| rows.put(part, &mut d_residual));
    }
    SublayerGradient { d_output, d_residual }
}

/// What a part gives at a place where the layout may change.
struct Part<'g, B> {
    sequences: &'g [usize],
    before: Rows,
    layout: Layout,
    backward: Option<B>,
}

/// The rows of a part before and behind the module, and the module's way back.
type Placed<B> = (Rows, Rows, Option<B>);

/// The layout of all parts together, and where each part's rows are in it.
fn joined<B>(parts: Vec<Part<'_, B>>) -> (Layout, Vec<Placed<B>>) {
    let layout = Layout::join(&parts.iter().map(|part| (part.sequences, &part.layout)).collect::<Vec<_>>());
    let behind = |part: Part<'_, B>| (part.before, Rows::of(&layout, part.sequences), part.backward);
    let rows = parts.into_iter().map(behind).collect();
    (layout, rows)
}

impl<S: Scalar> SequenceModule<S> for ByRow<'_, dyn SequenceModule<S> + '_> {
    fn forward<'a>(&'a self, input: SequenceInput<'a, S>) -> SequenceOutput<'a, S> {
        if let Some(module) = self.only() {
            return module.forward(input);
        }
        let SequenceInput { point, base, tokens, layout, pass, wants_tokens } = input;
        let computed = side_by_side(self.groups(), |i, sequences, module: Option<&'a _>| {
            let before = Rows::of(&layout, sequences);
            let (tokens, layout, pass) = (before.take(&tokens), layout.select(sequences), pass.at(i));
            let output = match module {
                Some(module) => module.forward(SequenceInput { point, base, tokens, layout, pass, wants_tokens }),
                None => SequenceOutput { tokens, layout, backward: None },
            };
            (Part { sequences, before, layout: output.layout, backward: output.backward }, output.tokens)
        });
        let (parts, outputs): (Vec<_>, Vec<_>) = computed.into_iter().unzip();
        let trains = parts.iter().any(|part| part.backward.is_some());
        let (layout, rows) = joined(parts);
        let mut tokens = None;
        rows.iter().zip(outputs).for_each(|((_, behind, _), part)| behind.put(part, &mut tokens));
        let keep = trains || (pass.gradients() && wants_tokens);
        let backward = keep.then(|| -> SequenceBackward<'a, S> {
            Box::new(move |d, gradients| sequence_backward(rows, d, wants_tokens, gradients))
        });
        SequenceOutput { tokens: tokens.expect("some sequence belongs to a part"), layout, backward }
    }

    fn properties(&self) -> Properties {
        Properties::all(self.modules.iter().flatten().map(|module| module.properties()))
    }
}

fn sequence_backward<S: Scalar>(
    parts: Vec<Placed<SequenceBackward<'_, S>>>,
    d: Array2<S>,
    wants_tokens: bool,
    gradients: &mut Gradients<S>,
) -> Option<Array2<S>> {
    let mut d_tokens = None;
    for (before, behind, backward) in parts {
        let d = behind.take(&d);
        let part = match backward {
            Some(backward) => backward(d, gradients),
            None => wants_tokens.then_some(d),
        };
        part.into_iter().for_each(|part| before.put(part, &mut d_tokens));
    }
    d_tokens
}

impl<S: Scalar> AttentionModule<S> for ByRow<'_, dyn AttentionModule<S> + '_> {
    fn forward<'a>(&'a self, input: AttentionInput<S>) -> AttentionOutput<'a, S> {
        if let Some(module) = self.only() {
            return module.forward(input);
        }
        let AttentionInput { layer, keys, values, hidden, layout, hidden_layout, pass, .. } = input;
        let AttentionInput { wants_keys, wants_values, wants_hidden, .. } = input;
        let computed = side_by_side(self.groups(), |i, sequences, module: Option<&'a _>| {
            let (before, of_hidden) = (Rows::of(&layout, sequences), Rows::of(&hidden_layout, sequences));
            let (keys, values, layout) = (before.take(&keys), before.take(&values), layout.select(sequences));
            let output = match module {
                Some(module) => module.forward(AttentionInput {
                    layer,
                    keys,
                    values,
                    hidden: of_hidden.take(&hidden).into_shared(),
                    layout,
                    hidden_layout: hidden_layout.select(sequences),
                    pass: pass.at(i),
                    wants_keys,
                    wants_values,
                    wants_hidden,
                }),
                None => AttentionOutput { keys, values, layout, backward: None },
            };
            let part = Part { sequences, before, layout: output.layout, backward: output.backward };
            (part, ((output.keys, output.values), of_hidden))
        });
        let (parts, others): (Vec<_>, Vec<_>) = computed.into_iter().unzip();
        let (outputs, hidden_rows): (Vec<_>, Vec<_>) = others.into_iter().unzip();
        let trains = parts.iter().any(|part| part.backward.is_some());
        let (layout, rows) = joined(parts);
        let (mut keys, mut values) = (None, None);
        for ((_, behind, _), (part_keys, part_values)) in rows.iter().zip(outputs) {
            behind.put(part_keys, &mut keys);
            behind.put(part_values, &mut values);
        }
        let keep = trains || (pass.gradients() && (wants_keys || wants_values || wants_hidden));
        let backward = keep.then(|| -> AttentionBackward<'a, S> {
            Box::new(move |d, gradients, d_hidden| {
                let d = attention_backward(rows.into_iter().zip(hidden_rows), d, gradients, d_hidden);
                KeyValueGradient {
                    d_keys: d.d_keys.filter(|_| wants_keys),
                    d_values: d.d_values.filter(|_| wants_values),
                }
            })
        });
        let some = "some sequence belongs to a part";
        AttentionOutput { keys: keys.expect(some), values: values.expect(some), layout, backward }
    }

    fn properties(&self) -> Properties {
        Properties::all(self.modules.iter().flatten().map(|module| module.properties()))
    }
}

fn attention_backward<'a, S: Scalar>(
    parts: impl Iterator<Item = (Placed<AttentionBackward<'a, S>>, Rows)>,
    d: KeyValueGradient<S>,
    gradients: &mut Gradients<S>,
    d_hidden: &mut Accumulator<S>,
) -> KeyValueGradient<S> {
    let (mut d_keys, mut d_values, mut d_all_hidden) = (None, None, None);
    for ((before, behind, backward), of_hidden) in parts {
        let take = |d: &Option<Array2<S>>| d.as_ref().map(|d| behind.take(d));
        let mut part = KeyValueGradient { d_keys: take(&d.d_keys), d_values: take(&d.d_values) };
        let mut d_part_hidden = Accumulator::new();
        if let Some(backward) = backward {
            part = backward(part, gradients, &mut d_part_hidden);
        }
        part.d_keys.into_iter().for_each(|d| before.put(d, &mut d_keys));
        part.d_values.into_iter().for_each(|d| before.put(d, &mut d_values));
        d_part_hidden.into_sum().into_iter().for_each(|d| of_hidden.put(d, &mut d_all_hidden));
    }
    d_all_hidden.into_iter().for_each(|d| d_hidden.add(d));
    KeyValueGradient { d_keys, d_values }
}
