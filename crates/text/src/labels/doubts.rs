//! What makes labels look as if something else was meant.

use super::lists::{is_bracketed, written_list};
use super::refusals::{listed, whole};
use crate::error::{Result, shortened};
use crate::table::{Row, Table, Text, WORDS_AND_TAGS};
use adaptune_train::metrics::labels_mark_spans;
use std::collections::BTreeSet;

/// What stands between labels where an example has several.
const SEPARATORS: [char; 3] = ['|', ';', ','];

/// That several labels of one example may have been taken for one.
pub(super) fn looks_like_lists(classes: &[String]) -> String {
    if let Some(list) = classes.iter().find(|class| is_bracketed(class)) {
        return format!(
            "; labels such as `{}` look like lists of several: then --task multi-label",
            shortened(list, 40)
        );
    }
    match several(classes) {
        Some(example) => {
            format!("; labels such as `{example}` look like several of one example: then --task multi-label")
        }
        None => String::new(),
    }
}

/// Refuses tags of words that stand beside texts, a row for each sentence or for each word.
///
/// # Errors
/// Each label is as many tags as its text has words, and they mark spans.
pub(super) fn refuse_tags(table: &Table) -> Result<()> {
    let all: Option<Vec<Vec<String>>> = table.rows.iter().map(tags_of_text).collect();
    let Some(all) = all.filter(|all| !all.is_empty()) else { return Ok(()) };
    let names: Vec<String> = all.iter().flatten().collect::<BTreeSet<_>>().into_iter().cloned().collect();
    if !labels_mark_spans(&names) {
        return Ok(());
    }
    let found = table.rows[0].label.as_deref().map_or(String::new(), |label| shortened(label, 40));
    Err(whole(table, format!("labels such as `{found}` look like tags of words; {WORDS_AND_TAGS}")))
}

/// The tags of a row's text, if its label is as many of them as the text has words.
fn tags_of_text(row: &Row) -> Option<Vec<String>> {
    let Text::Single(text) = &row.text else { return None };
    let parts = |text: &str| -> Vec<String> {
        written_list(text).unwrap_or_else(|| text.split_whitespace().map(str::to_owned).collect())
    };
    let (words, tags) = (parts(text), parts(row.label.as_deref()?));
    (words.len() == tags.len()).then_some(tags)
}

/// Refuses lists that stand as texts in a table.
///
/// # Errors
/// All labels are lists.
pub(super) fn refuse_lists(table: &Table) -> Result<()> {
    let mut labels = table.rows.iter().filter_map(|row| row.label.as_deref());
    match labels.next() {
        Some(first) if is_bracketed(first) && labels.all(is_bracketed) => Err(whole(
            table,
            format!(
                "labels such as `{}` are lists of several: --task multi-label learns them so",
                shortened(first, 40)
            ),
        )),
        _ => Ok(()),
    }
}

/// Refuses labels that look like several of one example, where nothing was said of them: both can be meant, and the wrong one would
/// train for nothing.
///
/// # Errors
/// They look so.
pub(super) fn refuse_several(table: &Table) -> Result<()> {
    let classes: BTreeSet<&str> = table.rows.iter().filter_map(|row| row.label.as_deref()).collect();
    let classes: Vec<String> = classes.into_iter().map(str::to_owned).collect();
    match several(&classes) {
        Some(example) => Err(whole(
            table,
            format!(
                "labels such as `{}` look like several of one example: --task multi-label learns them so, and --task classification takes \
                 each of the {} as a class of its own",
                shortened(example, 40),
                classes.len()
            ),
        )),
        None => Ok(()),
    }
}

/// A label that looks like several, where all parts of such labels are labels by themselves or parts of others too.
fn several(classes: &[String]) -> Option<&String> {
    let of = |separator: char| {
        let lists: Vec<Vec<&str>> =
            classes.iter().map(|class| class.split(separator).map(str::trim).collect()).collect();
        let parts: BTreeSet<&str> = lists.iter().flatten().copied().collect();
        let several = lists.iter().filter(|list| list.len() > 1).count();
        let found = (several >= 2 && parts.len() < classes.len()).then_some(separator)?;
        classes.iter().find(|class| class.contains(found))
    };
    SEPARATORS.into_iter().find_map(of)
}

/// Refuses labels of which hardly any occurs twice, as numbers of rows and texts do not.
///
/// # Errors
/// There are many labels, and nine in ten examples have one of their own.
pub(super) fn never_repeat(table: &Table, classes: &[String]) -> Result<()> {
    if classes.len() <= MANY || 10 * classes.len() < 9 * table.rows.len() {
        return Ok(());
    }
    let all = classes.len() == table.rows.len();
    let which = if all { "every label" } else { "nearly every label" };
    let column = table.columns.label.as_ref().map(|name| format!(" in the column `{name}`")).unwrap_or_default();
    let examples: Vec<String> = classes.iter().take(3).map(|class| format!("`{}`", shortened(class, 30))).collect();
    let columns = if table.header.is_empty() { String::new() } else { format!(" of {}", listed(&table.header)) };
    let other = || format!("; is this the column of the labels? --label-column names another{columns}");
    let meant = [looks_like_lists(classes), look_like_numbers(classes)].into_iter().find(|said| !said.is_empty());
    let meant = meant.unwrap_or_else(other);
    let examples = examples.join(", ");
    Err(whole(table, format!("{which}{column} occurs once ({examples}, ...), so there is nothing to learn{meant}")))
}

