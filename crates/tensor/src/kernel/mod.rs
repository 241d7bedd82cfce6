//! The one place of the project where `unsafe` is allowed, everything around it denies it.
//!
//! Each file here wraps one thing that the compiler cannot check in a safe function, and says
//! beside it what the caller and the world have to keep for it to be sound.

#![allow(unsafe_code)] // mapping a file is unsafe by nature, see `map`

mod map;

pub use map::{Mapped, map_read_only};
