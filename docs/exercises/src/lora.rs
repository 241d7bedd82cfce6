//! Exercise 3, what is given: a pair of matrices for each block's queries, and where they are plugged in.

use adaptune_tensor::ndarray::{Array2, Ix2};
use adaptune_tensor::{Kind, Parameter, Scalar, parameters};
use adaptune_transformer::{Insertions, LinearModule, LinearPoint, Projection};

// ANCHOR: given
/// `y = x Wᵀ + b + s (x Aᵀ) Bᵀ` with the base's frozen `W` and `b`, and trainable `A: [R, In]` and `B: [Out, R]`.
pub struct LowRank<S> {
    /// `A`.
    pub a: Parameter<S, Ix2>,
    /// `B`.
    pub b: Parameter<S, Ix2>,
    /// `s`, which is `α / R` in the paper.
    pub scaling: S,
}

parameters!(LowRank { "a" => a, "b" => b });
// ANCHOR_END: given

/// One for the queries of each block.
pub struct LowRanks<S> {
    blocks: Vec<LowRank<S>>,
}

parameters!(LowRanks { "blocks" => blocks });

impl<S: Scalar> LowRanks<S> {
    /// Pairs `A` and `B` with these values.
    pub fn new(pairs: impl IntoIterator<Item = (Array2<S>, Array2<S>)>, scaling: S) -> Self {
        let weight = |values| Parameter::new(Kind::Weight, values);
        Self { blocks: pairs.into_iter().map(|(a, b)| LowRank { a: weight(a), b: weight(b), scaling }).collect() }
    }
}

impl<S: Scalar> Insertions<S> for LowRanks<S> {
    fn linear(&self, point: LinearPoint) -> Option<&dyn LinearModule<S>> {
        let module = self.blocks.get(point.layer).map(|module| module as &dyn LinearModule<S>);
        module.filter(|_| point.projection == Projection::Query)
    }
}
