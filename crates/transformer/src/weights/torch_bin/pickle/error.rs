//! Why a pickle was not read.

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
