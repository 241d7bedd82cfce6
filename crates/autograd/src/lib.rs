#![doc = include_str!("../README.md")]

pub use adaptune_tensor::{self as tensor, Scalar};
pub use ndarray;

mod backward;
mod gradients;
mod inputs;
mod place;
mod record;
mod tape;
mod variable;

mod arithmetic;
mod elementwise;
mod layers;
mod loss;
mod product;
mod reduce;
mod select;
mod shape;

mod checkpoint;

mod check;
mod check_variables;

pub use check::{CheckOptions, GradientMismatch, Worst, check_gradients, check_gradients_with};
pub use check_variables::{check_variables, check_variables_with};
pub use checkpoint::checkpoint;
pub use gradients::{BackwardError, OutputGradient, TapeGradients};
pub use inputs::{Input, Inputs};
pub use layers::attention;
pub use place::Place;
pub use record::record;
pub use select::{concatenate, stack};
pub use tape::Tape;
pub use variable::Var;
