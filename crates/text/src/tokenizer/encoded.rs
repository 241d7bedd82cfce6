//! Texts as tokens.

/// One sequence of tokens, ready for the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    /// Token ids with special tokens, `[T]`.
    pub token_ids: Vec<u32>,
    /// 0 for the first text, 1 for the second (where the model tells them apart), `[T]`.
    pub token_types: Vec<u32>,
    /// True if tokens were cut off the end.
    pub truncated: bool,
    /// For [`Text::Words`](crate::Text::Words): the position of the first token of each word, which carries the word's tag.
    /// `None` for a word that was cut off or that has no token at all, such as a lone control
    /// character.
    pub word_starts: Option<Vec<Option<usize>>>,
}

/// All rows of a table.
#[derive(Clone, Debug)]
pub struct EncodedTable {
    /// In the order of the rows; a row has as many as its text has [sequences](crate::Text::sequences).
    pub rows: Vec<Encoded>,
    /// How many of them were cut.
    pub truncated: usize,
    /// How many words have no token, and so neither train nor get a tag.
    pub words_without_token: usize,
}

impl Encoded {
    /// Indices of the words that have no token; empty if the text was not split into words.
    #[must_use]
    pub fn words_without_token(&self) -> Vec<usize> {
        let starts = self.word_starts.iter().flatten().enumerate();
        starts.filter(|(_, start)| start.is_none()).map(|(word, _)| word).collect()
    }
}

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
