//! Examples that may have any number of labels.

use super::lists::{is_bracketed, written_list};
use super::refusals::{at, whole};
use crate::error::{Result, shortened};
use crate::table::{Row, Table, TableKind};

/// What may stand between labels, in the order in which it is looked for.
const SEPARATORS: [char; 3] = ['|', ';', ','];

impl Table {
    /// Returns the table with the labels of each example as a list: lists of JSON as they are, and others cut where `separator`
    /// stands or, where none is named, at the first of `|`, `;` and `,` that some label has, which a note says. A blank label is
    /// none at all, which is as good an answer as any other; only `null` in JSON means that an example has no answer.
    ///
    /// ```
    /// use adaptune_text::Table;
    ///
    /// let file = tempfile::Builder::new().suffix(".tsv").tempfile()?;
    /// std::fs::write(&file, "text\tlabel\nred and green\tred|green\nneither\t\n")?;
    /// let table = Table::read(file.path())?.with_label_sets(None)?;
    /// assert_eq!(table.rows[0].labels.as_deref(), Some(&["red".to_owned(), "green".to_owned()][..]));
    /// assert_eq!((table.rows[1].labels.as_deref(), table.columns.label_separator), (Some(&[][..]), Some('|')));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The table holds words with tags, or texts to choose among.
    pub fn with_label_sets(mut self, separator: Option<char>) -> Result<Self> {
        let refused = match self.kind {
            TableKind::Words => "words with tags are for tagging, not for several labels of a whole text",
            TableKind::Choices => "texts to choose among have one right choice, not several labels of a whole text",
            TableKind::Compared => "texts that are compared have a score, not labels",
            TableKind::Single | TableKind::Pair => "",
        };
        if !refused.is_empty() {
            return Err(whole(&self, refused));
        }
        if self.has_label_sets() {
            return Ok(self);
        }
        let column = self.columns.label.as_ref().and_then(|name| self.header.iter().position(|other| other == name));
        let Some(column) = column else { return Ok(self) };
        if separator.is_none() && self.rows.iter().any(|row| row.label.as_deref().is_some_and(is_bracketed)) {
            return self.with_written_lists();
        }
        let found = separator.or_else(|| SEPARATORS.into_iter().find(|&c| stands(&self.rows, c)));
        self.notes.extend(separator.is_none().then(|| note(found)));
        for row in &mut self.rows {
            let known = row.fields.get(column).is_some_and(|field| !field.is_null());
            let label = row.label.take();
            row.labels = known.then(|| label.map(|label| parted(&label, found)).unwrap_or_default());
        }
        self.columns.label_separator = found;
        self.notes.extend(separator.is_none().then(|| self.other_separators(found)).flatten());
        Ok(self)
    }

    /// The same where labels are lists as JSON or Python writes them.
    fn with_written_lists(mut self) -> Result<Self> {
        let mut rows = std::mem::take(&mut self.rows);
        for row in &mut rows {
            row.labels = match row.label.take() {
                None => Some(Vec::new()),
                Some(label) if label == "[]" => Some(Vec::new()),
                Some(label) => Some(written_list(&label).ok_or_else(|| at(&self, row, no_list(&label)))?),
            };
        }
        Ok(Self { rows, ..self })
    }

    /// Returns the table with the one label of each list, where every list has one or is empty, as programs write it with which people
    /// label texts; an empty list is no label then. Other tables are returned as they are.
    #[must_use]
    pub fn with_single_labels(mut self) -> Self {
        if self.has_label_sets() && self.rows.iter().flat_map(|row| &row.labels).all(|labels| labels.len() < 2) {
            for row in &mut self.rows {
                row.label = row.labels.take().and_then(|mut labels| labels.pop());
            }
        }
        self
    }

    /// True if examples have lists of labels.
    #[must_use]
    pub fn has_label_sets(&self) -> bool {
        self.rows.iter().any(|row| row.labels.is_some())
    }
}

impl Table {
    /// That labels have another sign in them that often stands between labels.
    fn other_separators(&self, found: Option<char>) -> Option<String> {
        let others: Vec<char> = SEPARATORS.into_iter().filter(|sign| Some(*sign) != found).collect();
        let mut labels =
            self.rows.iter().flat_map(|row| row.labels.iter().flatten().map(move |label| (row.line, label)));
        let (line, label) = labels.find(|(_, label)| label.contains(&others[..]))?;
        Some(format!(
            "`{}` (line {line}) is one label here: if it is several, write `{}` between them, as between others",
            shortened(label, 40),
            found?
        ))
    }
}

/// The labels of a row, of which there may be none.
///
/// # Errors
/// They are not known.
pub(super) fn label_set<'a>(table: &Table, row: &'a Row) -> Result<&'a [String]> {
    row.labels.as_deref().ok_or_else(|| match table.has_label_sets() {
        true => at(
            table,
            row,
            "the labels are null; every row needs a list, which may be empty: fill it in or delete the row",
        ),
        false => whole(table, "found one label for each example; Table::with_label_sets makes lists of them"),
    })
}

fn no_list(label: &str) -> String {
    format!(
        "expected a list of labels, as others are, such as [\"red\", \"round\"], found `{}`; mend it",
        shortened(label, 60)
    )
}

fn stands(rows: &[Row], separator: char) -> bool {
    rows.iter().any(|row| row.label.as_deref().is_some_and(|label| label.contains(separator)))
}

fn note(found: Option<char>) -> String {
    match found {
        Some(found) => format!("labels are parted by `{found}` here; --label-separator names another"),
        None => "nothing stands between labels (| ; or ,), so no example has more than one; --label-separator names \
                 another sign"
            .to_owned(),
    }
}

