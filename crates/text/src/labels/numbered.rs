//! What whole numbers stand for, where a file has them in the place of names.

use super::refusals::{at, whole};
use super::spelling::{canonical, whole_number};
use crate::error::Result;
use crate::table::{Row, Table, TableKind};

impl Table {
    /// Returns the table with names in the place of whole numbers as labels or tags, 0 being the first: data sets of Hugging Face
    /// hold such numbers, and their names only in the description of the data set. -1 as the label of a text is none. A label that is
    /// one of the names stays, so that a table that was named already is returned as it is.
    ///
    /// ```
    /// use adaptune_text::Table;
    ///
    /// let file = tempfile::Builder::new().suffix(".jsonl").tempfile()?;
    /// std::fs::write(&file, r#"{"tokens": ["Ada", "wrote"], "ner_tags": [1, 0]}"#)?;
    /// let names = ["O", "B-PER", "I-PER"].map(String::from);
    /// let table = Table::read(file.path())?.with_label_names(&names)?;
    /// assert_eq!(table.rows[0].tags, ["B-PER", "O"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// A label is neither a number that has a name nor a name, two names are alike, or texts are chosen or compared.
    pub fn with_label_names(mut self, names: &[String]) -> Result<Self> {
        if names.is_empty() {
            return Ok(self);
        }
        check(&self, names)?;
        let mut rows = std::mem::take(&mut self.rows);
        for row in &mut rows {
            name_row(&self, row, names)?;
        }
        self.columns.label_names = names.to_vec();
        Ok(Self { rows, ..self })
    }
}

fn check(table: &Table, names: &[String]) -> Result<()> {
    if matches!(table.kind, TableKind::Choices | TableKind::Compared) {
        return Err(whole(table, format!("names for numbers are for classes and tags, found {}", table.kind)));
    }
    let twice = (1..names.len()).find(|&i| names[..i].iter().any(|name| canonical(name) == canonical(&names[i])));
    match twice {
        Some(i) => Err(whole(table, format!("two numbers would have the name `{}`; each needs its own", names[i]))),
        None => Ok(()),
    }
}

fn name_row(table: &Table, row: &mut Row, names: &[String]) -> Result<()> {
    if row.label.as_deref().and_then(whole_number) == Some(-1) {
        row.label = None;
    }
    let (label, labels, tags) = (row.label.take(), row.labels.take(), std::mem::take(&mut row.tags));
    let name = |label: String| name(table, row, names, label);
    let named = |labels: Vec<String>| labels.into_iter().map(name).collect::<Result<Vec<_>>>();
    let (label, labels, tags) = (label.map(name).transpose()?, labels.map(named).transpose()?, named(tags)?);
    (row.label, row.labels, row.tags) = (label, labels, tags);
    Ok(())
}

/// The name that a number stands for, or the name that stands there.
fn name(table: &Table, row: &Row, names: &[String], label: String) -> Result<String> {
    if names.contains(&label) {
        return Ok(label);
    }
    let number = whole_number(&label).and_then(|number| usize::try_from(number).ok());
    number.and_then(|number| names.get(number).cloned()).ok_or_else(|| {
        let last = names.len() - 1;
        let message = format!(
            "expected a whole number from 0 (`{}`) to {last} (`{}`), or one of the names, found `{label}`",
            names[0], names[last]
        );
        at(table, row, message)
    })
}

/// What to do where all tags are numbers; nothing if they are not.
pub(super) fn unnamed(tags: &[String]) -> Option<String> {
    let all = tags.iter().all(|tag| whole_number(tag).is_some());
    all.then(|| {
        "the tags are numbers, and the file does not say what they stand for: name them, the first being 0, with --label-names \
         O,B-PER,I-PER (or a file with a name a line); the description of the data set has the names, in Python \
         ds.features['ner_tags'].feature.names"
            .to_owned()
    })
}

/// What may be wrong with a label that is not known: it is a number, and the known ones are names.
pub(super) fn hint(label: &str, known: &[String]) -> &'static str {
    let is_number = |label: &str| whole_number(label).is_some();
    match is_number(label) && !known.iter().any(|name| is_number(name)) {
        true => "; --label-names says what numbers stand for",
        false => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Vec<String> {
        ["O", "B-PER", "I-PER"].map(String::from).to_vec()
    }

    fn table(labels: &[&str]) -> Table {
        let mut table = Table::of_texts(labels);
        for (row, label) in table.rows.iter_mut().zip(labels) {
            row.label = Some((*label).to_owned());
        }
        table
    }

    #[test]
    fn numbers_become_names_and_names_stay() {
        let named = table(&["1", "0", "2.0", "-1", "B-PER"]).with_label_names(&names()).unwrap();
        let labels: Vec<Option<&str>> = named.rows.iter().map(|row| row.label.as_deref()).collect();
        assert_eq!(labels, [Some("B-PER"), Some("O"), Some("I-PER"), None, Some("B-PER")]);
        assert_eq!(named.columns.label_names, names());
        assert_eq!(named.clone().with_label_names(&names()).unwrap(), named);
    }

    #[test]
    fn lists_of_numbers_become_lists_of_names() {
        let mut sets = table(&["x"]);
        (sets.rows[0].label, sets.rows[0].labels) = (None, Some(vec!["2".into(), "0".into()]));
        let named = sets.with_label_names(&names()).unwrap();
        assert_eq!(named.rows[0].labels.as_deref(), Some(&["I-PER".to_owned(), "O".to_owned()][..]));
    }

    #[test]
    fn what_has_no_name_is_named_with_its_line() {
        for wrong in ["3", "-2", "1.5", "b-per"] {
            let message = table(&["0", wrong]).with_label_names(&names()).unwrap_err().to_string();
            assert!(message.contains("line 2") && message.contains(&format!("found `{wrong}`")), "{message}");
        }
        let twice = ["a", "b", "a"].map(String::from);
        assert!(table(&["0"]).with_label_names(&twice).unwrap_err().to_string().contains("the name `a`"));
    }
}
