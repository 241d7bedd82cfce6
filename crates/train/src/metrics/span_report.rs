//! Scores of spans, kind by kind.

use super::spans::{SpanCounts, spans};
use std::collections::BTreeMap;

/// How spans of each kind were found: named entities, say, of each type.
///
/// ```
/// use adaptune_train::metrics::SpanReport;
/// let expected = [vec!["B-PER", "I-PER", "O", "B-LOC"], vec!["B-PER", "O"]];
/// let predicted = [vec!["B-PER", "I-PER", "O", "B-PER"], vec!["B-PER", "B-ORG"]];
/// let report = SpanReport::new(&expected, &predicted);
/// let kinds: Vec<_> = report.kinds().map(|(kind, counts)| (kind, counts.f1(), counts.expected)).collect();
/// assert_eq!(kinds, [("LOC", 0.0, 1), ("ORG", 0.0, 0), ("PER", 0.8, 2)]);
/// assert_eq!(report.all().f1(), 4.0 / 7.0);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SpanReport {
    kinds: BTreeMap<String, SpanCounts>,
}

impl SpanReport {
    /// Counts expected and predicted tags, sequence by sequence.
    ///
    /// # Panics
    /// If there are not as many predictions as expected tags, in all or in a sequence.
    #[must_use]
    pub fn new(expected: &[Vec<&str>], predicted: &[Vec<&str>]) -> Self {
        assert_eq!(predicted.len(), expected.len(), "each sequence has its predictions");
        let mut report = Self::default();
        for (expected, predicted) in expected.iter().zip(predicted) {
            assert_eq!(predicted.len(), expected.len(), "each expected tag has one prediction");
            let (expected, predicted) = (spans(expected), spans(predicted));
            for span in &expected {
                report.of(span.kind).expected += 1;
            }
            for span in &predicted {
                report.of(span.kind).predicted += 1;
                report.of(span.kind).correct += usize::from(expected.contains(span));
            }
        }
        report
    }

    fn of(&mut self, kind: &str) -> &mut SpanCounts {
        self.kinds.entry(kind.to_owned()).or_default()
    }

    /// Every kind that was expected or predicted, by name.
    pub fn kinds(&self) -> impl Iterator<Item = (&str, &SpanCounts)> {
        self.kinds.iter().map(|(kind, counts)| (kind.as_str(), counts))
    }

    /// The counts of all kinds together.
    #[must_use]
    pub fn all(&self) -> SpanCounts {
        self.kinds.values().fold(SpanCounts::default(), |sum, counts| SpanCounts {
            predicted: sum.predicted + counts.predicted,
            expected: sum.expected + counts.expected,
            correct: sum.correct + counts.correct,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(lines: &[&'static str]) -> Vec<Vec<&'static str>> {
        lines.iter().map(|line| line.split_whitespace().collect()).collect()
    }

    /// seqeval 1.2 `classification_report`: PER has right ends and wrong kinds, LOC a wrong start.
    #[test]
    fn scores_of_kinds_add_up_to_those_of_all() {
        let expected = tags(&["O B-PER I-PER O B-LOC", "B-ORG I-ORG O B-PER O", "O B-LOC I-LOC"]);
        let predicted = tags(&["O B-PER I-PER O B-ORG", "B-ORG I-ORG O B-PER I-PER", "O O B-LOC"]);
        let report = SpanReport::new(&expected, &predicted);
        let found: Vec<_> = report.kinds().map(|(kind, c)| (kind, c.precision(), c.recall(), c.expected)).collect();
        assert_eq!(found, [("LOC", 0.0, 0.0, 2), ("ORG", 0.5, 1.0, 1), ("PER", 0.5, 0.5, 2)]);
        let mut all = SpanCounts::default();
        expected.iter().zip(&predicted).for_each(|(expected, predicted)| all.add(expected, predicted));
        assert_eq!(report.all(), all);
        assert_eq!(SpanReport::new(&[], &[]).kinds().count(), 0);
    }

    #[test]
    #[should_panic(expected = "one prediction")]
    fn a_missing_prediction_is_no_match() {
        let _ = SpanReport::new(&tags(&["O B-PER"]), &tags(&["O"]));
    }
}
