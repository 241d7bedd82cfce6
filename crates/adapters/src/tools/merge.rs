//! Merging: LoRA and related adapters as a part of the base's own layers, at no cost in use.

use crate::adapter::Adapter;
use crate::core::point::Point;
use crate::registry::method::Method;
use adaptune_tensor::Scalar;
use adaptune_transformer::Encoder;
use thiserror::Error;

/// Why an adapter cannot be merged.
#[derive(Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum MergeError {
    /// A module that is no change of a weight.
    #[error(
        "{kind} at {point} cannot be merged: only what changes the weight of a linear layer can, \
         which is LoRA without gating, MTL-LoRA, DoRA, IA3 and VeRA"
    )]
    NoWeight {
        /// Where it stands.
        point: String,
        /// What it is.
        kind: &'static str,
    },
}

/// A copy of a base in which the adapter is a part of its weights: it computes alone what the base computes with the
/// adapter.
///
/// The base stays as it is, to the bit. So nothing has to be subtracted again, which would leave rounding behind: whoever
/// wants the adapter out drops the copy.
///
/// ```
/// use adaptune_adapters::{Adapter, merge};
/// use adaptune_tensor::Seed;
/// use adaptune_transformer::{Config, Encoder};
/// let base = Encoder::<f32>::random(Config { vocabulary: 11, positions: 9, ..Config::bert(8, 2, 2, 12) }, 0.1, Seed::new(1));
/// let adapter = Adapter::on("mine", &"lora[init_weights=bert]".parse()?, &base, Seed::new(2))?;
/// let merged = merge(&base, &adapter)?;
/// assert_ne!(merged.fingerprint(), base.fingerprint());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// If a module of the adapter is no change of a weight.
pub fn merge<S: Scalar>(base: &Encoder<S>, adapter: &Adapter<S>) -> Result<Encoder<S>, MergeError> {
    for point in adapter.points() {
        let merges = match (point, adapter.module(point)) {
            (Point::Linear(place), Some(module)) => {
                base.linear(place).is_some_and(|layer| module.merged(place, layer).is_some())
            }
            _ => false,
        };
        if !merges {
            return Err(MergeError::NoWeight {
                point: point.to_string(),
                kind: adapter.method().map_or("your own", Method::kind),
            });
        }
    }
    Ok(base.with_linears(|point, layer| adapter.module(point.into())?.merged(point, layer)))
}
