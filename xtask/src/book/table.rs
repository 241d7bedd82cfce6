//! Tables of results: files with tabs between cells, which runs wrote, and how they look in a page.
//!
//! ```text
//! # command: adaptune train --seed 0
//! # machine: two cores of an AMD EPYC 9V74
//! # date: 2026-11-24
//! # format: text; count; percent 1
//! # bold: highest in test
//! method  parameters  test
//! seq_bn  50178       0.9863
//! ```
//!
//! Cells hold numbers as they were measured. `format` says how each column is shown: `text` as it stands, `count` as
//! `50,178`, `fixed 2` with two digits behind the point, `percent 1` as `98.6 %`; after `count` or `fixed 2` a unit may
//! follow. `bold` is for the highest or lowest `in` columns, or for that `of` several columns in each row.

/// What every file has to say in its head.
const REQUIRED: [&str; 3] = ["command", "machine", "date"];

/// A file of results.
pub(crate) struct Table {
    titles: Vec<String>,
    formats: Vec<Format>,
    rows: Vec<Vec<String>>,
    bold: Vec<Bold>,
}

#[derive(Clone, Debug, PartialEq)]
enum Format {
    Text,
    /// A whole number with commas, and its unit.
    Count(String),
    /// Digits behind the point, and the unit.
    Fixed(usize, String),
    /// Digits behind the point of a share in percent.
    Percent(usize),
}

/// What stands out.
struct Bold {
    lowest: bool,
    /// In each row, instead of in each column.
    per_row: bool,
    columns: Vec<usize>,
}

/// The table as Markdown.
pub(crate) fn markdown(text: &str) -> Result<String, String> {
    let table = Table::parse(text)?;
    let mut lines = vec![row(&table.titles), format!("|{}", "---|".repeat(table.titles.len()))];
    for number in 0..table.rows.len() {
        let cells: Result<Vec<String>, String> = (0..table.titles.len()).map(|at| table.cell(number, at)).collect();
        lines.push(row(&cells?));
    }
    Ok(lines.join("\n"))
}

fn row(cells: &[String]) -> String {
    let cells: String = cells.iter().map(|cell| format!(" {cell} |")).collect();
    // An empty cell is a single space between its bars.
    format!("|{cells}").replace("|  |", "| |").replace("|  |", "| |")
}

impl Table {
    pub(crate) fn parse(text: &str) -> Result<Table, String> {
        let said = |key: &str| text.lines().find_map(|line| line.strip_prefix(&format!("# {key}: ")));
        for key in REQUIRED {
            said(key).ok_or_else(|| format!("does not say `# {key}: ...`"))?;
        }
        let mut lines = text.lines().filter(|line| !line.starts_with('#'));
        let cells = |line: &str| line.split('\t').map(str::to_owned).collect::<Vec<String>>();
        let titles = cells(lines.next().ok_or("has no line of titles")?);
        let formats = said("format").ok_or("does not say `# format: ...`")?;
        let formats: Vec<Format> = formats.split("; ").map(Format::parse).collect::<Result<_, _>>()?;
        let rows: Vec<Vec<String>> = lines.map(cells).collect();
        for (what, found) in [("formats", formats.len())].into_iter().chain(rows.iter().map(|row| ("cells", row.len())))
        {
            if found != titles.len() {
                return Err(format!("has {} titles and {found} {what}", titles.len()));
            }
        }
        let bold = text.lines().filter_map(|line| line.strip_prefix("# bold: "));
        let bold = bold.map(|said| Bold::parse(said, &titles)).collect::<Result<_, _>>()?;
        Ok(Table { titles, formats, rows, bold })
    }

    fn cell(&self, row: usize, column: usize) -> Result<String, String> {
        let shown = self.formats[column].show(&self.rows[row][column])?;
        let is_bold = self.bold.iter().any(|bold| bold.holds(self, row, column));
        Ok(if is_bold { format!("**{shown}**") } else { shown })
    }

    fn number(&self, row: usize, column: usize) -> Option<f64> {
        self.rows[row][column].parse().ok()
    }
}

impl Bold {
    fn parse(said: &str, titles: &[String]) -> Result<Bold, String> {
        let unclear =
            || format!("`bold: {said}` is not `highest in ...`, `lowest in ...`, `highest of ...` or `lowest of ...`");
        let mut words = said.splitn(3, ' ');
        let (which, way, columns) = (words.next(), words.next(), words.next().ok_or_else(unclear)?);
        let lowest = which == Some("lowest");
        let per_row = way == Some("of");
        if !lowest && which != Some("highest") || !per_row && way != Some("in") {
            return Err(unclear());
        }
        let find = |name: &str| {
            titles.iter().position(|title| title == name).ok_or_else(|| format!("`bold` names no column: {name}"))
        };
        Ok(Bold { lowest, per_row, columns: columns.split("; ").map(find).collect::<Result<_, _>>()? })
    }

