//! Scaled dot-product attention (Vaswani et al., 2017) over ragged sequences, as an [`Attention`] describes it.

mod backward;
mod blocks;
mod by_distance;
mod description;
mod forward;
mod head;
mod mask;
mod needs;
mod position_terms;
mod reference;
mod relative_bias;
mod softmax;
#[cfg(test)]
mod tests;
mod tile;

pub use backward::{AttentionGradients, attention_backward};
pub use description::Attention;
pub use forward::{AttentionTrace, attention};
pub use mask::AttentionMask;
pub use needs::AttentionNeeds;
pub use position_terms::PositionTerms;
pub use reference::{attention_reference, attention_reference_backward};
