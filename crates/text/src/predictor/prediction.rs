//! Predictions of texts and words.

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
    /// The most probable tag; none for a word without a token of its own.
    pub label: Option<String>,
    /// The logits, in the order of the head's labels; empty without a token.
    pub logits: Vec<f32>,
    /// Their softmax.
    pub probabilities: Vec<f32>,
}

impl Prediction {
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
