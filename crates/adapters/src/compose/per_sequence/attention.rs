//! Keys and values where sequences have different modules, which may add some.

use super::groups::{Changed, Group, Placed, groups, joined, only, side_by_side};
use super::node::PerSequence;
use super::tokens::Tokens;
use adaptune_tensor::{Gradients, Scalar};
use adaptune_transformer::{
    Accumulator, AttentionBackward, AttentionInput, AttentionModule, AttentionOutput, Insertions, KeyValueGradient,
    Properties,
};
use ndarray::Array2;

impl<S: Scalar, P: Insertions<S> + Send> AttentionModule<S> for PerSequence<P> {
    fn forward<'a>(&'a self, input: AttentionInput<S>) -> AttentionOutput<'a, S> {
        let groups = groups(self, |part| part.attention(input.layer));
        if let Some(module) = only(&groups) {
            return module.forward(input);
        }
        let (mut changed, mut outputs, mut of_hidden) = (Vec::new(), Vec::new(), Vec::new());
        for computed in side_by_side(groups, |group| of_group(&input, group)) {
            changed.push(computed.changed);
            outputs.push((computed.keys, computed.values));
            of_hidden.push(computed.of_hidden);
        }
        let trains = changed.iter().any(|group| group.backward.is_some());
        let (layout, placed) = joined(changed);
        let (mut keys, mut values) = (None, None);
        for (group, (part_keys, part_values)) in placed.iter().zip(outputs) {
            group.behind.put(part_keys, &mut keys);
            group.behind.put(part_values, &mut values);
        }
        let AttentionInput { wants_keys, wants_values, wants_hidden, pass, .. } = input;
        let keep = trains || (pass.gradients() && (wants_keys || wants_values || wants_hidden));
        let backward = keep.then(|| -> AttentionBackward<'a, S> {
            Box::new(move |d, gradients, d_hidden| {
                let d = backward(placed.into_iter().zip(of_hidden), d, gradients, d_hidden);
                KeyValueGradient {
                    d_keys: d.d_keys.filter(|_| wants_keys),
                    d_values: d.d_values.filter(|_| wants_values),
                }
            })
        });
        let some = "some sequence belongs to a part";
        AttentionOutput { keys: keys.expect(some), values: values.expect(some), layout, backward }
    }

    fn properties(&self, layer: usize) -> Properties {
        let modules = self.parts().iter().filter_map(|part| part.attention(layer));
        Properties::all(modules.map(|module| module.properties(layer)))
    }
}

/// What one group gives.
struct Computed<'a, S> {
    changed: Changed<'a, AttentionBackward<'a, S>>,
    keys: Array2<S>,
    values: Array2<S>,
    /// Where its tokens are in the hidden state.
    of_hidden: Tokens,
}

fn of_group<'a, S: Scalar>(
    input: &AttentionInput<S>,
    Group { part, sequences, module }: Group<'a, dyn AttentionModule<S> + 'a>,
) -> Computed<'a, S> {
    let (before, of_hidden) = (Tokens::of(&input.layout, sequences), Tokens::of(&input.hidden_layout, sequences));
    let (keys, values) = (before.take(&input.keys), before.take(&input.values));
    let layout = input.layout.select(sequences);
    let output = match module {
        Some(module) => module.forward(AttentionInput {
            keys,
            values,
            hidden: of_hidden.take(&input.hidden).into_shared(),
            layout,
            hidden_layout: input.hidden_layout.select(sequences),
            pass: input.pass.at(part),
            ..*input
        }),
        None => AttentionOutput { keys, values, layout, backward: None },
    };
    let AttentionOutput { keys, values, layout, backward } = output;
    Computed { changed: Changed { sequences, before, layout, backward }, keys, values, of_hidden }
}

fn backward<'a, S: Scalar>(
    groups: impl Iterator<Item = (Placed<AttentionBackward<'a, S>>, Tokens)>,
    d: KeyValueGradient<S>,
    gradients: &mut Gradients<S>,
    d_hidden: &mut Accumulator<S>,
) -> KeyValueGradient<S> {
    let (mut d_keys, mut d_values, mut d_all_hidden) = (None, None, None);
    for (Placed { before, behind, backward }, of_hidden) in groups {
        let take = |d: &Option<Array2<S>>| d.as_ref().map(|d| behind.take(d));
        let mut part = KeyValueGradient { d_keys: take(&d.d_keys), d_values: take(&d.d_values) };
        let mut d_part_hidden = Accumulator::new();
        if let Some(backward) = backward {
            part = backward(part, gradients, &mut d_part_hidden);
        }
        before.put_some(part.d_keys, &mut d_keys);
        before.put_some(part.d_values, &mut d_values);
        of_hidden.put_some(d_part_hidden.into_sum(), &mut d_all_hidden);
    }
    if let Some(d) = d_all_hidden {
        d_hidden.add(d);
    }
    KeyValueGradient { d_keys, d_values }
}
