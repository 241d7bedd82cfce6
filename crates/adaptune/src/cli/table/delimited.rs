//! `.tsv` and `.csv`: a header, then records with as many fields as the header.

use super::source::Source;
use anyhow::Result;

/// A header and the records under it, each with the line on which it starts.
#[derive(Debug)]
pub(super) struct Records {
    pub(super) header: Vec<String>,
    pub(super) rows: Vec<(usize, Vec<String>)>,
}

/// Splits at tabs. Quotes mean nothing, as in the files of GLUE and the Universal Dependencies.
pub(super) fn tabs(source: &Source) -> Result<Records> {
    let split = |(line, text): (usize, &str)| (line, text.split('\t').map(str::to_owned).collect());
    checked(source, source.lines().map(split).collect(), "tab")
}

/// Splits at commas, where quoted fields may hold commas, line ends and doubled quotes (RFC 4180).
pub(super) fn commas(source: &Source) -> Result<Records> {
    let text = source.text.trim_end_matches(['\n', '\r']);
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    let mut records = Vec::new();
    let mut starts = Vec::new();
    let mut place = Place { byte: 0, line: 1 };
    for record in reader.records() {
        let record = record.map_err(|error| source.error(place.line, error))?;
        let position = record.position().expect("a record that was read has a position");
        place = place.moved_to(text, position.byte() as usize);
        starts.push(place);
        records.push((place.line, record.iter().map(str::to_owned).collect()));
    }
    quotes_are_closed(source, text, &starts)?;
    checked(source, records, "comma")
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

fn checked(source: &Source, mut rows: Vec<(usize, Vec<String>)>, separator: &str) -> Result<Records> {
    let (line, header) = rows.remove(0);
    let header: Vec<String> = header.iter().map(|name| name.trim().to_owned()).collect();
    check_header(source, line, &header)?;
    if rows.is_empty() {
        return Err(source.error(line, "found a header and no rows under it; expected at least one example"));
    }
    for (line, fields) in &rows {
        check_length(source, *line, fields, &header, separator)?;
    }
    Ok(Records { header, rows })
}

fn check_header(source: &Source, line: usize, header: &[String]) -> Result<()> {
    for (i, name) in header.iter().enumerate() {
        if header[..i].contains(name) {
            return Err(source.error(line, format!("the header names the column `{name}` twice; rename one of them")));
        }
    }
    Ok(())
}

fn check_length(source: &Source, line: usize, fields: &[String], header: &[String], separator: &str) -> Result<()> {
    if fields.len() == header.len() {
        return Ok(());
    }
    if fields.iter().all(|field| field.trim().is_empty()) {
        return Err(source.error(line, "the line is blank; delete it"));
    }
    let [wanted, found] = [header.len(), fields.len()].map(|n| format!("{n} column{}", if n == 1 { "" } else { "s" }));
    let names = header.join(", ");
    let advice = match (separator, fields.len() > header.len()) {
        ("comma", true) => "quote fields that contain commas",
        ("tab", true) => "replace tabs inside a text by spaces",
        _ => "fill in what is missing, also where it is blank",
    };
    Err(source.error(line, format!("expected {wanted} ({names}), found {found} between {separator}s; {advice}")))
}
