//! How good vectors of texts are: on scored pairs, on texts that belong together, and in finding documents.

use super::super::args::{AdapterArg, EvalArgs};
use super::super::embed::Source;
use super::super::folder::{RunFolder, TRAINED};
use super::super::output;
use super::super::report::{self, Cell, Report, note, notes, thousands};
use adaptune_tensor::matmul;
use adaptune_tensor::ndarray::{Array2, Axis, concatenate};
use adaptune_text::{Embedder, Labels, Retrieval, Table, Targets, TaskChoice, Text};
use adaptune_train::json;
use adaptune_train::metrics::{Metrics, Neighbours, ranked};
use anyhow::Result;
use serde_json::json;
use std::collections::HashMap;

/// Documents that are looked at for each query, as in runs for `trec_eval`.
const FOUND: usize = 1000;
/// Queries whose documents are compared at a time.
const BLOCK: usize = 64;
/// Texts that are embedded between two looks at the bar.
const PART: usize = 256;

/// True if it is vectors that are to be measured.
pub(super) fn are_meant(args: &EvalArgs) -> Result<bool> {
    let leading = args.model.adapter.as_ref().map(AdapterArg::leading);
    let run = leading.filter(|folder| folder.is_dir()).map(|folder| RunFolder::new(&folder, TRAINED).run_file());
    let trained = run.transpose()?.flatten().is_some_and(|run| run.embedding.is_some());
    Ok(args.embeddings || trained || args.data.as_deref().is_some_and(Retrieval::is_in))
}

/// Evaluates and prints the metrics.
pub(super) fn run(args: &EvalArgs) -> Result<()> {
    let source = Source {
        model: args.model.model.as_deref(),
        adapter: args.model.adapter.as_ref(),
        max_length: args.model.max_length,
        base_dtype: args.model.base_dtype,
        form: &args.form,
        table: &args.table,
        compared: true,
    };
    let (embedder, options) = source.open()?;
    let data = args.named_data()?;
    if Retrieval::is_in(data) {
        return retrieval(args, &embedder);
    }
    let table = Table::read_with(data, &options)?.labelled()?;
    notes(&table.name, &table.notes);
    let metrics = compared(args, &embedder, &table)?;
    print(args, &[("examples", table.rows.len())], &metrics)
}

/// Scores of pairs with a score, or of texts that belong together.
fn compared(args: &EvalArgs, embedder: &Embedder, table: &Table) -> Result<Metrics> {
    let (labels, decision) = Labels::decide(table, TaskChoice::Embedding)?;
    if !args.json {
        note(decision);
    }
    let of_row = |text: &Text| if let Text::Compared(texts) = text { texts.clone() } else { Vec::new() };
    let groups: Vec<Vec<String>> = table.rows.iter().map(|row| of_row(&row.text)).collect();
    let texts: Vec<&str> = groups.iter().flatten().map(String::as_str).collect();
    let unit = embedded(args, embedder, &texts)?;
    Ok(match labels.targets(table)? {
        Targets::Numbers(scores) => {
            let cosine = |i: usize| f64::from(unit.row(2 * i).dot(&unit.row(2 * i + 1)));
            Metrics::similarity(&scores, &(0..scores.len()).map(cosine).collect::<Vec<_>>())
        }
        _ => {
            let sizes: Vec<usize> = groups.iter().map(Vec::len).collect();
            Metrics::places(&Neighbours { sizes: &sizes, texts: &numbered(&texts), unit: unit.view() }.places())
        }
    })
}

/// A number for each text, the same for the same one.
fn numbered(texts: &[&str]) -> Vec<usize> {
    let mut known = HashMap::new();
    let number = |text: &&str| {
        let next = known.len();
        *known.entry((*text).to_owned()).or_insert(next)
    };
    texts.iter().map(number).collect()
}

/// The vectors of texts, of length 1; says how many texts were cut.
fn embedded(args: &EvalArgs, embedder: &Embedder, texts: &[&str]) -> Result<Array2<f32>> {
    let bar = output::bar(!args.json, texts.len());
    let mut parts = vec![Array2::zeros((0, embedder.size()))];
    let mut cut = 0;
    for part in texts.chunks(PART) {
        let table = Table::of_texts(part);
        let mut rows = Vec::with_capacity(part.len() * embedder.size());
        let found = embedder.embed_rows(&table, args.model.batch_size(), |_, vector| {
            match vector {
                Some(vector) => rows.extend(vector.iter()),
                // A blank document is near to nothing.
                None => rows.resize(rows.len() + embedder.size(), 0.0),
            }
            Ok(())
        })?;
        cut += found.len();
        bar.inc(part.len() as u64);
        parts.push(Array2::from_shape_vec((part.len(), embedder.size()), rows)?);
    }
    bar.finish_and_clear();
    if cut > 0 {
        note(format_args!(
            "note: some texts have more than {} tokens; their ends were cut off",
            embedder.tokenizer().max_length()
        ));
    }
    let views: Vec<_> = parts.iter().map(|part| part.view()).collect();
    Ok(adaptune_adapters::objective::UnitRows::of(concatenate(Axis(0), &views)?.view()).unit)
}

/// Scores of finding documents.
fn retrieval(args: &EvalArgs, embedder: &Embedder) -> Result<()> {
    let Retrieval { documents, queries, judgements, notes: said } = Retrieval::read(args.named_data()?)?;
    for sentence in said {
        note(format_args!("note: {sentence}"));
    }
    let texts = |of: &[(String, String)]| -> Vec<String> { of.iter().map(|(_, text)| text.clone()).collect() };
    let (of_documents, of_queries) = (texts(&documents), texts(&queries));
    let of_documents = embedded(args, embedder, &of_documents.iter().map(String::as_str).collect::<Vec<_>>())?;
    let of_queries = embedded(args, embedder, &of_queries.iter().map(String::as_str).collect::<Vec<_>>())?;
    let names: Vec<&str> = documents.iter().map(|(name, _)| name.as_str()).collect();
    let mut rankings = Vec::with_capacity(queries.len());
    for (block, rows) in of_queries.axis_chunks_iter(Axis(0), BLOCK).enumerate() {
        let scores = matmul(rows, of_documents.t());
        for (i, row) in scores.rows().into_iter().enumerate() {
            let (query, judged) = (&queries[block * BLOCK + i].0, &judgements[block * BLOCK + i]);
            // A query that is a document itself does not look for itself, as in BEIR.
            let found = ranked(&row.to_vec(), &names, FOUND + 1).into_iter().map(|document| names[document]);
            let found = found.filter(|name| name != query).take(FOUND);
            let grades = found.map(|name| judged.get(name).copied().unwrap_or(0.0)).collect();
            rankings
                .push((grades, judged.iter().filter(|(name, _)| *name != query).map(|(_, grade)| *grade).collect()));
        }
    }
    print(args, &[("queries", queries.len()), ("documents", documents.len())], &Metrics::retrieval(&rankings))
}

fn print(args: &EvalArgs, counts: &[(&str, usize)], metrics: &Metrics) -> Result<()> {
    if args.json {
        let mut result = json!({ "data": args.data, "metrics": json::scores(metrics.iter()) });
        counts.iter().for_each(|(name, count)| result[*name] = (*count).into());
        return Ok(report::print_json(&result)?);
    }
    let mut report = Report::new();
    for (name, count) in counts {
        report.row(vec![(*name).into(), Cell::number(thousands(*count as u64))]);
    }
    for (name, value) in metrics.iter() {
        report.row(vec![name.into(), Cell::number(format!("{value:.4}"))]);
    }
    Ok(report.print()?)
}
