//! Examples without a label.

use super::refusals::{at, no_labels};
use super::spelling::whole_number;
use crate::error::Result;
use crate::table::{NO_TAG, Row, Table, TableKind};

/// The largest share of -1 among whole numbers from 0 on that is taken for missing labels: data sets of Hugging Face mark
/// those so, and have few of them. A class of opinions from -1 to 1 is larger.
const FEW: f64 = 0.05;

impl Table {
    /// Returns the table without the examples that have no label, and a note of how many there were. A blank label is none, and
    /// neither is -1 where all others count from 0 and there are few of it, as data sets of Hugging Face have it. A list of labels
    /// that is empty is an answer, and texts that are compared without a score need none.
    ///
    /// # Errors
    /// No example has a label, or a sentence has words and no tags.
    pub fn labelled(mut self) -> Result<Self> {
        if self.kind == TableKind::Compared && self.columns.label.is_none() {
            return Ok(self);
        }
        if self.kind == TableKind::Words {
            return match self.rows.iter().find(|row| row.tags.is_empty()) {
                Some(row) => Err(at(&self, row, "found words without tags; expected a word and its tag on each line")),
                None => Ok(self.with_note_of_unknown_tags()),
            };
        }
        let (minus_one, sets, answers) = (minus_one_is_none(&self.rows), self.has_label_sets(), self.has_answers());
        let words = words_for_none(&self.rows);
        let is_unlabelled = |row: &Row| match row.label.as_deref() {
            _ if sets => row.labels.is_none(),
            _ if answers => row.answers.is_none(),
            None => true,
            Some(label) if is_error_of_a_spreadsheet(label) => true,
            Some(label) => (minus_one && whole_number(label) == Some(-1)) || (words && means_none(label)),
        };
        let Some(first) = self.rows.iter().find(|row| is_unlabelled(row)).map(|row| row.line) else { return Ok(self) };
        if self.rows.iter().all(is_unlabelled) {
            return Err(no_labels(&self));
        }
        let errors = self.rows.iter().any(|row| row.label.as_deref().is_some_and(is_error_of_a_spreadsheet));
        let all = self.rows.len();
        self.rows.retain(|row| !is_unlabelled(row));
        let how = match (minus_one, words) {
            _ if errors => "blank, or an error of a spreadsheet such as #N/A",
            (true, _) => "blank or -1",
            (false, true) => "blank, or n/a and the like",
            (false, false) => "blank",
        };
        let left_out = all - self.rows.len();
        self.notes
            .push(format!("{left_out} of {all} examples have no label ({how}; line {first} first); they are left out"));
        Ok(self)
    }
}

impl Table {
    /// The same with a note of how many words have no tag that is known.
    fn with_note_of_unknown_tags(mut self) -> Self {
        let unknown = |row: &Row| row.tags.iter().filter(|tag| *tag == NO_TAG).count();
        let Some(first) = self.rows.iter().find(|row| unknown(row) > 0).map(|row| row.line) else { return self };
        let count: usize = self.rows.iter().map(unknown).sum();
        let words = if count == 1 { "word has" } else { "words have" };
        self.notes.push(format!(
            "{count} {words} `{NO_TAG}` for a tag (first in the sentence on line {first}), as predict writes it where there is none: read, \
             and not counted"
        ));
        self
    }
}

/// True if -1 stands for a missing label: all labels are -1, or the others are whole numbers from 0 on and -1 is rare.
fn minus_one_is_none(rows: &[Row]) -> bool {
    let labels: Vec<&str> = rows.iter().filter_map(|row| row.label.as_deref()).collect();
    let Some(numbers) = labels.iter().map(|label| whole_number(label)).collect::<Option<Vec<i64>>>() else {
        return false;
    };
    let none = numbers.iter().filter(|&&number| number == -1).count();
    numbers.iter().all(|&number| number >= -1) && (none == numbers.len() || none as f64 <= FEW * numbers.len() as f64)
}

/// What stands for a missing number.
const NONE: [&str; 7] = ["n/a", "na", "nan", "null", "none", "-", "?"];

pub(super) fn means_none(label: &str) -> bool {
    NONE.iter().any(|none| label.eq_ignore_ascii_case(none))
}

