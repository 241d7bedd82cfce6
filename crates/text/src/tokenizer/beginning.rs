//! How much of a long text has to be looked at for the tokens of its beginning.
//!
//! A text may be cut before a space between two visible characters if the tokens before the space are the same whatever follows.
//! That holds where normalisation goes character by character (or composes what no space takes part in), where the text is split
//! at spaces whatever else it is split at, and where no token of its own goes across a space: then both sides of the space
//! are split, and looked up, each by itself. Other tokenizers get every text whole, however long it is.

use tokenizers::{NormalizerWrapper, PreTokenizerWrapper, Tokenizer};

/// True if texts may be cut for this tokenizer.
pub(super) fn may_be_cut(tokenizer: &Tokenizer) -> bool {
    let tokens = tokenizer.get_added_tokens_decoder();
    tokenizer.get_normalizer().is_none_or(goes_by_character)
        && tokenizer.get_pre_tokenizer().is_some_and(splits_at_spaces)
        && !tokens.values().any(|token| token.content.contains(char::is_whitespace))
}

fn goes_by_character(normalizer: &NormalizerWrapper) -> bool {
    use NormalizerWrapper::{BertNormalizer, Lowercase, NFC, NFD, NFKC, NFKD, Sequence, StripAccents};
    match normalizer {
        BertNormalizer(_) | Lowercase(_) | NFC(_) | NFD(_) | NFKC(_) | NFKD(_) | StripAccents(_) => true,
        Sequence(parts) => parts.as_ref().iter().all(goes_by_character),
        _ => false,
    }
}

fn splits_at_spaces(pre_tokenizer: &PreTokenizerWrapper) -> bool {
    use PreTokenizerWrapper::{BertPreTokenizer, ByteLevel, Whitespace, WhitespaceSplit};
    match pre_tokenizer {
        BertPreTokenizer(_) | Whitespace(_) | WhitespaceSplit(_) => true,
        // GPT-2's expression puts a space before a word to that word, and never one behind.
        ByteLevel(split) => split.use_regex,
        _ => false,
    }
}

/// The beginning of a text, of so many bytes or some more, up to a space between two visible ASCII characters; all of it if there
/// is none.
pub(super) fn beginning(text: &str, bytes: usize) -> &str {
    let all = text.as_bytes();
    let cut = |at: &usize| all[*at] == b' ' && all[at - 1].is_ascii_graphic() && all[at + 1].is_ascii_graphic();
    match (bytes.max(1)..all.len().saturating_sub(1)).find(cut) {
        Some(at) => &text[..at],
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_words_alone() {
        assert_eq!(beginning("one two three", 2), "one");
        assert_eq!(beginning("one two three", 4), "one two");
        assert_eq!(beginning("one two three", 8), "one two three");
        for whole in ["", " ", "a ", " a", "one  two", "one \u{301}x\u{e9} z", "one\ttwo"] {
            assert_eq!(beginning(whole, 0), whole, "{whole:?}");
        }
    }
}
