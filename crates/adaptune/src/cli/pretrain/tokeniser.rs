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
use tokenizers::processors::template::TemplateProcessing;
use tokenizers::{
    AddedToken, NormalizedString, Normalizer, OffsetReferential, OffsetType, PreTokenizedString, PreTokenizer,
    Tokenizer, Trainer,
};

/// The special tokens of a family, in the order of their ids.
pub(super) struct Special {
    pub(super) all: &'static [&'static str],
    pub(super) first: &'static str,
    pub(super) last: &'static str,
    /// What stands for a hidden token, if tokens are hidden from the family.
    pub(super) mask: Option<&'static str>,
}

const BERT: Special = Special {
    all: &["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"],
    first: "[CLS]",
    last: "[SEP]",
    mask: Some("[MASK]"),
};
const ROBERTA: Special =
    Special { all: &["<s>", "<pad>", "</s>", "<unk>", "<mask>"], first: "<s>", last: "</s>", mask: Some("<mask>") };
const LLAMA: Special = Special { all: &["<unk>", "<s>", "</s>"], first: "<s>", last: "</s>", mask: None };

/// The special tokens of a family.
pub(super) fn special(architecture: ArchitectureArg) -> &'static Special {
    match architecture {
        ArchitectureArg::Bert => &BERT,
        ArchitectureArg::Roberta => &ROBERTA,
        ArchitectureArg::Llama => &LLAMA,
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
        ArchitectureArg::Roberta => between_ends(texts, size, min_frequency),
        ArchitectureArg::Llama => behind_first(texts, size, min_frequency),
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

/// RoBERTa's: a text stands between two tokens.
fn between_ends(texts: &[String], size: usize, min_frequency: u64) -> Trained {
    let mut tokeniser = byte_pairs(texts, &ROBERTA, size, min_frequency)?;
    let [first, last] = ends(&mut tokeniser, &ROBERTA);
    tokeniser.with_post_processor(Some(RobertaProcessing::new(last, first).add_prefix_space(false)));
    Ok(tokeniser)
}

/// A decoder's: a text stands behind a token, and whoever trains puts the last one behind it.
fn behind_first(texts: &[String], size: usize, min_frequency: u64) -> Trained {
    let mut tokeniser = byte_pairs(texts, &LLAMA, size, min_frequency)?;
    let [first, _] = ends(&mut tokeniser, &LLAMA);
    let text =
        TemplateProcessing::builder().try_single(format!("{} $A", first.0))?.special_tokens(vec![first]).build()?;
    tokeniser.with_post_processor(Some(text));
    Ok(tokeniser)
}

/// Bytes, merged into the pairs that are most frequent.
fn byte_pairs(texts: &[String], special: &Special, size: usize, min_frequency: u64) -> Trained {
    let split = ByteLevel::default().add_prefix_space(false);
    let mut trainer = BpeTrainer::builder()
        .vocab_size(size)
        .min_frequency(min_frequency)
        .show_progress(false)
        .initial_alphabet(ByteLevel::alphabet().into_iter().collect())
        .special_tokens(special.all.iter().map(|token| AddedToken::from(*token, true)).collect())
        .build();
    trainer.feed(texts.iter(), |text| words(text, None::<&BertNormalizer>, &split))?;
    let mut pairs = BPE::default();
    trainer.train(&mut pairs)?;
    let mut tokeniser = Tokenizer::new(pairs);
    tokeniser.with_pre_tokenizer(Some(split)).with_decoder(Some(ByteLevelDecoder::default()));
    Ok(tokeniser)
}

/// Registers the special tokens; gives those that stand around a text, with their ids.
fn ends(tokeniser: &mut Tokenizer, special: &Special) -> [(String, u32); 2] {
    let tokens: Vec<AddedToken> = special.all.iter().map(|token| AddedToken::from(*token, true)).collect();
    tokeniser.add_special_tokens(&tokens);
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
    use clap::ValueEnum as _;

    fn texts() -> Vec<String> {
        let words = ["walking", "talked", "Walked", "talking", "12", "unwalkable", "é"];
        (0..60).map(|i| format!("{} {}, {}.", words[i % 7], words[i * 3 % 7], words[i * 5 % 7])).collect()
    }

    #[test]
    fn the_same_text_gives_the_same_tokeniser() {
        for architecture in ArchitectureArg::value_variants().iter().copied() {
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
            let ids: Vec<_> = special.all.iter().map(|token| tokeniser.token_to_id(token)).collect();
            assert_eq!(ids, [0, 1, 2, 3, 4].map(Some));
        }
    }

    #[test]
    fn the_text_of_a_decoder_has_no_end_of_its_own() {
        let tokeniser = train(ArchitectureArg::Llama, &texts(), 320, 2).unwrap();
        let encoding = tokeniser.encode("talking", true).unwrap();
        assert_eq!(encoding.get_tokens(), ["<s>", "talking"]);
        assert_eq!(tokeniser.token_to_id("</s>"), Some(2));
        assert_eq!(tokeniser.decode(encoding.get_ids(), true).unwrap(), "talking");
    }

    #[test]
    fn unseen_words_are_made_of_pieces() {
        let tokeniser = train(ArchitectureArg::Bert, &texts(), 320, 2).unwrap();
        let encoding = tokeniser.encode("Talkable", false).unwrap();
        assert_eq!(encoding.get_tokens().concat().replace("##", ""), "talkable");
    }
}
