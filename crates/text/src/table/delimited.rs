//! `.tsv` and `.csv`: a header, then records with as many fields as the header.

use super::delimiter::{Found, byte, find, plural};
use super::dialect::Dialect;
use super::first_line::{is_quoted, looks_like_an_example};
use super::options::Reading;
use super::source::Source;
use crate::error::{Result, shortened};

/// A header and the records under it, each with the line on which it starts.
#[derive(Debug)]
pub(super) struct Records {
    pub(super) header: Vec<String>,
    pub(super) rows: Vec<(usize, Vec<String>)>,
    pub(super) dialect: Dialect,
    /// Names of columns that have none in the file.
    pub(super) unnamed: Vec<String>,
    pub(super) notes: Vec<String>,
}

/// Records between tabs, or between the delimiter that is named or found. Quotes are ordinary characters, as in the files of
/// GLUE and the Universal Dependencies, unless the options say otherwise.
pub(super) fn tabs(reading: &Reading<'_>) -> Result<Records> {
    let mut found = find(reading, Dialect { quotes: reading.options.quotes, ..Dialect::TABS })?;
    if found.dialect.quotes {
        return quoted(reading, found);
    }
    if is_all_quoted(&found) {
        found.dialect.quotes = true;
        found.notes.push("all names of columns stand in quotes, so fields are read as --quotes says".to_owned());
        return quoted(reading, found);
    }
    let delimiter = found.dialect.delimiter;
    let split = |(line, text): (usize, &str)| (line, text.split(delimiter).map(str::to_owned).collect());
    let rows: Vec<(usize, Vec<String>)> = reading.source.lines().skip(found.lines_before).map(split).collect();
    found.notes.extend(kept_quotes(&rows));
    checked(reading, rows, found)
}

/// Records between commas, or between the delimiter that is named or found; quoted fields may hold delimiters, line ends and
/// doubled quotes (RFC 4180).
pub(super) fn commas(reading: &Reading<'_>) -> Result<Records> {
    quoted(reading, find(reading, Dialect::COMMAS)?)
}

/// True of a header that a program has written with quotes around every field.
fn is_all_quoted(found: &Found<'_>) -> bool {
    let header = found.text.lines().next().unwrap_or_default();
    header.contains(found.dialect.delimiter)
        && header.split(found.dialect.delimiter).all(|field| is_quoted(field.trim()))
}

/// Fields that stand in quotes where quotes are ordinary characters: how many there are.
fn kept_quotes(rows: &[(usize, Vec<String>)]) -> Option<String> {
    let in_quotes = |field: &&String| is_quoted(field);
    let mut fields = rows.iter().flat_map(|(line, fields)| fields.iter().filter(in_quotes).map(move |f| (*line, f)));
    let (line, _) = fields.next()?;
    let which = match fields.count() {
        0 => format!("a field stands in quotes (on line {line})"),
        more => format!("{} fields stand in quotes (the first on line {line})", 1 + more),
    };
    Some(format!(
        "{which}, and the quotes are read as a part of the text; if a spreadsheet or pandas put them there, add --quotes"
    ))
}

fn quoted(reading: &Reading<'_>, found: Found<'_>) -> Result<Records> {
    let (source, byte) = (reading.source, byte(reading, found.dialect.delimiter)?);
    let text = found.text.trim_end_matches(['\n', '\r']);
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).delimiter(byte).from_reader(text.as_bytes());
    let mut records = Vec::new();
    let mut starts = Vec::new();
    let mut place = Place { byte: 0, line: 1 + found.lines_before };
    for record in reader.records() {
        let record = record.map_err(|error| source.error(place.line, error))?;
        let position = record.position().map_or(place.byte as u64, csv::Position::byte);
        place = place.moved_to(text, position as usize);
        starts.push(place);
        records.push((place.line, record.iter().map(str::to_owned).collect()));
    }
    quotes_are_closed(source, text, &starts)?;
    checked(reading, records, found)
}

/// Where a record starts.
#[derive(Clone, Copy)]
struct Place {
    byte: usize,
    line: usize,
}

impl Place {
    /// Goes on to `byte`, then over line ends. The reader's own count is one short behind a `\r\n`, for
    /// the `\n` belongs to the next record there.
    fn moved_to(self, text: &str, byte: usize) -> Self {
        let rest = &text.as_bytes()[byte..];
        let byte = byte + rest.iter().take_while(|&&b| b == b'\r' || b == b'\n').count();
        let passed = &text.as_bytes()[self.byte..byte];
        Self { byte, line: self.line + passed.iter().filter(|&&b| b == b'\n').count() }
    }
}

/// The reader takes whatever stands after a quote that is never closed as one field, to the end of the
/// file. A record with an odd number of quotes gives that away.
fn quotes_are_closed(source: &Source, text: &str, starts: &[Place]) -> Result<()> {
    let ends = starts.iter().skip(1).map(|place| place.byte).chain([text.len()]);
    for (place, end) in starts.iter().zip(ends) {
        let quotes = text.as_bytes()[place.byte..end].iter().filter(|&&byte| byte == b'"').count();
        if quotes % 2 == 1 {
            let wanted = "a field that contains a quote must be quoted, and the quote doubled: \"5\"\" pipe\"";
            return Err(source.error(place.line, format!("found a quote that is never closed; {wanted}")));
        }
    }
    Ok(())
}

