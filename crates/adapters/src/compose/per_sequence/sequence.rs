//! Points between blocks where sequences have different modules, which may lengthen them.

use super::groups::{Changed, Group, Placed, groups, joined, only, side_by_side};
use super::node::PerSequence;
use super::tokens::Tokens;
use adaptune_tensor::{Gradients, Scalar};
use adaptune_transformer::{
    Insertions, Properties, SequenceBackward, SequenceInput, SequenceModule, SequenceOutput, SequencePoint,
};
use ndarray::Array2;

impl<S: Scalar, P: Insertions<S> + Send> SequenceModule<S> for PerSequence<P> {
    fn forward<'a>(&'a self, input: SequenceInput<'a, S>) -> SequenceOutput<'a, S> {
        let groups = groups(self, |part| part.sequence(input.point));
        if let Some(module) = only(&groups) {
            return module.forward(input);
        }
        let computed = side_by_side(groups, |group| of_group(&input, group));
        let (changed, outputs): (Vec<_>, Vec<_>) = computed.into_iter().unzip();
        let trains = changed.iter().any(|group| group.backward.is_some());
        let (layout, placed) = joined(changed);
        let mut tokens = None;
        for (group, output) in placed.iter().zip(outputs) {
            group.behind.put(output, &mut tokens);
        }
        let wants_tokens = input.wants_tokens;
        let keep = trains || (input.pass.gradients() && wants_tokens);
        let backward = keep.then(|| -> SequenceBackward<'a, S> {
            Box::new(move |d, gradients| backward(placed, d, wants_tokens, gradients))
        });
        SequenceOutput { tokens: tokens.expect("some sequence belongs to a part"), layout, backward }
    }

    fn properties(&self, point: SequencePoint) -> Properties {
        let modules = self.parts().iter().filter_map(|part| part.sequence(point));
        Properties::all(modules.map(|module| module.properties(point)))
    }
}

/// What one group gives, and its tokens.
fn of_group<'a, S: Scalar>(
    input: &SequenceInput<'a, S>,
    Group { part, sequences, module }: Group<'a, dyn SequenceModule<S> + 'a>,
) -> (Changed<'a, SequenceBackward<'a, S>>, Array2<S>) {
    let before = Tokens::of(&input.layout, sequences);
    let (tokens, layout) = (before.take(&input.tokens), input.layout.select(sequences));
    let output = match module {
        Some(module) => module.forward(SequenceInput { tokens, layout, pass: input.pass.at(part), ..*input }),
        None => SequenceOutput { tokens, layout, backward: None },
    };
    (Changed { sequences, before, layout: output.layout, backward: output.backward }, output.tokens)
}

fn backward<S: Scalar>(
    groups: Vec<Placed<SequenceBackward<'_, S>>>,
    d: Array2<S>,
    wants_tokens: bool,
    gradients: &mut Gradients<S>,
) -> Option<Array2<S>> {
    let mut d_tokens = None;
    for Placed { before, behind, backward } in groups {
        let d = behind.take(&d);
        let part = match backward {
            Some(backward) => backward(d, gradients),
            None => wants_tokens.then_some(d),
        };
        before.put_some(part, &mut d_tokens);
    }
    d_tokens
}
