//! Sizes and constants of a base.

mod architecture;
mod computed;
mod error;
mod parts;
mod sizes;

pub use architecture::{Architecture, Biases, ByLayer, NormKind, Pooler, Residual, RotaryPositions};
pub use error::ConfigError;
pub use parts::{LinearShape, PartShape};
pub use sizes::Config;
