//! Why a configuration does not fit a model.

use thiserror::Error;

/// A configuration that does not fit the model, or contradicts itself.
#[derive(Debug, Error, PartialEq)]
pub enum MethodError {
    /// No module would be added anywhere.
    #[error("the adapter would have no module: {0}")]
    Nothing(&'static str),
    /// Two modules want to stand at one point.
    #[error(
        "there would be two modules at {point}: methods are joined by | only where each has points of its own \
         (leave_out can keep them apart)"
    )]
    Taken {
        /// The point.
        point: String,
    },
    /// Initial values depend on the base's weights.
    #[error("this method starts from the base's weights: make the adapter with Adapter::on")]
    NeedsBase,
    /// A prompt is to begin as a text, and its tokens were not given.
    #[error("the prompt begins as a text, whose tokens are not given: make the adapter with Adapter::of_tokens")]
    NeedsTokens,
    /// A layer without reduction factor.
    #[error(
        "layer {layer} has no reduction factor: name it in the map, or add a default, as in {{'1': 16, 'default': 8}}"
    )]
    NoFactor {
        /// The layer, from 0.
        layer: usize,
    },
    /// A layer that the model does not have.
    #[error("{field} names layer {layer}, but the model has layers 0 to {last}")]
    NoLayer {
        /// The field.
        field: &'static str,
        /// The layer.
        layer: usize,
        /// The model's last one.
        last: usize,
    },
    /// A number out of its range.
    #[error("{field} is {}, but must be {expected}", short(*found))]
    Range {
        /// The field.
        field: &'static str,
        /// Its value.
        found: f64,
        /// What would do.
        expected: &'static str,
    },
    /// A module that looks at a whole sequence, in a decoder.
    #[error(
        "{point}: the module there looks at a whole sequence (as gates do), so tokens would see what comes behind them; in a decoder \
         take a method that does not (without use_gating)"
    )]
    NotCausal {
        /// The point.
        point: String,
    },
    /// Fields that do not go together.
    #[error("{0}")]
    Contradiction(&'static str),
}

/// A number of few digits.
fn short(number: f64) -> String {
    if number.abs() < 1e16 { number.to_string() } else { format!("{number:e}") }
}
