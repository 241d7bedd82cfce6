//! Texts that are measured on and trained on.

use super::super::report::{note, thousands};
use adaptune_text::{Row, Table, Text};
use std::collections::{HashMap, HashSet};

/// Says which texts stand in the training data with different labels, if there are some.
pub(super) fn tell_contradictions(train: &Table) {
    let mut seen: HashMap<&Text, &Row> = HashMap::new();
    let mut contradictions = train.rows.iter().filter_map(|row| {
        let before = *seen.entry(&row.text).or_insert(row);
        (before.label != row.label).then_some((before, row))
    });
    let Some((before, row)) = contradictions.next() else { return };
    let (first, second) = (before.label.as_deref().unwrap_or_default(), row.label.as_deref().unwrap_or_default());
    let count = 1 + contradictions.count();
    note(format_args!(
        "note: {}: {} the text of another one and a different label (lines {} and {} first: `{first}` and `{second}`); not both can be learnt",
        train.name,
        if count == 1 { "1 example has".to_owned() } else { format!("{count} examples have") },
        before.line,
        row.line
    ));
}

/// Says that all examples that are measured on have one text, if that is so: an answer to it is right or wrong for all of them at once.
pub(super) fn tell_one_text(measured: &Table) {
    let texts: HashSet<&Text> = measured.rows.iter().map(|row| &row.text).collect();
    if measured.rows.len() > 1 && texts.len() == 1 {
        note(format_args!(
            "note: {}: all {} examples that are measured on have the same text, so scores on them say next to nothing, and a correlation is \
             undefined; equal texts are kept together where a share is kept aside: a larger one, or other data, may have more",
            measured.name,
            thousands(measured.rows.len() as u64)
        ));
    }
}

/// Of so many texts that are measured on, one that is trained on too changes no score that could be seen.
const FEW: usize = 20;

/// Says how many of the texts that are measured on are trained on too, unless they are few.
pub(super) fn tell(train: &Table, measured: &Table) {
    let learnt: HashSet<&Text> = train.rows.iter().map(|row| &row.text).collect();
    let both: Vec<&Row> = measured.rows.iter().filter(|row| learnt.contains(&row.text)).collect();
    let (Some(first), all) = (both.first(), measured.rows.len()) else { return };
    if FEW * both.len() < all {
        return;
    }
    let name = &measured.name;
    match both.len() == all {
        true => note(format_args!(
            "note: {name} is measured on and trained on: all of its texts are, so its scores say nothing of other texts"
        )),
        false => note(format_args!(
            "note: {} of the {} texts in {name} are trained on too (line {} first), so its scores are too high: take them out of one of the \
             two",
            thousands(both.len() as u64),
            thousands(all as u64),
            first.line
        )),
    }
}
