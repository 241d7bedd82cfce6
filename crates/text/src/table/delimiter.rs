//! Which dialect a table has: what stands between its columns, and what spreadsheets put before its header.

use super::dialect::{Dialect, SETTING};
use super::options::Reading;
use crate::error::Result;

/// A table's dialect, and where its header begins.
pub(super) struct Found<'a> {
    pub(super) dialect: Dialect,
    /// The text from the header on.
    pub(super) text: &'a str,
    /// How many lines of the file stand before the header.
    pub(super) lines_before: usize,
    pub(super) notes: Vec<String>,
}

/// Finds the dialect of a table whose ending means `usual`. The delimiter is the one that the options name, or that of a
/// line `sep=`, or the one that the header shows.
pub(super) fn find<'a>(reading: &Reading<'a>, usual: Dialect) -> Result<Found<'a>> {
    let source = reading.source;
    let setting = source.text.lines().next().and_then(set_delimiter);
    let (text, lines_before) = match setting {
        Some(_) => (source.text.split_once('\n').map_or("", |(_, rest)| rest), 1),
        None => (source.text.as_str(), 0),
    };
    if text.trim().is_empty() {
        return Err(source.error(1, "found a line `sep=` and nothing under it; expected a header and its rows"));
    }
    let named = reading.options.delimiter.or(setting);
    let delimiter = named.unwrap_or_else(|| in_header(reading, text, usual));
    let (byte_order_mark, separator_line) = (source.byte_order_mark, setting.is_some());
    let windows_line_ends = source.text.split_once('\n').is_some_and(|(first, _)| first.ends_with('\r'));
    let dialect = Dialect { delimiter, byte_order_mark, separator_line, windows_line_ends, ..usual };
    let notes = note(reading, setting, dialect, usual).into_iter().collect();
    Ok(Found { dialect, text, lines_before, notes })
}

/// The delimiter of a line such as `sep=;`, also in quotes.
fn set_delimiter(line: &str) -> Option<char> {
    let (name, delimiter) = line.trim_matches('"').split_at_checked(SETTING.len())?;
    let mut letters = delimiter.chars();
    let (first, more) = (letters.next(), letters.next());
    first.filter(|_| name.eq_ignore_ascii_case(SETTING) && more.is_none())
}

/// Those that are looked for.
pub(super) const DELIMITERS: [char; 4] = [',', ';', '\t', '|'];

/// The delimiter between which most of the columns stand that are wanted; where that does not decide, the usual one, if the
/// header has it outside of quotes, or the most frequent one.
fn in_header(reading: &Reading<'_>, text: &str, usual: Dialect) -> char {
    let header = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let wanted = reading.wanted();
    let fits = |delimiter: &char| {
        let fields = fields(header, Dialect { delimiter: *delimiter, ..usual });
        let found = fields.iter().filter(|field| wanted.contains(&field.trim().trim_matches('"'))).count();
        let is_usual = *delimiter == usual.delimiter;
        (found, is_usual && fields.len() > 1, fields.len(), is_usual)
    };
    DELIMITERS.into_iter().max_by_key(fits).unwrap_or(usual.delimiter)
}

/// The fields of one line.
fn fields(line: &str, dialect: Dialect) -> Vec<String> {
    if !dialect.quotes {
        return line.split(dialect.delimiter).map(str::to_owned).collect();
    }
    let delimiter = u8::try_from(dialect.delimiter).unwrap_or(b',');
    let mut reader = csv::ReaderBuilder::new().has_headers(false).delimiter(delimiter).from_reader(line.as_bytes());
    let record = reader.records().next().and_then(Result::<_, csv::Error>::ok);
    record.iter().flatten().map(str::to_owned).collect()
}

/// What is to be said of a form that the file's name does not say.
fn note(reading: &Reading<'_>, setting: Option<char>, dialect: Dialect, usual: Dialect) -> Option<String> {
    let found = plural(dialect.delimiter);
    match (setting, reading.options.delimiter) {
        (Some(setting), Some(named)) if setting != named => Some(format!(
            "the first line says that columns are parted by {}, and --delimiter says {found}, which are taken",
            plural(setting)
        )),
        (Some(_), _) => Some(format!("columns are parted by {found} here, as the first line says, which is no row")),
        (None, None) if dialect.delimiter != usual.delimiter => {
            Some(format!("columns are parted by {found} here, as the header shows"))
        }
        _ => None,
    }
}

/// A delimiter by its name, several of them.
pub(super) fn plural(delimiter: char) -> String {
    match delimiter {
        '\t' => "tabs".into(),
        ',' => "commas".into(),
        ';' => "semicolons".into(),
        '|' => "vertical bars".into(),
        other => format!("`{other}`"),
    }
}

/// Refuses a delimiter that the reader of quoted fields cannot take.
pub(super) fn byte(reading: &Reading<'_>, delimiter: char) -> Result<u8> {
    let refused = |_| reading.source.whole(format!("expected a delimiter of one byte, found `{delimiter}`"));
    u8::try_from(delimiter).map_err(refused)
}
