//! AdapterFusion: attention over what several adapters give (Pfeiffer et al., 2021).

mod config;
mod fusion;
mod layer;
mod mix;
mod module;
mod node;

pub use config::{FusionConfig, ParseFusionError};
pub use fusion::Fusion;
pub use node::Fuse;
