//! What optimisers refuse.

use thiserror::Error;

/// Settings or parameters that no optimiser can work with.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum OptimiserError {
    /// A setting outside its range.
    #[error("{setting} of {optimiser} is {found}, but must be {expected}")]
    Setting {
        /// The optimiser.
        optimiser: &'static str,
        /// The setting.
        setting: &'static str,
        /// Its range.
        expected: &'static str,
        /// What it is.
        found: f64,
    },
    /// Two parameters with one slot.
    #[error("parameter {name} has slot {slot}, which another parameter has too: number all of them in one row")]
    SharedSlot {
        /// The second of the two.
        name: String,
        /// Their slot.
        slot: usize,
    },
}

/// A saved state that does not belong to this optimiser.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum StateError {
    /// An array is not there.
    #[error("optimiser state {name} is missing: was it saved by another optimiser, or for other parameters?")]
    Missing {
        /// The array.
        name: String,
    },
    /// An array that this optimiser does not have.
    #[error("optimiser state {name} is unexpected: was it saved by another optimiser, or for other parameters?")]
    Unexpected {
        /// The array.
        name: String,
    },
    /// An array of another shape.
    #[error(
        "optimiser state {name} has shape {found:?}, but {expected:?} was expected: was it saved for other parameters?"
    )]
    Shape {
        /// The array.
        name: String,
        /// The shape it should have.
        expected: Vec<usize>,
        /// The shape it has.
        found: Vec<usize>,
    },
    /// A number that no sound run leaves behind.
    #[error("optimiser state {name} holds {found}, expected {expected}: the file is damaged")]
    Value {
        /// The array.
        name: String,
        /// What it should hold.
        expected: &'static str,
        /// What it holds.
        found: f64,
    },
}
