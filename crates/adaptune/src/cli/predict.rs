//! `adaptune predict`.

use super::args::PredictArgs;
use super::table::{self, Table, TableKind, Text};
use super::tokenise::Encoded;
use super::{data, eval};
use adaptune_adapters::{HeadConfig, Task};
use adaptune_tensor::ndarray::{Array2, ArrayView1, ArrayView2, Axis, s};
use adaptune_tensor::softmax;
use adaptune_train::{argmax, json, predict};
use anyhow::{Result, bail};
use serde_json::{Value, json};
use std::io::{self, BufWriter, Write};

/// Predicts and prints a line for each text.
pub(crate) fn run(args: &PredictArgs) -> Result<()> {
    let (model, tokeniser) = eval::load(&args.model)?;
    let head = model.head().config();
    let mut table = table::read_lines(&args.input, &args.columns.columns())?;
    fit(&mut table, head.task)?;
    let (dataset, encoded) = data::unlabelled(&table, head.task, &tokeniser)?;
    let logits = predict(&model, &dataset, args.model.batch_size.get())?;
    let mut out = BufWriter::new(io::stdout().lock());
    let mut row = 0;
    for (text, encoded) in table.rows.iter().map(|row| &row.text).zip(&encoded) {
        let rows = if head.task.reads_every_token() { encoded.token_ids.len() } else { 1 };
        let logits = logits.slice(s![row..row + rows, ..]);
        row += rows;
        let prediction = if head.task.reads_every_token() { tags(encoded, logits) } else { logits.to_owned() };
        let line = if args.json {
            json_line(text, head, &prediction, encoded).to_string()
        } else {
            plain_line(text, head, &prediction, encoded)
        };
        writeln!(out, "{line}")?;
    }
    Ok(out.flush()?)
}

/// Brings the texts into the form that the head reads.
fn fit(table: &mut Table, task: Task) -> Result<()> {
    let (name, kind) = (&table.name, table.kind);
    match (task.reads_every_token(), kind) {
        (true, TableKind::Single) => into_words(table),
        (true, TableKind::Pair) => {
            bail!("{name}: the head tags the words of one text, found {kind}; choose one column with --text-column")
        }
        (false, TableKind::Words) => {
            bail!("{name}: the head judges whole texts, found {kind}; give .txt, .tsv, .csv or .jsonl with texts")
        }
        _ => {}
    }
    Ok(())
}

/// Texts for a tagger are sentences of words between spaces.
fn into_words(table: &mut Table) {
    for row in &mut table.rows {
        if let Text::Single(text) = &row.text {
            row.text = Text::Words(text.split_whitespace().map(str::to_owned).collect());
        }
    }
    table.kind = TableKind::Words;
}

/// The logits of the words that have a token, `[words, C]`.
fn tags(encoded: &Encoded, logits: ArrayView2<'_, f32>) -> Array2<f32> {
    logits.select(Axis(0), &starts(encoded).flatten().collect::<Vec<_>>())
}

fn starts(encoded: &Encoded) -> impl Iterator<Item = Option<usize>> {
    encoded.word_starts.iter().flatten().copied()
}

fn json_line(text: &Text, head: &HeadConfig, logits: &Array2<f32>, encoded: &Encoded) -> Value {
    let text = match text {
        Text::Single(text) => json!(text),
        Text::Pair(a, b) => json!([a, b]),
        Text::Words(words) => json!(words),
    };
    let number = |number: &f32| json::value(f64::from(*number));
    let row = |row: ArrayView1<'_, f32>| row.iter().map(number).collect::<Vec<_>>();
    let rows = |array: &Array2<f32>| array.rows().into_iter().map(row).collect::<Vec<_>>();
    if head.task.predicts_a_number() {
        return json!({ "text": text, "label": number(&logits[[0, 0]]), "logits": rows(logits)[0] });
    }
    let probabilities = rows(&softmax(logits.clone()));
    if head.task.reads_every_token() {
        let labels = word_labels(head, logits, encoded);
        json!({ "text": text, "label": labels, "logits": rows(logits), "probabilities": probabilities })
    } else {
        let label = &head.labels[argmax(logits.row(0))];
        json!({ "text": text, "label": label, "logits": rows(logits)[0], "probabilities": probabilities[0] })
    }
}

fn plain_line(text: &Text, head: &HeadConfig, logits: &Array2<f32>, encoded: &Encoded) -> String {
    let shown = match text {
        Text::Single(text) => text.clone(),
        Text::Pair(a, b) => format!("{a}\t{b}"),
        Text::Words(words) => {
            let tagged = words.iter().zip(word_labels(head, logits, encoded));
            return tagged.map(|(word, tag)| format!("{word}/{}", tag.unwrap_or("?"))).collect::<Vec<_>>().join(" ");
        }
    };
    if head.task.predicts_a_number() {
        return format!("{:.4}\t{shown}", logits[[0, 0]]);
    }
    let class = argmax(logits.row(0));
    format!("{}\t{:.4}\t{shown}", head.labels[class], softmax(logits.clone())[[0, class]])
}

/// The label of each word; none for words without a token.
fn word_labels<'a>(head: &'a HeadConfig, logits: &Array2<f32>, encoded: &Encoded) -> Vec<Option<&'a str>> {
    let mut rows = logits.rows().into_iter();
    let label = |start: Option<usize>| start.and_then(|_| Some(head.labels[argmax(rows.next()?)].as_str()));
    starts(encoded).map(label).collect()
}
