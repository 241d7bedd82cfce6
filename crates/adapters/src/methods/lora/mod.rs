#![doc = include_str!("README.md")]

pub(crate) mod config;
mod dora;
mod fields;
mod ia3;
mod input;
#[allow(clippy::module_inception)] // the method is called so
mod lora;
mod low_rank;
pub mod mtl;
mod vera;

pub use config::{AttentionMatrix, Composition, LoraConfig, LoraInit, LoraKind};
pub use dora::Dora;
pub use ia3::{Ia3, Side};
pub use lora::Lora;
pub use vera::Vera;
