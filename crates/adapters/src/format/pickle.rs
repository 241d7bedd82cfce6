//! The part of Python's pickle language that a saved dictionary of tensors is written in.
//!
//! A pickle is a program for a machine with a stack, and in Python that program may import and call
//! anything. Here it runs on a machine that can only build values: an import is looked up in a table
//! of the few names that tensors need (anything else is refused), and a call is written down, not
//! made. What it meant is for the reader of the result to say.
//!
//! The language is described in Python's `Lib/pickletools.py`; `torch.save` writes protocol 2 of it.

mod machine;
mod op;

use adaptune_transformer::weights::FloatFormat;
use machine::Machine;

/// The place of a value among all values of a pickle.
///
/// Values refer to each other by number. So a list that contains itself is harmless, and a tuple
/// nested a million deep is dropped without recursion.
pub(super) type Id = usize;

/// What a pickle can build here.
#[derive(Debug)]
pub(super) enum Value {
    None,
    Bool,
    Int(i64),
    Text(String),
    Tuple(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    Global(Global),
    /// Something that lies outside of the pickle, and what says where: a storage.
    Outside(Id),
    /// A call that was not made.
    Call {
        function: Global,
        arguments: Id,
    },
}

/// The imports that are allowed, because tensors are made of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Global {
    OrderedDict,
    /// `(storage, offset, sizes, strides, requires_grad, hooks[, metadata])`
    RebuildTensor,
    /// `(tensor, requires_grad, hooks)`
    RebuildParameter,
    Storage(Number),
}

/// What a storage holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Number {
    Float(FloatFormat),
    /// A two's complement integer of this many bytes.
    Int(usize),
    /// An unsigned byte; a boolean is one.
    Byte,
}

impl Global {
    fn allowed(module: &str, name: &str) -> Option<Self> {
        let number = match (module, name) {
            ("collections", "OrderedDict") => return Some(Self::OrderedDict),
            ("torch._utils", "_rebuild_tensor_v2") => return Some(Self::RebuildTensor),
            ("torch._utils", "_rebuild_parameter") => return Some(Self::RebuildParameter),
            ("torch", "DoubleStorage") => Number::Float(FloatFormat::F64),
            ("torch", "FloatStorage") => Number::Float(FloatFormat::F32),
            ("torch", "HalfStorage") => Number::Float(FloatFormat::F16),
            ("torch", "BFloat16Storage") => Number::Float(FloatFormat::BF16),
            ("torch", "LongStorage") => Number::Int(8),
            ("torch", "IntStorage") => Number::Int(4),
            ("torch", "ShortStorage") => Number::Int(2),
            ("torch", "CharStorage") => Number::Int(1),
            ("torch", "ByteStorage" | "BoolStorage") => Number::Byte,
            _ => return None,
        };
        Some(Self::Storage(number))
    }
}

/// Why a pickle was not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PickleError {
    /// It imports something that no dictionary of tensors needs.
    #[error(
        "refused: the file asks to run `{global}`. Files of weights need nothing of the kind, so do not open it in \
         Python either unless you trust where it came from"
    )]
    Refused {
        /// Module and name, as Python would import it.
        global: String,
    },
    /// It has tensors of complex or quantised numbers.
    #[error(
        "the file has a tensor in a `torch.{storage}`, which holds no plain numbers; convert it with `tensor.float()`"
    )]
    Storage {
        /// The type of the storage.
        storage: String,
    },
    /// It is written in another version of the language.
    #[error(
        "its pickle does not begin with protocol 2; save it again with torch.save, without the argument pickle_protocol"
    )]
    Protocol,
    /// It has an instruction that a dictionary of tensors does without.
    #[error(
        "byte {at} of its pickle is the instruction {opcode:#04x}, which a plain dictionary of tensors does not need; \
         save it again with torch.save and nothing but tensors in the dictionary"
    )]
    Opcode {
        /// The instruction.
        opcode: u8,
        /// Its place.
        at: usize,
    },
    /// It ends early or contradicts itself.
    #[error("its pickle is damaged at byte {at}: {what}; download or copy the file again")]
    Damaged {
        /// What is wrong.
        what: &'static str,
        /// Where.
        at: usize,
    },
}

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
