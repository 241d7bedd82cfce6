//! Texts as tokens, however many, with what each stands for.

use super::{Tokenizer, contained};
use crate::error::{Result, TextError};

/// All tokens of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WholeText {
    pub(crate) ids: Vec<u32>,
    /// The bytes of the text that each stands for, from where to where; nothing, at 0, of tokens that the tokenizer adds.
    pub(crate) bytes: Vec<(usize, usize)>,
}

impl WholeText {
    /// The first token that begins at this byte or behind it; as many as there are if none does.
    pub(crate) fn first_from(&self, byte: usize) -> usize {
        self.bytes.iter().position(|(start, _)| *start >= byte).unwrap_or(self.ids.len())
    }
}

impl Tokenizer {
    /// Turns a text into tokens without leaving any out; with those that the tokenizer puts at its ends if they are wanted. Special tokens
    /// that are written in the text are tokens in either case.
    pub(crate) fn whole_text(&self, text: &str, with_special: bool) -> Result<WholeText> {
        let encode = || self.tokenizer.encode(text, with_special);
        let encoding = contained::guarded(encode)
            .map_err(|error| TextError::Tokenizer(format!("{} refuses the text: {error}", self.name)))?;
        Ok(WholeText { ids: encoding.get_ids().to_vec(), bytes: encoding.get_offsets().to_vec() })
    }
}
