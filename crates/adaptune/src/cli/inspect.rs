//! `adaptune inspect`.

use super::args::{AdapterArg, InspectArgs};
use super::folder::{RunFolder, TRAINED};
use super::report::{self, Cell, Report, bytes, note, print_line, thousands};
use adaptune_adapters::format::{Described, Note, describe, notes, setup_expression};
use adaptune_adapters::{Expression, NodeExpression};
use anyhow::{Result, bail};
use serde_json::{Map, Value, json};
use std::path::PathBuf;

/// What a directory holds.
struct Folder {
    path: PathBuf,
    setup: Option<Expression>,
    parts: Vec<Described>,
    notes: Vec<Note>,
}

impl Folder {
    fn open(path: PathBuf) -> Result<Self> {
        if !path.is_dir() {
            bail!("{} is no folder; expected one that train or AdapterHub's save_adapter wrote", path.display());
        }
        let (setup, parts, notes) = (setup_expression(&path)?, describe(&path)?, notes(&path)?);
        Ok(Self { path, setup, parts, notes })
    }
}

/// Shows what a directory holds, or several that an expression puts together. The base model is not needed.
pub(crate) fn run(args: &InspectArgs) -> Result<()> {
    let folders = args.adapter.folders().into_iter().map(Folder::open).collect::<Result<Vec<_>>>()?;
    let composed = if let AdapterArg::Composed(expression) = &args.adapter { Some(expression) } else { None };
    if args.json {
        return print_json(composed, &folders);
    }
    print(composed, &folders)?;
    for said in folders.iter().flat_map(|folder| &folder.notes) {
        note(format_args!("note: {said}"));
    }
    Ok(())
}

fn print(composed: Option<&Expression>, folders: &[Folder]) -> Result<()> {
    let mut report = Report::new();
    let mut row = |name: &str, value: String| _ = report.row(vec![name.into(), value.into()]);
    if let Some(setup) = composed {
        tree(setup, 0).into_iter().for_each(|line| row("setup", line));
    }
    for folder in folders {
        if composed.is_some() {
            row("folder", folder.path.display().to_string());
        }
        describe_folder(folder, &mut row)?;
    }
    report.print()?;
    let mut tensors = Report::with_header(&["tensor", "shape", "parameters"]);
    for (name, shape) in folders.iter().flat_map(|folder| &folder.parts).flat_map(|part| &part.tensors) {
        let count = shape.iter().product::<usize>() as u64;
        tensors.row(vec![name.as_str().into(), format!("{shape:?}").into(), Cell::number(thousands(count))]);
    }
    print_line("")?;
    Ok(tensors.print()?)
}

/// The rows of one directory.
fn describe_folder(folder: &Folder, row: &mut dyn FnMut(&str, String)) -> Result<()> {
    if let Some(setup) = &folder.setup {
        tree(setup, 0).into_iter().for_each(|line| row("setup", line));
    }
    for part in &folder.parts {
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
    if let Some(run) = RunFolder::new(&folder.path, TRAINED).run_file()? {
        row("trained with", format!("--model {} --method '{}' --max-length {}", run.model, run.method, run.max_length));
    }
    Ok(())
}

/// A setup with each part on a line of its own, further to the right than what it is a part of.
fn tree(setup: &Expression, depth: usize) -> Vec<String> {
    let indented = |text: &str| format!("{}{text}", "  ".repeat(depth));
    let Expression::Node(node) = setup else { return vec![indented(&setup.to_string())] };
    let own = node.own.as_ref().map(|own| format!(" {own}")).unwrap_or_default();
    if let Some(parents) = parents(node) {
        let roots = (0..parents.len()).filter(|part| parents[*part] == *part);
        let drawn = roots.flat_map(|root| below(node, parents, root, depth + 1));
        return [indented(&node.name)].into_iter().chain(drawn).collect();
    }
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

/// The parent of each part of a tree, if it is one.
fn parents(node: &NodeExpression) -> Option<&[usize]> {
    let (_, parents) = node.options.iter().find(|(name, _)| name == "parents")?;
    let all_there = parents.len() == node.parts.len() && parents.iter().all(|parent| *parent < parents.len());
    all_there.then_some(parents)
}

/// A part of a tree of adapters, and those below it further to the right.
fn below(node: &NodeExpression, parents: &[usize], part: usize, depth: usize) -> Vec<String> {
    let children = (0..parents.len()).filter(|child| parents[*child] == part && *child != part);
    let drawn = children.flat_map(|child| below(node, parents, child, depth + 1));
    tree(&node.parts[part], depth).into_iter().chain(drawn).collect()
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

fn print_json(composed: Option<&Expression>, folders: &[Folder]) -> Result<()> {
    let shown = match (composed, folders) {
        (None, [folder]) => folder_json(folder),
        _ => {
            let setup = composed.map(Expression::to_string);
            json!({ "setup": setup, "folders": folders.iter().map(folder_json).collect::<Vec<_>>() })
        }
    };
    Ok(report::print_json(&shown)?)
}

fn folder_json(Folder { path, setup, parts, notes }: &Folder) -> Value {
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
    let of_parts: Map<_, _> = parts.iter().map(described).collect();
    let notes: Vec<String> = notes.iter().map(Note::to_string).collect();
    let setup = setup.as_ref().map(Expression::to_string);
    json!({ "directory": path, "setup": setup, "parts": of_parts, "notes": notes })
}
