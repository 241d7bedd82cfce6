//! The closing table: labels to the left, numbers to the right, everything aligned.
//!
//! ```text
//! Method  Parameters  Accuracy    Size
//! ──────  ──────────  ────────  ──────
//! seq_bn     112,320    88.1 %  452 KB
//! ```

use super::wrap::{Stream, columns, in_cell, widest_part, width, wrapped};
use serde_json::Value;
use std::borrow::Cow;
use std::fmt::{Display, Write as _};
use std::io::{self, IsTerminal, Write as _};
use std::time::Duration;

/// Writes a line of the result to standard output, broken where it is too long. Where `println!` would panic, on a full disk or a
/// closed pipe, this gives the error.
pub(crate) fn print_line(line: impl Display) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{}", wrapped(&visible(&line.to_string()), columns(Stream::Out)))
}

/// Writes JSON to standard output, in one line.
pub(crate) fn print_json(value: &Value) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{}", visible(&value.to_string()))
}

/// Tells something beside the result, on standard error, broken where it is too long. If nobody can hear it, that is no reason to
/// stop.
pub(crate) fn note(text: impl Display) {
    let lines = wrapped(&visible(&text.to_string()), columns(Stream::Error));
    let lines = if may_be_coloured(&io::stderr()) { painted(&lines) } else { lines };
    let _ = writeln!(io::stderr().lock(), "{lines}");
}

/// What messages begin with, and how a terminal shows it: red and bold, yellow, green, bold.
const PAINTED: [(&str, &str); 4] =
    [("error:", "\u{1b}[1;31m"), ("note:", "\u{1b}[33m"), ("tip:", "\u{1b}[32m"), ("Usage:", "\u{1b}[1m")];

/// The lines with what some of them begin with in colour.
fn painted(lines: &str) -> String {
    let paint = |line: &str| {
        let begun = PAINTED.iter().find(|(begins, _)| line.trim_start().starts_with(begins));
        match begun {
            Some((begins, colour)) => line.replacen(begins, &format!("{colour}{begins}\u{1b}[0m"), 1),
            None => line.to_owned(),
        }
    };
    lines.split('\n').map(paint).collect::<Vec<_>>().join("\n")
}

/// The text with its control characters, but for line ends and tabs, as they are written in programs. Names, labels and
/// messages come from files of others; an escape sequence among them would be obeyed by the terminal.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    let harmless = |letter: char| !letter.is_control() || matches!(letter, '\n' | '\t');
    if text.chars().all(harmless) {
        return Cow::Borrowed(text);
    }
    let shown = |all: String, letter: char| match harmless(letter) {
        true => all + letter.encode_utf8(&mut [0; 4]),
        false => all + &letter.escape_default().to_string(),
    };
    Cow::Owned(text.chars().fold(String::new(), shown))
}

/// The same without line ends and tabs, for a field of a table or of a line.
pub(crate) fn one_line(text: &str) -> String {
    visible(text).replace('\n', "\\n").replace('\t', "\\t")
}

/// At most so many letters of a name.
pub(crate) fn shortened(name: &str, letters: usize) -> String {
    match name.chars().count() > letters {
        true => name.chars().take(letters.saturating_sub(1)).chain(['…']).collect(),
        false => name.to_owned(),
    }
}

/// Tells what was noticed of a file, a line each.
pub(crate) fn notes(file: &str, notes: &[String]) {
    for text in notes {
        note(format_args!("note: {file}: {text}"));
    }
}

/// One entry of a [`Report`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cell {
    /// Words, aligned to the left.
    Text(String),
    /// A number with whatever unit it has, aligned to the right.
    Number(String),
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Cell::Text(one_line(text))
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Cell::Text(one_line(&text))
    }
}

impl Cell {
    /// A number that is already written out, as by [`thousands`] or [`percent`].
    pub(crate) fn number(written: impl Into<String>) -> Self {
        Cell::Number(written.into())
    }

