//! Labels with too few examples to be learnt, or to be measured on.

use super::super::report::{note, one_line, shortened};
use adaptune_text::{Labels, Table, Targets};
use anyhow::Result;

/// Fewer examples of a label than this say little of it.
const FEW: usize = 5;
/// The most labels that are named.
const NAMED: usize = 4;

/// Says which classes, or labels any number of which may hold, have too few examples: in the training data, or though those have
/// enough, in the development data.
pub(super) fn tell(labels: &Labels, train: &Table, dev: Option<&Table>) -> Result<()> {
    let names = labels.names();
    let (learnt, measured) = (counts(labels, train)?, dev.map(|dev| counts(labels, dev)).transpose()?);
    if let Some(rare) = named(names, &learnt, |label| (1..FEW).contains(&learnt[label])) {
        note(format_args!(
            "note: the training data have {rare}, too few to tell such texts by; more examples help, or to leave these labels out"
        ));
    }
    let Some(measured) = measured else { return Ok(()) };
    if let Some(rare) = named(names, &measured, |label| learnt[label] >= FEW && measured[label] < FEW) {
        note(format_args!(
            "note: the development data have {rare}, too few to choose an epoch or a threshold by; a larger share (--dev 30%) \
             or a file of its own has more, and --folds 5 measures on all examples in turn"
        ));
    }
    Ok(())
}

/// How many examples each label has; none of other labels than classes and sets.
fn counts(labels: &Labels, table: &Table) -> Result<Vec<usize>> {
    let mut counts = vec![0; labels.names().len()];
    match labels {
        Labels::Classes(_) | Labels::Sets(_) => {}
        _ => return Ok(Vec::new()),
    }
    match labels.targets(table)? {
        Targets::Classes(classes) => {
            for class in classes {
                counts[class] += 1;
            }
        }
        Targets::Sets(sets) => {
            let held = sets.iter().flat_map(|set| set.iter().enumerate().filter(|(_, holds)| **holds));
            held.for_each(|(label, _)| counts[label] += 1);
        }
        _ => {}
    }
    Ok(counts)
}

/// Those labels that are rare, with their numbers; nothing if none is.
fn named(names: &[String], counts: &[usize], is_rare: impl Fn(usize) -> bool) -> Option<String> {
    let rare: Vec<usize> = (0..counts.len()).filter(|label| is_rare(*label)).collect();
    let one = |label: &usize| format!("{} of `{}`", counts[*label], shortened(&one_line(&names[*label]), 30));
    let shown = rare.iter().take(NAMED).map(one).collect::<Vec<_>>().join(", ");
    match rare.len().saturating_sub(NAMED) {
        0 => (!rare.is_empty()).then_some(shown),
        more => Some(format!("{shown} and as few of {more} more")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handful_of_rare_labels_is_named() {
        let names: Vec<String> = ["a", "b", "c", "d", "e", "f"].map(str::to_owned).to_vec();
        let counts = [9, 1, 2, 0, 3, 4];
        let few = |label: usize| counts[label] < FEW;
        assert_eq!(
            named(&names, &counts, few).as_deref(),
            Some("1 of `b`, 2 of `c`, 0 of `d`, 3 of `e` and as few of 1 more")
        );
        assert_eq!(named(&names, &counts, |label| counts[label] == 1).as_deref(), Some("1 of `b`"));
        assert_eq!(named(&names, &counts, |_| false), None);
    }
}
