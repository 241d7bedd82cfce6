//! The first sublayer of a block: self-attention.

use crate::accumulator::Accumulator;
use crate::base::LinearBackward;
use crate::disentangled::{PositionsTrace, positions};
use crate::insertion::{AttentionBackward, AttentionInput, AttentionOutput, KeyValueGradient};
use crate::place::Place;
use crate::point::{Projection, Sublayer};
use crate::relative_bias::RelativeBias;
use crate::sublayer_end::{SublayerEnd, SublayerEndTrace};
use crate::turned::{Turned, turned};
use adaptune_tensor::{
    Attention, AttentionGradients, AttentionNeeds, AttentionTrace, Gradients, Layout, PositionTerms, Scalar, attention,
    attention_backward,
};
use ndarray::{ArcArray2, Array2};

/// What backward needs; the parts below the lowest point that trains are `None`.
pub(crate) struct SelfAttentionTrace<'a, S> {
    query: Option<LinearBackward<'a, S>>,
    key: Option<LinearBackward<'a, S>>,
    value: Option<LinearBackward<'a, S>>,
    extension: Option<AttentionBackward<'a, S>>,
    attention: Option<AttentionTrace<S>>,
    needs: AttentionNeeds,
    by_distance: ByDistance<'a, S>,
    turned: [Turned<'a, S>; 2],
    end: SublayerEndTrace<'a, S>,
}

/// What backward needs of what is added to scores by distance.
struct ByDistance<'a, S> {
    relative_bias: Option<RelativeBias<'a, S>>,
    positions: Option<PositionsTrace<'a, S>>,
}

impl<'a, S: Scalar> ByDistance<'a, S> {
    /// That of a block whose longest sequence has so many tokens, and its terms of positions.
    fn of(place: &Place<'a, S>, longest: usize) -> (Self, Option<PositionTerms<S>>) {
        let (terms, positions) = positions(place, longest).unzip();
        (Self { relative_bias: RelativeBias::of(place.base), positions }, terms)
    }

    /// Which of its gradients are needed.
    fn needs(&self, place: &Place<'_, S>) -> AttentionNeeds {
        let projected = |query: bool| {
            self.positions.as_ref().is_some_and(|of| if query { of.query.is_some() } else { of.key.is_some() })
        };
        AttentionNeeds {
            relative_bias: place.pass.gradients() && self.relative_bias.is_some_and(RelativeBias::trains),
            position_keys: projected(false),
            position_queries: projected(true),
            ..AttentionNeeds::default()
        }
    }

    fn backward(self, d: &AttentionGradients<S>, gradients: &mut Gradients<S>) {
        if let (Some(bias), Some(d)) = (self.relative_bias, &d.d_relative_bias) {
            bias.backward(d.view(), gradients);
        }
        if let Some(positions) = self.positions {
            positions.backward(d, gradients);
        }
    }
}

/// What the sublayer reads: keys and values come from all tokens, queries from those that are read of the result.
pub(crate) struct SelfAttentionInput<S> {
    /// `[T, D]`.
    pub(crate) all: ArcArray2<S>,
    /// `[N, D]`; `all` itself if every token is read.
    pub(crate) read: ArcArray2<S>,
    /// The gradients of both are wanted.
    pub(crate) wants: bool,
}

/// The sums of the gradients of what the sublayer reads and of its residual input. Where two of them are of one array, the
/// later one is `None` and its gradient is added to the one before it.
pub(crate) struct SelfAttentionGradient<'s, S> {
    pub(crate) d_residual: &'s mut Accumulator<S>,
    /// Of what queries come from.
    pub(crate) d_read: Option<&'s mut Accumulator<S>>,
    /// Of what keys and values come from.
    pub(crate) d_all: Option<&'s mut Accumulator<S>>,
}