/// What spreadsheets write where a formula has no value: no name of a class.
const ERRORS: [&str; 8] = ["#n/a", "#value!", "#ref!", "#div/0!", "#name?", "#num!", "#null!", "#spill!"];

fn is_error_of_a_spreadsheet(label: &str) -> bool {
    ERRORS.iter().any(|error| label.eq_ignore_ascii_case(error))
}

/// True if words for nothing stand among numbers: there is one, and nine in ten of the other labels are finite numbers, for the rest are more
/// likely slips. Among names they may be names.
fn words_for_none(rows: &[Row]) -> bool {
    let labels = || rows.iter().filter_map(|row| row.label.as_deref());
    let (none, others): (Vec<&str>, Vec<&str>) = labels().partition(|label| means_none(label));
    let is_number = |label: &&str| label.parse::<f64>().is_ok_and(f64::is_finite);
    let words = others.iter().filter(|label| !is_number(label)).count();
    !none.is_empty() && others.len() > none.len() && 10 * words <= others.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{Columns, Text};

    fn table(labels: &[&str]) -> Table {
        let row = |(i, label): (usize, &&str)| Row {
            text: Text::Single("text".into()),
            label: (!label.is_empty()).then(|| (*label).to_owned()),
            labels: None,
            answers: None,
            tags: vec![],
            line: i + 2,
            fields: vec![],
        };
        Table {
            rows: labels.iter().enumerate().map(row).collect(),
            kind: TableKind::Single,
            name: "a.tsv".into(),
            header: vec!["text".into(), "label".into()],
            columns: Columns { label: Some("label".into()), ..Columns::default() },
            dialect: None,
            notes: vec![],
        }
    }

    #[test]
    fn blank_labels_and_few_minus_ones_are_left_out_with_a_note() {
        let some = table(&["a", "", "b", "a"]).labelled().unwrap();
        assert_eq!((some.rows.len(), some.notes.len()), (3, 1));
        assert!(some.notes[0].contains("1 of 4 examples have no label (blank; line 3 first)"), "{}", some.notes[0]);

        let mut coded = ["0", "1", "2"].repeat(20);
        coded.push("-1");
        let coded = table(&coded).labelled().unwrap();
        assert_eq!(coded.rows.len(), 60);
        assert!(coded.notes[0].contains("blank or -1; line 62 first"), "{}", coded.notes[0]);
    }

    #[test]
    fn errors_of_spreadsheets_are_no_labels() {
        let some = table(&["good", "#N/A", "bad", "#REF!"]).labelled().unwrap();
        assert_eq!(some.rows.len(), 2);
        assert!(
            some.notes[0].contains("2 of 4 examples have no label (blank, or an error of a spreadsheet"),
            "{:?}",
            some.notes
        );
        assert!(table(&["#N/A", ""]).labelled().is_err());
    }

    #[test]
    fn words_for_nothing_are_none_among_numbers_alone() {
        let some = table(&["0.5", "n/a", "1", "NaN", "2"]).labelled().unwrap();
        assert_eq!(some.rows.len(), 3);
        assert!(some.notes[0].contains("2 of 5 examples have no label (blank, or n/a and the like; line 3 first)"));
        for labels in [&["good", "none", "bad"][..], &["-", "+", "+"], &["1", "?", "?"]] {
            assert_eq!(table(labels).labelled().unwrap().rows.len(), 3);
        }
    }

    #[test]
    fn minus_one_may_be_a_class() {
        for labels in [["-1", "0", "1"].repeat(5), vec!["-1", "-2", "0", "1"], vec!["-1", "good"]] {
            let table = table(&labels).labelled().unwrap();
            assert_eq!((table.rows.len(), table.notes.len()), (labels.len(), 0));
        }
    }

    #[test]
    fn a_table_without_any_label_is_refused() {
        for (labels, words) in [
            (["", ""], "no example has a label in the column `label`"),
            (["-1", "-1"], "all labels in the column `label` are -1, which stands for none"),
            (["-1", ""], "all labels in the column `label` are -1"),
        ] {
            let message = table(&labels).labelled().unwrap_err().to_string();
            assert!(message.contains(words), "{message}");
        }
    }
}
