//! Predictions of texts and words.

use adaptune_train::metrics::{Span, spans};

/// The prediction for one text.
#[derive(Clone, Debug, PartialEq)]
pub enum Prediction {
    /// One of several classes.
    Class {
        /// Its name: of the most probable one, or of one with [a threshold](crate::TextPredictor::with_threshold_of).
        label: String,
        /// Its number, from 0.
        class: usize,
        /// The logits, in the order of the head's labels.
        logits: Vec<f32>,
        /// Their softmax.
        probabilities: Vec<f32>,
    },
    /// Any number of labels.
    Labels {
        /// Those that hold, in the order of the head's labels.
        labels: Vec<String>,
        /// What stands between them in a table.
        separator: char,
        /// The logits, in the order of the head's labels.
        logits: Vec<f32>,
        /// The probability of each label by itself.
        probabilities: Vec<f32>,
    },
    /// A span of the context that answers a question.
    Answer {
        /// Its text; empty if there is no answer.
        text: String,
        /// The letters of the context, from 0, that it consists of.
        letters: Option<(usize, usize)>,
        /// The logits of its start and its end together.
        score: f64,
        /// The same of no answer.
        null_score: f64,
    },
    /// One of several choices.
    Choice {
        /// What labels of the training data call it: its number, its letter or its text.
        label: String,
        /// Its number, from 0.
        choice: usize,
        /// Its text.
        text: String,
        /// The logit of each choice.
        logits: Vec<f32>,
        /// Their softmax.
        probabilities: Vec<f32>,
    },
    /// A number.
    Number(f32),
    /// A tag for each word.
    Tags(Vec<WordTag>),
    /// Nothing, for there was no text.
    Blank,
}

/// The prediction for one word.
#[derive(Clone, Debug, PartialEq)]
pub struct WordTag {
    /// The word.
    pub word: String,
    /// The most probable tag; none for a word without a token of its own.
    pub label: Option<String>,
    /// The logits, in the order of the head's labels; empty without a token.
    pub logits: Vec<f32>,
    /// Their softmax.
    pub probabilities: Vec<f32>,
}

/// Words that tags mark as one span, such as the name of a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entity {
    /// What the tags call it: `PER` of `B-PER` and `I-PER`.
    pub kind: String,
    /// Its words, with spaces between.
    pub text: String,
    /// Its first word, from 0.
    pub start: usize,
    /// The word behind its last.
    pub end: usize,
}

impl Prediction {
    /// Returns what the tags of words mark, from left to right, if they mark spans ([`spans`]); nothing of other predictions.
    #[must_use]
    pub fn entities(&self) -> Vec<Entity> {
        let Self::Tags(words) = self else { return Vec::new() };
        let tags: Vec<&str> = words.iter().map(|word| word.label.as_deref().unwrap_or("O")).collect();
        let text =
            |span: &Span<'_>| words[span.start..span.end].iter().map(|word| word.word.as_str()).collect::<Vec<_>>();
        let entity = |span: Span<'_>| {
            let (kind, text) = (span.kind.to_owned(), text(&span).join(" "));
            Entity { kind, text, start: span.start, end: span.end }
        };
        spans(&tags).into_iter().map(entity).collect()
    }

    /// The label, the labels between separators, the number or the tags between spaces, as they would stand in a table; empty for a blank text. A word without
    /// a tag has `?`.
    #[must_use]
    pub fn label(&self) -> String {
        match self {
            Self::Class { label, .. } | Self::Choice { label, .. } => label.clone(),
            Self::Labels { labels, separator, .. } => labels.join(&separator.to_string()),
            Self::Answer { text, .. } => text.clone(),
            Self::Number(number) => format!("{number:.4}"),
            Self::Tags(words) => {
                let labels: Vec<&str> = words.iter().map(|word| word.label.as_deref().unwrap_or("?")).collect();
                labels.join(" ")
            }
            Self::Blank => String::new(),
        }
    }

    /// How many words have no tag.
    pub(crate) fn words_without_tag(&self) -> usize {
        match self {
            Self::Tags(words) => words.iter().filter(|word| word.label.is_none()).count(),
            _ => 0,
        }
    }

    /// The probability of the class or the choice that was chosen, if there is one.
    #[must_use]
    pub fn probability(&self) -> Option<f32> {
        match self {
            Self::Class { class, probabilities, .. } | Self::Choice { choice: class, probabilities, .. } => {
                probabilities.get(*class).copied()
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entities_are_words_with_their_kind() {
        let tag = |(word, label): (&str, Option<&str>)| WordTag {
            word: word.to_owned(),
            label: label.map(str::to_owned),
            logits: Vec::new(),
            probabilities: Vec::new(),
        };
        let words = [("Ada", "B-PER"), ("Byron", "I-PER"), ("in", "O"), ("London", "I-LOC")].map(|(w, t)| (w, Some(t)));
        let found = Prediction::Tags(words.into_iter().chain([("cut", None)]).map(tag).collect()).entities();
        let entity = |kind: &str, text: &str, start, end| Entity { kind: kind.into(), text: text.into(), start, end };
        assert_eq!(found, [entity("PER", "Ada Byron", 0, 2), entity("LOC", "London", 3, 4)]);
        assert!(Prediction::Blank.entities().is_empty());
    }
}
