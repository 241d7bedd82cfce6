//! Polytropon (Ponti et al., 2023): LoRAs as skills, of which each task has some.

pub(crate) mod config;
pub(crate) mod layer;

pub use config::PolytroponConfig;
