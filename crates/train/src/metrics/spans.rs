//! Scores of named spans that token tags mark: named entities, chunks.
//!
//! Tags are IOB2: `B-LOC` begins a span of kind `LOC`, `I-LOC` goes on with it, anything else is
//! outside. Or they are IOB1, where `B-` stands only between two spans of one kind, or IO, where there is no `B-`. Or they are IOBES,
//! where `E-LOC` is the last of a span and `S-LOC` a span by itself; BILOU writes `L` and `U` for these. `B_LOC` and `b-loc` are
//! read alike. Models write sequences that are not well formed, so spans are read as the CoNLL
//! evaluation script and seqeval's default mode read them: an `I-` or `E-` with nothing of its kind to go
//! on with begins a span, and behind an end or a single one there is nothing to go on with.

use super::ratio::ratio;
use std::collections::HashSet;

/// A span of tokens, `start..end`, and its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Span<'a> {
    /// What the tags call it, such as `LOC`.
    pub kind: &'a str,
    /// Its first token.
    pub start: usize,
    /// The token after its last.
    pub end: usize,
}

/// The spans that the tags of one sequence mark, from left to right.
///
/// ```
/// use adaptune_train::metrics::{Span, spans};
/// let found = spans(&["B-PER", "I-PER", "O", "I-LOC"]);
/// assert_eq!(found, [Span { kind: "PER", start: 0, end: 2 }, Span { kind: "LOC", start: 3, end: 4 }]);
/// assert_eq!(spans(&["S-LOC", "B-PER", "E-PER"]), spans(&["B-LOC", "B-PER", "I-PER"]));
/// ```
#[must_use]
pub fn spans<'a>(tags: &[&'a str]) -> Vec<Span<'a>> {
    let (mut spans, mut open): (Vec<Span<'a>>, bool) = (Vec::new(), false);
    for (i, tag) in tags.iter().enumerate() {
        let Some((mark, kind)) = parse(tag) else { continue };
        let goes_on = matches!(mark, Mark::Inside | Mark::End);
        match spans.last_mut() {
            Some(span) if open && goes_on && span.end == i && span.kind == kind => span.end += 1,
            _ => spans.push(Span { kind, start: i, end: i + 1 }),
        }
        open = matches!(mark, Mark::Begin | Mark::Inside);
    }
    spans
}

/// True if the labels mark spans: `B` or `I` with a kind, such as `B-LOC`, is among them, and more of them are such marks than
/// are neither a mark nor `O` ([`stray_tags`]).
#[must_use]
pub fn labels_mark_spans<L: AsRef<str>>(labels: &[L]) -> bool {
    let mark = |label: &L| parse(label.as_ref()).map(|(mark, _)| mark);
    let marks = labels.iter().filter(|label| mark(label).is_some()).count();
    let usual = labels.iter().any(|label| matches!(mark(label), Some(Mark::Begin | Mark::Inside)));
    usual && stray_tags(labels).len() < marks
}

/// Returns the labels that are no mark with a kind and not the one for tokens outside; where labels mark spans, tokens with such a
/// label count as outside. `o` is one beside `O`.
///
/// ```
/// use adaptune_train::metrics::stray_tags;
/// assert_eq!(stray_tags(&["B-PER", "I-PER", "O", "o", "PER"]), ["o", "PER"]);
/// assert!(stray_tags(&["b_per", "o"]).is_empty());
/// ```
#[must_use]
pub fn stray_tags<L: AsRef<str>>(labels: &[L]) -> Vec<&str> {
    let outside = if labels.iter().any(|label| label.as_ref() == "O") { "O" } else { "o" };
    let labels = labels.iter().map(AsRef::as_ref);
    labels.filter(|label| *label != outside && parse(label).is_none()).collect()
}

enum Mark {
    Begin,
    Inside,
    End,
    Single,
}

fn parse(tag: &str) -> Option<(Mark, &str)> {
    let (mark, kind) = tag.split_once(['-', '_']).filter(|(_, kind)| !kind.is_empty())?;
    let mark = match mark {
        "B" | "b" => Mark::Begin,
        "I" | "i" => Mark::Inside,
        "E" | "L" | "e" | "l" => Mark::End,
        "S" | "U" | "s" | "u" => Mark::Single,
        _ => return None,
    };
    Some((mark, kind))
}

