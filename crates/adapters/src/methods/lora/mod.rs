#![doc = include_str!("README.md")]

pub(crate) mod config;
pub mod dora;
mod fields;
pub mod ia3;
mod input;
#[allow(clippy::module_inception)] // the method is called so
pub mod lora;
mod low_rank;
pub mod mtl;
pub mod plain;
pub mod poly;
mod size;
pub mod vera;

pub use config::{AttentionMatrix, Composition, LoraConfig, LoraInit, LoraKind};
pub use dora::Dora;
pub use ia3::{Ia3, Side};
pub use lora::Lora;
pub use plain::{PlainLora, PlainLoraTrace};
pub use vera::Vera;
