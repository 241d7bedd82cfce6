//! A training step as a whole, with the built-in model: loss, gradients, clipping and the optimiser's update, and what memory a run
//! takes. The output is the book's chapter on that.
//!
//! ```sh
//! cargo run --package adaptune --example training_step
//! ```

use support::Outcome;

mod memory;
mod step;
#[path = "../support/mod.rs"]
mod support;

fn main() -> Outcome<()> {
    step::run()?;
    memory::run()
}
