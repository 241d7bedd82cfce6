//! Prefix tuning (Li and Liang, 2021): trainable keys and values in front of every sequence, in every block.
//!
//! For a prefix of `P`, a hidden size of `D` and the `i`-th of `L` blocks with a prefix:
//!
//! ```text
//! [P_k | P_v] = columns 2iD to 2(i+1)D of Z       [P, 2D]
//! K_s ← [g_k m ∘ P_k ; K_s]                        for each sequence s, with a dropout mask m of its own
//! V_s ← [g_v m ∘ P_v ; V_s]
//! ```
//!
//! No query belongs to the new keys: the sequences do not get longer. `Z: [P, 2LD]` is trained itself (*flat*), or
//! comes out of a small network, which Li and Liang found to learn more steadily:
//!
//! ```text
//! h = E W_downᵀ + b_down                           [P, B]     E: [P, D] embeddings, B the bottleneck
//! Z = φ(h) W_upᵀ + b_up                            [P, 2LD]
//! ```
//!
//! Only `Z` matters to the model, so after training the network can be dropped ([`PrefixTuning::eject`]). A block computes
//! its own columns of `Z` alone. The gates `g` are 1, or those of [UniPELT](crate::PrefixConfig): one number for
//! each sequence and block, or one for the keys and one for the values.
//!
//! # Gradients
//!
//! Attention gives `d_K` and `d_V`. Their first `P` rows of each sequence are the prefix's, the others go on to the base:
//!
//! ```text
//! d_g_k = Σ (m ∘ P_k) ∘ d_K                        over these rows, for each sequence
//! d_P_k = Σ_s m ∘ g_k d_K                          and the values alike
//! d_W_up = d_Pᵀ φ(h)    d_b_up = Σ_p d_P           the block's rows of W_up alone
//! d_h = d_P W_up ∘ φ'(h)
//! d_W_down = d_hᵀ E     d_b_down = Σ_p d_h         d_E = d_h W_down
//! ```
//!
//! # Positions
//!
//! AdapterHub leaves the positions of the text as they are; PEFT counts the prefix, so that the text begins at position
//! `P`. The two are different functions of the same prefix. The field `position_shift` says which one it was trained for.

use super::config::PrefixConfig;
use super::source::{Source, SourceTrace};
use crate::core::by_point::ByPoint;
use crate::core::gate::{Gate, GateTrace};
use crate::core::module::Module;
use crate::core::point::Point;
use crate::core::splice;
use adaptune_tensor::{Dropout, Gradients, Layout, Parameters, Scalar, Seed, parameters};
use adaptune_transformer::{
    Accumulator, AttentionBackward, AttentionInput, AttentionModule, AttentionOutput, Config, KeyValueGradient,
    Properties,
};
use ndarray::{ArcArray2, Array2, ArrayView2, Axis, Slice, Zip, s};

/// The prefixes of all blocks: one module that stands in each of them.
#[derive(Clone, Debug)]
pub struct PrefixTuning<S> {
    source: Source<S>,
    gates: Option<ByPoint<Gate<S>>>,
    /// The blocks that have a prefix, in order.
    layers: Vec<usize>,
    /// `P`.
    length: usize,
    dropout: f64,
    shifts_positions: bool,
}

parameters!(PrefixTuning { "" => source, "" => gates });

/// What backward needs.
struct Trace<S> {
    /// The number of the block among those with a prefix.
    place: usize,
    layout: Layout,
    hidden_layout: Layout,
    source: SourceTrace<S>,
    dropout: Option<Dropout>,
    gates: Option<GatesTrace<S>>,
    wants: [bool; 3],
}

/// For gates: what they saw, how far they were open, `[S, 1]` or `[S, 2]`, and what they multiplied, `[P, 2D]`.
struct GatesTrace<S> {
    hidden: ArcArray2<S>,
    trace: GateTrace<S>,
    open: Array2<S>,
    prefix: Array2<S>,
}

impl<S: Scalar> PrefixTuning<S> {
    /// Prefixes for these blocks with their initial values.
    #[must_use]
    pub fn new(config: &PrefixConfig, layers: Vec<usize>, model: &Config, seed: Seed) -> Self {
        let (hidden, width) = (model.hidden, model.key_value_width());
        let gates = if config.shared_gating { 1 } else { 2 };
        let gate =
            |layer: &usize| (Point::Attention(*layer), Gate::new(gates, hidden, seed.named("gate").at(*layer as u64)));
        Self {
            source: Source::new(config, layers.len(), (hidden, width), seed),
            gates: config.use_gating.then(|| ByPoint(layers.iter().map(gate).collect())),
            layers,
            length: config.prefix_length,
            dropout: config.dropout,
            shifts_positions: config.position_shift,
        }
    }

    /// The same prefixes, flat: bit for bit the same function, without the network. They are frozen at first.
    #[must_use]
    pub fn eject(&self) -> Self {
        Self { source: self.source.eject(self.layers.len()), ..self.clone() }
    }

    /// `[P_k | P_v]` of a block, `[P, 2D]`.
    ///
    /// # Panics
    /// If the block has no prefix.
    #[must_use]
    pub fn keys_values(&self, layer: usize) -> Array2<S> {
        self.source.forward(self.place(layer), self.layers.len(), false).0
    }

    fn place(&self, layer: usize) -> usize {
        self.layers.binary_search(&layer).expect("the module stands only where it has a prefix")
    }

