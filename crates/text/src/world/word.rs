//! Words with their parts of speech, and how they make a text.

use std::fmt;

/// A part of speech, by the names of Universal Dependencies; `CONJ` stands for both of its kinds of conjunction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Tag {
    Adj,
    Adp,
    Adv,
    Aux,
    Conj,
    Det,
    Noun,
    Num,
    Part,
    Pron,
    Propn,
    Punct,
    Verb,
}

impl Tag {
    pub(super) const NAMES: [&str; 13] =
        ["ADJ", "ADP", "ADV", "AUX", "CONJ", "DET", "NOUN", "NUM", "PART", "PRON", "PROPN", "PUNCT", "VERB"];

    pub(super) fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }
}

/// A word as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) form: String,
    pub(super) tag: Tag,
}

/// The words of a sentence in the making.
#[derive(Clone, Debug, Default)]
pub(super) struct Line(pub(super) Vec<Word>);

impl Line {
    /// Adds a word, or several with one part of speech.
    pub(super) fn push(&mut self, tag: Tag, form: impl fmt::Display) {
        self.0.push(Word { form: form.to_string(), tag });
    }

    /// Ends the sentence: a capital letter in front and a mark behind.
    pub(super) fn ended(mut self, mark: &str) -> Vec<Word> {
        if let Some(first) = self.0.first_mut() {
            first.form = capitalised(&first.form);
        }
        self.push(Tag::Punct, mark);
        self.0
    }
}

fn capitalised(form: &str) -> String {
    let mut letters = form.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// The text: words between spaces, marks close to the word before them.
pub(super) fn text(words: &[Word]) -> String {
    let mut text = String::new();
    for word in words {
        if !text.is_empty() && word.tag != Tag::Punct {
            text.push(' ');
        }
        text.push_str(&word.form);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_its_spaces_and_marks_in_place() {
        let mut line = Line::default();
        for (tag, form) in [(Tag::Adv, "well"), (Tag::Punct, ","), (Tag::Num, "3"), (Tag::Noun, "dogs")] {
            line.push(tag, form);
        }
        assert_eq!(text(&line.ended("?")), "Well, 3 dogs?");
    }

    #[test]
    fn tags_stand_in_the_order_of_their_names() {
        assert!(Tag::NAMES.is_sorted());
        assert_eq!((Tag::Adj.name(), Tag::Part.name(), Tag::Verb.name()), ("ADJ", "PART", "VERB"));
    }
}
