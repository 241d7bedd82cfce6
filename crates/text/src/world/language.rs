//! The two languages, and which grammar belongs to which.

use super::meaning::Sentence;
use super::word::{self, Word};
use super::{language_a, language_b};

/// A language of the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Language {
    /// Plain English.
    A,
    /// A language with words and an order of its own.
    B,
}

impl Language {
    /// Both languages.
    pub const ALL: [Self; 2] = [Self::A, Self::B];

    /// `a` or `b`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::A => "a",
            Self::B => "b",
        }
    }

    /// Puts a meaning into words.
    pub(super) fn say(self, sentence: &Sentence) -> Vec<Word> {
        match self {
            Self::A => language_a::sentence(sentence),
            Self::B => language_b::sentence(sentence),
        }
    }

    /// Sentences in one line.
    pub(super) fn text(self, sentences: &[Sentence]) -> String {
        sentences.iter().map(|sentence| word::text(&self.say(sentence))).collect::<Vec<_>>().join(" ")
    }
}
