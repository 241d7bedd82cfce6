//! What makes labels look as if something else was meant.

use crate::table::Table;
use std::collections::BTreeSet;

/// What stands between labels where an example has several.
const SEPARATORS: [char; 3] = ['|', ';', ','];

/// That several labels of one example may have been taken for one, where all parts of such labels are labels by themselves or parts
/// of others too.
pub(super) fn looks_like_lists(classes: &[String]) -> String {
    let of = |separator: char| {
        let lists: Vec<Vec<&str>> =
            classes.iter().map(|class| class.split(separator).map(str::trim).collect()).collect();
        let parts: BTreeSet<&str> = lists.iter().flatten().copied().collect();
        let several = lists.iter().filter(|list| list.len() > 1).count();
        (several >= 2 && parts.len() < classes.len()).then(|| {
            let example = classes.iter().find(|class| class.contains(separator));
            format!(
                "; labels such as `{}` look like several of one example: then --task multi-label",
                example.map_or("", String::as_str)
            )
        })
    };
    SEPARATORS.into_iter().find_map(of).unwrap_or_default()
}

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
    if classes.len() > 20 && 2 * classes.len() > table.rows.len() {
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
            "; labels such as `{unread}` look like numbers, and are read as names: a decimal comma is read where no comma \
             parts columns, every label has one at most, and none has a point"
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
    fn labels_that_hardly_repeat_are_suspected() {
        let names: Vec<String> = (0..30).map(|i| format!("T-{i}")).collect();
        assert!(hardly_repeat(&Table::of_texts(&names), &names).contains("--label-column"));
        assert_eq!(hardly_repeat(&Table::of_texts(&["a"; 90]), &names), "");
        assert_eq!(hardly_repeat(&Table::of_texts(&["a"; 4]), &names[..3]), "");
    }
}
