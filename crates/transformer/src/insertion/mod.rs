//! Insertion points: where modules can be plugged into a frozen transformer.
//!
//! The transformer knows no adapter. At each point it asks [`Insertions`] for a module; without
//! one it does what the base does, at no cost. Four shapes carry every method known:
//!
//! | shape | where | sees | gives |
//! |---|---|---|---|
//! | [`LinearModule`] | the linear layers of a block | input `x` and the base's layer | the output in place of `W x + b` |
//! | [`SublayerModule`] | after attention, after feed-forward | sublayer output `o`, residual input `r`, how the base joins them | the next state, in place of `norm(o + r)` or `o + r` |
//! | [`SequenceModule`] | after the embeddings, after each block | the tokens and their layout | tokens and layout, possibly longer |
//! | [`AttentionModule`] | keys and values | both, and the hidden state that they came from | keys and values, possibly more of them |
//!
//! Modules are values: forward takes `&self` and returns, beside its result, a function that is
//! its backward pass and owns what that needs (a *trace*). It is `None` where no gradient is wanted:
//! the module does not train and neither does anything below it. So a pass that only evaluates
//! keeps nothing, and backward ends by itself at the lowest point that trains.

mod attention;
mod insertions;
mod join;
mod linear;
mod next;
mod properties;
mod sequence;
mod shared;
mod sublayer;

pub use attention::{AttentionBackward, AttentionInput, AttentionModule, AttentionOutput, KeyValueGradient};
pub use insertions::Insertions;
pub use join::{JoinTrace, ResidualJoin};
pub use linear::{LinearInput, LinearModule};
pub use next::{NextState, SharedNext};
pub use properties::Properties;
pub use sequence::{SequenceBackward, SequenceInput, SequenceModule, SequenceOutput};
pub use shared::SharedOutput;
pub use sublayer::{Gives, Reads, SublayerBackward, SublayerGradient, SublayerInput, SublayerModule};
