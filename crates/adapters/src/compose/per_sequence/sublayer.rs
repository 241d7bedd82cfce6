//! Ends of sublayers whose sequences have different modules.

use super::groups::{Group, groups, only, put_together, side_by_side};
use super::node::PerSequence;
use super::tokens::Tokens;
use adaptune_tensor::{Gradients, Scalar};
use adaptune_transformer::{
    Insertions, Properties, Reads, SublayerBackward, SublayerGradient, SublayerInput, SublayerModule, SublayerPoint,
};
use ndarray::Array2;

impl<S: Scalar, P: Insertions<S> + Send> SublayerModule<S> for PerSequence<P> {
    fn forward<'a>(&'a self, input: SublayerInput<'a, S>) -> (Array2<S>, Option<SublayerBackward<'a, S>>) {
        let groups = groups(self, |part| part.sublayer(input.point));
        if let Some(module) = only(&groups) {
            return module.forward(input);
        }
        let (y, backwards) = put_together(side_by_side(groups, |group| of_group(&input, group)));
        let backward = (!backwards.is_empty())
            .then(|| -> SublayerBackward<'a, S> { Box::new(move |d, gradients| backward(backwards, d, gradients)) });
        (y, backward)
    }

    fn properties(&self, point: SublayerPoint) -> Properties {
        let modules = self.parts().iter().filter_map(|part| part.sublayer(point));
        Properties::all(modules.map(|module| module.properties(point)))
    }

    /// Sequences may not differ in it.
    fn reads(&self, point: SublayerPoint) -> Option<Reads> {
        Reads::of_all(self.parts().iter().filter_map(|part| part.sublayer(point)).map(|module| module.reads(point)))
    }
}

/// What one group gives: its tokens' places, their next state, the backward pass.
fn of_group<'a, S: Scalar>(
    input: &SublayerInput<'a, S>,
    Group { part, sequences, module }: Group<'a, dyn SublayerModule<S> + 'a>,
) -> (Tokens, Array2<S>, Option<SublayerBackward<'a, S>>) {
    let tokens = Tokens::of(&input.layout, sequences);
    let input = SublayerInput {
        output: tokens.take(&input.output).into_shared(),
        residual: tokens.take(&input.residual).into_shared(),
        next: None,
        layout: input.layout.select(sequences),
        pass: input.pass.at(part),
        ..*input
    };
    let (y, backward) = match module {
        Some(module) => module.forward(input),
        None => input.base(),
    };
    (tokens, y, backward)
}

fn backward<S: Scalar>(
    groups: Vec<(Tokens, SublayerBackward<'_, S>)>,
    d: Array2<S>,
    gradients: &mut Gradients<S>,
) -> SublayerGradient<S> {
    let (mut d_output, mut d_residual) = (None, None);
    for (tokens, backward) in groups {
        let part = backward(tokens.take(&d), gradients);
        tokens.put_some(part.d_output, &mut d_output);
        tokens.put_some(part.d_residual, &mut d_residual);
    }
    SublayerGradient { d_output, d_residual }
}
