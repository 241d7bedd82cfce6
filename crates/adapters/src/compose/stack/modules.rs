//! Modules upon each other at one point: the four shapes, forward beside backward. At its points some part has a module.
//!
//! Forward goes up, and each module is told whether anything below it trains. Backward goes down and ends where nothing
//! does.

use super::node::Stack;
use adaptune_tensor::{Gradients, Scalar};
use adaptune_transformer::{
    Accumulator, AttentionBackward, AttentionInput, AttentionModule, AttentionOutput, Gives, Insertions,
    KeyValueGradient, LinearBackward, LinearInput, LinearModule, LinearPoint, Properties, Reads, SequenceBackward,
    SequenceInput, SequenceModule, SequenceOutput, SequencePoint, SublayerBackward, SublayerGradient, SublayerInput,
    SublayerModule, SublayerPoint,
};
use ndarray::Array2;

impl<S: Scalar, P: Insertions<S> + Send> LinearModule<S> for Stack<P> {
    /// The last module gets the layer, which is the modules below it.
    fn forward<'a>(&'a self, input: LinearInput<'a, S>) -> (Array2<S>, Option<LinearBackward<'a, S>>) {
        let mut below = input.below.clone();
        below.extend(self.parts().iter().filter_map(|part| part.linear(input.point)));
        let last = below.pop().expect("some part has a module here");
        last.forward(LinearInput { below, ..input })
    }

    fn properties(&self, point: LinearPoint) -> Properties {
        let modules = self.parts().iter().filter_map(|part| part.linear(point));
        Properties::all(modules.map(|module| module.properties(point)))
    }
}

/// A change is the output of the last module without that of the sublayer itself.
impl<S: Scalar, P: Insertions<S> + Send> SublayerModule<S> for Stack<P> {
    fn forward<'a>(&'a self, input: SublayerInput<'a, S>) -> (Array2<S>, Option<SublayerBackward<'a, S>>) {
        if input.gives != Gives::Change {
            return self.climb(input);
        }
        let o = input.output.clone();
        let wants_output = input.wants_output;
        let (z, backward) = self.climb(SublayerInput { gives: Gives::Output, ..input });
        let backward = backward.map(|backward| -> SublayerBackward<'a, S> {
            Box::new(move |d, gradients| {
                let minus = wants_output.then(|| d.mapv(|d| -d));
                let below = backward(d, gradients);
                let mut d_output = Accumulator::new();
                d_output.add_some(below.d_output);
                d_output.add_some(minus);
                SublayerGradient { d_output: d_output.into_sum(), ..below }
            })
        });
        (z - o, backward)
    }

    fn properties(&self, point: SublayerPoint) -> Properties {
        let modules = self.parts().iter().filter_map(|part| part.sublayer(point));
        Properties::all(modules.map(|module| module.properties(point)))
    }

    /// What it adds to the output is what all of them add, one after the other.
    fn reads(&self, point: SublayerPoint) -> Option<Reads> {
        Reads::of_last(self.parts().iter().filter_map(|part| part.sublayer(point)).map(|module| module.reads(point)))
    }
}

impl<P> Stack<P> {
    /// The output of each module is that of the sublayer for the next.
    fn climb<'a, S: Scalar>(&'a self, input: SublayerInput<'a, S>) -> (Array2<S>, Option<SublayerBackward<'a, S>>)
    where
        P: Insertions<S>,
    {
        let SublayerInput { point, mut output, residual, join, mut next, layout, pass, gives, .. } = input;
        let SublayerInput { mut wants_output, wants_residual, .. } = input;
        let modules = self.parts().iter().filter_map(|part| part.sublayer(point)).collect::<Vec<_>>();
        let last = modules.len() - 1;
        let mut backwards = Vec::new();
        for (i, module) in modules.into_iter().enumerate() {
            let input = SublayerInput {
                point,
                output,
                residual: residual.clone(),
                join,
                // The others read another output.
                next: next.take(),
                layout: layout.clone(),
                pass: pass.at(i as u64),
                wants_output,
                wants_residual,
                gives: if i < last { Gives::Output } else { gives },
            };
            let (z, backward) = module.forward(input);
            output = z.into_shared();
            wants_output = backward.is_some();
            backwards.extend(backward);
        }
        let backward = (!backwards.is_empty())
            .then(|| -> SublayerBackward<'a, S> { Box::new(move |d, gradients| descend(backwards, d, gradients)) });
        (output.into_owned(), backward)
    }
}

