//! `adaptune eval`.

use super::args::EvalArgs;
use super::loaded::Loaded;
use super::report::{Cell, Report, notes, print_line, thousands};
use adaptune_text::{Labels, Table};
use adaptune_train::{Evaluation, evaluate, json};
use anyhow::Result;
use serde_json::json;

/// Evaluates and prints the metrics.
pub(crate) fn run(args: &EvalArgs) -> Result<()> {
    let loaded = Loaded::open(&args.model)?;
    let table = Table::read_with(&args.data, &loaded.table_options(&args.table))?.labelled()?;
    loaded.check_form(&table)?;
    let (model, head) = (loaded.predictor.model(), loaded.predictor.model().head().config());
    let data = loaded.predictor.tokenizer().tokenize(&table, &Labels::of_head(head.task, &head.labels))?;
    notes(&table.name, &table.notes);
    notes(&table.name, &data.notes);
    let evaluation = evaluate(model, &data.dataset, args.model.batch_size.get())?;
    let examples = data.dataset.len();
    if args.json { print_json(args, &evaluation, examples) } else { print(&evaluation, examples) }
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
