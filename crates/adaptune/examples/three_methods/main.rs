//! LoRA, a prefix and ReFT forward and backward with numbers that can be computed by hand, and their first steps: the output is the
//! book's chapter on them.
//!
//! ```sh
//! cargo run --package adaptune --example three_methods
//! ```
//!
//! LoRA and ReFT see the tokens and targets of `bottleneck_by_hand`, the prefix stands before the head of `attention_by_hand`. Each
//! gradient is printed as backward computes it and as the tape finds it.

use adaptune::tensor::ndarray::{Array2, arr2};
use std::error::Error;

#[path = "../by_hand/mod.rs"]
mod by_hand;
mod costs;
mod lora;
mod prefix;
mod reft;

fn main() -> Result<(), Box<dyn Error>> {
    lora::run()?;
    prefix::run()?;
    reft::run()?;
    costs::run()
}

/// Of gradient descent, and how many steps are shown.
const RATE: f64 = 0.03125;
const STEPS: usize = 3;

/// Two tokens, `[T, D]`, and what should come out for them.
fn tokens_and_target() -> [Array2<f64>; 2] {
    [arr2(&[[1.0, 2.0, -1.0], [2.0, -1.0, 0.5]]), arr2(&[[2.0, 3.0, -2.0], [2.0, 0.5, 1.0]])]
}
