//! Training a tokeniser from text.
//!
//! The work is done by the `tokenizers` crate. What is ours is that the same text gives the same tokeniser: left to itself
//! the crate numbers the pieces of words as a hash map lists them, so they are numbered here before it begins.

use super::super::args::ArchitectureArg;
use anyhow::{Result, anyhow};
use std::collections::BTreeSet;
use tokenizers::decoders::byte_level::ByteLevel as ByteLevelDecoder;
use tokenizers::decoders::wordpiece::WordPiece as WordPieceDecoder;
use tokenizers::models::bpe::{BPE, BpeTrainer};
use tokenizers::models::wordpiece::WordPiece;
use tokenizers::normalizers::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::processors::bert::BertProcessing;
use tokenizers::processors::roberta::RobertaProcessing;
use tokenizers::{
    AddedToken, NormalizedString, Normalizer, OffsetReferential, OffsetType, PreTokenizedString, PreTokenizer,
    Tokenizer, Trainer,
};

/// The special tokens of a family, in the order of their ids.
pub(super) struct Special {
    pub(super) all: [&'static str; 5],
    pub(super) first: &'static str,
    pub(super) last: &'static str,
    pub(super) mask: &'static str,
    pub(super) padding: &'static str,
}

const BERT: Special = Special {
    all: ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"],
    first: "[CLS]",
    last: "[SEP]",
    mask: "[MASK]",
    padding: "[PAD]",
};
const ROBERTA: Special = Special {
    all: ["<s>", "<pad>", "</s>", "<unk>", "<mask>"],
    first: "<s>",
    last: "</s>",
    mask: "<mask>",
    padding: "<pad>",
};

/// The special tokens of a family.
pub(super) fn special(architecture: ArchitectureArg) -> &'static Special {
    match architecture {
        ArchitectureArg::Bert => &BERT,
        ArchitectureArg::Roberta => &ROBERTA,
    }
}

/// Trains a tokeniser whose vocabulary has at most `size` entries, each seen `min_frequency` times.
pub(super) fn train(
    architecture: ArchitectureArg,
    texts: &[String],
    size: usize,
    min_frequency: u64,
) -> Result<Tokenizer> {
    let tokeniser = match architecture {
        ArchitectureArg::Bert => word_pieces(texts, size, min_frequency),
        ArchitectureArg::Roberta => byte_pairs(texts, size, min_frequency),
    };
    tokeniser.map_err(|error| anyhow!("the tokeniser cannot be trained: {error}"))
}

type Trained = tokenizers::Result<Tokenizer>;

/// BERT's: lower case, split at spaces and punctuation, words cut into pieces.
fn word_pieces(texts: &[String], size: usize, min_frequency: u64) -> Trained {
    let (normalizer, split) = (BertNormalizer::default(), BertPreTokenizer);
    let words = |text: &str| words(text, Some(&normalizer), &split);
    let letters: BTreeSet<char> = texts
        .iter()
        .map(|text| words(text))
        .collect::<tokenizers::Result<Vec<_>>>()?
        .iter()
        .flatten()
        .flat_map(|word| word.chars())
        .collect();
    let numbered = BERT
        .all
        .iter()
        .map(ToString::to_string)
        .chain(letters.iter().map(char::to_string))
        .chain(letters.iter().map(|letter| format!("##{letter}")));
    let mut trainer = BpeTrainer::builder()
        .vocab_size(size)
        .min_frequency(min_frequency)
        .show_progress(false)
        .continuing_subword_prefix("##".into())
        .special_tokens(numbered.map(|token| AddedToken::from(token, true)).collect())
        .build();
    trainer.feed(texts.iter(), |text| words(text))?;
    let mut pieces = BPE::default();
    trainer.train(&mut pieces)?;
    let model = WordPiece::from_bpe(&pieces);
    let mut tokeniser = Tokenizer::new(model);
    tokeniser.with_normalizer(Some(normalizer)).with_pre_tokenizer(Some(split));
    tokeniser.with_decoder(Some(WordPieceDecoder::default()));
    let [first, last] = ends(&mut tokeniser, &BERT);
    tokeniser.with_post_processor(Some(BertProcessing::new(last, first)));
    Ok(tokeniser)
}

