//! The one place of the project where `unsafe` is allowed, everything around it denies it.
//!
//! Each file here wraps what the compiler cannot check in safe functions, and says beside it what
//! the caller and the world have to keep for it to be sound.

#![allow(unsafe_code)] // vector instructions, arrays not yet written, mapping a file, C functions

mod allocator;
mod fresh;
mod loops;
mod map;
mod product;
mod rows;

pub use allocator::keep_freed_memory;
pub(crate) use fresh::{PIECE, activated, copied, zeros};
#[doc(hidden)]
pub use loops::{AdamWStep, Loops};
pub use map::{Mapped, map_read_only};
pub(crate) use product::{Form, bf16_round};
pub use product::{PATH_VARIABLE, PackedMatrix, Precision, ProductPath, UnknownPath, product_path};
#[doc(hidden)]
pub use product::{Product, Products, Start};
