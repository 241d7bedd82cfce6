//! Linear layers whose sequences have different modules.

use super::groups::{Group, groups, only, put_together, side_by_side};
use super::node::PerSequence;
use super::tokens::Tokens;
use adaptune_tensor::{Gradients, Scalar};
use adaptune_transformer::{
    Accumulator, Insertions, LinearBackward, LinearInput, LinearModule, LinearPoint, Properties,
};
use ndarray::{Array2, ArrayView2};

impl<S: Scalar, P: Insertions<S> + Send> LinearModule<S> for PerSequence<P> {
    fn forward<'a>(&'a self, input: LinearInput<'a, S>) -> (Array2<S>, Option<LinearBackward<'a, S>>) {
        let groups = groups(self, |part| part.linear(input.point));
        if let Some(module) = only(&groups) {
            return module.forward(input);
        }
        let (y, backwards) = put_together(side_by_side(groups, |group| of_group(&input, group)));
        let backward = (!backwards.is_empty()).then(|| -> LinearBackward<'a, S> {
            Box::new(move |d_y, gradients, d_x| backward(backwards, d_y, gradients, d_x))
        });
        (y, backward)
    }

    fn properties(&self, point: LinearPoint) -> Properties {
        let modules = self.parts().iter().filter_map(|part| part.linear(point));
        Properties::all(modules.map(|module| module.properties(point)))
    }
}

/// What one group gives: its tokens' places, their outputs, the backward pass.
fn of_group<'a, S: Scalar>(
    input: &LinearInput<'a, S>,
    Group { part, sequences, module }: Group<'a, dyn LinearModule<S> + 'a>,
) -> (Tokens, Array2<S>, Option<LinearBackward<'a, S>>) {
    let tokens = Tokens::of(&input.layout, sequences);
    let input = LinearInput {
        point: input.point,
        x: tokens.take(&input.x).into_shared(),
        base: input.base,
        below: input.below.clone(),
        shared: None,
        layout: input.layout.select(sequences),
        pass: input.pass.at(part),
        wants_input: input.wants_input,
    };
    let (y, backward) = match module {
        Some(module) => module.forward(input),
        None => input.layer(&input.x, input.wants_input),
    };
    (tokens, y, backward)
}

fn backward<S: Scalar>(
    groups: Vec<(Tokens, LinearBackward<'_, S>)>,
    d_y: ArrayView2<'_, S>,
    gradients: &mut Gradients<S>,
    d_x: &mut Accumulator<S>,
) {
    let mut d = None;
    for (tokens, backward) in groups {
        let mut d_part = Accumulator::new();
        backward(tokens.take(&d_y).view(), gradients, &mut d_part);
        tokens.put_some(d_part.into_sum(), &mut d);
    }
    if let Some(d) = d {
        d_x.add(d);
    }
}
