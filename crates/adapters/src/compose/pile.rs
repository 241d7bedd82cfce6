//! Modules upon each other at one point: the four shapes, forward beside backward.
//!
//! Forward goes up, and each module is told whether anything below it trains. Backward goes down and ends where nothing
//! does.

use adaptune_tensor::Scalar;
use adaptune_transformer::{
    Accumulator, AttentionBackward, AttentionInput, AttentionModule, AttentionOutput, KeyValueGradient, LinearBackward,
    LinearInput, LinearModule, Properties, SequenceBackward, SequenceInput, SequenceModule, SequenceOutput,
    SublayerBackward, SublayerGradient, SublayerInput, SublayerModule,
};
use ndarray::Array2;

/// At least one module, the lowest first.
pub(super) struct Pile<'p, M: ?Sized>(pub(super) Vec<&'p M>);

impl<S: Scalar> LinearModule<S> for Pile<'_, dyn LinearModule<S> + '_> {
    /// The last module asks for the layer, which is the modules below it.
    fn forward<'a>(&'a self, input: LinearInput<'a, S>) -> (Array2<S>, Option<LinearBackward<'a, S>>) {
        let mut below = input.below.clone();
        below.extend(&self.0);
        let last = below.pop().expect("a pile has modules");
        last.forward(LinearInput { below, ..input })
    }

    fn properties(&self) -> Properties {
        Properties::all(self.0.iter().map(|module| module.properties()))
    }
}

impl<S: Scalar> SublayerModule<S> for Pile<'_, dyn SublayerModule<S> + '_> {
    fn forward<'a>(&'a self, input: SublayerInput<'a, S>) -> (Array2<S>, Option<SublayerBackward<'a, S>>) {
        let SublayerInput { point, mut output, residual, join, layout, pass, followed, .. } = input;
        let SublayerInput { mut wants_output, wants_residual, .. } = input;
        let mut backwards = Vec::new();
        for (i, module) in self.0.iter().enumerate() {
            let input = SublayerInput {
                point,
                output,
                residual: residual.clone(),
                join,
                layout: layout.clone(),
                pass: pass.at(i as u64),
                wants_output,
                wants_residual,
                followed: followed || i + 1 < self.0.len(),
            };
            let (next, backward) = module.forward(input);
            output = next;
            wants_output = backward.is_some();
            backwards.extend(backward);
        }
        let backward = (!backwards.is_empty()).then(|| -> SublayerBackward<'a, S> {
            Box::new(move |d, gradients| {
                let (mut d_output, mut d_residual) = (Some(d), Accumulator::new());
                for backward in backwards.into_iter().rev() {
                    let Some(d) = d_output else { break };
                    let below = backward(d, gradients);
                    below.d_residual.into_iter().for_each(|d| d_residual.add(d));
                    d_output = below.d_output;
                }
                SublayerGradient { d_output, d_residual: d_residual.into_sum() }
            })
        });
        (output, backward)
    }

    fn properties(&self) -> Properties {
        Properties::all(self.0.iter().map(|module| module.properties()))
    }
}

impl<S: Scalar> SequenceModule<S> for Pile<'_, dyn SequenceModule<S> + '_> {
    fn forward<'a>(&'a self, input: SequenceInput<'a, S>) -> SequenceOutput<'a, S> {
        let SequenceInput { point, base, mut tokens, mut layout, pass, mut wants_tokens } = input;
        let mut backwards = Vec::new();
        for (i, module) in self.0.iter().enumerate() {
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

    fn properties(&self) -> Properties {
        Properties::all(self.0.iter().map(|module| module.properties()))
    }
}

impl<S: Scalar> AttentionModule<S> for Pile<'_, dyn AttentionModule<S> + '_> {
    fn forward<'a>(&'a self, input: AttentionInput<S>) -> AttentionOutput<'a, S> {
        let AttentionInput { layer, mut keys, mut values, hidden, mut layout, hidden_layout, pass, .. } = input;
        let AttentionInput { mut wants_keys, mut wants_values, wants_hidden, .. } = input;
        let mut backwards = Vec::new();
        for (i, module) in self.0.iter().enumerate() {
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

    fn properties(&self) -> Properties {
        Properties::all(self.0.iter().map(|module| module.properties()))
    }
}
