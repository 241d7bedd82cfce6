//! Products of f32 matrices.
//!
//! [`matmul`](crate::matmul) and its relatives are the way in. A product is cut into tiles, each of
//! which a micro-kernel computes with its sums in registers; `sweep`, `blocked`, `strips` and `lazy` are the
//! loops around it, `pack` and `left` lay operands out for it. There is a micro-kernel for each
//! [`ProductPath`], and one in plain Rust that is their oracle.
//!
//! **Same bits.** Every number of a result is the sum over slices of [`DEPTH`](pack::DEPTH) `k`, in
//! ascending order; the sum of a slice is one chain of fused multiply-adds from zero, in ascending
//! order. That holds in every micro-kernel and for every cut into tiles, so neither the number of
//! threads, nor neighbouring rows, nor the instructions, nor whether an operand was packed
//! beforehand change a bit.

mod bf16;
mod blocked;
#[cfg(test)]
mod count;
mod cut;
mod dispatch;
mod lazy;
mod left;
mod operation;
mod out;
mod pack;
mod packed;
mod path;
mod products;
mod right;
mod scratch;
mod single;
mod sizes;
mod strips;
mod sweep;
mod tile;

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "x86_64")]
mod half;
#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;
#[cfg(target_arch = "x86_64")]
mod x86;

#[cfg(test)]
mod tests;

pub(crate) use bf16::round as bf16_round;
pub use operation::{Product, Start};
pub(crate) use packed::Form;
pub use packed::{PackedMatrix, Precision};
pub(crate) use path::path;
pub use path::{PATH_VARIABLE, ProductPath, UnknownPath, product_path};
pub use products::Products;
