//! Which columns of a table are read, where it has others.

use adaptune_text::{Columns, Table};

/// The most columns that are named.
const NAMED: usize = 8;

/// What is read of a table, and what is not, if it has columns that are not.
pub(super) fn read_of(table: &Table, domains: Option<&str>) -> Option<String> {
    let Columns { text, text_b, label, labels, choices, negatives, .. } = &table.columns;
    let texts = [text, text_b].into_iter().flatten().chain(choices).chain(negatives);
    let texts: Vec<&str> = texts.map(String::as_str).collect();
    let labels: Vec<&str> = label.iter().chain(labels).map(String::as_str).chain(domains).collect();
    let is_read = |name: &&str| texts.contains(name) || labels.contains(name);
    let others: Vec<&str> = table.header.iter().map(String::as_str).filter(|name| !is_read(name)).collect();
    if texts.is_empty() || others.is_empty() {
        return None;
    }
    let labels = if labels.is_empty() { String::new() } else { format!(", labels from {}", listed(&labels)) };
    Some(format!("texts are read from {}{labels}; not read: {}", listed(&texts), listed(&others)))
}

fn listed(names: &[&str]) -> String {
    let shown: Vec<String> = names.iter().take(NAMED).map(|name| format!("`{name}`")).collect();
    match names.len().saturating_sub(NAMED) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(header: &[&str], text_b: Option<&str>) -> Table {
        let named = |name: &str| Some(name.to_owned());
        let columns = Columns {
            text: named("article"),
            text_b: text_b.and_then(named),
            label: named("ok"),
            ..Columns::default()
        };
        let header = header.iter().map(|name| (*name).to_owned()).collect();
        Table { header, columns, ..Table::of_texts(&["a"]) }
    }

    #[test]
    fn a_column_that_is_not_read_is_told() {
        let said = read_of(&table(&["id", "article", "claim", "ok"], None), None).expect("others");
        assert_eq!(said, "texts are read from `article`, labels from `ok`; not read: `id`, `claim`");
        assert_eq!(read_of(&table(&["article", "claim", "ok"], Some("claim")), None), None);
        assert_eq!(read_of(&table(&["article", "ok", "field"], None), Some("field")), None);
    }
}
