//! Softmax, attention and layer norm forward and backward with numbers that can be computed by hand: the output is the book's chapter
//! on attention.
//!
//! ```sh
//! cargo run --package adaptune --example attention_by_hand
//! ```
//!
//! One head, three tokens, two wide. The scores are multiples of ln 2, so that the weights are halves and quarters. Each gradient is
//! printed as the formulas give it and as the tape finds it, which has sums, products, quotients and `e^x` alone. What the library
//! computes is compared with both.

use std::error::Error;

#[path = "../by_hand/mod.rs"]
mod by_hand;
mod heads;
mod norm;
mod one_row;
mod projections;

fn main() -> Result<(), Box<dyn Error>> {
    one_row::run()?;
    heads::run()?;
    projections::run()?;
    norm::run()
}
