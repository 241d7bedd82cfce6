//! `adaptune eval`, and loading a trained model for it and for `predict`.

use super::args::{EvalArgs, ModelArgs};
use super::folder::{RunFolder, State};
use super::report::{Cell, Report, print_line, thousands};
use super::tokenise::Tokeniser;
use super::{data, model_path, table};
use adaptune_adapters::{AdapterModel, format};
use adaptune_train::{Evaluation, evaluate};
use adaptune_transformer::{Config, Encoder};
use anyhow::{Result, bail};
use serde_json::{Map, json};
use std::sync::Arc;

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
    if !args.adapter.is_dir() {
        bail!("{} is no folder; --adapter names the folder that train wrote", args.adapter.display());
    }
    let folder = RunFolder::new(&args.adapter);
    if folder.state() == State::Interrupted {
        bail!("{} holds a run that did not end; go on with train --resume", args.adapter.display());
    }
    let directory = model_path::resolve(&args.model)?;
    let config = Config::read(&directory)?;
    let limit = config.max_tokens();
    let trained_with = folder.run_file().map(|run| run.max_length);
    let max_length = match args.max_length {
        Some(length) if length > limit => {
            bail!("--max-length is {length}, but the model has positions for {limit} tokens")
        }
        length => length.or(trained_with).unwrap_or(limit).min(limit),
    };
    let tokeniser = Tokeniser::from_dir(&directory, max_length)?;
    tokeniser.check_vocabulary(config.vocabulary)?;
    let model = format::load(&args.adapter, Arc::new(Encoder::load(&directory)?))?;
    Ok((model, tokeniser))
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
    let metrics: Map<_, _> = evaluation.metrics.iter().map(|(name, value)| (name.to_string(), json!(value))).collect();
    let result = json!({ "data": args.data, "examples": examples, "loss": evaluation.loss, "metrics": metrics });
    Ok(print_line(result)?)
}
