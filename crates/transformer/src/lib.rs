#![doc = include_str!("../README.md")]

pub use ndarray;

mod batch;
mod config;
mod layers;
mod pass;
pub mod weights;

mod accumulator;
mod base;
mod block;
mod embeddings;
mod encoder;
mod ending;
mod entry;
mod feed_forward;
mod insertion;
mod load;
mod names;
mod points;
mod random;
mod save;
mod self_attention;
mod thaw;
mod thawed;

pub use accumulator::Accumulator;
pub use base::{Base, BaseLinear, BaseNorm, BaseTable};
pub use batch::{Batch, BatchError};
pub use config::{Config, ConfigError, Family};
pub use embeddings::EmbeddedRows;
pub use encoder::{Encoded, Encoder, Trace};
pub use entry::{Entry, State};
pub use insertion::{
    AttentionBackward, AttentionInput, AttentionModule, AttentionOutput, Insertions, KeyValueGradient, LinearBackward,
    LinearInput, LinearModule, LinearPoint, Projection, SequenceBackward, SequenceInput, SequenceModule,
    SequenceOutput, SequencePoint, Sublayer, SublayerBackward, SublayerGradient, SublayerInput, SublayerModule,
    SublayerPoint,
};
pub use layers::{LayerNorm, Linear};
pub use load::LoadError;
pub use pass::{Pass, Reads};
pub use thaw::{ParseThawError, Thaw};
pub use thawed::Thawed;
