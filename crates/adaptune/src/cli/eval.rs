//! `adaptune eval`.

use super::args::EvalArgs;
use super::loaded::Loaded;
use super::per_class::PerClass;
use super::report::{Cell, Report, notes, print_line, thousands};
use adaptune_text::{Labels, Table};
use adaptune_train::{Evaluation, evaluate, json, predict};
use anyhow::Result;
use serde_json::json;

/// Evaluates and prints the metrics.
pub(crate) fn run(args: &EvalArgs) -> Result<()> {
    let loaded = Loaded::open(&args.model)?;
    let table = Table::read_with(&args.data, &loaded.table_options(&args.table))?.labelled()?;
    if let Some(input) = loaded.predictor.input() {
        input.check(&table)?;
    }
    let (model, head) = (loaded.predictor.model(), loaded.predictor.model().head().config());
    let tokenized = loaded.predictor.tokenizer().tokenize(&table, &Labels::of_head(head.task, &head.labels))?;
    notes(&table.name, &table.notes);
    notes(&table.name, &tokenized.notes);
    let data = tokenized.dataset;
    let batch_size = args.model.batch_size();
    let evaluation = evaluate(model, &data, batch_size)?;
    let per_class = match args.per_class {
        true => Some(PerClass::new(head, &data, &predict(model, &data, batch_size)?)?),
        false => None,
    };
    if args.json {
        return print_json(args, &evaluation, data.len(), per_class.as_ref());
    }
    print(&evaluation, data.len())?;
    per_class.map_or(Ok(()), |classes| classes.print())
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

fn print_json(args: &EvalArgs, evaluation: &Evaluation, examples: usize, classes: Option<&PerClass>) -> Result<()> {
    let (loss, metrics) = (json::value(evaluation.loss), json::scores(evaluation.metrics.iter()));
    let mut result = json!({ "data": args.data, "examples": examples, "loss": loss, "metrics": metrics });
    if let Some(classes) = classes {
        result["classes"] = classes.json();
    }
    Ok(print_line(result)?)
}