/// The modules' backward passes, the last one first.
fn descend<S: Scalar>(
    backwards: Vec<SublayerBackward<'_, S>>,
    d: Array2<S>,
    gradients: &mut Gradients<S>,
) -> SublayerGradient<S> {
    let (mut d_output, mut d_residual) = (Some(d), Accumulator::new());
    for backward in backwards.into_iter().rev() {
        let Some(d) = d_output else { break };
        let below = backward(d, gradients);
        d_residual.add_some(below.d_residual);
        d_output = below.d_output;
    }
    SublayerGradient { d_output, d_residual: d_residual.into_sum() }
}

impl<S: Scalar, P: Insertions<S> + Send> SequenceModule<S> for Stack<P> {
    fn forward<'a>(&'a self, input: SequenceInput<'a, S>) -> SequenceOutput<'a, S> {
        let SequenceInput { point, base, mut tokens, mut layout, pass, mut wants_tokens } = input;
        let modules = self.parts().iter().filter_map(|part| part.sequence(point));
        let mut backwards = Vec::new();
        for (i, module) in modules.enumerate() {
            let pass = pass.at(i as u64);
            let output = module.forward(SequenceInput { point, base, tokens, layout, pass, wants_tokens });
            (tokens, layout) = (output.tokens, output.layout);
            wants_tokens = output.backward.is_some();
            backwards.extend(output.backward);
        }
        let backward = (!backwards.is_empty()).then(|| -> SequenceBackward<'a, S> {
            Box::new(move |d, gradients| backwards.into_iter().rev().try_fold(d, |d, backward| backward(d, gradients)))
        });
        SequenceOutput { tokens, layout, backward }
    }

    fn properties(&self, point: SequencePoint) -> Properties {
        let modules = self.parts().iter().filter_map(|part| part.sequence(point));
        Properties::all(modules.map(|module| module.properties(point)))
    }
}

impl<S: Scalar, P: Insertions<S> + Send> AttentionModule<S> for Stack<P> {
    fn forward<'a>(&'a self, input: AttentionInput<S>) -> AttentionOutput<'a, S> {
        let AttentionInput { layer, mut keys, mut values, hidden, mut layout, hidden_layout, pass, .. } = input;
        let AttentionInput { mut wants_keys, mut wants_values, wants_hidden, .. } = input;
        let modules = self.parts().iter().filter_map(|part| part.attention(layer));
        let mut backwards = Vec::new();
        for (i, module) in modules.enumerate() {
            let output = module.forward(AttentionInput {
                layer,
                keys,
                values,
                hidden: hidden.clone(),
                layout,
                hidden_layout: hidden_layout.clone(),
                pass: pass.at(i as u64),
                wants_keys,
                wants_values,
                wants_hidden,
            });
            (keys, values, layout) = (output.keys, output.values, output.layout);
            wants_keys |= output.backward.is_some();
            wants_values |= output.backward.is_some();
            backwards.extend(output.backward);
        }
        let backward = (!backwards.is_empty()).then(|| -> AttentionBackward<'a, S> {
            Box::new(move |d: KeyValueGradient<S>, gradients, d_hidden| {
                backwards.into_iter().rev().fold(d, |d, backward| backward(d, gradients, d_hidden))
            })
        });
        AttentionOutput { keys, values, layout, backward }
    }

    fn properties(&self, layer: usize) -> Properties {
        let modules = self.parts().iter().filter_map(|part| part.attention(layer));
        Properties::all(modules.map(|module| module.properties(layer)))
    }
}
