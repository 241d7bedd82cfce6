//! `adaptune inspect`.

use super::args::InspectArgs;
use super::folder::{RunFolder, TRAINED};
use super::report::{self, Cell, Report, bytes, note, print_line, thousands};
use adaptune_adapters::Expression;
use adaptune_adapters::format::{Described, Note, describe, notes, setup_expression};
use anyhow::{Result, bail};
use serde_json::{Map, Value, json};

/// Shows what a directory holds. The base model is not needed.
pub(crate) fn run(args: &InspectArgs) -> Result<()> {
    if !args.adapter.is_dir() {
        bail!("{} is no folder; expected one that train or AdapterHub's save_adapter wrote", args.adapter.display());
    }
    let (parts, notes) = (describe(&args.adapter)?, notes(&args.adapter)?);
    if args.json {
        return print_json(args, &parts, &notes);
    }
    print(args, &parts)?;
    for said in &notes {
        note(format_args!("note: {said}"));
    }
    Ok(())
}

fn print(args: &InspectArgs, parts: &[Described]) -> Result<()> {
    let mut report = Report::new();
    let mut row = |name: &str, value: String| _ = report.row(vec![name.into(), value.into()]);
    if let Some(setup) = setup_expression(&args.adapter)? {
        tree(&setup, 0).into_iter().for_each(|line| row("setup", line));
    }
    for part in parts {
        row(part.kind, part.name.clone());
        if !part.model_type.is_null() {
            let [family, name, size] = [&part.model_type, &part.model_name, &part.hidden_size].map(text);
            row("  base", format!("{family} ({name}), hidden size {size}"));
        }
        for (name, value) in interesting(part) {
            row(&format!("  {name}"), text(&value));
        }
        row("  tensors", thousands(part.tensors.len() as u64));
        row("  parameters", thousands(part.parameters() as u64));
        row("  file", format!("{}, {}", part.file, bytes(part.bytes)));
    }
    if let Some(run) = RunFolder::new(&args.adapter, TRAINED).run_file()? {
        row("trained with", format!("--model {} --method '{}' --max-length {}", run.model, run.method, run.max_length));
    }
    report.print()?;
    let mut tensors = Report::with_header(&["tensor", "shape", "parameters"]);
    for (name, shape) in parts.iter().flat_map(|part| &part.tensors) {
        let count = shape.iter().product::<usize>() as u64;
        tensors.row(vec![name.as_str().into(), format!("{shape:?}").into(), Cell::number(thousands(count))]);
    }
    print_line("")?;
    Ok(tensors.print()?)
}

/// A setup with each part on a line of its own, further to the right than what it is a part of.
fn tree(setup: &Expression, depth: usize) -> Vec<String> {
    let indented = |text: &str| format!("{}{text}", "  ".repeat(depth));
    let Expression::Node(node) = setup else { return vec![indented(&setup.to_string())] };
    let own = node.own.as_ref().map(|own| format!(" {own}")).unwrap_or_default();
    let options = node.options.iter().map(|(name, list)| format!(" {name}={list:?}")).collect::<String>();
    let mut lines = vec![indented(&format!("{}{own}{options}", node.name))];
    for (i, part) in node.parts.iter().enumerate() {
        let mut of_part = tree(part, depth + 1);
        if let Some(weight) = node.weights.get(i) {
            of_part[0].push_str(&format!(" ({weight})"));
        }
        lines.extend(of_part);
    }
    lines
}

/// The fields that say most, in the order in which one asks for them.
fn interesting(part: &Described) -> Vec<(String, Value)> {
    let names = [
        "head_type",
        "num_labels",
        "num_choices",
        "label2id",
        "layers",
        "use_pooler",
        "pooling",
        "mh_adapter",
        "output_adapter",
        "reduction_factor",
        "non_linearity",
        "is_parallel",
        "scaling",
        "ln_before",
        "ln_after",
        "leave_out",
        "dropout",
    ];
    names.iter().filter_map(|name| Some(((*name).to_owned(), part.config.get(*name)?.clone()))).collect()
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "none".into(),
        other => other.to_string(),
    }
}

fn print_json(args: &InspectArgs, parts: &[Described], notes: &[Note]) -> Result<()> {
    let described = |part: &Described| {
        let tensors: Map<_, _> = part.tensors.iter().map(|(name, shape)| (name.clone(), json!(shape))).collect();
        let fields = json!({
            "name": part.name,
            "model_type": part.model_type,
            "model_name": part.model_name,
            "hidden_size": part.hidden_size,
            "config": part.config,
            "file": part.file,
            "bytes": part.bytes,
            "parameters": part.parameters(),
            "tensors": tensors,
        });
        let alone = parts.iter().filter(|other| other.kind == part.kind).count() == 1;
        (if alone { part.kind.to_owned() } else { format!("{} {}", part.kind, part.name) }, fields)
    };
    let parts: Map<_, _> = parts.iter().map(described).collect();
    let notes: Vec<String> = notes.iter().map(Note::to_string).collect();
    let setup = setup_expression(&args.adapter)?.map(|setup| setup.to_string());
    Ok(report::print_json(&json!({ "directory": args.adapter, "setup": setup, "parts": parts, "notes": notes }))?)
}
