//! A question and a part of its context.

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_found_where_the_whole_of_it_is() {
        let bytes = vec![None, None, Some((4, 9)), Some((10, 14)), Some((14, 15)), None];
        let window = Window { token_ids: vec![], token_types: vec![], bytes };
        assert_eq!(window.span(4, 9), Some((2, 2)));
        assert_eq!(window.span(5, 12), Some((2, 3)), "parts of words are in their tokens");
        assert_eq!((window.span(10, 15), window.span(0, 9), window.span(10, 16)), (Some((3, 4)), None, None));
    }
}