    fn content(&self) -> &str {
        match self {
            Cell::Text(text) | Cell::Number(text) => text,
        }
    }

    /// Its lines in a column of this width.
    fn lines(&self, column: usize) -> Vec<String> {
        let line = |text: String| {
            let gap = " ".repeat(column.saturating_sub(width(&text)));
            match self {
                Cell::Text(_) => text + &gap,
                Cell::Number(_) => gap + &text,
            }
        };
        in_cell(self.content(), column).into_iter().map(line).collect()
    }
}

/// A table of plain text. Rows may be shorter than the header; what is missing stays blank.
#[derive(Clone, Debug, Default)]
pub(crate) struct Report {
    header: Vec<Cell>,
    rows: Vec<Vec<Cell>>,
}

impl Report {
    /// A table whose columns have headings; a heading stands to the right when its column holds numbers.
    pub(crate) fn with_header(names: &[&str]) -> Self {
        Self { header: names.iter().map(|&name| name.into()).collect(), rows: Vec::new() }
    }

    /// A table without headings, such as a list of names and values.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: Vec<Cell>) -> &mut Self {
        self.rows.push(cells);
        self
    }

    /// The whole table, each line ended; with `colour` the headings are bold. What is wider than `columns` is broken within its
    /// cells, as far as these are words.
    pub(crate) fn render(&self, colour: bool, columns: usize) -> String {
        let widths = self.widths(columns);
        let mut out = String::new();
        if !self.header.is_empty() {
            let (on, off) = if colour { ("\u{1b}[1m", "\u{1b}[0m") } else { ("", "") };
            let rules: Vec<String> = widths.iter().map(|&width| "─".repeat(width)).collect();
            for line in lines(&self.aligned_header(), &widths) {
                let _ = writeln!(out, "{on}{line}{off}");
            }
            let _ = writeln!(out, "{}", rules.join(GAP));
        }
        for line in self.rows.iter().flat_map(|row| lines(row, &widths)) {
            let _ = writeln!(out, "{line}");
        }
        out
    }

    /// Writes the table to standard output; a closed pipe (`| head`) is no error.
    pub(crate) fn print(&self) -> io::Result<()> {
        let table = self.render(may_be_coloured(&io::stdout()), columns(Stream::Out));
        match io::stdout().lock().write_all(table.as_bytes()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            result => result,
        }
    }

    /// The widths of columns: as wide as what is in them, or narrower where the table would be too wide, the widest first.
    fn widths(&self, columns: usize) -> Vec<usize> {
        let count = self.rows.iter().map(Vec::len).max().unwrap_or(0).max(self.header.len());
        let mut widths: Vec<usize> = (0..count).map(|column| self.widest(column, |text, _| width(text))).collect();
        let least: Vec<usize> = (0..count).map(|column| self.widest(column, least)).collect();
        let mut over = (widths.iter().sum::<usize>() + GAP.len() * count.saturating_sub(1)).saturating_sub(columns);
        while over > 0 {
            let narrowed = (0..count).filter(|&column| widths[column] > least[column]).max_by_key(|&i| widths[i]);
            let Some(column) = narrowed else { break };
            (widths[column], over) = (widths[column] - 1, over - 1);
        }
        widths
    }

    /// The most of what the cells of a column take; of each it is said whether it is words or a number.
    fn widest(&self, column: usize, taken: impl Fn(&str, Part) -> usize) -> usize {
        let body = self.rows.iter().filter_map(|row| row.get(column)).map(|cell| match cell {
            Cell::Text(text) => taken(text, Part::Words),
            Cell::Number(text) => taken(text, Part::Number),
        });
        let heading = self.header.get(column).map(|cell| taken(cell.content(), Part::Words));
        body.chain(heading).max().unwrap_or(0)
    }

    fn aligned_header(&self) -> Vec<Cell> {
        let holds_numbers =
            |column: usize| self.rows.iter().any(|row| matches!(row.get(column), Some(Cell::Number(_))));
        let align = |(column, cell): (usize, &Cell)| match holds_numbers(column) {
            true => Cell::Number(cell.content().to_owned()),
            false => cell.clone(),
        };
        self.header.iter().enumerate().map(align).collect()
    }
}