/// The labels between separators; blank ones are none.
fn parted(label: &str, separator: Option<char>) -> Vec<String> {
    let Some(separator) = separator else { return vec![label.to_owned()] };
    label.split(separator).map(str::trim).filter(|label| !label.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::labels::{Labels, Targets, TaskChoice};

    fn read(name: &str, content: &str) -> Table {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        Table::read(&path).unwrap()
    }

    fn sets(table: &Table) -> Vec<Option<String>> {
        table.rows.iter().map(|row| Some(row.labels.as_ref()?.join("+"))).collect()
    }

    fn some(sets: &[&str]) -> Vec<Option<String>> {
        sets.iter().map(|set| Some((*set).to_owned())).collect()
    }

    #[test]
    fn a_separator_is_found_and_said() {
        for (labels, found) in [("a|b;c", '|'), ("a; b,c", ';'), ("a, b", ',')] {
            let table = read("a.tsv", &format!("text\tlabel\nx\tz\ny\t{labels}\nw\t\n")).with_label_sets(None).unwrap();
            assert_eq!(table.columns.label_separator, Some(found));
            assert!(table.notes[0].contains(&format!("parted by `{found}`")), "{:?}", table.notes);
            assert_eq!(table.rows[2].labels.as_deref(), Some(&[][..]), "no label is an answer");
        }
        let table = read("a.tsv", "text\tlabel\nx\ta|| b |\ny\tc,d\n").with_label_sets(None).unwrap();
        assert_eq!(sets(&table), some(&["a+b", "c,d"]));
        assert!(table.notes[1].contains("`c,d` (line 3) is one label here"), "{:?}", table.notes);
        let table = read("a.csv", "text,label\nx,a/b\ny,c\n").with_label_sets(Some('/')).unwrap();
        assert_eq!((sets(&table), table.notes.len()), (some(&["a+b", "c"]), 0));
        let table = read("a.csv", "text,label\nx,a\ny,c\n").with_label_sets(None).unwrap();
        assert_eq!((sets(&table), table.notes.len()), (some(&["a", "c"]), 1));
    }

    #[test]
    fn lists_are_several_labels_and_null_is_no_answer() {
        let lines = [
            r#"{"text": "x", "label": ["a", "b,c"]}"#,
            r#"{"text": "y", "label": []}"#,
            r#"{"text": "z", "label": null}"#,
            r#"{"text": "w", "label": 3}"#,
        ];
        let table = read("a.jsonl", &lines.join("\n")).with_label_sets(None).unwrap();
        assert_eq!(sets(&table)[..2], some(&["a+b,c", ""]));
        assert_eq!((&sets(&table)[2], &sets(&table)[3]), (&None, &Some("3".to_owned())));
        let table = table.labelled().unwrap();
        assert_eq!(table.rows.len(), 3);
        assert!(table.notes[0].contains("1 of 4 examples have no label"), "{:?}", table.notes);
        let (labels, note) = Labels::decide(&table, TaskChoice::Auto).unwrap();
        assert_eq!(labels, Labels::Sets(["3", "a", "b,c"].map(str::to_owned).to_vec()));
        assert!(
            note.starts_with(
                "3 labels, of which any number may hold: 3, a, `b,c`; 1.0 an example on average; 1 example has none"
            ),
            "{note}"
        );
        let expected = vec![vec![false, true, true], vec![false; 3], vec![true, false, false]];
        assert_eq!(labels.targets(&table).unwrap(), Targets::Sets(expected));
    }

    #[test]
    fn lists_of_one_label_each_may_be_classes() {
        let lines = "{\"text\": \"x\", \"label\": [\"a\"]}\n{\"text\": \"y\", \"label\": [\"b\"]}\n{\"text\": \"z\", \"label\": []}\n";
        let table = read("a.jsonl", lines);
        let single = table.clone().with_single_labels();
        let labels: Vec<Option<&str>> = single.rows.iter().map(|row| row.label.as_deref()).collect();
        assert_eq!((labels, single.has_label_sets()), (vec![Some("a"), Some("b"), None], false));
        let several = read("a.jsonl", "{\"text\": \"x\", \"label\": [\"a\", \"b\"]}\n");
        assert_eq!(several.clone().with_single_labels(), several);
        let (_, note) =
            Labels::decide(&read("a.jsonl", &lines.lines().take(2).collect::<Vec<_>>().join("\n")), TaskChoice::Auto)
                .unwrap();
        assert!(note.contains("every example has one: --task classification"), "{note}");
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let refused = |table: &Table, choice| Labels::decide(table, choice).unwrap_err().to_string();
        let lists = read("a.jsonl", "{\"text\": \"x\", \"label\": [\"a\"]}\n{\"text\": \"y\", \"label\": []}\n");
        assert!(refused(&lists, TaskChoice::Classification).contains("lists of labels"));
        let (labels, _) = Labels::decide(&lists, TaskChoice::MultiLabel).unwrap();
        let other = read("b.jsonl", "{\"text\": \"x\", \"label\": [\"b\"]}\n");
        let message = labels.targets(&other).unwrap_err().to_string();
        assert!(message.contains("line 1: the label `b` is not in the training data, which has a"), "{message}");
        let plain = read("a.tsv", "text\tlabel\nx\ta\ny\tb\n");
        assert!(refused(&plain, TaskChoice::MultiLabel).contains("with_label_sets"));
        let same = read("a.tsv", "text\tlabel\nx\ta\ny\ta\n").with_label_sets(None).unwrap();
        assert!(refused(&same, TaskChoice::MultiLabel).contains("nothing to learn"));
        let none = read("a.tsv", "text\tlabel\nx\t\ny\t\n").with_label_sets(None).unwrap();
        assert!(refused(&none, TaskChoice::MultiLabel).contains("no example has a label"));
    }
}
