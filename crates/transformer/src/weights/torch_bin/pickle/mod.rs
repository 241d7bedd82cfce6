//! The part of Python's pickle language that a saved dictionary of tensors is written in.
//!
//! A pickle is a program for a machine with a stack, and in Python that program may import and call
//! anything. Here it runs on a machine that can only build values: an import is looked up in a table
//! of the few names that tensors need (anything else is refused), and a call is written down, not
//! made. What it meant is for the reader of the result to say.
//!
//! The language is described in Python's `Lib/pickletools.py`; `torch.save` writes protocol 2 of it.

mod error;
mod machine;
mod op;
pub(super) mod value;

pub use error::PickleError;

use machine::Machine;
use value::{Id, Value};

/// The values that a pickle built.
#[derive(Debug)]
pub(super) struct Pickle {
    values: Vec<Value>,
    root: Id,
}

impl Pickle {
    /// Runs a whole pickle.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, PickleError> {
        let (values, root) = Machine::new(bytes).run()?;
        Ok(Self { values, root })
    }

    /// The value that was pickled.
    pub(super) fn root(&self) -> &Value {
        &self.values[self.root]
    }

    pub(super) fn value(&self, id: Id) -> &Value {
        &self.values[id]
    }
}

#[cfg(test)]
mod tests;
