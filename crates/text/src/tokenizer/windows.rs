//! A question with its context, which may be longer than a sequence: then it is read in windows that overlap.

use super::window::Window;
use super::{Tokenizer, contained};
use crate::error::{Result, TextError};
use std::ops::Range;
use tokenizers::Encoding;

impl Tokenizer {
    /// The same for contexts whose windows share so many tokens, but at most half a window.
    #[must_use]
    pub fn with_overlap(self, overlap: usize) -> Self {
        Self { overlap, ..self }
    }

    /// How many tokens windows share at most.
    #[must_use]
    pub fn overlap(&self) -> usize {
        self.overlap
    }

    /// Turns a question and its context into as few sequences as hold all of the context, the question in each.
    ///
    /// # Errors
    /// The tokenizer refuses a text, the context yields no token, or the question leaves no room for it.
    pub fn windows(&self, question: &str, context: &str) -> Result<Vec<Window>> {
        let encode = || self.tokenizer.encode((question, context), true);
        let encoding = contained::guarded(encode)
            .map_err(|error| TextError::Tokenizer(format!("{} refuses the text: {error}", self.name)))?;
        let of_context = of_context(&encoding);
        if of_context.is_empty() {
            return Err(TextError::Tokenizer(
                "the context yields no token; expected something that the tokenizer knows".into(),
            ));
        }
        let others = encoding.len() - of_context.len();
        let room = self.max_length.saturating_sub(others);
        if room == 0 {
            return Err(TextError::Tokenizer(format!(
                "the question and the special tokens take {others} tokens, which leaves no room for the context in sequences of {}; \
                 shorten it, or allow longer sequences",
                self.max_length
            )));
        }
        let parts = parts(of_context.clone(), room, self.overlap);
        Ok(parts.into_iter().map(|part| window(&encoding, &of_context, &part)).collect())
    }
}

/// The tokens of the second text, which follow each other.
fn of_context(encoding: &Encoding) -> Range<usize> {
    let texts = encoding.get_sequence_ids();
    let is_context = |of: &Option<usize>| *of == Some(1);
    match (texts.iter().position(is_context), texts.iter().rposition(is_context)) {
        (Some(first), Some(last)) => first..last + 1,
        _ => 0..0,
    }
}

/// Parts of at most `room` tokens, of which neighbours share `overlap`, or half of the room if that is less.
fn parts(of: Range<usize>, room: usize, overlap: usize) -> Vec<Range<usize>> {
    let step = room - overlap.min(room / 2);
    let mut parts = Vec::new();
    for start in of.clone().step_by(step) {
        parts.push(start..of.end.min(start + room));
        if start + room >= of.end {
            break;
        }
    }
    parts
}

/// The sequence without the tokens of the context that are not of this part.
fn window(encoding: &Encoding, of_context: &Range<usize>, part: &Range<usize>) -> Window {
    let kept: Vec<usize> = (0..encoding.len()).filter(|i| !of_context.contains(i) || part.contains(i)).collect();
    let pick = |values: &[u32]| kept.iter().map(|&i| values[i]).collect();
    let bytes = kept.iter().map(|i| part.contains(i).then(|| encoding.get_offsets()[*i])).collect();
    Window { token_ids: pick(encoding.get_ids()), token_types: pick(encoding.get_type_ids()), bytes }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_overlap_and_leave_nothing_out() {
        assert_eq!((parts(3..8, 9, 2).len(), parts(3..8, 9, 2)[0].clone()), (1, 3..8));
        assert_eq!(parts(3..13, 5, 2), [3..8, 6..11, 9..13]);
        assert_eq!(parts(0..7, 4, 99), [0..4, 2..6, 4..7]);
        assert_eq!(parts(0..3, 1, 99), [0..1, 1..2, 2..3]);
    }
}
