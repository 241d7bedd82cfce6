//! The first half of a block: self-attention, residual, norm.

use crate::ending::{Ending, EndingTrace};
use crate::insertion::*;
use crate::points::Place;
use crate::{Accumulator, LayerNorm, Linear};
use adaptune_tensor::{
    Attention, AttentionNeeds, AttentionTrace, Gradients, Layout, Scalar, attention, attention_backward, gather,
    gather_backward,
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
    /// The rows that are read and how many there are, unless all are.
    read: Option<(Vec<u32>, usize)>,
    query: Option<LinearBackward<'a, S>>,
    key: Option<LinearBackward<'a, S>>,
    value: Option<LinearBackward<'a, S>>,
    extension: Option<AttentionBackward<'a, S>>,
    attention: Option<AttentionTrace<S>>,
    needs: AttentionNeeds,
    ending: EndingTrace<'a, S>,
}

impl<S: Scalar> SelfAttention<S> {
    /// `[T, D] → [T, D]`; `wants` says that the gradient of `x` is wanted. Keys and values are those of all tokens, what comes
    /// behind them is that of the rows that are read.
    pub(crate) fn forward<'a>(
        &'a self,
        place: &Place<'a, S>,
        behind: &Place<'a, S>,
        x: ArcArray2<S>,
        wants: bool,
    ) -> (Array2<S>, Option<SelfAttentionTrace<'a, S>>) {
        let read = place.read.as_ref().map(|read| (read.rows.clone(), x.nrows()));
        let residual = read.as_ref().map_or_else(|| x.clone(), |(rows, _)| gather(x.view(), rows).into_shared());
        let (q, query) = behind.linear(Projection::Query, &self.query, &residual, wants);
        let (keys, key) = place.linear(Projection::Key, &self.key, &x, wants);
        let (values, value) = place.linear(Projection::Value, &self.value, &x, wants);
        let extended = place.attention(AttentionInput {
            layer: place.layer,
            keys,
            values,
            hidden: x,
            layout: place.layout.clone(),
            hidden_layout: place.layout.clone(),
            pass: place.pass.at(PREFIX),
            wants_keys: key.is_some(),
            wants_values: value.is_some(),
            wants_hidden: wants,
        });
        let AttentionOutput { keys, values, layout, backward: extension } = extended;
        let needs = AttentionNeeds {
            queries: query.is_some(),
            keys: key.is_some() || extension.is_some(),
            values: value.is_some() || extension.is_some(),
            relative_bias: false,
        };
        let probabilities = place.pass.at(PROBABILITIES).dropout(place.config.attention_dropout);
        let (shape, precision) = (shape(behind, layout), place.pass.precision());
        let (context, attention) = attention(q, keys, values, shape, precision, probabilities, needs.any());
        let (y, ending) = self.ending(place).forward(behind, (context.into_shared(), needs.any()), (residual, wants));
        let trace = |ending| SelfAttentionTrace { read, query, key, value, extension, attention, needs, ending };
        (y, ending.map(trace))
    }

    fn ending<'a>(&'a self, place: &Place<'a, S>) -> Ending<'a, S> {
        Ending {
            sublayer: Sublayer::Attention,
            projection: Projection::AttentionOutput,
            linear: &self.output,
            norm: &self.norm,
            dropout: place.config.attention_output_dropout,
        }
    }
}

fn shape<S: Scalar>(place: &Place<'_, S>, keys: Layout) -> Attention<S> {
    let heads = place.config.heads;
    Attention::new(heads, place.config.hidden / heads, place.layout.clone(), keys)
}

/// Places of random draws; linear layers take the numbers below, the half block's end those above.
const PREFIX: u64 = 16;
const PROBABILITIES: u64 = 17;

impl<S: Scalar> SelfAttentionTrace<'_, S> {
    /// From the gradient of the half block's result to that of `x`, if wanted.
    pub(crate) fn backward(mut self, d_y: Array2<S>, gradients: &mut Gradients<S>) -> Option<Array2<S>> {
        let mut d_x = Accumulator::new();
        let Some((rows, tokens)) = self.read.take() else {
            self.ways_back(d_y, gradients, &mut d_x, None);
            return d_x.into_sum();
        };
        let mut d_read = Accumulator::new();
        self.ways_back(d_y, gradients, &mut d_x, Some(&mut d_read));
        d_read.into_sum().into_iter().for_each(|d| d_x.add(gather_backward(&rows, d.view(), tokens)));
        d_x.into_sum()
    }

    /// Adds what reaches `x` through keys and values to `d_x`, and what reaches its rows that are read through the rest of
    /// the half block to `d_read`, which is `d_x` itself if all are.
    fn ways_back(
        self,
        d_y: Array2<S>,
        gradients: &mut Gradients<S>,
        d_x: &mut Accumulator<S>,
        mut d_read: Option<&mut Accumulator<S>>,
    ) {
        let d_context = self.ending.backward(d_y, gradients, d_read.as_deref_mut().unwrap_or(d_x));
        let (Some(d_context), Some(attention)) = (d_context, self.attention) else { return };
        let d = attention_backward(attention, d_context.view(), self.needs);
        let mut d_kv = KeyValueGradient { d_keys: d.d_keys, d_values: d.d_values };
        if let Some(extension) = self.extension {
            d_kv = extension(d_kv, gradients, d_x);
        }
        if let (Some(backward), Some(d)) = (self.query, d.d_queries) {
            backward(d.view(), gradients, d_read.unwrap_or(d_x));
        }
        for (backward, d) in [(self.key, d_kv.d_keys), (self.value, d_kv.d_values)] {
            if let (Some(backward), Some(d)) = (backward, d) {
                backward(d.view(), gradients, d_x);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Batch, Config, Encoder, Pass};
    use adaptune_tensor::{Precision, Seed};
    use ndarray::Array2;

    /// Told apart from the linear layers, which stay rounded when the base no longer says so.
    #[test]
    fn the_base_s_precision_reaches_wide_heads_in_long_sequences() {
        let config = Config { vocabulary: 50, ..Config::bert(128, 1, 2, 130) };
        let mut base = Encoder::<f32>::random(config, 0.2, Seed::new(1)).with_precision(Precision::Bf16);
        let hidden = |base: &Encoder<f32>, tokens: u32| -> Array2<f32> {
            let ids: Vec<_> = (0..tokens).map(|i| i % 50).collect();
            base.forward(&Batch::from_ids(&[&ids]), &(), Pass::evaluate()).expect("a good batch").hidden
        };
        let [short, long] = [63, 64].map(|tokens| hidden(&base, tokens));
        base.precision = Precision::Full;
        assert!(hidden(&base, 63) == short && hidden(&base, 64) != long);
    }
}
