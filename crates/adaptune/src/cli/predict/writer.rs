//! How predictions are written: for reading, as JSON Lines, as a table, or as tagged words.

use super::super::args::PredictArgs;
use super::super::misused::{misuse, misused};
use super::super::report::{counted, one_line};
use super::answered::Answered;
use super::record::{json_record, plain_line};
use adaptune_text::{Choices, Dialect, Format, NO_TAG, Prediction, Row, Table, TableKind, Text};
use anyhow::{Result, bail};
use serde_json::{Map, Value};
use std::io::{self, Write};

/// Writes predictions in one form.
pub(super) struct Writer<'a> {
    form: Form,
    /// The heads that answer: one, or several with their names.
    heads: Vec<Answered<'a>>,
    /// The columns of the input that are kept: place and name.
    kept: Vec<(usize, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Plain,
    JsonLines,
    Table(Dialect),
    Conll,
}

impl<'a> Writer<'a> {
    /// The form is that of the ending of `--out`; columns are those of `--keep`, or all of them in a file.
    /// With `decimal_comma` training data had one, and so have numbers in a table that is written as the input is; they have it too
    /// where the input's own numbers have it.
    pub(super) fn new(
        args: &PredictArgs,
        table: &Table,
        heads: Vec<Answered<'a>>,
        decimal_comma: bool,
    ) -> Result<Self> {
        let form = form(args, table, &heads, decimal_comma)?;
        let kept = match &args.keep {
            Some(names) => names.iter().map(|name| place(table, name.trim())).collect::<Result<Vec<_>>>()?,
            None if args.out.is_some() && !matches!(form, Form::Plain | Form::Conll) => {
                table.header.iter().cloned().enumerate().collect()
            }
            None => Vec::new(),
        };
        if form == Form::Plain && !kept.is_empty() {
            misuse!(
                "--keep is for files and --json: add --json, or --out with a name that ends in .tsv, .csv or .jsonl"
            );
        }
        if args.probabilities && !(matches!(form, Form::Table(_)) && heads.iter().any(Answered::has_labels)) {
            misuse!(
                "--probabilities adds columns to a table (.tsv, .csv) for classes and labels of texts; .jsonl has all probabilities"
            );
        }
        let added: Vec<String> = heads.iter().flat_map(Answered::columns).collect();
        let taken = kept.iter().find(|(_, name)| added.contains(name));
        if let Some((_, name)) = taken.filter(|_| matches!(form, Form::Table(_))) {
            bail!(
                "{} has a column `{name}` already, where predictions are to stand; choose others with --keep",
                table.name
            );
        }
        let kept = match form {
            Form::JsonLines => beside(table, kept, &Answered::fields(&heads))?,
            Form::Table(_) => as_in_file(table, kept),
            _ => kept,
        };
        Ok(Self { form, heads, kept })
    }

    /// The header, where there is one, and what stands before it.
    pub(super) fn begin(&self, to: &mut impl Write) -> io::Result<()> {
        let Form::Table(dialect) = self.form else { return Ok(()) };
        to.write_all(dialect.preamble().as_bytes())?;
        let mut names: Vec<String> = self.kept.iter().map(|(_, name)| name.clone()).collect();
        if names.is_empty() {
            names.push("text".to_owned());
        }
        names.extend(self.heads.iter().flat_map(Answered::columns));
        fields(to, dialect, names.into_iter())
    }

    /// One record, with a prediction of each head.
    pub(super) fn record(&self, to: &mut impl Write, row: &Row, predictions: &[Prediction]) -> io::Result<()> {
        let mut each = self.heads.iter().zip(predictions);
        match self.form {
            Form::Plain => {
                each.try_for_each(|(head, prediction)| writeln!(to, "{}", plain_line(row, prediction, head)))
            }
            Form::JsonLines => {
                let kept = self.kept.iter().map(|(place, name)| (name.clone(), field(row, *place)));
                writeln!(to, "{}", json_record(kept.collect::<Map<_, _>>(), row, &self.heads, predictions))
            }
            Form::Conll => {
                for (place, name) in &self.kept {
                    writeln!(to, "# {} = {}", one_line(name), one_line(&written(&field(row, *place))))?;
                }
                each.try_for_each(|(_, prediction)| conll(to, row, prediction))
            }
            Form::Table(dialect) => {
                let kept: Vec<String> = match self.kept.is_empty() {
                    true => vec![shown(&row.text)],
                    false => self.kept.iter().map(|(place, _)| written(&field(row, *place))).collect(),
                };
                let added = each.flat_map(|(head, prediction)| head.cells(prediction, dialect));
                fields(to, dialect, kept.into_iter().chain(added))
            }
        }
    }
}