    /// The prefix in front of each sequence of `x`: keys are the first half of it, values the second.
    fn prepend(
        &self,
        x: ArrayView2<'_, S>,
        half: usize,
        prefix: &Array2<S>,
        layout: &Layout,
        (dropout, open): (Option<Dropout>, Option<ArrayView2<'_, S>>),
    ) -> Array2<S> {
        splice::insert(x, layout, (0, self.length), |sequence, mut rows| {
            rows.assign(&half_of(&dropped(prefix, dropout, sequence), half));
            if let Some(open) = open {
                let g = open[[sequence, half.min(open.ncols() - 1)]];
                rows.mapv_inplace(|v| v * g);
            }
        })
    }

    fn backward(
        &self,
        trace: Trace<S>,
        gradient: KeyValueGradient<S>,
        gradients: &mut Gradients<S>,
        d_hidden: &mut Accumulator<S>,
    ) -> KeyValueGradient<S> {
        let Trace { place, layout, hidden_layout, source, dropout, gates, wants } = trace;
        let [wants_keys, wants_values, wants_hidden] = wants;
        let columns = self.source.columns(self.layers.len());
        let mut d_prefix = Array2::zeros((self.length, columns));
        let mut d_open = gates.as_ref().map(|gates| Array2::zeros(gates.open.dim()));
        let mut half_backward = |half: usize, d: Array2<S>| {
            splice::remove(d.view(), &layout, (0, self.length), |sequence, d| {
                let mut d_s = Array2::zeros((self.length, columns));
                half_of_mut(&mut d_s, half).assign(&d);
                if let (Some(gates), Some(d_open)) = (&gates, &mut d_open) {
                    let gate = [sequence, half.min(gates.open.ncols() - 1)];
                    let multiplied = dropped(&gates.prefix, dropout, sequence);
                    d_open[gate] += Zip::from(&d_s).and(&multiplied).fold(S::zero(), |sum, d, p| sum + *d * *p);
                    d_s.mapv_inplace(|d| d * gates.open[gate]);
                }
                d_prefix += &dropped(&d_s, dropout, sequence);
            })
        };
        let d_keys = half_backward(0, gradient.d_keys.expect("attention was told that the keys train"));
        let d_values = half_backward(1, gradient.d_values.expect("attention was told that the values train"));
        self.source.backward(place, self.layers.len(), source, d_prefix, gradients);
        if let (Some(modules), Some(gates), Some(d_open)) = (&self.gates, gates, d_open) {
            let gate = modules.at(Point::Attention(self.layers[place]));
            let GatesTrace { hidden, trace, .. } = gates;
            let d = gate.backward(&trace, hidden.view(), &hidden_layout, d_open.view(), wants_hidden, gradients);
            d.into_iter().for_each(|d| d_hidden.add(d));
        }
        KeyValueGradient { d_keys: wants_keys.then_some(d_keys), d_values: wants_values.then_some(d_values) }
    }
}

/// The prefix as a sequence sees it: each has a dropout mask of its own. Given the gradient of that it gives the prefix's.
fn dropped<S: Scalar>(prefix: &Array2<S>, dropout: Option<Dropout>, sequence: usize) -> Array2<S> {
    let mut prefix = prefix.clone();
    dropout.into_iter().for_each(|dropout| dropout.at(sequence as u64).apply(&mut prefix));
    prefix
}

/// Columns of the keys (0) or of the values (1).
fn half_of<S>(prefix: &Array2<S>, half: usize) -> ArrayView2<'_, S> {
    let width = prefix.ncols() / 2;
    prefix.slice_axis(Axis(1), Slice::from(half * width..(half + 1) * width))
}

fn half_of_mut<S>(prefix: &mut Array2<S>, half: usize) -> ndarray::ArrayViewMut2<'_, S> {
    let width = prefix.ncols() / 2;
    prefix.slice_mut(s![.., half * width..(half + 1) * width])
}

impl<S: Scalar> AttentionModule<S> for PrefixTuning<S> {
    fn forward<'a>(&'a self, input: AttentionInput<S>) -> AttentionOutput<'a, S> {
        let AttentionInput { layer, keys, values, hidden, layout, hidden_layout, pass, .. } = input;
        let wants = [input.wants_keys, input.wants_values, input.wants_hidden];
        let keep = pass.gradients() && (self.any_trains() || wants.contains(&true));
        let place = self.place(layer);
        let (prefix, source) = self.source.forward(place, self.layers.len(), keep);
        let dropout = pass.dropout(self.dropout);
        let gate = self.gates.as_ref().map(|gates| gates.at(Point::Attention(layer)));
        let gate = gate.map(|gate| gate.forward(hidden.view(), &hidden_layout));
        let seen = (dropout, gate.as_ref().map(|(open, _)| open.view()));
        let keys = self.prepend(keys.view(), 0, &prefix, &layout, seen);
        let values = self.prepend(values.view(), 1, &prefix, &layout, seen);
        let after = layout.prepend(self.length);
        let backward = source.filter(|_| keep).map(|source| -> AttentionBackward<'a, S> {
            let gates = gate.map(|(open, trace)| GatesTrace { hidden, trace, open, prefix });
            let trace = Trace { place, layout, hidden_layout, source, dropout, gates, wants };
            Box::new(move |d, gradients, d_hidden| self.backward(trace, d, gradients, d_hidden))
        });
        AttentionOutput { keys, values, layout: after, backward }
    }

    /// A gate averages over the sequence.
    fn properties(&self, _: usize) -> Properties {
        let plain = self.gates.is_none();
        Properties { token_wise: plain, causal: plain, may_be_followed: true, needs_plain_weight: false }
    }
}

impl<S: Scalar> Module<S> for PrefixTuning<S> {
    fn attention(&self) -> Option<&dyn AttentionModule<S>> {
        Some(self)
    }
    fn position_shift(&self) -> usize {
        if self.shifts_positions { self.length } else { 0 }
    }
    fn ejected(&self) -> Option<Box<dyn Module<S>>> {
        Some(Box::new(self.eject()))
    }
}
