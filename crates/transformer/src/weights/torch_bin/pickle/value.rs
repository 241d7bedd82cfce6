//! What a pickle can build here.

use super::super::super::number::FloatFormat;

/// The place of a value among all values of a pickle.
///
/// Values refer to each other by number. So a list that contains itself is harmless, and a tuple
/// nested a million deep is dropped without recursion.
pub(in super::super) type Id = usize;

/// What a pickle can build here.
#[derive(Debug)]
pub(in super::super) enum Value {
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
pub(in super::super) enum Global {
    OrderedDict,
    /// `(storage, offset, sizes, strides, requires_grad, hooks[, metadata])`
    RebuildTensor,
    /// `(tensor, requires_grad, hooks)`
    RebuildParameter,
    Storage(Number),
}

/// What a storage holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Number {
    Float(FloatFormat),
    /// A two's complement integer of this many bytes.
    Int(usize),
    /// An unsigned byte; a boolean is one.
    Byte,
}

impl Global {
    pub(super) fn allowed(module: &str, name: &str) -> Option<Self> {
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
