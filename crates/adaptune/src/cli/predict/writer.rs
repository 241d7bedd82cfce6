//! How predictions are written: for reading, as JSON Lines, as a table, or as tagged words.

use super::super::args::PredictArgs;
use super::super::report::one_line;
use super::record::{json_record, of_answer, plain_line, probability};
use adaptune_adapters::{HeadConfig, did_you_mean};
use adaptune_text::{Format, Prediction, Row, Table, TableKind, Text};
use anyhow::{Result, bail};
use serde_json::{Map, Value};
use std::io::{self, Write};

/// Writes predictions in one form.
pub(super) struct Writer<'a> {
    form: Form,
    head: &'a HeadConfig,
    /// The columns of the input that are kept: place and name.
    kept: Vec<(usize, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Plain,
    JsonLines,
    Tabs,
    Commas,
    Conll,
}

/// The columns that are added to a table.
const ADDED: [&str; 2] = ["predicted", "probability"];
/// Those of answers beside the answer.
const OF_ANSWERS: [&str; 3] = ["score", "start", "end"];

impl<'a> Writer<'a> {
    /// The form is that of the ending of `--out`; columns are those of `--keep`, or all of them in a file.
    pub(super) fn new(args: &PredictArgs, table: &Table, head: &'a HeadConfig) -> Result<Self> {
        let form = form(args, head)?;
        let kept = match &args.keep {
            Some(names) => names.iter().map(|name| place(table, name)).collect::<Result<Vec<_>>>()?,
            None if args.out.is_some() => table.header.iter().cloned().enumerate().collect(),
            None => Vec::new(),
        };
        if form == Form::Plain && !kept.is_empty() {
            bail!("--keep is for files and --json: add --json, or --out with a name that ends in .tsv, .csv or .jsonl");
        }
        let answers = head.task.predicts_a_span();
        let is_taken = |name: &str| ADDED.contains(&name) || answers && OF_ANSWERS.contains(&name);
        let taken = kept.iter().find(|(_, name)| is_taken(name));
        if let Some((_, name)) = taken.filter(|_| matches!(form, Form::Tabs | Form::Commas)) {
            bail!(
                "{} has a column `{name}` already, where predictions are to stand; choose others with --keep",
                table.name
            );
        }
        let kept = match form {
            Form::JsonLines => beside(table, kept)?,
            _ => kept,
        };
        Ok(Self { form, head, kept })
    }

    /// The header, where there is one.
    pub(super) fn begin(&self, to: &mut impl Write) -> io::Result<()> {
        let mut names: Vec<&str> = self.kept.iter().map(|(_, name)| name.as_str()).collect();
        if names.is_empty() {
            names.push("text");
        }
        names.extend(self.added());
        if self.head.task.predicts_a_span() {
            names.extend(OF_ANSWERS);
        }
        self.fields(to, names.into_iter().map(str::to_owned))
    }

    /// One record.
    pub(super) fn record(&self, to: &mut impl Write, row: &Row, prediction: &Prediction) -> io::Result<()> {
        match self.form {
            Form::Plain => writeln!(to, "{}", plain_line(row, prediction, self.head)),
            Form::JsonLines => {
                let kept = self.kept.iter().map(|(place, name)| (name.clone(), field(row, *place)));
                writeln!(to, "{}", json_record(kept.collect::<Map<_, _>>(), row, prediction, self.head))
            }
            Form::Conll => conll(to, row, prediction),
            Form::Tabs | Form::Commas => {
                let kept: Vec<String> = match self.kept.is_empty() {
                    true => vec![shown(&row.text)],
                    false => self.kept.iter().map(|(place, _)| written(&field(row, *place))).collect(),
                };
                let added =
                    [prediction.label(), probability(prediction, self.head)].into_iter().take(self.added().len());
                let of_answer = of_answer(prediction).into_iter().filter(|_| self.head.task.predicts_a_span());
                self.fields(to, kept.into_iter().chain(added).chain(of_answer))
            }
        }
    }

    /// The names of the columns that are added; only classes have a probability.
    fn added(&self) -> &'static [&'static str] {
        let classes = !self.head.task.predicts_a_number() && !self.head.task.reads_every_token();
        &ADDED[..if classes { 2 } else { 1 }]
    }

    fn fields(&self, to: &mut impl Write, fields: impl Iterator<Item = String>) -> io::Result<()> {
        match self.form {
            Form::Tabs => writeln!(to, "{}", fields.map(|field| one_line(&field)).collect::<Vec<_>>().join("\t")),
            Form::Commas => {
                let mut line = csv::WriterBuilder::new().from_writer(Vec::new());
                line.write_record(fields.collect::<Vec<_>>()).map_err(io::Error::other)?;
                to.write_all(&line.into_inner().map_err(|error| io::Error::other(error.to_string()))?)
            }
            Form::Plain | Form::JsonLines | Form::Conll => Ok(()),
        }
    }
}

/// Fields of predictions in JSON.
const FIELDS: [&str; 9] = ["text", "label", "logits", "probabilities", "answer", "start", "end", "score", "null_score"];

/// The kept columns with their names in JSON: their own, unless that is a field of predictions. What was given must not pass for
/// what was predicted, nor be lost; the text that is read is the same in both.
fn beside(table: &Table, kept: Vec<(usize, String)>) -> Result<Vec<(usize, String)>> {
    let is_read = |name: &str| table.kind == TableKind::Single && table.columns.text.as_deref() == Some(name);
    let taken = |name: &str| FIELDS.contains(&name) && !(name == "text" && is_read(name));
    let named = |(place, name): (usize, String)| (place, if taken(&name) { format!("given_{name}") } else { name });
    let kept: Vec<(usize, String)> = kept.into_iter().map(named).collect();
    match kept.iter().find(|(place, name)| kept.iter().any(|(other, same)| other != place && same == name)) {
        Some((_, name)) => bail!("{} would have two columns `{name}`; choose others with --keep", table.name),
        None => Ok(kept),
    }
}

fn form(args: &PredictArgs, head: &HeadConfig) -> Result<Form> {
    let Some(out) = &args.out else { return Ok(if args.json { Form::JsonLines } else { Form::Plain }) };
    let form = match Format::of(out)? {
        Format::Tsv => Form::Tabs,
        Format::Csv => Form::Commas,
        Format::JsonLines => Form::JsonLines,
        Format::Conll if head.task.reads_every_token() && !head.task.predicts_a_span() => Form::Conll,
        Format::Txt if !args.json => Form::Plain,
        other => bail!("--out {}: predictions of this head cannot be written as .{}", out.display(), other.name()),
    };
    if args.json && form != Form::JsonLines {
        bail!("--json and --out {} contradict each other; let the file end in .jsonl", out.display());
    }
    Ok(form)
}

fn place(table: &Table, name: &str) -> Result<(usize, String)> {
    match table.header.iter().position(|column| column == name) {
        Some(place) => Ok((place, name.to_owned())),
        None if table.header.is_empty() => bail!("--keep {name}: {} has no named columns", table.name),
        None => {
            let hint = did_you_mean(name, table.header.iter().map(String::as_str));
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
    }
}

/// A word and its tag a line, and a blank line behind the sentence.
fn conll(to: &mut impl Write, row: &Row, prediction: &Prediction) -> io::Result<()> {
    let (Text::Words(words), Prediction::Tags(tags)) = (&row.text, prediction) else { return writeln!(to) };
    for (word, tag) in words.iter().zip(tags) {
        writeln!(to, "{word}\t{}", tag.label.as_deref().unwrap_or("O"))?;
    }
    writeln!(to)
}
