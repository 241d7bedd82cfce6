//! The first half of a block: self-attention, residual, norm.

use crate::insertion::*;
use crate::points::Place;
use crate::{LayerNorm, Linear};
use adaptune_tensor::{
    AttentionNeeds, AttentionShape, AttentionTrace, Dropout, Gradients, Scalar, attention, attention_backward,
};
use ndarray::{ArcArray2, Array2};

/// `norm(dropout(W_o attention(W_q x, W_k x, W_v x)) + x)`.
#[derive(Debug)]
pub(crate) struct SelfAttention<S> {
    pub(crate) query: Linear<S>,
    pub(crate) key: Linear<S>,
    pub(crate) value: Linear<S>,
    pub(crate) output: Linear<S>,
    pub(crate) norm: LayerNorm<S>,
}

/// What backward needs; the parts below the lowest point that trains are `None`.
pub(crate) struct SelfAttentionTrace<'a, S> {
    query: Option<LinearBackward<'a, S>>,
    key: Option<LinearBackward<'a, S>>,
    value: Option<LinearBackward<'a, S>>,
    extension: Option<AttentionBackward<'a, S>>,
    attention: Option<AttentionTrace<S>>,
    needs: AttentionNeeds,
    output: Option<LinearBackward<'a, S>>,
    dropout: Option<Dropout>,
    sublayer: SublayerBackward<'a, S>,
}

impl<S: Scalar> SelfAttention<S> {
    /// `[T, D] → [T, D]`; `wants` says that the gradient of `x` is wanted.
    pub(crate) fn forward<'a>(
        &'a self,
        place: &Place<'a, S>,
        x: ArcArray2<S>,
        wants: bool,
    ) -> (Array2<S>, Option<SelfAttentionTrace<'a, S>>) {
        let config = place.config;
        let (q, query) = place.linear(Projection::Query, &self.query, &x, wants);
        let (k, key) = place.linear(Projection::Key, &self.key, &x, wants);
        let (v, value) = place.linear(Projection::Value, &self.value, &x, wants);
        let extended = place.attention(AttentionInput {
            keys: k,
            values: v,
            hidden: x.clone(),
            layout: place.layout.clone(),
            pass: place.pass.at(PREFIX),
            wants_keys: key.is_some(),
            wants_values: value.is_some(),
            wants_hidden: wants,
        });
        let added = extended.backward.is_some();
        let needs =
            AttentionNeeds { queries: query.is_some(), keys: key.is_some() || added, values: value.is_some() || added };
        let shape = AttentionShape {
            heads: config.heads,
            head_size: config.hidden / config.heads,
            queries: place.layout.clone(),
            keys: extended.layout,
        };
        let probabilities = place.pass.at(PROBABILITIES).dropout(config.attention_dropout);
        let (context, trace) = attention(q, extended.keys, extended.values, shape, probabilities, needs.any());
        let (mut o, output) =
            place.linear(Projection::AttentionOutput, &self.output, &context.into_shared(), needs.any());
        let dropout = place.pass.at(OUTPUT).dropout(config.attention_output_dropout);
        if let Some(dropout) = dropout {
            dropout.apply(&mut o);
        }
        let (y, sublayer) = place.sublayer(
            Sublayer::Attention,
            SublayerInput {
                output: o,
                residual: x,
                norm: Some(&self.norm),
                layout: place.layout.clone(),
                pass: place.pass.at(SUBLAYER),
                wants_output: output.is_some(),
                wants_residual: wants,
            },
        );
        let (extension, attention) = (extended.backward, trace);
        let trace = sublayer.map(|sublayer| SelfAttentionTrace {
            query,
            key,
            value,
            extension,
            attention,
            needs,
            output,
            dropout,
            sublayer,
        });
        (y, trace)
    }
}

/// Places of random draws within the half block; linear layers take the numbers below.
const PREFIX: u64 = 16;
const PROBABILITIES: u64 = 17;
const OUTPUT: u64 = 18;
const SUBLAYER: u64 = 19;

impl<S: Scalar> SelfAttentionTrace<'_, S> {
    /// From the gradient of the half block's result to that of `x`, if wanted.
    pub(crate) fn backward(self, d_y: Array2<S>, gradients: &mut Gradients<S>) -> Option<Array2<S>> {
        let mut d_x = Accumulator::new();
        let SublayerGradient { d_output, d_residual } = (self.sublayer)(d_y, gradients);
        if let Some(d_residual) = d_residual {
            d_x.add(d_residual);
        }
        let (Some(mut d_o), Some(output)) = (d_output, self.output) else { return d_x.into_sum() };
        if let Some(dropout) = self.dropout {
            dropout.apply(&mut d_o);
        }
        let mut d_context = Accumulator::new();
        output(d_o.view(), gradients, &mut d_context);
        let (Some(d_context), Some(attention)) = (d_context.into_sum(), self.attention) else { return d_x.into_sum() };
        let d = attention_backward(&attention, d_context.view(), self.needs);
        let mut d_kv = KeyValueGradient { d_keys: d.d_keys, d_values: d.d_values };
        if let Some(extension) = self.extension {
            d_kv = extension(d_kv, gradients, &mut d_x);
        }
        let projections = [(self.query, d.d_queries), (self.key, d_kv.d_keys), (self.value, d_kv.d_values)];
        for (backward, d) in projections {
            if let (Some(backward), Some(d)) = (backward, d) {
                backward(d.view(), gradients, &mut d_x);
            }
        }
        d_x.into_sum()
    }
}
