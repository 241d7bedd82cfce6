//! The domains of a tree of adapters: which column of a table names them, and which adapter each is.

use crate::error::{Result, TextError};
use crate::table::{Row, Table};
use adaptune_adapters::did_you_mean;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;

/// What stands between the names of a path.
const SEPARATOR: char = '/';
/// Deeper trees than anybody makes: a slip of the finger must not ask for more adapters than there is memory.
const DEEPEST: usize = 16;
/// What the adapter at the root is called.
const ROOT: &str = "root";

/// The domains of a [tree](adaptune_adapters::Tree) of adapters, by their paths: `news/sport` is below `news`, and that below the root. Number `i` is
/// that of part `i` of the tree, and of its [group](adaptune_transformer::Batch::with_groups).
///
/// ```
/// use adaptune_text::{Domains, Table};
/// let file = tempfile::Builder::new().suffix(".tsv").tempfile()?;
/// std::fs::write(&file, "text\tlabel\tdomain\nA goal!\tgood\tnews/sport\nA novel.\tbad\tbooks\n")?;
/// let table = Table::read(file.path())?;
/// let domains = Domains::of(&table, "domain")?;
/// assert_eq!((domains.paths(), domains.parents()), (["", "books", "news", "news/sport"].map(str::to_owned).as_slice(), vec![0, 0, 0, 2]));
/// assert_eq!(domains.groups(&table)?, [Some(3), Some(1)]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Domains {
    column: String,
    paths: Vec<String>,
}

impl Domains {
    /// Those that a column names, and all above them; the root, which has no name, is first.
    ///
    /// # Errors
    /// There is no such column, a row names no domain, or a path has an empty name in it.
    pub fn of(table: &Table, column: &str) -> Result<Self> {
        Self { column: column.to_owned(), paths: vec![String::new()] }.with(table)
    }

    /// The same with those behind that this table names and these do not hold yet.
    ///
    /// # Errors
    /// As [`Domains::of`].
    pub fn with(mut self, table: &Table) -> Result<Self> {
        let mut new = BTreeSet::new();
        for (row, path) in table.rows.iter().zip(self.values(table)?) {
            let path = path.ok_or_else(|| self.missing(table, row))?;
            new.extend(above(&path).map(str::to_owned).filter(|path| !self.paths.contains(path)));
        }
        self.paths.extend(new);
        Ok(self)
    }

    /// The same, read from another column.
    #[must_use]
    pub fn in_column(self, column: &str) -> Self {
        Self { column: column.to_owned(), ..self }
    }

    /// The column that names them.
    #[must_use]
    pub fn column(&self) -> &str {
        &self.column
    }

    /// Their paths; that of the root is empty.
    #[must_use]
    pub fn paths(&self) -> &[String] {
        &self.paths
    }

    /// The number of each one's parent; of the root its own.
    #[must_use]
    pub fn parents(&self) -> Vec<usize> {
        let number = |path: &String| {
            let parent = path.rsplit_once(SEPARATOR).map_or("", |(parent, _)| parent);
            self.paths.iter().position(|known| known == parent).unwrap_or(0)
        };
        self.paths.iter().map(number).collect()
    }

    /// What the adapter of each is called: its path as names of files can be, and different for each.
    #[must_use]
    pub fn adapter_names(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for path in &self.paths {
            let letter = |c: char| match c {
                SEPARATOR => '-',
                c if c.is_alphanumeric() || c == '-' || c == '_' => c,
                _ => '_',
            };
            let plain = if path.is_empty() { ROOT.to_owned() } else { path.chars().map(letter).collect() };
            let numbered = (2..).map(|n| format!("{plain}-{n}"));
            let free = std::iter::once(plain.clone()).chain(numbered).find(|name| !names.contains(name));
            names.extend(free);
        }
        names
    }

    /// The number of each row's domain; `None` where it names none, or the table has no such column.
    ///
    /// # Errors
    /// A row names a domain that is not among these.
    pub fn groups(&self, table: &Table) -> Result<Vec<Option<usize>>> {
        if !table.header.contains(&self.column) {
            return Ok(vec![None; table.rows.len()]);
        }
        let values = self.values(table)?;
        let number = |(row, path): (&Row, Option<String>)| path.map(|path| self.number(table, row, &path)).transpose();
        table.rows.iter().zip(values).map(number).collect()
    }

    /// The number of each row's domain, where all have to have one.
    ///
    /// # Errors
    /// There is no such column, or a row names no domain, or one that is not among these.
    pub fn all_groups(&self, table: &Table) -> Result<Vec<usize>> {
        self.place(table)?;
        let each = table.rows.iter().zip(self.groups(table)?);
        each.map(|(row, group)| group.ok_or_else(|| self.missing(table, row))).collect()
    }

    fn number(&self, table: &Table, row: &Row, path: &str) -> Result<usize> {
        self.paths.iter().position(|known| known == path).ok_or_else(|| {
            let known: Vec<&str> = self.paths.iter().skip(1).map(String::as_str).collect();
            let hint = did_you_mean(path, known.iter().copied());
            let message = format!(
                "the domain `{path}` in column {} is not in the tree{hint} (it has {}); leave it empty, and the text has the average of \
                 likely paths, or train a leaf for it",
                self.column,
                known.join(", ")
            );
            TextError::line(&table.name, row.line, message)
        })
    }

