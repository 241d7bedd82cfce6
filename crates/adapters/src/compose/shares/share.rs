//! What one part sees of a batch.

use super::rows::Rows;
use adaptune_tensor::{Layout, Scalar};

/// One part's share of a batch: its tokens, and what it weighs for each of them.
#[derive(Clone, Debug)]
pub(in crate::compose) struct Share<S> {
    pub(in crate::compose) rows: Rows,
    pub(in crate::compose) weights: Vec<S>,
}

impl<S: Scalar> Share<S> {
    /// These tokens, in order, each with its weight, of those that lie so.
    pub(in crate::compose) fn new(tokens: Vec<u32>, weights: Vec<S>, all: &Layout) -> Self {
        Self { rows: Rows::of(tokens, all), weights }
    }
}
