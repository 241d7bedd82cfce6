//! Precision, recall and F1 of several things that were predicted, a row each, and their mean.

use super::report::{Cell, Report, note, one_line, print_line, shortened, thousands};
use anyhow::Result;
use serde_json::{Value, json};

/// How one class, label or kind of entity was predicted.
pub(crate) struct Scored {
    pub(crate) name: String,
    /// Precision, recall and F1; `None` where there is no example.
    pub(crate) scores: [Option<f64>; 3],
    /// How often it was expected.
    pub(crate) support: usize,
    /// How often it was predicted.
    pub(crate) predicted: usize,
}

/// The scores of all of them.
pub(crate) struct ScoreTable {
    heading: &'static str,
    rows: Vec<Scored>,
}

/// The most names that a note lists.
const FEW: usize = 8;

impl ScoreTable {
    /// A table with this heading over the names. Where one has no example, it has no scores either.
    pub(crate) fn new(heading: &'static str, rows: impl Iterator<Item = Scored>) -> Self {
        let known = |row: Scored| if row.support > 0 { row } else { Scored { scores: [None; 3], ..row } };
        Self { heading, rows: rows.map(known).collect() }
    }

    /// Means over those that have examples.
    fn means(&self) -> [Option<f64>; 3] {
        [0, 1, 2].map(|score| {
            let scores: Vec<f64> = self.rows.iter().filter_map(|row| row.scores[score]).collect();
            (!scores.is_empty()).then(|| scores.iter().sum::<f64>() / scores.len() as f64)
        })
    }

    pub(crate) fn print(&self) -> Result<()> {
        let mut table = Report::with_header(&[self.heading, "precision", "recall", "F1", "support", "predicted"]);
        let cells = |name: &str, scores: [Option<f64>; 3], counts: [usize; 2]| -> Vec<Cell> {
            // A score that is undefined is no number.
            let shown = |score: Option<f64>| score.map_or("–".to_owned(), |score| format!("{score:.4}"));
            let numbers = scores.map(shown).into_iter().chain(counts.map(|count| thousands(count as u64)));
            std::iter::once(name.into()).chain(numbers.map(Cell::number)).collect()
        };
        let mut sums = [0, 0];
        for Scored { name, scores, support, predicted } in &self.rows {
            table.row(cells(name, *scores, [*support, *predicted]));
            sums = [sums[0] + support, sums[1] + predicted];
        }
        table.row(cells("mean, and sums", self.means(), sums));
        print_line("")?;
        Ok(table.print()?)
    }

    /// Says which have no example, and so no scores.
    pub(crate) fn tell_absent(&self) {
        let absent: Vec<&Scored> = self.rows.iter().filter(|row| row.support == 0).collect();
        if !absent.is_empty() {
            note(format_args!(
                "note: no example in these data, {} of {}: {}; where no example is, no score is shown (–), and the mean \
                 leaves it out",
                absent.len(),
                self.rows.len(),
                listed(absent.iter().map(|row| row.name.as_str()))
            ));
        }
    }

    /// The names of those that are there and were never predicted.
    pub(crate) fn missed(&self) -> Vec<&str> {
        let missed = self.rows.iter().filter(|row| row.support > 0 && row.predicted == 0);
        missed.map(|row| row.name.as_str()).collect()
    }

    /// Of so many.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(crate) fn json(&self) -> Value {
        let row = |Scored { name, scores: [precision, recall, f1], support, predicted }: &Scored| {
            json!({
                "label": name,
                "precision": precision,
                "recall": recall,
                "f1": f1,
                "support": support,
                "predicted": predicted,
            })
        };
        self.rows.iter().map(row).collect()
    }

    /// The means by name.
    pub(crate) fn mean_json(&self) -> Value {
        let [precision, recall, f1] = self.means();
        json!({ "precision": precision, "recall": recall, "f1": f1 })
    }
}

/// Some names, and how many more there are.
pub(crate) fn listed<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    let more = names.len().saturating_sub(FEW);
    let shown =
        names.take(FEW).map(|name| format!("`{}`", shortened(&one_line(name), 30))).collect::<Vec<_>>().join(", ");
    if more > 0 { format!("{shown} and {more} more") } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, score: f64, support: usize, predicted: usize) -> Scored {
        Scored { name: name.into(), scores: [Some(score); 3], support, predicted }
    }

    #[test]
    fn what_has_no_example_has_no_score_and_no_part_in_the_mean() {
        let rows = [row("a", 0.5, 3, 4), row("b", 0.0, 0, 2), row("c", 0.25, 1, 0)];
        let table = ScoreTable::new("class", rows.into_iter());
        assert_eq!(table.means(), [Some(0.375); 3]);
        assert_eq!((table.missed(), table.len()), (vec!["c"], 3));
        assert_eq!((&table.json()[1]["f1"], &table.json()[1]["predicted"]), (&Value::Null, &json!(2)));
        assert_eq!(table.mean_json()["recall"], 0.375);
        assert_eq!(ScoreTable::new("class", std::iter::once(row("b", 1.0, 0, 0))).means(), [None; 3]);
    }
}