impl Writer<'_> {
    /// What is to be known of fields that are not written as they are, or that other programs read as something else, where
    /// quotes are ordinary characters.
    pub(super) fn altered(&self, table: &Table) -> Option<String> {
        if self.form == Form::Conll && self.kept.is_empty() {
            return unkept(table);
        }
        let Form::Table(Dialect { quotes: false, .. }) = self.form else { return None };
        let of_row = |row: &Row| match self.kept.is_empty() {
            true => vec![shown(&row.text)],
            false => self.kept.iter().map(|(place, _)| written(&field(row, *place))).collect(),
        };
        let is_altered =
            |field: &String| field.starts_with('"') || field.contains(['\n', '\t', '\r']) || field.contains("\\n");
        let mut rows = table.rows.iter().filter(|row| of_row(row).iter().any(is_altered)).map(|row| row.line);
        let first = rows.next()?;
        let rows = counted(1 + rows.count(), "row");
        Some(format!(
            "{rows} (line {first} first) with a quote in front, a line end or a tab: without quotes a line end is written \\n, a tab \\t, and \
             other programs may read them otherwise; an --out that ends in .csv keeps every text as it is"
        ))
    }
}

/// The columns that are lost where a file holds words and tags alone.
fn unkept(table: &Table) -> Option<String> {
    let read = [&table.columns.text, &table.columns.label];
    let others: Vec<&str> =
        table.header.iter().filter(|name| !read.contains(&&Some((*name).clone()))).map(String::as_str).collect();
    let first = others.first()?;
    Some(format!(
        "columns that are not in a .conll file: {}; --keep {first} writes them above each sentence",
        others.join(", ")
    ))
}

