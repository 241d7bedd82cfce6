//! The one place of the project where `unsafe` is allowed, everything around it denies it.
//!
//! Each file here wraps what the compiler cannot check in safe functions, and says beside it what
//! the caller and the world have to keep for it to be sound.

#![allow(unsafe_code)] // vector instructions, and mapping a file, are unsafe by nature

mod map;
mod product;

pub use map::{Mapped, map_read_only};
pub use product::{PATH_VARIABLE, ProductPath, UnknownPath, product_path};
pub(crate) use product::{Product, Start, multiply};