/// How many spans were predicted and expected over many sequences, and how many were both: same
/// kind, start and end. All scores are over these sums ("micro").
///
/// ```
/// use adaptune_train::metrics::SpanCounts;
/// let mut counts = SpanCounts::default();
/// counts.add(&["B-PER", "I-PER", "O"], &["B-PER", "I-PER", "O"]);
/// counts.add(&["O", "B-LOC", "I-LOC"], &["O", "B-LOC", "O"]);
/// assert_eq!(counts.f1(), 0.5);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SpanCounts {
    /// Spans that were predicted.
    pub predicted: usize,
    /// Spans that were expected.
    pub expected: usize,
    /// Spans that were both.
    pub correct: usize,
}

impl SpanCounts {
    /// Counts the tags of one sequence.
    ///
    /// # Panics
    /// If there are not as many predictions as expected tags.
    pub fn add(&mut self, expected: &[&str], predicted: &[&str]) {
        assert_eq!(predicted.len(), expected.len(), "each expected tag has one prediction");
        let (expected, predicted) = (spans(expected), spans(predicted));
        self.predicted += predicted.len();
        self.expected += expected.len();
        let expected: HashSet<Span<'_>> = expected.into_iter().collect();
        self.correct += predicted.iter().filter(|span| expected.contains(span)).count();
    }

    /// The part of predicted spans that were expected; 0 if none was predicted.
    #[must_use]
    pub fn precision(&self) -> f64 {
        ratio(self.correct as f64, self.predicted as f64)
    }

    /// The part of expected spans that were predicted; 0 if none was expected.
    #[must_use]
    pub fn recall(&self) -> f64 {
        ratio(self.correct as f64, self.expected as f64)
    }

