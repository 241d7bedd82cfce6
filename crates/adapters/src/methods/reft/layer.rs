//! Representation finetuning, ReFT (Wu et al., 2024): a few tokens of each sequence are moved within a small subspace,
//! after every block.
//!
//! For the `N` chosen tokens `h: [N, D]` of a block's output and a rank of `R`:
//!
//! ```text
//! e = φ(h W ᵀ + b) − h Qᵀ                       [N, R]      W, Q: [R, D]
//! h' = dropout(h + e Q)                          [N, D]
//! ```
//!
//! | method | rows of `Q` | `e` |
//! |---|---|---|
//! | LoReFT | orthonormal | as above: within the subspace, `h` is replaced by what was learned |
//! | NoReFT | any | as above |
//! | DiReFT | any | without `− h Qᵀ` |
//!
//! The chosen tokens are the first `p` and the last `q` of a sequence. Each of the two has a unit with parameters of its
//! own, unless they are tied. In a short sequence they meet: a token that is both is moved once, by the unit of the last
//! ones, and a sequence shorter than `p` or `q` is moved as a whole. (AdapterHub writes the last ones over the first
//! too, but fails where a padded sequence is shorter than `q`.)
//!
//! # Gradients
//!
//! With the dropout mask `m` and `z = h Wᵀ + b`:
//!
//! ```text
//! d_u = m ∘ d_h'                                 u = h + e Q
//! d_e = d_u Qᵀ            d_Q = eᵀ d_u − d_eᵀ h  the second term only where h Qᵀ is subtracted
//! d_z = φ'(z) ∘ d_e       d_W = d_zᵀ h          d_b = Σ_n d_z
//! d_h = d_u + d_z W − d_e Q
//! ```
//!
//! and from `d_Q` to what makes its rows orthonormal in `core/householder.rs`. All other tokens pass, forward and back.

use super::config::ReftConfig;
use crate::core::householder::Orthonormal;
use crate::core::layers::TrainableLinear;
use crate::core::module::Module;
use adaptune_tensor::{
    Activation, Dropout, Gradients, Layout, Named, NamedMut, Parameters, Scalar, Seed, init, matmul, matmul_add,
    parameters,
};
use adaptune_transformer::{
    Pass, Properties, SequenceBackward, SequenceInput, SequenceModule, SequenceOutput, SequencePoint,
};
use ndarray::{Array2, ArrayView2, Axis};

/// What stands after one block.
#[derive(Clone, Debug)]
pub struct Reft<S> {
    /// One for the first tokens and one for the last, or one for both.
    units: Vec<Unit<S>>,
    /// `p` and `q`.
    positions: [usize; 2],
}

parameters!(Reft { "units" => units });

/// Moves tokens; parameters `W`, `b`, `Q`.
#[derive(Clone, Debug)]
struct Unit<S> {
    source: TrainableLinear<S>,
    projection: Projection<S>,
    subtracts: bool,
    activation: Activation,
    dropout: f64,
}

parameters!(Unit { "source" => source, "projection" => projection });

/// `Q`, `[R, D]`.
#[derive(Clone, Debug)]
enum Projection<S> {
    Any(TrainableLinear<S>),
    Orthonormal(Orthonormal<S>),
}

/// What backward needs.
struct UnitTrace<S> {
    h: Array2<S>,
    z: Array2<S>,
    e: Array2<S>,
    q: Array2<S>,
    dropout: Option<Dropout>,
}

impl<S: Scalar> Reft<S> {
    /// With initial values: orthonormal or evenly drawn `Q`; `W = Q` where `h Qᵀ` is subtracted, else `W = 0`. So `e` is
    /// zero and the module the identity, bit for bit, if `φ` leaves things as they are or maps 0 to 0.
    #[must_use]
    pub fn new(config: &ReftConfig, hidden: usize, seed: Seed) -> Self {
        let units = if config.tied_weights { 1 } else { 2 };
        let unit = |i: u64| Unit::new(config, hidden, seed.at(i));
        Self { units: (0..units).map(unit).collect(), positions: [config.prefix_positions, config.suffix_positions] }
    }

    /// The rows that each unit moves: none twice.
    fn rows(&self, layout: &Layout) -> Vec<Vec<usize>> {
        let [first, last] = self.positions;
        let (mut firsts, mut lasts) = (Vec::new(), Vec::new());
        for range in layout.ranges() {
            let middle = range.end - last.min(range.len());
            firsts.extend(range.start..middle.min(range.start + first));
            lasts.extend(middle..range.end);
        }
        if self.units.len() == 1 {
            firsts.append(&mut lasts);
            return vec![firsts];
        }
        vec![firsts, lasts]
    }

    fn backward(
        &self,
        traces: Vec<(Vec<usize>, UnitTrace<S>)>,
        mut d: Array2<S>,
        wants_tokens: bool,
        gradients: &mut Gradients<S>,
    ) -> Option<Array2<S>> {
        for (unit, (rows, trace)) in self.units.iter().zip(traces) {
            if !rows.is_empty() {
                let d_h = unit.backward(trace, d.select(Axis(0), &rows), wants_tokens, gradients);
                d_h.into_iter().for_each(|d_h| put(&mut d, &rows, d_h.view()));
            }
        }
        wants_tokens.then_some(d)
    }
}

fn put<S: Scalar>(x: &mut Array2<S>, rows: &[usize], values: ArrayView2<'_, S>) {
    rows.iter().zip(values.rows()).for_each(|(row, values)| x.row_mut(*row).assign(&values));
}

