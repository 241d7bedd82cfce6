//! Numbers with a decimal comma, as spreadsheets write them in most of Europe.

use super::refusals::at;
use crate::error::Result;
use crate::table::{Dialect, Table};

impl Table {
    /// True if the labels of these tables, which are all training data of a run, are numbers with a decimal comma: nine in ten of them at
    /// least, for the others are more likely slips than names, and one at least has the comma. Where commas part columns too, and a
    /// label with one stands in quotes, all of them must be such numbers, and one of them must be none whose comma could part
    /// thousands. Lists of labels are never numbers. One column has one answer, so development and test data, and parts that are
    /// split off, get it from here and not from their own labels.
    #[must_use]
    pub fn decimal_commas<'t>(tables: impl IntoIterator<Item = &'t Self>) -> bool {
        let asked: Vec<&Self> = tables.into_iter().filter(|table| table.may_have_decimal_commas()).collect();
        let strict = asked.iter().any(|table| table.is_between_commas());
        let (mut all, mut numbers, mut commas) = (0, 0, 0);
        for label in asked.iter().flat_map(|table| table.rows.iter().filter_map(|row| row.label.as_deref())) {
            let is_number = with_point(label).is_some();
            all += 1;
            numbers += usize::from(is_number);
            commas += usize::from(is_number && label.contains(',') && !(strict && may_be_thousands(label)));
        }
        let slips = if strict { 0 } else { all / 10 };
        commas > 0 && all - numbers <= slips
    }

    /// Returns the table with a point in the place of the decimal comma in labels, which a note says; fields stay as they are
    /// written. Without `decimal_commas` the table is returned as it is, and so it is where commas part columns and no label has one.
    ///
    /// ```
    /// use adaptune_text::Table;
    ///
    /// let file = tempfile::Builder::new().suffix(".csv").tempfile()?;
    /// std::fs::write(&file, "text;label\nThe soup was warm;3,75\nThe soup was cold;1\n")?;
    /// let table = Table::read(file.path())?;
    /// assert!(Table::decimal_commas([&table]));
    /// assert_eq!(table.with_decimal_commas(true)?.rows[0].label.as_deref(), Some("3.75"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// A label is a number with a point: beside decimal commas it could part thousands.
    pub fn with_decimal_commas(mut self, decimal_commas: bool) -> Result<Self> {
        if !decimal_commas || !self.may_have_decimal_commas() || (self.is_between_commas() && !self.has_a_comma()) {
            return Ok(self);
        }
        let is_ambiguous = |label: &str| has_a_point(label) && with_point(label).is_none();
        if let Some(row) = self.rows.iter().find(|row| row.label.as_deref().is_some_and(is_ambiguous)) {
            let found = row.label.as_deref().unwrap_or_default();
            let message = format!(
                "expected a number with a decimal comma, as the training data have it, found `{found}`; write it with a comma, and \
                 without points"
            );
            return Err(at(&self, row, message));
        }
        self.notes.extend(note(&self));
        for label in self.rows.iter_mut().filter_map(|row| row.label.as_mut()) {
            if let Some(number) = with_point(label) {
                *label = number;
            }
        }
        self.dialect = self.dialect.map(|dialect| Dialect { decimal_comma: true, ..dialect });
        Ok(self)
    }

    /// True if the numbers of this table have a decimal comma, as far as its fields say it: a column holds nothing but numbers, of which
    /// one has the comma, and none holds such numbers with a decimal point.
    ///
    /// ```
    /// use adaptune_text::{Table, TableOptions};
    ///
    /// let file = tempfile::Builder::new().suffix(".csv").tempfile()?;
    /// std::fs::write(&file, "text;price\nThe soup was warm;1.306,98\nThe soup was cold;12\n")?;
    /// assert!(Table::read_texts(file.path(), &TableOptions::default())?.writes_decimal_commas());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn writes_decimal_commas(&self) -> bool {
        let column = |place: usize| {
            let fields = self.rows.iter().filter_map(move |row| row.fields.get(place)?.as_str());
            fields.map(str::trim).filter(|field| !field.is_empty()).collect::<Vec<_>>()
        };
        let notations: Vec<Notation> = (0..self.header.len()).filter_map(|place| notation(&column(place))).collect();
        notations.contains(&Notation::Commas) && !notations.contains(&Notation::Points)
    }

    /// True of tables that may have them, and whose labels are still as they are written.
    fn may_have_decimal_commas(&self) -> bool {
        let can_stand = |dialect: Dialect| dialect.leaves_commas() || dialect.quotes;
        let as_written = self.dialect.is_some_and(|dialect| can_stand(dialect) && !dialect.decimal_comma);
        as_written && !self.has_label_sets()
    }

    fn is_between_commas(&self) -> bool {
        self.dialect.is_some_and(|dialect| !dialect.leaves_commas())
    }

    fn has_a_comma(&self) -> bool {
        self.rows.iter().any(|row| row.label.as_deref().is_some_and(|label| label.contains(',')))
    }
}