/// RoBERTa's: bytes, merged into the pairs that are most frequent.
fn byte_pairs(texts: &[String], size: usize, min_frequency: u64) -> Trained {
    let split = ByteLevel::default().add_prefix_space(false);
    let mut trainer = BpeTrainer::builder()
        .vocab_size(size)
        .min_frequency(min_frequency)
        .show_progress(false)
        .initial_alphabet(ByteLevel::alphabet().into_iter().collect())
        .special_tokens(ROBERTA.all.iter().map(|token| AddedToken::from(*token, true)).collect())
        .build();
    trainer.feed(texts.iter(), |text| words(text, None::<&BertNormalizer>, &split))?;
    let mut pairs = BPE::default();
    trainer.train(&mut pairs)?;
    let mut tokeniser = Tokenizer::new(pairs);
    tokeniser.with_pre_tokenizer(Some(split)).with_decoder(Some(ByteLevelDecoder::default()));
    let [first, last] = ends(&mut tokeniser, &ROBERTA);
    tokeniser.with_post_processor(Some(RobertaProcessing::new(last, first).add_prefix_space(false)));
    Ok(tokeniser)
}

/// Registers the special tokens; gives those that stand around a text, with their ids.
fn ends(tokeniser: &mut Tokenizer, special: &Special) -> [(String, u32); 2] {
    tokeniser.add_special_tokens(&special.all.map(|token| AddedToken::from(token, true)));
    [special.first, special.last].map(|token| {
        let id = tokeniser.token_to_id(token).expect("it was added");
        (token.to_owned(), id)
    })
}

/// The words of a text, as the tokeniser splits it before it looks into the vocabulary.
fn words(
    text: &str,
    normalizer: Option<&impl Normalizer>,
    split: &impl PreTokenizer,
) -> tokenizers::Result<Vec<String>> {
    let mut normalized = NormalizedString::from(text);
    if let Some(normalizer) = normalizer {
        normalizer.normalize(&mut normalized)?;
    }
    let mut pre_tokenized = PreTokenizedString::from(normalized);
    split.pre_tokenize(&mut pre_tokenized)?;
    let splits = pre_tokenized.get_splits(OffsetReferential::Original, OffsetType::Byte);
    Ok(splits.into_iter().map(|(word, ..)| word.to_owned()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts() -> Vec<String> {
        let words = ["walking", "talked", "Walked", "talking", "12", "unwalkable", "é"];
        (0..60).map(|i| format!("{} {}, {}.", words[i % 7], words[i * 3 % 7], words[i * 5 % 7])).collect()
    }

    #[test]
    fn the_same_text_gives_the_same_tokeniser() {
        for architecture in [ArchitectureArg::Bert, ArchitectureArg::Roberta] {
            let train = || train(architecture, &texts(), 320, 2).unwrap().to_string(false).unwrap();
            let first = train();
            assert!((0..4).all(|_| train() == first), "{architecture:?}");
        }
    }

    #[test]
    fn texts_get_their_special_tokens_and_known_words_are_not_cut() {
        for architecture in [ArchitectureArg::Bert, ArchitectureArg::Roberta] {
            let tokeniser = train(architecture, &texts(), 320, 2).unwrap();
            let encoding = tokeniser.encode("talking", true).unwrap();
            let special = special(architecture);
            assert_eq!(encoding.get_tokens(), [special.first, "talking", special.last], "{architecture:?}");
            let ids = special.all.map(|token| tokeniser.token_to_id(token));
            assert_eq!(ids, [0, 1, 2, 3, 4].map(Some));
        }
    }

    #[test]
    fn unseen_words_are_made_of_pieces() {
        let tokeniser = train(ArchitectureArg::Bert, &texts(), 320, 2).unwrap();
        let encoding = tokeniser.encode("Talkable", false).unwrap();
        assert_eq!(encoding.get_tokens().concat().replace("##", ""), "talkable");
    }
}