impl<S: Scalar> Unit<S> {
    fn new(config: &ReftConfig, hidden: usize, seed: Seed) -> Self {
        let (shape, seed) = ((config.r, hidden), seed.named("projection"));
        let projection = if config.orthogonality {
            Projection::Orthonormal(Orthonormal::new(config.r, hidden, seed))
        } else {
            Projection::Any(TrainableLinear::new(init::kaiming_uniform(shape, seed), false))
        };
        let source = if config.subtract_projection { projection.rows() } else { Array2::zeros(shape) };
        Self {
            source: TrainableLinear::new(source, true),
            projection,
            subtracts: config.subtract_projection,
            activation: config.non_linearity,
            dropout: config.dropout,
        }
    }

    /// `[N, D] → [N, D]`.
    fn forward(&self, h: Array2<S>, pass: Pass) -> (Array2<S>, UnitTrace<S>) {
        let q = self.projection.rows();
        let z = self.source.forward(h.view());
        let mut e = self.activation.apply(z.view());
        if self.subtracts {
            e -= &matmul(h.view(), q.t());
        }
        let mut moved = h.clone();
        matmul_add(e.view(), q.view(), &mut moved);
        let dropout = pass.dropout(self.dropout);
        dropout.into_iter().for_each(|dropout| dropout.apply(&mut moved));
        (moved, UnitTrace { h, z, e, q, dropout })
    }

    /// From `d_h'` to `d_h`, if it is wanted.
    fn backward(
        &self,
        trace: UnitTrace<S>,
        mut d_u: Array2<S>,
        wants_h: bool,
        gradients: &mut Gradients<S>,
    ) -> Option<Array2<S>> {
        let UnitTrace { h, z, e, q, dropout } = trace;
        dropout.into_iter().for_each(|dropout| dropout.apply(&mut d_u));
        let d_e = matmul(d_u.view(), q.t());
        let d_z = self.activation.backward(z.view(), d_e.clone());
        self.source.parameters_backward(h.view(), d_z.view(), gradients);
        if self.projection.any_trains() {
            let mut d_q = matmul(e.t(), d_u.view());
            if self.subtracts {
                d_q -= &matmul(d_e.t(), h.view());
            }
            self.projection.backward(q.clone(), d_q, gradients);
        }
        wants_h.then(|| {
            let mut d_h = d_u;
            d_h += &self.source.input_backward(d_z.view());
            if self.subtracts {
                d_h -= &matmul(d_e.view(), q.view());
            }
            d_h
        })
    }
}

impl<S: Scalar> Projection<S> {
    fn rows(&self) -> Array2<S> {
        match self {
            Self::Any(layer) => layer.weight.view().to_owned(),
            Self::Orthonormal(frame) => frame.rows(),
        }
    }

    fn backward(&self, q: Array2<S>, d_q: Array2<S>, gradients: &mut Gradients<S>) {
        match self {
            Self::Any(layer) => gradients.add(&layer.weight, d_q),
            Self::Orthonormal(frame) => frame.backward(q, d_q, gradients),
        }
    }
}

impl<S: Scalar> SequenceModule<S> for Reft<S> {
    fn forward<'a>(&'a self, input: SequenceInput<'a, S>) -> SequenceOutput<'a, S> {
        let SequenceInput { mut tokens, layout, pass, wants_tokens, .. } = input;
        let keep = pass.gradients() && (self.any_trains() || wants_tokens);
        let mut traces = Vec::with_capacity(self.units.len());
        for (i, (unit, rows)) in self.units.iter().zip(self.rows(&layout)).enumerate() {
            let (moved, trace) = unit.forward(tokens.select(Axis(0), &rows), pass.at(i as u64));
            put(&mut tokens, &rows, moved.view());
            traces.push((rows, trace));
        }
        let backward = keep.then(|| -> SequenceBackward<'a, S> {
            Box::new(move |d, gradients| self.backward(traces, d, wants_tokens, gradients))
        });
        SequenceOutput { tokens, layout, backward }
    }

    /// It counts positions, those of the suffix from the end.
    fn properties(&self, _: SequencePoint) -> Properties {
        Properties {
            token_wise: false,
            causal: self.positions[1] == 0,
            may_be_followed: true,
            needs_plain_weight: false,
        }
    }
}

impl<S: Scalar> Module<S> for Reft<S> {
    fn sequence(&self) -> Option<&dyn SequenceModule<S>> {
        Some(self)
    }
}

impl<S: Scalar> Parameters<S> for Projection<S> {
    fn list<'a>(&'a self, name: &str, all: &mut Named<'a, S>) {
        match self {
            Self::Any(layer) => layer.list(name, all),
            Self::Orthonormal(frame) => frame.list(name, all),
        }
    }
    fn list_mut<'a>(&'a mut self, name: &str, all: &mut NamedMut<'a, S>) {
        match self {
            Self::Any(layer) => layer.list_mut(name, all),
            Self::Orthonormal(frame) => frame.list_mut(name, all),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_and_last_tokens_meet_in_short_sequences() {
        let rows = |prefix_positions, suffix_positions, tied_weights| {
            let config = ReftConfig { prefix_positions, suffix_positions, tied_weights, ..ReftConfig::noreft() };
            Reft::<f32>::new(&config, 4, Seed::new(1)).rows(&Layout::from_lengths(&[6, 1, 3]))
        };
        assert_eq!(rows(2, 1, false), [vec![0, 1, 7, 8], vec![5, 6, 9]]);
        assert_eq!(rows(3, 2, false), [vec![0, 1, 2, 7], vec![4, 5, 6, 8, 9]]);
        assert_eq!(rows(0, 9, false), [vec![], (0..10).collect::<Vec<_>>()]);
        assert_eq!(rows(9, 0, true), [(0..10).collect::<Vec<_>>()]);
        assert_eq!(rows(2, 1, true)[0].len(), 7, "tied units move each token once too");
    }
}
