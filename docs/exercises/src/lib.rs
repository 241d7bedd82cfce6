//! The exercises of the book. `blank/` has what is to be filled in, a file for each exercise; `solutions/` has our answers, with
//! which the same tests run if the feature `solutions` is on. The other files are given.
//!
//! ```sh
//! cargo test --package adaptune-exercises --test bottleneck --features yours       # yours
//! cargo test --package adaptune-exercises --test bottleneck --features solutions   # ours
//! ```
//!
//! The tests compare gradients with finite differences, for which nobody has to derive anything.

pub mod bottleneck;
pub mod insertion;
pub mod lora;
pub mod router;

#[cfg(not(feature = "solutions"))]
#[path = "blank/mod.rs"]
pub mod answers;

#[cfg(feature = "solutions")]
#[path = "solutions/mod.rs"]
pub mod answers;
