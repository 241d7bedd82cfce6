//! `adaptune eval`, and loading a trained model for it and for `predict`.

use super::args::{EvalArgs, ModelArgs};
use super::finished::Finished;
use super::report::{Cell, Report, print_line, thousands};
use super::tokenise::Tokeniser;
use super::{data, table};
use adaptune_adapters::{AdapterModel, format};
use adaptune_train::{Evaluation, evaluate, json};
use anyhow::Result;
use serde_json::json;

/// Evaluates and prints the metrics.
pub(crate) fn run(args: &EvalArgs) -> Result<()> {
    let (model, tokeniser) = load(&args.model)?;
    let table = table::read(&args.data, &args.columns.columns())?;
    let head = model.head().config();
    let data = data::dataset(&table, &data::labels(head.task, &head.labels), &tokeniser)?;
    let evaluation = evaluate(&model, &data, args.model.batch_size.get())?;
    if args.json { print_json(args, &evaluation, data.len()) } else { print(&evaluation, data.len()) }
}

/// The base with adapter and head, and the tokeniser for it.
pub(crate) fn load(args: &ModelArgs) -> Result<(AdapterModel<f32>, Tokeniser)> {
    let finished = Finished::open(args.model.as_deref(), args.base_dtype, &args.adapter)?;
    let tokeniser = finished.model.tokeniser(args.max_length.or(Some(finished.max_length)))?;
    Ok((format::load(&args.adapter, finished.base)?, tokeniser))
}

fn print(evaluation: &Evaluation, examples: usize) -> Result<()> {
    let mut report = Report::new();
    let mut row = |name: &str, value: String| _ = report.row(vec![name.into(), Cell::number(value)]);
    row("examples", thousands(examples as u64));
    row("loss", format!("{:.4}", evaluation.loss));
    for (name, value) in evaluation.metrics.iter() {
        row(name, format!("{value:.4}"));
    }
    Ok(report.print()?)
}

fn print_json(args: &EvalArgs, evaluation: &Evaluation, examples: usize) -> Result<()> {
    let (loss, metrics) = (json::value(evaluation.loss), json::scores(evaluation.metrics.iter()));
    let result = json!({ "data": args.data, "examples": examples, "loss": loss, "metrics": metrics });
    Ok(print_line(result)?)
}