/// `join(dropout(W_o attention(W_q x, W_k x, W_v x)), r)`, `[T, D] → [N, D]`; `behind` is where the tokens that are read lie
/// without the others.
pub(crate) fn self_attention<'a, S: Scalar>(
    place: &Place<'a, S>,
    behind: &Place<'a, S>,
    input: SelfAttentionInput<S>,
    residual: (ArcArray2<S>, bool),
) -> (Array2<S>, Option<SelfAttentionTrace<'a, S>>) {
    let SelfAttentionInput { all, read, wants } = input;
    let (q, query) = behind.linear(Projection::Query, &read, wants);
    drop(read);
    let (keys, key) = place.linear(Projection::Key, &all, wants);
    let (values, value) = place.linear(Projection::Value, &all, wants);
    let (q, keys, turned) = turned(place, behind, (q, query.is_some()), (keys, key.is_some()));
    let [wants_queries, wants_keys] =
        [(&query, &turned[0]), (&key, &turned[1])].map(|(l, t)| l.is_some() || t.trains());
    let (keys, values, layout) = with_earlier(place, keys, values);
    let (by_distance, terms) = ByDistance::of(place, layout.longest());
    let extended = place.attention(AttentionInput {
        layer: place.layer,
        keys,
        values,
        hidden: all,
        layout,
        hidden_layout: place.layout.clone(),
        pass: place.pass.at(PREFIX),
        wants_keys,
        wants_values: value.is_some(),
        wants_hidden: wants,
    });
    let AttentionOutput { keys, values, layout, backward: extension } = extended;
    let needs = AttentionNeeds {
        queries: wants_queries,
        keys: wants_keys || extension.is_some(),
        values: value.is_some() || extension.is_some(),
        ..by_distance.needs(place)
    };
    let probabilities = place.pass.at(PROBABILITIES).dropout(place.config().attention_dropout);
    let (description, precision) = (description(place, behind, layout, terms), place.pass.precision());
    let (context, attention) = attention(q, keys, values, description, precision, probabilities, needs.any());
    let end = SublayerEnd {
        sublayer: Sublayer::Attention,
        projection: Projection::AttentionOutput,
        dropout: place.config().attention_output_dropout,
    };
    let (y, end) = end.forward(behind, (context.into_shared(), needs.any()), residual);
    let trace = |end| SelfAttentionTrace { query, key, value, extension, attention, needs, by_distance, turned, end };
    (y, end.map(trace))
}

/// Keys and values with those of tokens that went before, and how they lie.
fn with_earlier<S: Scalar>(place: &Place<'_, S>, keys: Array2<S>, values: Array2<S>) -> (Array2<S>, Array2<S>, Layout) {
    match place.past {
        Some(past) => past.extended(place.depth, [keys, values], &place.layout),
        None => (keys, values, place.layout.clone()),
    }
}

/// The attention of a block, of queries that lie as `behind` says and keys that lie as `keys` says, with these terms of positions.
fn description<S: Scalar>(
    place: &Place<'_, S>,
    behind: &Place<'_, S>,
    keys: Layout,
    terms: Option<PositionTerms<S>>,
) -> Attention<S> {
    let config = place.config();
    let mut attention = Attention::new(config.heads, config.head_size(), behind.layout.clone(), keys)
        .with_key_value_heads(config.key_value_heads())
        .with_mask(*config.architecture.mask.at(place.depth));
    if let Some(scale) = config.architecture.attention_scale {
        attention = attention.with_scale(scale);
    }
    if let Some(bias) = RelativeBias::of(place.base) {
        attention = attention.with_relative_bias(bias.by_distance());
    }
    if let Some(terms) = terms {
        attention = attention.with_position_terms(terms);
    }
    match (place.past, place.read_rows()) {
        (Some(past), read) => {
            let (rows, all) = past.rows(read, &place.layout);
            attention.with_query_rows(&rows, &all)
        }
        (None, Some(rows)) => attention.with_query_rows(rows, &place.layout),
        (None, None) => attention,
    }
}

/// Places of random draws; linear layers take the numbers below, the sublayer's end those above.
const PREFIX: u64 = 16;
const PROBABILITIES: u64 = 17;

impl<S: Scalar> SelfAttentionTrace<'_, S> {
    /// Adds the gradients of what the sublayer reads and of its residual input to their sums.
    pub(crate) fn backward(self, d_y: Array2<S>, gradients: &mut Gradients<S>, d: SelfAttentionGradient<'_, S>) {
        let SelfAttentionGradient { d_residual, d_read, d_all } = d;
        let d_context = self.end.backward(d_y, gradients, d_residual);
        let (Some(d_context), Some(attention)) = (d_context, self.attention) else { return };
        let d = attention_backward(attention, d_context.view(), self.needs);
        self.by_distance.backward(&d, gradients);
        let mut d_kv = KeyValueGradient { d_keys: d.d_keys, d_values: d.d_values };
        let mut sums = SelfAttentionGradient { d_residual, d_read, d_all };
        if let Some(extension) = self.extension {
            d_kv = extension(d_kv, gradients, sums.all());
        }
        let [query, key] = self.turned;
        let d_queries = d.d_queries.map(|d| query.backward(d, gradients));
        if let (Some(backward), Some(d)) = (self.query, d_queries) {
            backward(d.view(), gradients, sums.read());
        }
        let d_keys = d_kv.d_keys.map(|d| key.backward(d, gradients));
        for (backward, d) in [(self.key, d_keys), (self.value, d_kv.d_values)] {
            if let (Some(backward), Some(d)) = (backward, d) {
                backward(d.view(), gradients, sums.all());
            }
        }
    }
}

impl<S> SelfAttentionGradient<'_, S> {
    fn read(&mut self) -> &mut Accumulator<S> {
        self.d_read.as_deref_mut().unwrap_or(self.d_residual)
    }

    fn all(&mut self) -> &mut Accumulator<S> {
        match &mut self.d_all {
            Some(d_all) => d_all,
            None => self.d_read.as_deref_mut().unwrap_or(self.d_residual),
        }
    }
}
