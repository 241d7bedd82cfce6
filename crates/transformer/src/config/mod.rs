//! Sizes and constants of a base.

mod architecture;
mod computed;
mod error;
mod parts;
mod relative;
mod sizes;

pub use architecture::{Architecture, Biases, ByLayer, ClassifierReads, NormKind, Pooler, Residual, RotaryPositions};
pub use error::ConfigError;
pub use parts::{LinearShape, PartShape};
pub use relative::RelativeBuckets;
pub use sizes::Config;
