//! The documents of a file.

use crate::chat::Message;
use crate::error::{Result, TextError};
use adaptune_tensor::Seed;
use rand::seq::SliceRandom;

/// What a file of documents holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CorpusKind {
    /// Texts, of which every token is learnt.
    Texts,
    /// Prompts with what follows them, which is learnt.
    Completions,
    /// Conversations, of which the answers are learnt.
    Conversations,
}

/// One document.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// Its line in the file, from 1.
    pub line: usize,
    /// What is in it.
    pub words: Words,
}

/// What is in a document.
#[derive(Clone, Debug, PartialEq)]
pub enum Words {
    /// A text.
    Text(String),
    /// A prompt and what follows it.
    Completion {
        /// What is given.
        prompt: String,
        /// What is learnt.
        completion: String,
    },
    /// The turns of a conversation, the last of which is an answer.
    Conversation(Vec<Message>),
}

/// Documents of one kind.
#[derive(Clone, Debug, PartialEq)]
pub struct Corpus {
    /// How messages call their file.
    pub name: String,
    /// What they are.
    pub kind: CorpusKind,
    /// The documents, in the order of the file.
    pub documents: Vec<Document>,
    /// What was noticed: turns that were left out.
    pub notes: Vec<String>,
}

impl Corpus {
    /// The documents of both, those of `other` behind.
    ///
    /// # Errors
    /// They are not of one kind.
    pub fn join(self, other: Self) -> Result<Self> {
        if self.kind != other.kind {
            let message =
                format!("found {}, but {} holds {}: files of a run hold the same", other.kind, self.name, self.kind);
            return Err(TextError::table(&other.name, message));
        }
        let name = format!("{} and {}", self.name, other.name);
        let documents = self.documents.into_iter().chain(other.documents).collect();
        let notes = self.notes.into_iter().chain(other.notes).collect();
        Ok(Self { name, kind: self.kind, documents, notes })
    }

    /// Cuts off a share of the documents, drawn by a seed: returns the others and those, each in the order of the file. Of one running text
    /// its end is cut off, at the end of a line.
    ///
    /// # Errors
    /// One of the two would be empty.
    pub fn split(mut self, share: f64, seed: u64) -> Result<(Self, Self)> {
        let aside = match &mut self.documents[..] {
            [Document { words: Words::Text(text), line }] => {
                let end = cut_off(text, share);
                vec![Document { line: *line + text.lines().count(), words: Words::Text(end) }]
            }
            _ => self.draw(share, seed),
        };
        let blank = |document: &Document| matches!(&document.words, Words::Text(text) if text.trim().is_empty());
        if aside.iter().chain(&self.documents).any(blank) || aside.is_empty() || self.documents.is_empty() {
            let message = format!("a share of {share} leaves nothing to train on, or to measure on");
            return Err(TextError::table(&self.name, message));
        }
        let name = format!("{} ({:.0} % kept aside)", self.name, 100.0 * share);
        let dev = Self { name, kind: self.kind, documents: aside, notes: Vec::new() };
        Ok((self, dev))
    }

    /// Takes out as many documents as the share is of all.
    fn draw(&mut self, share: f64, seed: u64) -> Vec<Document> {
        let mut order: Vec<usize> = (0..self.documents.len()).collect();
        order.shuffle(&mut Seed::new(seed).named("kept aside").rng());
        let mut aside = vec![false; order.len()];
        for place in order.iter().take((share * order.len() as f64).ceil() as usize) {
            aside[*place] = true;
        }
        let numbered = std::mem::take(&mut self.documents).into_iter().zip(aside);
        let (dev, train): (Vec<_>, Vec<_>) = numbered.partition(|(_, aside)| *aside);
        self.documents = train.into_iter().map(|(document, _)| document).collect();
        dev.into_iter().map(|(document, _)| document).collect()
    }
}

/// Takes the end off a text, as large a share of it as whole lines allow.
fn cut_off(text: &mut String, share: f64) -> String {
    let mut at = ((1.0 - share) * text.len() as f64) as usize;
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    let line_end = text[..at].rfind('\n').map_or(at, |end| end + 1);
    text.split_off(line_end)
}

impl std::fmt::Display for CorpusKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Texts => "texts",
            Self::Completions => "prompts with completions",
            Self::Conversations => "conversations",
        })
    }
}