/// More labels than this are not the classes of a small set of data.
const MANY: usize = 20;

/// That labels are paths: some share what stands before the last `/`.
pub(super) fn look_like_paths(classes: &[String]) -> String {
    let above: Vec<&str> = classes.iter().filter_map(|class| Some(class.rsplit_once('/')?.0)).collect();
    let shared = above.iter().collect::<BTreeSet<_>>().len() < above.len();
    match (shared && 2 * above.len() > classes.len())
        .then(|| classes.iter().find(|class| class.contains('/')))
        .flatten()
    {
        Some(example) => {
            format!("; labels such as `{example}` look like coarse and fine ones: --task hierarchical learns them so")
        }
        None => String::new(),
    }
}

/// That labels hardly repeat, as numbers of rows do not.
pub(super) fn hardly_repeat(table: &Table, classes: &[String]) -> String {
    if classes.len() > MANY && 2 * classes.len() > table.rows.len() {
        return "; most labels occur once: is this the column of the labels (--label-column)?".to_owned();
    }
    String::new()
}

/// That labels are written as numbers are, but in no notation that is read.
pub(super) fn look_like_numbers(classes: &[String]) -> String {
    let digits = |class: &String| class.chars().all(|c| c.is_ascii_digit() || "+-.,".contains(c));
    let unread = classes.iter().find(|class| class.contains(',') && class.parse::<f64>().is_err());
    match unread.filter(|_| classes.len() > 2 && classes.iter().all(digits)) {
        Some(unread) => format!(
            "; labels such as `{unread}` look like numbers, and are read as names: write all with a decimal point, or all with a decimal \
             comma, and nothing between thousands"
        ),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn lists_are_suspected_where_their_parts_repeat() {
        let said = looks_like_lists(&classes(&["people", "people|time", "place", "place|people", "time|place"]));
        assert!(said.contains("`people|time`") && said.contains("--task multi-label"), "{said}");
        assert_eq!(looks_like_lists(&classes(&["good", "so, so", "bad"])), "");
        assert_eq!(looks_like_lists(&classes(&["Paris, France", "Rome, Italy", "Oslo, Norway"])), "");
    }

    #[test]
    fn paths_are_suspected_where_they_share_their_beginnings() {
        let said = look_like_paths(&classes(&["animal/cat", "animal/dog", "plant"]));
        assert!(said.contains("`animal/cat`") && said.contains("--task hierarchical"), "{said}");
        assert_eq!(look_like_paths(&classes(&["and/or", "good", "bad"])), "");
        assert_eq!(look_like_paths(&classes(&["1/2", "3/4"])), "");
    }

    #[test]
    fn numbers_in_no_notation_are_suspected() {
        for names in [["1.234,5", "2,5", "3"], ["3,75", "1.5", "2"], ["1,2,3", "4", "5"]] {
            let said = look_like_numbers(&classes(&names));
            assert!(said.contains(&format!("`{}`", names[0])) && said.contains("decimal comma"), "{said}");
        }
        for names in [["1", "2", "3"], ["so, so", "1,5", "2"], ["a", "b", "c"]] {
            assert_eq!(look_like_numbers(&classes(&names)), "");
        }
    }

    #[test]
    fn labels_that_never_repeat_are_refused() {
        let names: Vec<String> = (0..30).map(|i| format!("T-{i}")).collect();
        let message = never_repeat(&Table::of_texts(&names), &names).unwrap_err().to_string();
        assert!(message.contains("occurs once (`T-0`, `T-1`, `T-2`, ...)") && message.contains("--label-column"));
        let lists: Vec<String> = (0..30).map(|i| format!("{};{}", i % 6, 6 + i / 6)).collect();
        let message = never_repeat(&Table::of_texts(&lists), &lists).unwrap_err().to_string();
        assert!(message.contains("`0;6`") && message.contains("--task multi-label"), "{message}");
        assert!(!message.contains("--label-column"), "{message}");
        assert!(never_repeat(&Table::of_texts(&["a", "b"]), &names[..2]).is_ok());
        assert!(never_repeat(&Table::of_texts(&["a"; 33]), &names).unwrap_err().to_string().contains("nearly every"));
        assert!(never_repeat(&Table::of_texts(&["a"; 34]), &names).is_ok());
    }

    #[test]
    fn labels_that_hardly_repeat_are_suspected() {
        let names: Vec<String> = (0..30).map(|i| format!("T-{i}")).collect();
        assert!(hardly_repeat(&Table::of_texts(&names), &names).contains("--label-column"));
        assert_eq!(hardly_repeat(&Table::of_texts(&["a"; 90]), &names), "");
        assert_eq!(hardly_repeat(&Table::of_texts(&["a"; 4]), &names[..3]), "");
    }
}