    /// The harmonic mean of precision and recall, `2 correct/(predicted + expected)`; 0 for no spans at all.
    #[must_use]
    pub fn f1(&self) -> f64 {
        ratio(2.0 * self.correct as f64, (self.predicted + self.expected) as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tags(text: &str) -> Vec<&str> {
        text.split_whitespace().collect()
    }

    fn marked(text: &str) -> Vec<(&str, usize, usize)> {
        spans(&tags(text)).into_iter().map(|span| (span.kind, span.start, span.end)).collect()
    }

    /// Expected and predicted tags of five sequences, well formed and not.
    const SEQUENCES: [(&str, &str); 5] = [
        ("O B-PER I-PER I-PER O B-LOC", "O B-PER I-PER O O I-LOC"),
        ("I-ORG I-ORG B-ORG O I-LOC I-PER", "B-ORG I-ORG I-ORG O B-LOC I-PER"),
        ("O O B-MISC I-MISC O", "B-MISC I-MISC I-MISC I-MISC I-LOC"),
        ("B-A-b I-A-b B-A-b", "B-A-b I-A-b I-A"),
        ("O O O", "B-LOC O O"),
    ];

    /// seqeval 1.2 `get_entities`, whose ends are inclusive.
    #[test]
    fn spans_match_seqeval() {
        assert_eq!(marked(SEQUENCES[0].0), [("PER", 1, 4), ("LOC", 5, 6)]);
        assert_eq!(marked(SEQUENCES[1].1), [("ORG", 0, 3), ("LOC", 4, 5), ("PER", 5, 6)]);
        assert_eq!(marked(SEQUENCES[1].0), [("ORG", 0, 2), ("ORG", 2, 3), ("LOC", 4, 5), ("PER", 5, 6)]);
        assert_eq!(marked(SEQUENCES[2].1), [("MISC", 0, 4), ("LOC", 4, 5)]);
        assert_eq!(marked(SEQUENCES[3].0), [("A-b", 0, 2), ("A-b", 2, 3)]);
        assert_eq!(marked("I-X O I-X B-X B-X"), [("X", 0, 1), ("X", 2, 3), ("X", 3, 4), ("X", 4, 5)]);
    }

    /// The same, of tags that mark ends and single tokens.
    #[test]
    fn ends_and_single_tokens_match_seqeval() {
        assert_eq!(marked("S-X B-X I-X E-X O E-X"), [("X", 0, 1), ("X", 1, 4), ("X", 5, 6)]);
        assert_eq!(marked("B-X E-X E-X I-X"), [("X", 0, 2), ("X", 2, 3), ("X", 3, 4)]);
        assert_eq!(marked("S-X I-X S-X E-Y"), [("X", 0, 1), ("X", 1, 2), ("X", 2, 3), ("Y", 3, 4)]);
        assert_eq!(marked("B-X S-X B-X O E-X"), [("X", 0, 1), ("X", 1, 2), ("X", 2, 3), ("X", 4, 5)]);
        assert_eq!(marked("B-X I-X L-X U-Y"), marked("B-X I-X E-X S-Y"));
    }

    /// seqeval 1.2 `precision_score`, `recall_score` and `f1_score`.
    #[test]
    fn scores_match_seqeval() {
        let mut counts = SpanCounts::default();
        for (expected, predicted) in SEQUENCES {
            counts.add(&tags(expected), &tags(predicted));
        }
        assert_eq!(counts, SpanCounts { predicted: 10, expected: 9, correct: 4 });
        assert_eq!((counts.precision(), counts.recall()), (0.4, 0.4444444444444444));
        assert!((counts.f1() - 0.4210526315789474).abs() < 1e-15);
    }

    #[test]
    fn without_spans_every_score_is_zero() {
        let mut counts = SpanCounts::default();
        counts.add(&tags("O O O O"), &tags("O O X B"));
        assert_eq!((counts.precision(), counts.recall(), counts.f1()), (0.0, 0.0, 0.0));
        counts.add(&tags("B-LOC O"), &tags("O O"));
        assert_eq!((counts.precision(), counts.recall(), counts.f1()), (0.0, 0.0, 0.0));
    }

    #[test]
    fn labels_of_spans_are_recognised() {
        assert!(labels_mark_spans(&["O", "B-PER", "I-PER", "B-LOC"]));
        assert!(labels_mark_spans(&["I-PER".to_owned()]));
        assert!(
            labels_mark_spans(&["O", "B-PER", "E-PER", "S-PER"])
                && labels_mark_spans(&["O", "B-PER", "L-PER", "U-PER"])
        );
        assert!(!labels_mark_spans(&["O"]));
        assert!(!labels_mark_spans::<&str>(&[]));
        assert!(!labels_mark_spans(&["NOUN", "VERB", "O"]));
        assert!(!labels_mark_spans(&["O", "S-PER"]) && !labels_mark_spans(&["O", "B-PER", "X-PER"]));
    }

    #[test]
    fn every_spelling_of_a_mark_is_read_alike() {
        assert_eq!(marked("b_per i_per o B_LOC I_LOC"), [("per", 0, 2), ("LOC", 3, 5)]);
        assert_eq!(marked("i-x i-x b-x o s_x"), [("x", 0, 2), ("x", 2, 3), ("x", 4, 5)]);
        assert!(labels_mark_spans(&["o", "b-per", "i-per"]) && labels_mark_spans(&["O", "I_PER"]));
    }

    /// A slip in one tag changes one tag, not what a model is judged by.
    #[test]
    fn one_stray_tag_leaves_the_others_marks() {
        let labels = ["B-PER", "B-LOC", "O", "o"];
        assert!(labels_mark_spans(&labels));
        assert_eq!(stray_tags(&labels), ["o"]);
        assert!(!labels_mark_spans(&["B-PER", "NOUN", "VERB"]));
        assert_eq!(stray_tags(&["B-", "-X", "BX"]), ["B-", "-X", "BX"]);
    }

    #[test]
    #[should_panic(expected = "each expected tag has one prediction")]
    fn a_missing_prediction_is_no_match() {
        SpanCounts::default().add(&["O", "B-LOC"], &["O"]);
    }

    proptest! {
        /// Spans, written as well-formed tags and read again, are the same spans.
        #[test]
        fn spans_survive_as_tags(which in prop::collection::vec(0..5usize, 0..20)) {
            const TAGS: [&str; 5] = ["O", "B-X", "I-X", "B-Y", "I-Y"];
            let tags: Vec<&str> = which.iter().map(|&i| TAGS[i]).collect();
            let found = spans(&tags);
            let mut well_formed = vec!["O"; tags.len()];
            for span in &found {
                let (begin, inside) = if span.kind == "X" { ("B-X", "I-X") } else { ("B-Y", "I-Y") };
                well_formed[span.start..span.end].fill(inside);
                well_formed[span.start] = begin;
            }
            prop_assert_eq!(spans(&well_formed), found);
            prop_assert!(tags.iter().zip(&well_formed).all(|(tag, w)| (*tag == "O") == (*w == "O")));
        }
    }
}
