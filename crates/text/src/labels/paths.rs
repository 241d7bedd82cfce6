//! Labels that are paths, coarse to fine: `animal/dog`.

use super::known::listed;
use super::refusals::{at, whole};
use super::rows::label;
use super::spelling::canonical;
use super::targets::Targets;
use crate::error::Result;
use crate::table::{Row, Table};
use adaptune_adapters::{LabelTree, did_you_mean};
use std::sync::Arc;

/// What stands between the names of a path.
const SEPARATOR: char = '/';

/// The labels of training data, with all above them.
pub(super) fn decide(table: &Table) -> Result<(Vec<String>, String)> {
    let paths = table.rows.iter().map(|row| path(table, row)).collect::<Result<Vec<_>>>()?;
    if paths.iter().all(|path| !path.contains(SEPARATOR)) {
        let message = "no label has a / in it; hierarchical labels are paths such as animal/dog: write them so, or leave --task away";
        return Err(whole(table, message));
    }
    let names = LabelTree::labels_of(paths.iter().map(String::as_str));
    let tree = tree(table, &names)?;
    let (leaves, tops) = (tree.leaves(), names.iter().filter(|name| !name.contains(SEPARATOR)).count());
    if leaves.len() < 2 {
        return Err(whole(table, format!("every label is `{}`; at least two are needed", names[leaves[0]])));
    }
    let coarse = paths.iter().filter(|path| !leaves.iter().any(|leaf| names[*leaf] == **path)).count();
    let of_coarse = match coarse {
        0 => String::new(),
        some => format!("; {some} examples say no more than a coarse label"),
    };
    let shown: Vec<String> = leaves.iter().map(|leaf| names[*leaf].clone()).collect();
    let note = format!("{} labels below {tops} coarse ones: {}{of_coarse}", leaves.len(), listed(&shown));
    Ok((names, note))
}

/// The labels of rows, among these.
pub(super) fn targets(table: &Table, names: &[String]) -> Result<Targets> {
    let number = |row: &Row| {
        let path = path(table, row)?;
        names.iter().position(|name| *name == path).ok_or_else(|| {
            let hint = did_you_mean(&path, names.iter().map(String::as_str));
            at(table, row, format!("the label `{path}` is not in the training data, which has {}{hint}", listed(names)))
        })
    };
    let labels = table.rows.iter().map(number).collect::<Result<_>>()?;
    Ok(Targets::Nodes(Arc::new(tree(table, names)?), labels))
}

fn tree(table: &Table, names: &[String]) -> Result<LabelTree> {
    LabelTree::of(names).map_err(|error| whole(table, error.to_string()))
}

/// The label of a row, without spaces around its names.
fn path(table: &Table, row: &Row) -> Result<String> {
    let text = label(table, row)?;
    let names: Vec<String> = text.split(SEPARATOR).map(|name| canonical(name.trim())).collect();
    match names.iter().any(String::is_empty) {
        true => {
            Err(at(table, row, format!("the label `{text}` has an empty name in it; expected names with / between")))
        }
        false => Ok(names.join("/")),
    }
}
