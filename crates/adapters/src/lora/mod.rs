//! LoRA and its kin: changes of the base's linear layers that can be merged into them.
//!
//! | | layer `y = W x + b` becomes | trains |
//! |---|---|---|
//! | [`lora`] (Hu et al., 2022) | `W x + b + s B A x` | `A`, `B` |
//! | [`dora`] (Liu et al., 2024) | `b + m/‖W + s B A‖ ∘ (W x + s B A x)` | `A`, `B`, `m` |
//! | [`ia3`] (Liu et al., 2022) | `l ∘ (W x + b)` or `W (l ∘ x) + b` | `l` |
//! | [`vera`] (Kopiczko et al., 2024) | `W x + b + s β ∘ B (δ ∘ A x)`, `A` and `B` shared and frozen | `β`, `δ` |
//! | [`mtl`] (Yang et al., 2024) | `W x + b + s (Σ p_i B_i) Λᵀ A x`, `p = softmax(w/τ)` | `A`, `B_i`, `Λ`, `w` |
//!
//! All compute with activations and never build a changed `W` in training: `s B (A x)` costs `2 R (In + Out)`
//! multiply-adds a token where `(W + s B A) x` would cost `In Out` for every step anew.

pub mod config;
pub mod dora;
mod fields;
pub mod ia3;
mod input;
#[allow(clippy::module_inception)] // the method is called so
pub mod lora;
mod low_rank;
pub mod mtl;
pub(crate) mod mtl_config;
pub(crate) mod multi_task;
pub mod vera;
