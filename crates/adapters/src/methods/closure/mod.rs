#![doc = include_str!("README.md")]

mod attention;
mod base;
mod linear;
mod module;
mod parameters;
mod recording;
mod sequence;
mod sublayer;

pub use attention::{AttentionClosure, AttentionVars};
pub use base::{JoinOperation, LinearOperation, NormOperation};
pub use linear::{LinearClosure, LinearVars};
pub use parameters::{ParameterSet, ParameterVars};
pub use sequence::{SequenceClosure, SequenceVars, prepend};
pub use sublayer::{SublayerClosure, SublayerVars};
