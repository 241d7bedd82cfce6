//! From a table of texts to examples of tokens.

use super::report::note;
use super::table::{Labels, Table, Targets};
use super::tokenise::{Encoded, Tokeniser};
use adaptune_adapters::Task;
use adaptune_train::{Dataset, Example, Target};
use anyhow::{Context, Result};

/// Tokenises a labelled table.
pub(crate) fn dataset(table: &Table, labels: &Labels, tokeniser: &Tokeniser) -> Result<Dataset> {
    let encoded = tokeniser.encode_all(table)?;
    say_what_was_lost(table, tokeniser, encoded.truncated, encoded.words_without_token);
    let targets = labels.targets(table)?;
    let example = |(row, encoded): (usize, Encoded)| {
        let target = target(&targets, row, &encoded);
        Example { token_ids: encoded.token_ids, token_types: encoded.token_types, target }
    };
    let examples = encoded.rows.into_iter().enumerate().map(example).collect();
    Dataset::new(task(labels), labels.names().len(), examples).with_context(|| table.name.clone())
}

/// Tokenises texts whose labels are to be found; the targets are of the head's kind and mean nothing.
pub(crate) fn unlabelled(table: &Table, task: Task, tokeniser: &Tokeniser) -> Result<(Dataset, Vec<Encoded>)> {
    let encoded = tokeniser.encode_all(table)?;
    say_what_was_lost(table, tokeniser, encoded.truncated, 0);
    let target = |tokens| match labels(task, &[]) {
        Labels::Classes(_) => Target::Class(0),
        Labels::Numbers => Target::Value(0.0),
        Labels::Tags(_) => Target::Tags(vec![None; tokens]),
    };
    let example = |e: &Encoded| {
        let Encoded { token_ids, token_types, .. } = e.clone();
        Example { target: target(token_ids.len()), token_ids, token_types }
    };
    let dataset =
        Dataset::new(task, 1, encoded.rows.iter().map(example).collect()).with_context(|| table.name.clone())?;
    Ok((dataset, encoded.rows))
}

/// What a head predicts for labels of this kind.
pub(crate) fn task(labels: &Labels) -> Task {
    match labels {
        Labels::Classes(_) => Task::CLASSIFICATION,
        Labels::Numbers => Task::REGRESSION,
        Labels::Tags(_) => Task::TAGGING,
    }
}

/// The labels that a head knows.
pub(crate) fn labels(task: Task, names: &[String]) -> Labels {
    match task {
        _ if task.predicts_a_number() => Labels::Numbers,
        _ if task.reads_every_token() => Labels::Tags(names.to_vec()),
        _ => Labels::Classes(names.to_vec()),
    }
}

/// The target of a row. A word's tag stands at its first token; its other tokens do not count.
fn target(targets: &Targets, row: usize, encoded: &Encoded) -> Target {
    match targets {
        Targets::Classes(classes) => Target::Class(classes[row]),
        Targets::Numbers(numbers) => Target::Value(numbers[row]),
        Targets::Tags(tags) => {
            let mut by_token = vec![None; encoded.token_ids.len()];
            let starts = encoded.word_starts.iter().flatten();
            for (start, tag) in starts.zip(&tags[row]) {
                if let Some(start) = start {
                    by_token[*start] = Some(*tag);
                }
            }
            Target::Tags(by_token)
        }
    }
}

fn say_what_was_lost(table: &Table, tokeniser: &Tokeniser, truncated: usize, words: usize) {
    if truncated > 0 {
        let (rows, most) = (table.rows.len(), tokeniser.max_length());
        note(format_args!(
            "note: {}: {truncated} of {rows} texts have more than {most} tokens; their ends were cut off",
            table.name
        ));
    }
    if words > 0 {
        note(format_args!("note: {}: {words} words have no token of their own, and do not count", table.name));
    }
}
