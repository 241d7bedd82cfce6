//! Texts as tokens, however many, with what each stands for.

use super::encoded::WholeText;
use super::{Tokenizer, contained};
use crate::error::{Result, TextError};

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