    fn missing(&self, table: &Table, row: &Row) -> TextError {
        let message =
            format!("column {} is empty; a tree is trained on examples that each name their domain", self.column);
        TextError::line(&table.name, row.line, message)
    }

    fn place(&self, table: &Table) -> Result<usize> {
        table.header.iter().position(|name| *name == self.column).ok_or_else(|| {
            let meant = table.column_like(&self.column);
            let hint = meant.map(|column| format!("; did you mean `{column}`?")).unwrap_or_default();
            let known = if table.header.is_empty() { "none".to_owned() } else { table.header.join(", ") };
            let message = format!("there is no column `{}` of domains{hint} (there are: {known})", self.column);
            TextError::table(&table.name, message)
        })
    }

    /// The path that each row names, with single separators and no spaces around names.
    fn values(&self, table: &Table) -> Result<Vec<Option<String>>> {
        let place = self.place(table)?;
        table.rows.iter().map(|row| self.value(table, row, row.fields.get(place))).collect()
    }

    fn value(&self, table: &Table, row: &Row, value: Option<&Value>) -> Result<Option<String>> {
        let text = match value {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::String(text)) => text.trim().to_owned(),
            Some(other) => other.to_string(),
        };
        if text.is_empty() {
            return Ok(None);
        }
        let names: Vec<&str> = text.split(SEPARATOR).map(str::trim).collect();
        let message = match names.len() {
            depth if depth > DEEPEST => {
                format!("the domain `{text}` is {depth} levels deep, and {DEEPEST} are allowed")
            }
            _ if names.contains(&"") => {
                format!(
                    "the domain `{text}` has an empty name in it; expected names with {SEPARATOR} between, news/sport"
                )
            }
            _ => return Ok(Some(names.join("/"))),
        };
        Err(TextError::line(&table.name, row.line, message))
    }
}

/// A path and those above it, but for the root.
fn above(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(path), |path| path.rsplit_once(SEPARATOR).map(|(parent, _)| parent))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: &str) -> Table {
        let file = tempfile::Builder::new().suffix(".tsv").tempfile().unwrap();
        std::fs::write(&file, format!("text\tlabel\tdomain\n{rows}")).unwrap();
        Table::read(file.path()).unwrap()
    }

    #[test]
    fn new_domains_stand_behind_those_that_are_there() {
        let first = Domains::of(&table("a\tx\tb/c\nb\ty\ta\n"), "domain").unwrap();
        assert_eq!(first.paths(), ["", "a", "b", "b/c"]);
        let more = first.clone().with(&table("a\tx\tb/a/d\nb\ty\ta\n")).unwrap();
        assert_eq!(more.paths(), ["", "a", "b", "b/c", "b/a", "b/a/d"]);
        assert_eq!(more.parents(), [0, 0, 0, 2, 2, 4]);
        assert_eq!(first.clone().with(&table("a\tx\ta\nb\ty\tb\n")).unwrap(), first);
    }

    #[test]
    fn every_adapter_has_a_name_of_its_own_that_a_folder_can_have() {
        let domains = Domains::of(&table("a\tx\tb/c\nb\ty\tb-c\nc\tx\troot\nd\ty\tU.S. news\n"), "domain").unwrap();
        let names = domains.adapter_names();
        assert_eq!(domains.paths(), ["", "U.S. news", "b", "b-c", "b/c", "root"]);
        assert_eq!(names, ["root", "U_S__news", "b", "b-c", "b-c-2", "root-2"]);
    }

    #[test]
    fn what_names_no_domain_has_none_and_a_wrong_one_is_told_with_its_line() {
        let domains = Domains::of(&table("a\tx\tnews/sport\nb\ty\tbooks\n"), "domain").unwrap();
        let groups = |rows: &str| domains.groups(&table(rows));
        assert_eq!(groups("a\tx\t news / sport \nb\ty\t\nc\tx\tnews\n").unwrap(), [Some(3), None, Some(2)]);
        let error = groups("a\tx\tnews\nb\ty\tnews/sports\n").unwrap_err().to_string();
        assert!(error.contains("line 3") && error.contains("did you mean `news/sport`"), "{error}");
        let error = domains.all_groups(&table("a\tx\tnews\nb\ty\t\n")).unwrap_err().to_string();
        assert!(error.contains("line 3") && error.contains("column domain is empty"), "{error}");
        let error = groups("a\tx\tnews//sport\n").unwrap_err().to_string();
        assert!(error.contains("line 2") && error.contains("an empty name"), "{error}");
        let error = groups(&format!("a\tx\t{}\n", vec!["n"; 17].join("/"))).unwrap_err().to_string();
        assert!(error.contains("17 levels deep"), "{error}");
        let other = domains.clone().in_column("domian");
        assert_eq!(other.groups(&table("a\tx\tnews\n")).unwrap(), [None]);
        let error = Domains::of(&table("a\tx\tnews\n"), "domian").unwrap_err().to_string();
        assert!(error.contains("did you mean `domain`"), "{error}");
    }
}
