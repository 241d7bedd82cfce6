//! The bases that are part of this crate.

use crate::error::Result;
use adaptune_transformer::weights::TensorFile;

/// The name of the encoder that is part of this crate. A folder of this name is `./builtin`.
pub const BUILTIN: &str = "builtin";
/// The name of the decoder that is part of this crate.
pub const BUILTIN_DECODER: &str = "builtin-decoder";

/// A base with its tokenizer, in memory from the start.
#[derive(Debug)]
pub(crate) struct Shipped {
    pub(crate) name: &'static str,
    pub(crate) config: &'static str,
    pub(crate) tokenizer: &'static [u8],
    weights: &'static [u8],
    /// The tokens that end a text.
    pub(crate) ends: &'static [u32],
}

static ALL: [Shipped; 2] = [
    Shipped {
        name: BUILTIN,
        config: include_str!("../builtin/config.json"),
        tokenizer: include_bytes!("../builtin/tokenizer.json"),
        weights: include_bytes!("../builtin/model.safetensors"),
        ends: &[],
    },
    Shipped {
        name: BUILTIN_DECODER,
        config: include_str!("../builtin/decoder/config.json"),
        tokenizer: include_bytes!("../builtin/decoder/tokenizer.json"),
        weights: include_bytes!("../builtin/decoder/model.safetensors"),
        ends: &[2],
    },
];

impl Shipped {
    /// The one of this name.
    pub(crate) fn called(name: &str) -> Option<&'static Self> {
        ALL.iter().find(|shipped| shipped.name == name)
    }

    pub(crate) fn weights(&self) -> Result<TensorFile> {
        Ok(TensorFile::from_bytes(self.name, self.weights)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_small_and_end_texts_as_their_files_say() {
        let bytes: usize = ALL.iter().map(|shipped| shipped.weights.len()).sum();
        assert!(bytes < 4_500_000, "{bytes}");
        let generation = include_str!("../builtin/decoder/generation_config.json");
        let generation: serde_json::Value = serde_json::from_str(generation).unwrap();
        assert_eq!(generation["eos_token_id"], 2);
    }
}
