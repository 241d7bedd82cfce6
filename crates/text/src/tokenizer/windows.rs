//! A question with its context, which may be longer than a sequence: then it is read in windows that overlap.

use std::ops::Range;
use tokenizers::Encoding;

/// How many tokens of the context neighbouring windows share by default, as in the scripts of BERT's authors.
pub const OVERLAP: usize = 128;

/// A question and a part of its context as one sequence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// Token ids with special tokens, `[T]`.
    pub token_ids: Vec<u32>,
    /// 0 for the question, 1 for the context (where the model tells them apart), `[T]`.
    pub token_types: Vec<u32>,
    /// The bytes of the context that each token stands for; `None` of tokens that are no part of it.
    pub bytes: Vec<Option<(usize, usize)>>,
}

impl Window {
    /// The first and the last token of the window that have a part of these bytes of the context, if all of them are in it.
    #[must_use]
    pub fn span(&self, start: usize, end: usize) -> Option<(usize, usize)> {
        let tokens = || self.bytes.iter().enumerate().filter_map(|(i, bytes)| Some((i, (*bytes)?)));
        let (first, last) = (tokens().next()?.1, tokens().next_back()?.1);
        if first.0 > start || last.1 < end {
            return None;
        }
        let begins = tokens().find(|(_, bytes)| bytes.1 > start)?.0;
        let ends = tokens().rfind(|(_, bytes)| bytes.0 < end)?.0;
        (begins <= ends).then_some((begins, ends))
    }
}

/// The tokens of the second text, which follow each other.
pub(super) fn of_context(encoding: &Encoding) -> Range<usize> {
    let texts = encoding.get_sequence_ids();
    let is_context = |of: &Option<usize>| *of == Some(1);
    match (texts.iter().position(is_context), texts.iter().rposition(is_context)) {
        (Some(first), Some(last)) => first..last + 1,
        _ => 0..0,
    }
}

/// Parts of at most `room` tokens, of which neighbours share `overlap`, or half of the room if that is less.
pub(super) fn parts(of: Range<usize>, room: usize, overlap: usize) -> Vec<Range<usize>> {
    let step = room - overlap.min(room / 2);
    let part = |start: usize| start..of.end.min(start + room);
    let mut parts = Vec::from([part(of.start)]);
    while let Some(last) = parts.last().filter(|last| last.end < of.end) {
        let start = last.start + step;
        parts.push(part(start));
    }
    parts
}

/// The sequence without the tokens of the context that are not of this part.
pub(super) fn window(encoding: &Encoding, of_context: &Range<usize>, part: &Range<usize>) -> Window {
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
        assert_eq!(parts(3..8, 9, 2).first(), Some(&(3..8)));
        assert_eq!(parts(3..13, 5, 2), [3..8, 6..11, 9..13]);
        assert_eq!(parts(0..7, 4, 99), [0..4, 2..6, 4..7]);
        assert_eq!(parts(0..3, 1, 99), [0..1, 1..2, 2..3]);
    }

    #[test]
    fn a_span_is_found_where_the_whole_of_it_is() {
        let bytes = vec![None, None, Some((4, 9)), Some((10, 14)), Some((14, 15)), None];
        let window = Window { token_ids: vec![], token_types: vec![], bytes };
        assert_eq!(window.span(4, 9), Some((2, 2)));
        assert_eq!(window.span(5, 12), Some((2, 3)), "parts of words are in their tokens");
        assert_eq!((window.span(10, 15), window.span(0, 9), window.span(10, 16)), (Some((3, 4)), None, None));
    }
}
