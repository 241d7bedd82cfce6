//! What causal language models learn from: running text, texts, prompts with what follows them, conversations.
//!
//! | file | holds | learnt |
//! |---|---|---|
//! | `.txt` | one running text | every token |
//! | `.jsonl` with `text` | a text on each line | every token |
//! | `.jsonl` with `prompt` and `completion` | a prompt and what follows it on each line | what follows |
//! | `.jsonl` with `messages` | a conversation on each line | what the assistant says |
//!
//! [`Tokenizer::pack`](crate::Tokenizer::pack) makes a data set of them, several sequences to an example.

mod documents;
mod encode;
mod files;
mod json;
mod pack;
#[cfg(test)]
mod tests;

pub use documents::{Corpus, CorpusKind, Document, Words};
pub use encode::{LanguageForm, Packed};