/// What stands between columns.
const GAP: &str = "  ";
/// The narrowest column whose words may be broken anywhere.
const NARROW: usize = 12;

#[derive(Clone, Copy)]
enum Part {
    Words,
    Number,
}

/// The narrowest that a column can be for a cell: numbers stay whole.
fn least(text: &str, part: Part) -> usize {
    match part {
        Part::Words => widest_part(text).min(NARROW),
        Part::Number => width(text),
    }
}

/// The lines of a row, as many as its tallest cell has.
fn lines(cells: &[Cell], widths: &[usize]) -> Vec<String> {
    let cells: Vec<Vec<String>> = cells.iter().zip(widths).map(|(cell, &width)| cell.lines(width)).collect();
    let line = |i: usize| {
        let parts = cells.iter().zip(widths).map(|(cell, width)| cell.get(i).cloned().unwrap_or(" ".repeat(*width)));
        parts.collect::<Vec<_>>().join(GAP).trim_end().to_owned()
    };
    (0..cells.iter().map(Vec::len).max().unwrap_or(1)).map(line).collect()
}

/// True if a stream is a terminal and the user has not asked for no colours (<https://no-color.org>).
fn may_be_coloured(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// `1234567` as `1,234,567`.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A score as it is read: a share as per cent; a correlation, which goes from -1 to 1, a squared error and a perplexity as numbers.
pub(crate) fn score(name: &str, value: f64) -> String {
    let is_number = ["pearson", "spearman", "correlation", "_error"].iter().any(|part| name.contains(part));
    match is_number {
        _ if name.contains("perplexity") => format!("{value:.2}"),
        true => format!("{value:.4}"),
        false => percent(value),
    }
}

/// A count with what is counted, in the singular for one.
pub(crate) fn counted(count: usize, one: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {one}{plural}", thousands(count as u64))
}

/// A fraction as per cent: `0.8814` as `88.1 %`, and small ones with as many places as show two digits:
/// `0.00042` as `0.042 %`.
pub(crate) fn percent(fraction: f64) -> String {
    let value = fraction * 100.0;
    let places = match value.abs() {
        v if v >= 1.0 || v == 0.0 || !v.is_finite() => 1,
        v if v >= 0.1 => 2,
        v if v >= 0.01 => 3,
        _ => 4,
    };
    format!("{value:.places$} %")
}

/// What the time of a training is called: that of the last part alone, where it went on from a checkpoint.
pub(crate) fn time_of(resumed: bool) -> &'static str {
    if resumed { "time since --resume" } else { "time" }
}

/// A time as people say it: `850 ms`, `12.3 s`, `1 m 23 s`, `2 h 05 m`.
pub(crate) fn duration(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    let whole = seconds.round() as u64;
    match seconds {
        s if s < 0.9995 => format!("{:.0} ms", s * 1000.0),
        s if s < 59.95 => format!("{s:.1} s"),
        s if s < 3599.5 => format!("{} m {:02} s", whole / 60, whole % 60),
        _ => {
            let minutes = (seconds / 60.0).round() as u64;
            format!("{} h {:02} m", minutes / 60, minutes % 60)
        }
    }
}

/// A size in decimal units: `812 KB` is 812 000 bytes; three digits are shown.
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [&str; 6] = ["KB", "MB", "GB", "TB", "PB", "EB"];
    if count < 1000 {
        return format!("{count} B");
    }
    let mut value = count as f64 / 1000.0;
    let mut unit = 0;
    // 999.5 KB would be shown as 1000 KB: it is 1.00 MB.
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    let places = if value >= 99.95 { 0 } else { 1 + usize::from(value < 9.995) };
    format!("{value:.places$} {}", UNITS[unit])
}

#[cfg(test)]
mod tests;
