#![doc = include_str!("../README.md")]

mod check;

pub use check::{CheckOptions, GradientMismatch, Worst, check_gradients, check_gradients_with};