    fn holds(&self, table: &Table, row: usize, column: usize) -> bool {
        let Some(own) = table.number(row, column).filter(|_| self.columns.contains(&column)) else { return false };
        let others: Vec<f64> = if self.per_row {
            self.columns.iter().filter_map(|&column| table.number(row, column)).collect()
        } else {
            (0..table.rows.len()).filter_map(|row| table.number(row, column)).collect()
        };
        others.iter().all(|&other| if self.lowest { own <= other } else { own >= other })
    }
}

impl Format {
    fn parse(said: &str) -> Result<Format, String> {
        let words: Vec<&str> = said.trim().split(' ').collect();
        let digits = |text: &str| text.parse().map_err(|_| format!("`{said}`: expected digits behind the point"));
        match words.as_slice() {
            ["text"] => Ok(Format::Text),
            ["count", unit @ ..] => Ok(Format::Count(unit.join(" "))),
            ["fixed", number, unit @ ..] => Ok(Format::Fixed(digits(number)?, unit.join(" "))),
            ["percent", number] => Ok(Format::Percent(digits(number)?)),
            _ => Err(format!("`{said}` is none of the formats text, count, fixed N, percent N")),
        }
    }

    fn show(&self, cell: &str) -> Result<String, String> {
        if cell.is_empty() || *self == Format::Text {
            return Ok(cell.to_owned());
        }
        let number: f64 = cell.parse().map_err(|_| format!("`{cell}` is no number"))?;
        let with_unit = |number: String, unit: &str| format!("{number} {unit}").trim_end().to_owned();
        Ok(match self {
            Format::Text => cell.to_owned(),
            Format::Count(unit) => with_unit(thousands(&format!("{number:.0}")), unit),
            Format::Fixed(digits, unit) => with_unit(format!("{number:.digits$}"), unit),
            // A little more than was stored, so that 0.0625 is not 6.2 % by way of 6.24999...
            Format::Percent(digits) => format!("{:.digits$} %", number * 100.0 + 1e-9),
        })
    }
}

/// 1106048 as "1,106,048".
fn thousands(digits: &str) -> String {
    let mut shown = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) && !shown.ends_with('-') {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "# command: run\n# machine: mine\n# date: 2026-11-30\n";

    #[test]
    fn numbers_are_shown_as_the_formats_say() {
        let text = format!(
            "{HEAD}# format: text; count; percent 1; fixed 2; count MB; text\n# bold: highest in t; r\n\
             m\tn\tt\tr\tp\tx\n`a`\t1106048\t0.0625\t0.3\t2396\t\nb\t999\t0.99\t0.2\t\ta, b\n"
        );
        let expected = "\
| m | n | t | r | p | x |
|---|---|---|---|---|---|
| `a` | 1,106,048 | 6.3 % | **0.30** | 2,396 MB | |
| b | 999 | **99.0 %** | 0.20 | | a, b |";
        assert_eq!(markdown(&text).as_deref(), Ok(expected));
    }

    #[test]
    fn what_stands_out_may_be_sought_in_each_row() {
        let text = format!("{HEAD}# format: text; count; count\n# bold: lowest of a; b\nm\ta\tb\nx\t1\t2\ny\t4\t3\n");
        let lines = markdown(&text).unwrap();
        assert!(lines.ends_with("| x | **1** | 2 |\n| y | 4 | **3** |"), "{lines}");
    }

    #[test]
    fn files_that_make_no_sense_are_named() {
        for (text, problem) in [
            ("# command: run\n# date: x\na\n1\n".to_owned(), "does not say `# machine: ...`"),
            (format!("{HEAD}a\n1\n"), "does not say `# format: ...`"),
            (format!("{HEAD}# format: text\na\tb\n"), "has 2 titles and 1 formats"),
            (format!("{HEAD}# format: text; text\na\tb\n1\n"), "has 2 titles and 1 cells"),
            (format!("{HEAD}# format: colour\na\n"), "`colour` is none of the formats text, count, fixed N, percent N"),
            (format!("{HEAD}# format: count\na\nmany\n"), "`many` is no number"),
            (format!("{HEAD}# format: count\n# bold: highest in b\na\n1\n"), "`bold` names no column: b"),
        ] {
            assert_eq!(markdown(&text), Err(problem.to_owned()), "{text}");
        }
        let unclear = format!("{HEAD}# format: count\n# bold: a\na\n1\n");
        assert!(markdown(&unclear).unwrap_err().contains("is not `highest in ...`"));
    }
}
