#![doc = include_str!("../README.md")]

pub use ndarray;

mod accumulator;
mod base;
mod batch;
mod block;
mod config;
mod disentangled;
mod embeddings;
mod encoder;
mod entry;
pub mod family;
mod feed_forward;
mod forward;
mod identity;
mod insertion;
#[cfg(all(debug_assertions, not(test)))]
#[doc(hidden)]
pub mod instances;
mod layers;
mod load;
mod normed;
mod output;
mod parts;
mod pass;
mod past;
mod place;
mod point;
mod pooled;
mod random;
mod relative_bias;
mod save;
mod selection;
mod self_attention;
mod sublayer_end;
mod thaw;
mod thawed;
mod thawed_layers;
mod trace;
mod turned;
pub mod weights;

pub use accumulator::Accumulator;
pub use base::{Base, BaseLinear, BaseNorm, BaseTable, LinearBackward, NormTrace};
pub use batch::{Batch, BatchError};
pub use config::{
    Architecture, Biases, ByLayer, ClassifierReads, Config, ConfigError, DisentangledPositions, LinearShape, NormKind,
    PartShape, Pooler, RelativeBuckets, Residual, RotaryPositions, RotaryScaling,
};
pub use embeddings::EmbeddedRows;
pub use encoder::Encoder;
pub use entry::{Entry, State};
pub use family::Family;
pub use forward::Encoded;
pub use identity::BaseIdentity;
pub use insertion::{
    AttentionBackward, AttentionInput, AttentionModule, AttentionOutput, Gives, Insertions, JoinTrace,
    KeyValueGradient, LinearInput, LinearModule, NextState, Properties, Reads, ResidualJoin, SequenceBackward,
    SequenceInput, SequenceModule, SequenceOutput, SharedNext, SharedOutput, SublayerBackward, SublayerGradient,
    SublayerInput, SublayerModule,
};
pub use layers::{Linear, Norm};
pub use load::LoadError;
pub use pass::Pass;
pub use past::Past;
pub use point::{BlockNorm, BlockPart, LinearPoint, Part, Projection, SequencePoint, Sublayer, SublayerPoint};
pub use selection::Selection;
pub use thaw::{ParseThawError, Thaw};
pub use thawed::Thawed;
pub use trace::Trace;
