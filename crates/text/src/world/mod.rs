//! A small world, spoken of in two languages, with tasks to be learnt in either.
//!
//! There are people who cook, travel or do research, things that are bought and carried, and opinions of them. A grammar
//! draws *meanings*: who does what to which thing where, with no word in them. Two languages put a meaning into words.
//! So the examples of a task are exactly parallel: example `i` says the same in both, and has the same label.
//!
//! **Language A** is plain English. **Language B** is nobody's: its words are made up, its verbs stand at the end, what
//! describes a noun stands behind it, and so does what English calls a preposition. Only names, figures and marks are the
//! same.
//!
//! ```text
//! A   The service was not clever, but we found the walk exciting.
//! B   Tepi fos dortam lakul vit, guk zos zuri fos podor sesatul.
//!     service the clever was not, but we walk the exciting found
//! ```
//!
//! # What is in it
//!
//! | task | asks | takes more than words, because |
//! |---|---|---|
//! | [`Sentiment`](Task::Sentiment) | is a review good or bad? | half of the opinions are denied or come before a `but` |
//! | [`Topic`](Task::Topic) | which of six? | other topics have words in it, and what is denied does not count |
//! | [`Entailment`](Task::Entailment) | does it follow? | each hypothesis stands with three premises, one for each label |
//! | [`Subtopic`](Task::Subtopic) | what kind of thing is reviewed, within its topic? and is it found good? | half of them speak of another topic too |
//! | [`Tagging`](Task::Tagging) | part of speech of each word | `play`, `light` and `that` can be two |
//!
//! The [corpus](World::corpus) has no labels. Its passages are about people and things that belong together, so that a
//! hidden word can be guessed: a cake is baked, an apple is a fruit, and what was not boring got 9 points. It has every
//! word and every construction of the tasks. The two corpora are not translations of each other, and no passage mixes the
//! languages; what ties them together are the names (Anna is a baker in both), the figures (good things get many points in
//! both), and that both are about the same world.
//!
//! Everything follows from a seed, down to the byte.
//!
//! ```
//! use adaptune_text::world::{Example, Language, Split, Task, World};
//!
//! let world = World::default();
//! let [a, b] = Language::ALL.map(|language| world.examples(Task::Sentiment, language, Split::Dev));
//! assert_eq!((a.len(), b.len()), (500, 500));
//! let (Example::Text { text, label }, Example::Text { label: same, .. }) = (&a[0], &b[0]) else { unreachable!() };
//! assert!(text.ends_with('.'));
//! assert_eq!(label, same);
//!
//! let corpus = world.corpus(Language::B, 3);
//! assert_eq!(corpus.len(), 3);
//! ```
//!
//! # Reading order
//!
//! `meaning.rs`, then `language_a.rs` or `language_b.rs`, which put it into words from `lexicon/`; `scene.rs` draws what
//! happens, `opinion.rs` what is thought of it, `corpus.rs` passages of both. The rule behind each task's labels is code:
//! `opinion.rs`, `topic.rs`, `subtopic.rs`, `inference.rs`.

mod corpus;
mod draw;
mod entailment;
mod examples;
mod inference;
mod language;
mod language_a;
mod language_b;
mod lexicon;
mod meaning;
mod opinion;
mod scene;
mod story;
mod subtopic;
mod tagging;
mod task;
mod topic;
mod word;

#[cfg(test)]
mod tests;

pub use language::Language;
pub use task::{Example, Split, Task};

use adaptune_tensor::Seed;
use draw::Draw;
use meaning::Sentence;

/// Where all texts come from.
#[derive(Clone, Copy, Debug)]
pub struct World {
    seed: Seed,
}

impl World {
    /// How many passages the corpus of a language has where nobody says how many.
    pub const PASSAGES: usize = 40_000;

    /// A world of another seed: the same languages and tasks, other texts.
    #[must_use]
    pub fn new(seed: Seed) -> Self {
        Self { seed }
    }

    /// The examples of a split, [`Task::size`] of them, in an order that says nothing about their labels.
    ///
    /// Example `i` says the same in both languages. No text is in two splits of a task.
    #[must_use]
    pub fn examples(&self, task: Task, language: Language, split: Split) -> Vec<Example> {
        examples::examples(self.seed, task, language, split)
    }

    /// The first passages of the corpus, each of one to four sentences in one line, without labels.
    ///
    /// A longer corpus begins with the shorter one. Passage `i` of A and passage `i` of B have nothing to do with each
    /// other.
    #[must_use]
    pub fn corpus(&self, language: Language, passages: usize) -> Vec<String> {
        let seed = self.seed.named("corpus").named(language.name());
        let passage = |i: usize| language.text(&corpus::passage(&mut Draw::new(seed.at(i as u64))));
        (0..passages).map(passage).collect()
    }

    /// How many stories a split has.
    #[must_use]
    pub fn story_count(split: Split) -> usize {
        story::count(split)
    }

    /// The stories of a split, each of four or five sentences in one line, from which a decoder learns a manner of telling. Story `i` says
    /// the same in both languages.
    #[must_use]
    pub fn stories(&self, language: Language, split: Split) -> Vec<String> {
        let (seed, first) = (self.seed.named("story"), story::first(split));
        let told = |i: usize| language.text(&story::story(&mut Draw::new(seed.at(i as u64))));
        (first..first + story::count(split)).map(told).collect()
    }

    /// Unlabelled passages, each in language A and in language B: the same is said in both. None of them is in a
    /// [corpus](World::corpus).
    #[must_use]
    pub fn parallel(&self, passages: usize) -> Vec<[String; 2]> {
        let seed = self.seed.named("parallel");
        let both = |said: Vec<Sentence>| Language::ALL.map(|language| language.text(&said));
        (0..passages).map(|i| both(corpus::passage(&mut Draw::new(seed.at(i as u64))))).collect()
    }
}

impl Default for World {
    /// The world that the command line calls built-in.
    fn default() -> Self {
        Self::new(Seed::new(0))
    }
}
