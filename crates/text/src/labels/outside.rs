//! Tags of spans that look as if they had each other's names: hardly a word is outside.

use crate::table::{NO_TAG, Table};
use adaptune_train::metrics::labels_mark_spans;
use std::collections::BTreeMap;

/// Fewer words than this may all be in spans.
const FEW: usize = 20;
/// The most tags that are counted out.
const COUNTED: usize = 4;

/// That a mark of spans stands at most words, and hardly at any the tag for those outside, or that no word is outside.
pub(super) fn hardly_any(table: &Table, names: &[String]) -> String {
    let mut counts: BTreeMap<&str, usize> = names.iter().map(|name| (name.as_str(), 0)).collect();
    for tag in table.rows.iter().flat_map(|row| &row.tags).filter(|tag| *tag != NO_TAG) {
        *counts.entry(tag).or_insert(0) += 1;
    }
    let all: usize = counts.values().sum();
    let outside = counts.iter().filter(|(tag, _)| tag.eq_ignore_ascii_case("o")).map(|(_, count)| count).sum::<usize>();
    let mut counts: Vec<(&str, usize)> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let Some(&(most, count)) = counts.first() else { return String::new() };
    let hardly = 10 * outside < all && 2 * count > all;
    if !labels_mark_spans(names) || all < FEW || !(hardly || outside == 0) {
        return String::new();
    }
    let shown: Vec<String> = counts.iter().take(COUNTED).map(|(tag, count)| format!("`{tag}` {count}")).collect();
    let more = if counts.len() > COUNTED { ", ..." } else { "" };
    let ask = match table.columns.label_names.is_empty() {
        true => "do the tags mean this?",
        false => "is the order of --label-names that of the numbers?",
    };
    let shown = shown.join(", ");
    format!("; of {all} words {count} are `{most}`, and {outside} outside of spans, `O` ({shown}{more}): {ask}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{Columns, TableKind, Text};

    fn tagged(tags: &[(&str, usize)], label_names: &[&str]) -> Table {
        let tags: Vec<String> = tags.iter().flat_map(|(tag, count)| vec![(*tag).to_owned(); *count]).collect();
        let mut table = Table::of_texts(&["words"]);
        table.rows[0].text = Text::Words(vec!["word".to_owned(); tags.len()]);
        table.rows[0].tags = tags;
        let label_names = label_names.iter().map(|name| (*name).to_owned()).collect();
        Table { kind: TableKind::Words, columns: Columns { label_names, ..Columns::default() }, ..table }
    }

    fn told(table: &Table) -> String {
        let names: Vec<String> = ["B-x", "I-x", "B-y", "I-y", "O"].map(str::to_owned).to_vec();
        hardly_any(table, &names)
    }

    #[test]
    fn names_in_a_wrong_order_are_suspected() {
        let table = tagged(&[("B-x", 90), ("O", 3), ("I-y", 7)], &["B-x", "I-x", "B-y", "I-y", "O"]);
        assert_eq!(
            told(&table),
            "; of 100 words 90 are `B-x`, and 3 outside of spans, `O` (`B-x` 90, `I-y` 7, `O` 3, `B-y` 0, ...): is the order of \
             --label-names that of the numbers?"
        );
        let none = told(&tagged(&[("B-x", 30), ("I-x", 35), ("B-y", 20)], &[]));
        assert!(none.contains("0 outside of spans") && none.ends_with("do the tags mean this?"), "{none}");
    }

    #[test]
    fn usual_tags_are_not() {
        for tags in [&[("O", 80), ("B-x", 15), ("I-x", 5)][..], &[("B-x", 45), ("I-x", 43), ("O", 12)], &[("B-x", 19)]]
        {
            assert_eq!(told(&tagged(tags, &[])), "");
        }
        let parts = ["noun", "verb"].map(str::to_owned);
        assert_eq!(hardly_any(&tagged(&[("noun", 30), ("verb", 9)], &[]), &parts), "", "they mark no spans");
    }
}
