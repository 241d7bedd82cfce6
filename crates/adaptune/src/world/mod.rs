//! A small world that is spoken of in two languages.
//!
//! DOC
mod corpus;
mod draw;
mod entailment;
mod examples;
mod inference;
mod language_a;
mod language_b;
mod lexicon;
mod meaning;
mod opinion;
mod scene;
mod tagging;
mod task;
mod topic;
mod word;

#[cfg(test)]
mod tests;

pub use task::{Example, Split, Task};

use adaptune_tensor::Seed;
use draw::Draw;
use meaning::Sentence;
use word::Word;

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

    fn say(self, sentence: &Sentence) -> Vec<Word> {
        match self {
            Self::A => language_a::sentence(sentence),
            Self::B => language_b::sentence(sentence),
        }
    }

    fn text(self, sentences: &[Sentence]) -> String {
        sentences.iter().map(|sentence| word::text(&self.say(sentence))).collect::<Vec<_>>().join(" ")
    }
}

/// The world.
#[derive(Clone, Copy, Debug)]
pub struct World {
    seed: Seed,
}

impl World {
    /// How many passages the corpus of a language has where nobody says how many.
    pub const PASSAGES: usize = 20_000;

    /// A world of another seed: the same languages and tasks, other texts.
    #[must_use]
    pub fn new(seed: Seed) -> Self {
        Self { seed }
    }

    /// The examples
    #[must_use]
    pub fn examples(&self, task: Task, language: Language, split: Split) -> Vec<Example> {
        examples::examples(self.seed, task, language, split)
    }

    /// The first passages of the corpus, each a line of one to four sentences.
    #[must_use]
    pub fn corpus(&self, language: Language, passages: usize) -> Vec<String> {
        let seed = self.seed.named("corpus").named(language.name());
        let passage = |i: usize| language.text(&corpus::passage(&mut Draw::new(seed.at(i as u64))));
        (0..passages).map(passage).collect()
    }
}

impl Default for World {
    /// The world that the command line calls built-in.
    fn default() -> Self {
        Self::new(Seed::new(0))
    }
}
