//! Why an adapter directory could not be read or written.

use crate::compose::expression::ExpressionError;
use crate::core::error::MethodError;
use crate::core::fields::FieldError;
use crate::head::config::HeadError;
use crate::registry::error::ParseMethodError;
use adaptune_transformer::weights::{TorchBinError, WeightError};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Why an adapter directory could not be read or written.
#[derive(Debug, Error)]
pub enum FormatError {
    /// A file could not be read or written.
    #[error("cannot {doing} {}: {source}", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// A configuration file is broken.
    #[error("{}: {message}", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// What is wrong and what was expected.
        message: String,
    },
    /// There is no adapter, nor a head.
    #[error("{} holds no adapter: expected adapter_config.json or head_config.json; {advice}", directory.display())]
    NoAdapter {
        /// The directory.
        directory: PathBuf,
        /// What is there in their place, and where the nearest adapter is.
        advice: String,
    },
    /// There is no weights file.
    #[error("{} holds neither {safetensors} nor {torch}: {config} is there without its weights; copy them too, or save the \
             adapter again", directory.display())]
    NoWeights {
        /// The directory.
        directory: PathBuf,
        /// The configuration file, which is there.
        config: &'static str,
        /// The file that was looked for first.
        safetensors: &'static str,
        /// And second.
        torch: &'static str,
    },
    /// A safetensors file.
    #[error(transparent)]
    Weights(#[from] WeightError),
    /// A file written by `torch.save`.
    #[error(transparent)]
    TorchBin(#[from] TorchBinError),
    /// A tensor that belongs to the configuration is not there.
    #[error("{}: tensor {name} is missing; the configuration in {config} asks for it", path.display())]
    MissingTensor {
        /// The weights file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// The configuration file.
        config: &'static str,
    },
    /// A tensor has another shape than the configuration and the base ask for.
    #[error("{}: tensor {name} has shape {found:?}, but {expected:?} was expected: \
             was it trained on another base?", path.display())]
    Shape {
        /// The weights file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// Its shape.
        found: Vec<usize>,
        /// The shape that would fit.
        expected: Vec<usize>,
    },
    /// A tensor holds something that this method has no place for.
    #[error("{}: tensor {name} {why}", path.display())]
    Form {
        /// The weights file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// There are tensors that belong to nothing in the configuration.
    #[error("{}: {count} tensors are not part of the adapter that {config} describes, among them {example}; \
             {hint}", path.display())]
    UnexpectedTensors {
        /// The weights file.
        path: PathBuf,
        /// How many.
        count: usize,
        /// The first of them.
        example: String,
        /// The configuration file.
        config: &'static str,
        /// What the reason may be.
        hint: &'static str,
    },
    /// The adapter belongs to another base.
    #[error("{}: the adapter was trained on a base with {what} {found}, but this base has {expected}; \
             give it the model that it was trained on", path.display())]
    OtherBase {
        /// The file that says so.
        path: PathBuf,
        /// What differs: the fingerprint of the weights, or a field of the configuration.
        what: String,
        /// What the adapter's base had.
        found: String,
        /// What this base has.
        expected: String,
    },
    /// What an expression puts together cannot be put together.
    #[error("{expression}: {source}")]
    Composition {
        /// The expression.
        expression: String,
        /// Why.
        source: Box<ExpressionError>,
    },
    /// The name cannot be written: PyTorch cuts names at points.
    #[error("adapter name \"{name}\" is empty or holds a point or a slash: choose another, as in \"sst2\"")]
    Name {
        /// The name.
        name: String,
    },
    /// AdapterHub has no format for user-defined modules.
    #[error(
        "adapter \"{name}\" was put together from modules, for which AdapterHub has no format: save its numbers with \
         save_parameters, and the head with save_head"
    )]
    OwnModules {
        /// The adapter's name.
        name: String,
    },
}

impl FormatError {
    pub(crate) fn io(doing: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { doing, path, source }
    }

    /// What is said of a configuration in one folder, said of the folder that it was meant for.
    pub(crate) fn moved(self, from: &Path, to: &Path) -> Self {
        match self {
            Self::Config { path, message } => match path.strip_prefix(from) {
                Ok(rest) if rest.as_os_str().is_empty() => Self::config(to, message),
                Ok(rest) => Self::config(to.join(rest), message),
                Err(_) => Self::Config { path, message },
            },
            other => other,
        }
    }

    pub(crate) fn config(path: impl Into<PathBuf>, message: impl ToString) -> Self {
        Self::Config { path: path.into(), message: message.to_string() }
    }
}

/// Errors of a configuration that has no path of its own.
macro_rules! message {
    ($($type:ty),+) => {$(
        impl From<$type> for Message {
            fn from(error: $type) -> Self {
                Self(error.to_string())
            }
        }
    )+};
}

/// What is wrong with a configuration, to be completed with its path.
#[derive(Debug)]
pub(crate) struct Message(pub(crate) String);

message!(MethodError, FieldError, HeadError, ParseMethodError, serde_json::Error);

impl From<&str> for Message {
    fn from(message: &str) -> Self {
        Self(message.to_owned())
    }
}

impl From<String> for Message {
    fn from(message: String) -> Self {
        Self(message)
    }
}
