#![doc = include_str!("../README.md")]

pub use ndarray;

mod layout;
mod parameter;
mod random;
mod scalar;

pub use layout::Layout;
pub use parameter::{AnyParameter, Gradients, Kind, Parameter, Parameters, Slot};
pub use random::{Seed, SeedRng};
pub use scalar::Scalar;