/// One line of a table. Without quotes a delimiter or a line end within a field would part it.
fn fields(to: &mut impl Write, dialect: Dialect, fields: impl Iterator<Item = String>) -> io::Result<()> {
    let Dialect { delimiter, quotes, .. } = dialect;
    if quotes {
        let delimiter = u8::try_from(delimiter).map_err(io::Error::other)?;
        let end = if dialect.windows_line_ends { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') };
        let mut line = csv::WriterBuilder::new().delimiter(delimiter).terminator(end).from_writer(Vec::new());
        line.write_record(fields.collect::<Vec<_>>()).map_err(io::Error::other)?;
        return to.write_all(&line.into_inner().map_err(|error| io::Error::other(error.to_string()))?);
    }
    let fields: Vec<String> = fields.map(|field| one_line(&field)).collect();
    match fields.iter().find(|field| field.contains(delimiter)) {
        Some(field) => Err(io::Error::other(format!(
            "`{field}` holds a `{delimiter}`, which parts columns here; read the table with --quotes, or let --out end in .csv"
        ))),
        None => write!(to, "{}{}", fields.join(&delimiter.to_string()), dialect.line_end()),
    }
}

/// The kept columns with their names in the file, which are none for some.
fn as_in_file(table: &Table, kept: Vec<(usize, String)>) -> Vec<(usize, String)> {
    let is_unnamed = |name: &String| table.columns.unnamed.contains(name);
    kept.into_iter().map(|(place, name)| (place, if is_unnamed(&name) { String::new() } else { name })).collect()
}

/// The kept columns with their names in JSON: their own, unless that is a field of predictions. What was given must not pass for
/// what was predicted, nor be lost; the text that is read is the same in both.
fn beside(table: &Table, kept: Vec<(usize, String)>, fields: &[&str]) -> Result<Vec<(usize, String)>> {
    let is_read = |name: &str| table.kind == TableKind::Single && table.columns.text.as_deref() == Some(name);
    let taken = |name: &str| fields.contains(&name) && !(name == "text" && is_read(name));
    let named = |(place, name): (usize, String)| (place, if taken(&name) { format!("given_{name}") } else { name });
    let kept: Vec<(usize, String)> = kept.into_iter().map(named).collect();
    match kept.iter().find(|(place, name)| kept.iter().any(|(other, same)| other != place && same == name)) {
        Some((_, name)) => bail!("{} would have two columns `{name}`; choose others with --keep", table.name),
        None => Ok(kept),
    }
}

/// The form that the ending of `--out` says. A table that is of the input's own form is written in its dialect.
fn form(args: &PredictArgs, table: &Table, heads: &[Answered<'_>], decimal_comma: bool) -> Result<Form> {
    let Some(out) = &args.out else { return Ok(if args.json { Form::JsonLines } else { Form::Plain }) };
    let known = "let --out end in .tsv, .csv, .jsonl, .conll or .txt, which says how predictions are written (--format is of the input)";
    let form = match Format::of(out).map_err(|_| misused(format_args!("--out {}: {known}", out.display())))? {
        format @ (Format::Tsv | Format::Csv) => {
            let usual = if format == Format::Tsv { Dialect::TABS } else { Dialect::COMMAS };
            let same = args.table.options().format.map_or_else(|| Format::of(&args.input).ok(), Some) == Some(format);
            let own = table.dialect.filter(|_| same);
            let decimal_comma = decimal_comma || table.writes_decimal_commas();
            let own = own.map(|own| Dialect { decimal_comma: decimal_comma && own.leaves_commas(), ..own });
            Form::Table(own.unwrap_or(usual))
        }
        Format::JsonLines => Form::JsonLines,
        Format::Conll if matches!(heads, [one] if one.tags()) => Form::Conll,
        Format::Txt if !args.json => Form::Plain,
        other => bail!("--out {}: {}", out.display(), refusal(heads, other)),
    };
    if args.json && form != Form::JsonLines {
        misuse!("--json and --out {} contradict each other; let the file end in .jsonl", out.display());
    }
    Ok(form)
}

/// Why predictions cannot be written so.
fn refusal(heads: &[Answered<'_>], format: Format) -> String {
    let whose = if heads.len() == 1 { "this head" } else { "several adapters" };
    format!("predictions of {whose} cannot be written as .{}", format.name())
}

fn place(table: &Table, name: &str) -> Result<(usize, String)> {
    match table.header.iter().position(|column| column == name) {
        Some(place) => Ok((place, name.to_owned())),
        None if table.header.is_empty() => bail!("--keep {name}: {} has no named columns", table.name),
        None => {
            let hint = table.column_like(name).map(|column| format!("; did you mean `{column}`?")).unwrap_or_default();
            bail!("--keep {name}: {} has the columns {}{hint}", table.name, table.header.join(", "))
        }
    }
}

fn field(row: &Row, place: usize) -> Value {
    row.fields.get(place).cloned().unwrap_or_default()
}

/// A field of JSON in a table.
fn written(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn shown(text: &Text) -> String {
    match text {
        Text::Single(text) => text.clone(),
        Text::Pair(a, b) => format!("{a} / {b}"),
        Text::Words(words) => words.join(" "),
        Text::Compared(texts) => texts.join(" / "),
        Text::Choices(Choices { context, question, choices }) => {
            let about = [context, question].into_iter().filter(|text| !text.trim().is_empty());
            about.chain(choices).map(String::as_str).collect::<Vec<_>>().join(" / ")
        }
    }
}

/// A word and its tag a line, `?` where it has none, and a blank line behind the sentence.
fn conll(to: &mut impl Write, row: &Row, prediction: &Prediction) -> io::Result<()> {
    let (Text::Words(words), Prediction::Tags(tags)) = (&row.text, prediction) else { return writeln!(to) };
    for (word, tag) in words.iter().zip(tags) {
        writeln!(to, "{word}\t{}", tag.label.as_deref().unwrap_or(NO_TAG))?;
    }
    writeln!(to)
}