#[derive(PartialEq)]
enum Notation {
    Commas,
    Points,
}

/// With what the numbers of a column are written, if it holds nothing else and one of them shows it.
fn notation(numbers: &[&str]) -> Option<Notation> {
    let one_has = |sign: char| numbers.iter().any(|number| number.contains(sign));
    match numbers {
        numbers if one_has(',') && numbers.iter().all(|number| with_point(number).is_some()) => Some(Notation::Commas),
        numbers if one_has('.') && numbers.iter().all(|number| number.parse::<f64>().is_ok()) => Some(Notation::Points),
        _ => None,
    }
}

/// True of `1,250`, and not of `0,250` or `1,25`.
fn may_be_thousands(label: &str) -> bool {
    let before_and_behind = label.trim_start_matches(['+', '-']).split_once(',');
    before_and_behind
        .is_some_and(|(before, behind)| behind.len() == 3 && !before.is_empty() && !before.starts_with('0'))
}

/// The number with a point, if the label is one that may have a decimal comma: one comma at most, and points only before it, where
/// they part thousands as in `1.306,98`.
fn with_point(label: &str) -> Option<String> {
    let written = match label.split_once(',') {
        Some((whole, behind)) => format!("{}.{behind}", without_thousands(whole)?),
        None => label.to_owned(),
    };
    let letters = |c: char| c.is_ascii_digit() || "+-eE".contains(c);
    let decimal = label.contains(',');
    let is_number = written.chars().all(|c| letters(c) || (decimal && c == '.'));
    (is_number && written.parse::<f64>().is_ok_and(f64::is_finite)).then_some(written)
}

/// What stands before a decimal comma, without points that part it into thousands.
fn without_thousands(whole: &str) -> Option<String> {
    let mut groups = whole.trim_start_matches(['+', '-']).split('.');
    let first = groups.next().unwrap_or_default().len();
    let mut several = false;
    let are_thousands = groups.all(|group| {
        several = true;
        group.len() == 3
    });
    (!several || (are_thousands && (1..=3).contains(&first))).then(|| whole.replace('.', ""))
}

fn has_a_point(label: &str) -> bool {
    label.contains('.') && label.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c)) && {
        let digits: String = label.chars().filter(|c| !matches!(c, '.' | ',')).collect();
        digits.parse::<f64>().is_ok()
    }
}

fn note(table: &Table) -> Option<String> {
    let labels =
        || table.rows.iter().filter_map(|row| Some((row, row.label.as_deref().filter(|l| with_point(l).is_some())?)));
    let (row, first) = labels().find(|(_, label)| label.contains(','))?;
    let three_behind = |label: &str| label.split_once(',').is_none_or(|(_, behind)| behind.len() == 3);
    let thousands = match labels().all(|(_, label)| three_behind(label)) {
        true => "; if the comma parts thousands, leave it out",
        false => "",
    };
    Some(format!(
        "labels are numbers with a decimal comma: `{first}` (line {}) is read as {}; several labels of one example \
         would need --task multi-label in training{thousands}",
        row.line,
        with_point(first).unwrap_or_default()
    ))
}

