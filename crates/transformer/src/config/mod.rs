//! Sizes and constants of a base.

mod architecture;
mod computed;
mod disentangled;
mod error;
mod parts;
mod relative;
mod rotary;
mod sizes;

pub use architecture::{Architecture, Biases, ByLayer, ClassifierReads, NormKind, Pooler, Residual};
pub use disentangled::DisentangledPositions;
pub use error::ConfigError;
pub use parts::{LinearShape, PartShape};
pub use relative::RelativeBuckets;
pub use rotary::{RotaryPositions, RotaryScaling};
pub use sizes::Config;
