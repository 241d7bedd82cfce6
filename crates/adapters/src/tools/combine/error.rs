//! Why adapters cannot be combined.

use crate::core::error::MethodError;
use thiserror::Error;

/// Why adapters cannot be combined.
#[derive(Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum CombineError {
    /// None were given.
    #[error("there is nothing to combine: name at least one adapter")]
    Nothing,
    /// A weight that is no number, or one that the combination has no use for.
    #[error("the weight of `{name}` is {weight}, but must be {expected}")]
    Weight {
        /// The adapter.
        name: String,
        /// Its weight.
        weight: f64,
        /// What would do.
        expected: &'static str,
    },
    /// Weights whose sum is nothing to divide by.
    #[error("the weights add up to {sum}, by which nothing can be divided: do not normalise, or change them")]
    Sum {
        /// Their sum.
        sum: f64,
    },
    /// Adapters of other configurations.
    #[error(
        "`{name}` has another configuration than `{first}`: parameters can be averaged where both have the same, and \
         LoRAs of different ranks combined by what they add (linear, svd, ties, prune, dare, dare-ties)"
    )]
    OtherMethod {
        /// The first adapter.
        first: String,
        /// The one that differs.
        name: String,
    },
    /// Something that is never trained differs.
    #[error(
        "`{name}` has another {array} than `{first}`, which is drawn once and never trained: nothing between the two means anything"
    )]
    OtherConstants {
        /// The first adapter.
        first: String,
        /// The one that differs.
        name: String,
        /// The array.
        array: String,
    },
    /// Not a LoRA.
    #[error("`{name}` adds nothing of the form s B A: {why}; only average combines it")]
    NotLora {
        /// The adapter.
        name: String,
        /// What it is.
        why: &'static str,
    },
    /// LoRAs of other layers.
    #[error(
        "`{name}` changes other layers than `{first}` ({point} is one of them): only the same ones can be combined"
    )]
    OtherPoints {
        /// The first adapter.
        first: String,
        /// The one that differs.
        name: String,
        /// A point that but one of them has.
        point: String,
    },
    /// Adapters for models of other sizes.
    #[error(
        "`{name}` does not have the shapes that this model wants: all must be adapters for one base, the given one"
    )]
    OtherSizes {
        /// The adapter that differs.
        name: String,
    },
    /// A rank that no layer has.
    #[error("the rank is {rank}, but must be from 1 to {limit}, the smaller side of the layer at {point}")]
    Rank {
        /// The rank.
        rank: usize,
        /// The largest possible.
        limit: usize,
        /// The layer.
        point: String,
    },
    /// A share that is none.
    #[error("the density is {density}, but must be above 0 and at most 1")]
    Density {
        /// What was given.
        density: f64,
    },
    /// Heads of other forms.
    #[error("the heads `{first}` and `{name}` differ in their labels or layers: take one of them")]
    OtherHeads {
        /// The first head.
        first: String,
        /// The one that differs.
        name: String,
    },
    /// The result does not fit the model.
    #[error(transparent)]
    Method(#[from] MethodError),
}
