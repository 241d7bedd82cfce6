#![doc = include_str!("README.md")]

pub(crate) mod compacter;
pub(crate) mod config;
mod fields;
pub mod invertible;
pub mod layer;
mod names;
pub mod phm;
pub mod plain;
mod projection;
mod size;
mod width;
pub mod wiring;

pub use compacter::Compacter;
pub use config::{BottleneckConfig, ReductionFactor};
pub use invertible::{Coupling, Invertible};
pub use layer::{Bottleneck, BottleneckShape, BottleneckTrace, Scaling};
pub use plain::{PlainBottleneck, PlainTrace};
pub use wiring::{BottleneckAdapter, InnerResidual, Position};
