//! Fusion and routing at one point with numbers that can be computed by hand: the output is the book's chapter on them.
//!
//! ```sh
//! cargo run --package adaptune --example mixing_by_hand
//! ```
//!
//! Hidden size 2, three adapters whose outputs are given. Scores are multiples of ln 2, so that weights are halves and quarters. Each
//! gradient is printed as the formulas give it and as the tape finds it.

use std::error::Error;

#[path = "../by_hand/mod.rs"]
mod by_hand;
mod fusion;
mod router;

fn main() -> Result<(), Box<dyn Error>> {
    fusion::run()?;
    router::run()
}
