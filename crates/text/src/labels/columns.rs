//! Labels that stand in columns of their own, each with what says whether it holds.

use super::answers::{answer, written};
use super::refusals::{at, whole};
use crate::error::{Result, shortened};
use crate::table::{Row, Table, TableKind};

impl Table {
    /// Returns the table with the labels of each example as a list, of those of these columns that hold: 1 or 0, `true` or `false`,
    /// `yes` or `no`, `x` or nothing; a blank field is a 0 beside others that are not, which a note says. Where all fields are blank, the labels are not
    /// known, unless no field of the table is a 0: then a 0 is written as a blank.
    ///
    /// ```
    /// use adaptune_text::Table;
    ///
    /// let file = tempfile::Builder::new().suffix(".csv").tempfile()?;
    /// std::fs::write(file.path(), "text,red,round\nA red ball,1,1\nA red brick,1,0\n")?;
    /// let table = Table::read(file.path())?.with_label_columns(&["red", "round"].map(String::from))?;
    /// assert_eq!(table.rows[1].labels.as_deref(), Some(&["red".to_owned()][..]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// There is no such column, a field says something else, or the rows are no texts.
    pub fn with_label_columns(mut self, names: &[String]) -> Result<Self> {
        if names.is_empty() {
            return Ok(self);
        }
        if !matches!(self.kind, TableKind::Single | TableKind::Pair) {
            return Err(whole(
                &self,
                format!("columns of labels are for texts and pairs of texts, found {}", self.kind),
            ));
        }
        let places = places(&self, names)?;
        let mut rows = std::mem::take(&mut self.rows);
        let fields = || rows.iter().flat_map(|row| places.iter().map(|place| field(row, *place)));
        let zeros_are_blank = !fields().any(|field| answer(&field) == Some(false));
        let blank = fields().filter(String::is_empty).count();
        for row in &mut rows {
            row.labels = held(&self, row, names, &places)?.or_else(|| zeros_are_blank.then(Vec::new));
            row.label = None;
        }
        if blank > 0 {
            let unless = if zeros_are_blank { "" } else { ", but where a row has no other" };
            self.notes.push(format!("{blank} blank fields in the columns of labels are read as 0{unless}"));
        }
        (self.columns.label, self.columns.labels) = (None, names.to_vec());
        Ok(Self { rows, ..self })
    }

    /// True if there are such columns, of which some are named.
    #[must_use]
    pub fn has_columns(&self, names: &[String]) -> bool {
        !names.is_empty() && names.iter().all(|name| self.header.contains(name))
    }
}

/// Where the columns stand; all that are missing are told at once.
fn places(table: &Table, names: &[String]) -> Result<Vec<usize>> {
    let place = |name: &String| table.header.iter().position(|column| column == name);
    let missing: Vec<String> =
        names.iter().filter(|name| place(name).is_none()).map(|name| format!("`{name}`")).collect();
    if missing.is_empty() {
        return Ok(names.iter().filter_map(place).collect());
    }
    let hint = match names.iter().find(|name| place(name).is_none()).filter(|_| missing.len() == 1) {
        Some(name) => table.column_like(name).map(|column| format!("; did you mean `{column}`?")).unwrap_or_default(),
        None => String::new(),
    };
    let columns = if missing.len() == 1 { "a column" } else { "columns" };
    let (missing, found) = (missing.join(", "), table.header.join(", "));
    Err(whole(table, format!("expected {columns} {missing} for labels, found {found}{hint}")))
}

fn field(row: &Row, place: usize) -> String {
    row.fields.get(place).map_or(String::new(), written)
}

/// The names of those columns that hold; nothing if all are blank.
fn held(table: &Table, row: &Row, names: &[String], places: &[usize]) -> Result<Option<Vec<String>>> {
    let (mut labels, mut known) = (Vec::new(), false);
    for (name, place) in names.iter().zip(places) {
        let field = field(row, *place);
        match answer(&field) {
            _ if field.is_empty() => {}
            Some(holds) => {
                known = true;
                labels.extend(holds.then(|| name.clone()));
            }
            None => {
                let found = shortened(&field, 30);
                let message = format!(
                    "expected 1 or 0 (true or false, yes or no, x or nothing) in the column `{name}`, found `{found}`"
                );
                return Err(at(table, row, message));
            }
        }
    }
    Ok(known.then_some(labels))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labels::{Labels, Targets, TaskChoice};

    const TEXTS: &str = "id,text,red,round\n7,a red ball,1,true\n8,a brick,0,\n9,a tomato,yes,1.0\n10,unknown,,\n";

    fn read(content: &str, names: &[&str]) -> Result<Table> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        std::fs::write(&path, content).unwrap();
        let labels: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        Table::read(&path)?.with_label_columns(&labels)
    }

    #[test]
    fn columns_of_answers_are_labels() {
        let table = read(TEXTS, &["red", "round"]).unwrap().labelled().unwrap();
        assert_eq!(table.rows.len(), 3);
        assert_eq!(
            table.notes[0],
            "3 blank fields in the columns of labels are read as 0, but where a row has no other"
        );
        assert!(table.notes[1].contains("1 of 4 examples have no label"), "{:?}", table.notes);
        let (labels, _) = Labels::decide(&table, TaskChoice::Auto).unwrap();
        assert_eq!(labels, Labels::Sets(["red", "round"].map(str::to_owned).to_vec()));
        let expected = vec![vec![true, true], vec![false, false], vec![true, true]];
        assert_eq!(labels.targets(&table).unwrap(), Targets::Sets(expected));
    }

    #[test]
    fn zeros_may_be_left_blank() {
        for yes in ["1", "x", "X"] {
            let content = format!("text,red,round\na red ball,{yes},{yes}\na brick,,\n");
            let table = read(&content, &["red", "round"]).unwrap().labelled().unwrap();
            assert_eq!(table.rows.iter().flat_map(|row| &row.labels).map(Vec::len).collect::<Vec<_>>(), [2, 0]);
            assert_eq!(table.notes, ["2 blank fields in the columns of labels are read as 0"]);
        }
        assert!(read("text,red,round\na red ball,-,1\n", &["red", "round"]).is_err(), "a dash may mean either");
    }

    #[test]
    fn what_is_no_answer_is_refused_with_line_and_column() {
        let message = |content: &str, names: &[&str]| read(content, names).unwrap_err().to_string();
        let found = message("text,red,round\na,1,0\nb,2,0\n", &["red", "round"]);
        assert!(found.contains("line 3: expected 1 or 0") && found.contains("`red`, found `2`"), "{found}");
        assert!(message(TEXTS, &["red", "rund"]).contains("did you mean"));
    }

    #[test]
    fn columns_of_answers_are_suspected_where_no_label_is() {
        let table = read("text,red,round\na,1,0\nb,0,0\n", &[]).unwrap();
        assert!(table.labelled().unwrap_err().to_string().contains("--label-columns 'red,round'"));
    }
}
