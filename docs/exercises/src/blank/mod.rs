//! What is to be filled in. Every function says what it has to give, and its test what is missing.

pub mod bottleneck;
pub mod insertion;
pub mod lora;
pub mod router;
