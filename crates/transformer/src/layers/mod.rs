//! Frozen layers: numbers alone.

mod linear;
mod norm;

pub use linear::Linear;
pub use norm::Norm;
