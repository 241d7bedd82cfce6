//! Our answers.

pub mod bottleneck;
pub mod insertion;
pub mod lora;
pub mod router;
