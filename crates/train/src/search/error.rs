//! Why there is nothing to search.

use adaptune_adapters::{FieldError, MethodError, ParseMethodError};
use thiserror::Error;

/// A space that does not fit a model, or holds nothing within a limit.
#[derive(Debug, Error)]
pub enum SearchError {
    /// A method that is not written as one.
    #[error("{text}: {why}")]
    Form {
        /// The method as it was written.
        text: String,
        /// What is wrong with it.
        why: String,
    },
    /// There is no such method.
    #[error(transparent)]
    Method(#[from] ParseMethodError),
    /// A field that the method does not have, or a value that is none of its values.
    #[error("{method}: {source}")]
    Field {
        /// The method.
        method: String,
        /// What is wrong with the field.
        source: FieldError,
    },
    /// A value that does not fit the model.
    #[error("{configuration}: {source}")]
    DoesNotFit {
        /// The configuration that holds it.
        configuration: String,
        /// Why it does not fit.
        source: MethodError,
    },
    /// A learning rate that is no positive number.
    #[error("the learning rate is {0}, but must be a number above 0")]
    Rate(f64),
    /// There is nothing to choose from.
    #[error("the space has no {0}")]
    Empty(&'static str),
    /// Every configuration is larger than the limit.
    #[error(
        "no configuration of the space is within the limit of {most} parameters: the smallest is {smallest}, which has {parameters}; \
         raise the limit, or add smaller ones to the space"
    )]
    NothingWithin {
        /// The limit.
        most: u64,
        /// The smallest configuration.
        smallest: String,
        /// Its parameters.
        parameters: u64,
    },
}