/// What may be wrong with a label that is not known.
pub(super) fn hint(label: &str) -> &'static str {
    match label.contains(',') && with_point(label).is_some() {
        true => {
            "; a comma is decimal where all labels of the training data are numbers with one at most, and not where it could part \
             thousands everywhere: write a decimal point, and nothing between thousands"
        }
        false => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labels::{Labels, Targets, TaskChoice};

    fn read(name: &str, labels: &[&str]) -> Table {
        let delimiter = if name.ends_with(".tsv") { '\t' } else { ';' };
        let rows: String = labels.iter().map(|label| format!("some text{delimiter}{label}\n")).collect();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, format!("text{delimiter}label\n{rows}")).unwrap();
        Table::read(&path).unwrap()
    }

    fn labels(table: &Table) -> Vec<&str> {
        table.rows.iter().filter_map(|row| row.label.as_deref()).collect()
    }

    #[test]
    fn numbers_with_a_decimal_comma_are_numbers() {
        for name in ["a.csv", "a.tsv"] {
            let table = read(name, &["3,75", "", "1", "-0,5", "1,5e2"]);
            assert!(Table::decimal_commas([&table]));
            let table = table.with_decimal_commas(true).unwrap();
            assert_eq!(labels(&table), ["3.75", "1", "-0.5", "1.5e2"]);
            assert!(table.notes.last().unwrap().contains("`3,75` (line 2) is read as 3.75"), "{:?}", table.notes);
            assert_eq!(table.rows[0].fields[1], "3,75", "fields stay as they are written");
            let targets = Labels::decide(&table.clone().labelled().unwrap(), TaskChoice::Auto).unwrap().0;
            assert_eq!(targets, Labels::Numbers);
            assert!(Table::decimal_commas([&table.clone()]) || table.dialect.unwrap().decimal_comma);
            assert_eq!(table.clone().with_decimal_commas(true).unwrap(), table, "a second time changes nothing");
        }
    }

    #[test]
    fn points_before_a_decimal_comma_part_thousands() {
        let table = read("a.csv", &["1.306,98", "0,99", "-12.000.500,5", "7"]);
        assert!(Table::decimal_commas([&table]));
        assert_eq!(labels(&table.clone().with_decimal_commas(true).unwrap()), ["1306.98", "0.99", "-12000500.5", "7"]);
        let message = read("b.csv", &["1,5", "1.306"]).with_decimal_commas(true).unwrap_err().to_string();
        assert!(
            message.contains("line 3") && message.contains("`1.306`"),
            "what a point alone means is not known: {message}"
        );
    }

    #[test]
    fn the_columns_of_a_table_show_how_numbers_are_written() {
        let written = |columns: [&str; 2]| read("a.csv", &columns).writes_decimal_commas();
        assert!(written(["1.306,98", ""]) && written(["3,75", "12"]));
        assert!(!written(["good, or so", "bad"]) && !written(["3.75", "12"]) && !written(["", ""]));
    }

    #[test]
    fn one_label_that_is_no_such_number_settles_it() {
        for other in ["good", "1,2,3", "3.75", "1.234", "12.34,5", "1234.567,5", "1, 2", "inf", ",", "1-2,5"] {
            assert!(!Table::decimal_commas([&read("a.csv", &["3,75", other])]), "{other}");
        }
        assert!(!Table::decimal_commas([&read("a.csv", &["3", "4"])]), "whole numbers alone say nothing");
    }

    /// There the comma is decimal where nothing else can be meant.
    #[test]
    fn numbers_between_commas_stand_in_quotes() {
        let quoted = |labels: &[&str]| {
            let rows: String = labels.iter().map(|label| format!("x,\"{label}\"\n")).collect();
            let folder = tempfile::tempdir().unwrap();
            std::fs::write(folder.path().join("a.csv"), format!("text,label\n{rows}")).unwrap();
            Table::read(folder.path().join("a.csv")).unwrap()
        };
        for said in [&["3,75", "1,2", "4"][..], &["0,125", "0,250"], &["1,250", "0,5"]] {
            let table = quoted(said);
            assert!(Table::decimal_commas([&table]), "{said:?}");
            let table = table.with_decimal_commas(true).unwrap();
            assert_eq!(labels(&table)[0], said[0].replace(',', "."));
            assert!(table.notes.last().unwrap().contains("with a decimal comma"), "{:?}", table.notes);
        }
        let many: Vec<&str> = std::iter::repeat_n("3,75", 30).chain(["good"]).collect();
        for said in [&["1,250", "12,500", "3"][..], &["1,2", "1,2,3"], &["3,75", "0.5"], &many[..]] {
            assert!(!Table::decimal_commas([&quoted(said)]), "{said:?}");
        }
        let points = quoted(&["3.75", "1"]);
        assert_eq!(points.clone().with_decimal_commas(true).unwrap(), points, "other files may be written otherwise");
        assert!(quoted(&["3,75", "0.5"]).with_decimal_commas(true).is_err());
    }

    #[test]
    fn several_files_are_one_column() {
        let (whole, broken) = (read("a.csv", &["3", "4"]), read("b.tsv", &["2,5", "1"]));
        assert!(Table::decimal_commas([&whole, &broken]));
        assert!(!Table::decimal_commas([&whole, &broken, &read("c.csv", &["0.5"])]));
        assert!(!Table::decimal_commas([]));
    }

    #[test]
    fn lists_are_never_numbers() {
        let table = read("a.csv", &["1,2", "2", "1,3"]).with_label_sets(None).unwrap();
        assert!(!Table::decimal_commas([&table]));
        let table = table.with_decimal_commas(true).unwrap();
        assert_eq!(table.rows[0].labels.as_deref(), Some(&["1".to_owned(), "2".to_owned()][..]));
    }

    #[test]
    fn whole_numbers_are_classes_with_either_sign() {
        let decided = |labels: &[&str]| {
            let table = read("a.csv", labels);
            let commas = Table::decimal_commas([&table]);
            let table = table.with_decimal_commas(commas).unwrap();
            let (labels, _) = Labels::decide(&table, TaskChoice::Auto).unwrap();
            (labels.clone(), labels.targets(&table).unwrap())
        };
        let classes = Labels::Classes(["1", "2"].map(str::to_owned).to_vec());
        let expected = (classes, Targets::Classes(vec![0, 1, 1, 0]));
        assert_eq!(decided(&["1,0", "2,0", "2", "1,0"]), expected);
        assert_eq!(decided(&["1.0", "2.0", "2", "1.0"]), expected);
    }

    /// What a training table decided is not decided again by another.
    #[test]
    fn other_tables_have_the_notation_of_training_or_are_refused() {
        let whole = read("dev.csv", &["3", "4"]).with_decimal_commas(true).unwrap();
        assert_eq!((labels(&whole), whole.notes.len()), (vec!["3", "4"], 1), "no note of what is not there");
        for found in ["3.5", "12.34,5", "1.234"] {
            let message = read("dev.csv", &["3", found]).with_decimal_commas(true).unwrap_err().to_string();
            assert!(message.contains("line 3: expected a number with a decimal comma") && message.contains(found));
        }
        let commas = read("dev.csv", &["3,5", "4"]).with_decimal_commas(false).unwrap();
        let message = Labels::Numbers.targets(&commas).unwrap_err().to_string();
        assert!(message.contains("`3,5`") && message.contains("a comma is decimal where"), "{message}");
    }

    #[test]
    fn three_digits_behind_the_comma_may_be_thousands() {
        let said = |labels: &[&str]| read("a.tsv", labels).with_decimal_commas(true).unwrap().notes.pop().unwrap();
        assert!(said(&["1,250", "3"]).contains("parts thousands"));
        assert!(!said(&["1,250", "3,5"]).contains("parts thousands"));
    }
}