fn checked(reading: &Reading<'_>, mut rows: Vec<(usize, Vec<String>)>, found: Found<'_>) -> Result<Records> {
    let (source, Found { dialect, mut notes, .. }) = (reading.source, found);
    let (line, header) = header(reading, &mut rows)?;
    notes.extend(first_example(reading, &rows));
    notes.extend(without_blank_end(&mut rows));
    check_header(source, line, &header)?;
    if rows.is_empty() {
        return Err(source.error(line, "found a header and no rows under it; expected at least one example"));
    }
    for (line, fields) in &rows {
        check_length(source, *line, fields, &header, dialect.delimiter)?;
    }
    Ok(without_unnamed(Records { header, rows, dialect, unnamed: Vec::new(), notes }))
}

/// The names of the columns, with their line: those of the first line, or those that are given for a table without such a line.
fn header(reading: &Reading<'_>, rows: &mut Vec<(usize, Vec<String>)>) -> Result<(usize, Vec<String>)> {
    let given = &reading.options.header;
    let (line, first) = if given.is_empty() { rows.remove(0) } else { rows[0].clone() };
    let first: Vec<String> = first.iter().map(|name| name.trim().to_owned()).collect();
    match given {
        given if given.is_empty() => Ok((line, first)),
        given if given.iter().all(|name| first.iter().any(|other| other.eq_ignore_ascii_case(name))) => {
            Err(reading.source.error(line, "the first line names the columns already; leave --header away"))
        }
        given => Ok((line, given.clone())),
    }
}

/// What the first line holds where names are given: should it name the columns, whoever reads this sees it.
fn first_example(reading: &Reading<'_>, rows: &[(usize, Vec<String>)]) -> Option<String> {
    let (_, fields) = rows.first().filter(|_| !reading.options.header.is_empty())?;
    let named = reading.options.header.iter().zip(fields);
    let shown: Vec<String> = named.map(|(name, field)| format!("{name} `{}`", shortened(field, 30))).collect();
    Some(format!("the first line is an example, as --header says: {}", shown.join(", ")))
}

/// Spreadsheets also leave rows of blank fields behind the last one: takes them off, which a note says.
fn without_blank_end(rows: &mut Vec<(usize, Vec<String>)>) -> Option<String> {
    let is_blank =
        |(_, fields): &(usize, Vec<String>)| fields.len() > 1 && fields.iter().all(|field| field.trim().is_empty());
    let full = rows.iter().rposition(|row| !is_blank(row)).map_or(0, |last| last + 1);
    let blank = rows.len() - full;
    rows.truncate(full);
    let plural = if blank == 1 { "row" } else { "rows" };
    (blank > 0).then(|| format!("{blank} blank {plural} at the end passed over"))
}

/// Spreadsheets leave columns without a name where a sheet was once wider: where nothing stands in them, they are passed over. What
/// holds something, as the index that pandas writes, is called by its place, so that rows can be joined by it.
fn without_unnamed(mut records: Records) -> Records {
    let is_unnamed = |place: &usize| records.header[*place].is_empty();
    let unnamed: Vec<usize> = (0..records.header.len()).filter(is_unnamed).collect();
    let is_blank = |place: &usize| records.rows.iter().all(|(_, fields)| fields[*place].trim().is_empty());
    let (blank, filled): (Vec<usize>, Vec<usize>) = unnamed.into_iter().partition(is_blank);
    for place in filled {
        let name = by_place(place, &records.header);
        records.notes.push(format!("column {} has no name, and is called `{name}`", place + 1));
        records.header[place].clone_from(&name);
        records.unnamed.push(name);
    }
    if blank.is_empty() {
        return records;
    }
    let keep = |fields: &mut Vec<String>| {
        let mut places = 0..;
        fields.retain(|_| places.next().is_none_or(|place| !blank.contains(&place)));
    };
    keep(&mut records.header);
    records.rows.iter_mut().for_each(|(_, fields)| keep(fields));
    let columns = if blank.len() == 1 { "column" } else { "columns" };
    records.notes.push(format!("{} {columns} without a name passed over, for nothing stands there", blank.len()));
    records
}

/// A name for a column that has none, unlike all others.
fn by_place(place: usize, header: &[String]) -> String {
    let mut name = format!("column_{}", place + 1);
    while header.contains(&name) {
        name.push('_');
    }
    name
}

fn check_header(source: &Source, line: usize, header: &[String]) -> Result<()> {
    for (i, name) in header.iter().enumerate().filter(|(_, name)| !name.is_empty()) {
        if header[..i].contains(name) {
            let advice = match looks_like_an_example(header) {
                true => "if the first line is an example, and names no columns, give names with --header",
                false => "rename one of them",
            };
            return Err(source.error(line, format!("the header names the column `{name}` twice; {advice}")));
        }
    }
    Ok(())
}

fn check_length(source: &Source, line: usize, fields: &[String], header: &[String], delimiter: char) -> Result<()> {
    if fields.len() == header.len() {
        return Ok(());
    }
    if fields.iter().all(|field| field.trim().is_empty()) {
        return Err(source.error(line, "the line is blank; delete it"));
    }
    let [wanted, found] = [header.len(), fields.len()].map(|n| format!("{n} column{}", if n == 1 { "" } else { "s" }));
    let names = header.join(", ");
    let in_quotes = delimiter == '\t' && fields.iter().any(|field| field.starts_with('"') || field.ends_with('"'));
    let advice = match (delimiter, fields.len() > header.len()) {
        _ if in_quotes => "if a spreadsheet or pandas put fields in quotes, add --quotes",
        (',' | ';' | '|', true) => "quote fields that contain the separator",
        ('\t', true) => "replace tabs inside a text by spaces",
        _ => "fill in what is missing, also where it is blank",
    };
    let between = plural(delimiter);
    let message = format!("expected {wanted} ({names}), found {found} between {between}; {advice}");
    Err(source.error(line, message))
}
