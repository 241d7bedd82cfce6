//! Numbers that look like identifiers, and not like quantities.

use super::refusals::{listed, whole};
use crate::error::{Result, shortened};
use crate::table::Table;
use std::collections::BTreeSet;

/// Fewer labels than this may be all different, and in order, by chance.
const FEW: usize = 20;

/// Refuses numbers as labels of which nearly every one is another, and which begin with zeros or count up from row to row: they could be
/// learnt as quantities, for nothing.
///
/// # Errors
/// They look so.
pub(super) fn refuse(table: &Table) -> Result<()> {
    let labels: Vec<&str> = table.rows.iter().filter_map(|row| row.label.as_deref()).collect();
    let kinds = labels.iter().collect::<BTreeSet<_>>().len();
    let are_digits = labels.iter().all(|label| label.bytes().all(|byte| byte.is_ascii_digit()));
    if labels.len() <= FEW || 10 * kinds < 9 * labels.len() || !are_digits {
        return Ok(());
    }
    let Some(how) = how_they_look(&labels) else { return Ok(()) };
    let column = table.columns.label.as_ref().map(|name| format!(" in the column `{name}`")).unwrap_or_default();
    let examples: Vec<String> = labels.iter().take(3).map(|label| format!("`{}`", shortened(label, 30))).collect();
    Err(whole(
        table,
        format!(
            "nearly every label{column} is a number of its own ({}, ...), and they {how}, as identifiers do; its columns are {}. Name the \
             one of labels with --label-column; --task regression learns these numbers as quantities",
            examples.join(", "),
            listed(&table.header)
        ),
    ))
}

/// What identifiers do, and quantities hardly ever.
fn how_they_look(labels: &[&str]) -> Option<&'static str> {
    let padded = labels.iter().filter(|label| label.len() > 1 && label.starts_with('0')).count();
    if 10 * padded >= labels.len() {
        return Some("begin with zeros");
    }
    let numbers: Vec<u64> = labels.iter().map(|label| label.parse().ok()).collect::<Option<_>>()?;
    numbers.is_sorted_by(|a, b| a < b).then_some("count up from row to row")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labels::{Labels, TaskChoice};
    use crate::table::Columns;

    fn table(labels: impl Iterator<Item = String>) -> Table {
        let labels: Vec<String> = labels.collect();
        let mut table = Table::of_texts(&labels);
        for (row, label) in table.rows.iter_mut().zip(labels) {
            row.label = Some(label);
        }
        let columns = Columns { label: Some("id".to_owned()), ..Columns::default() };
        Table { header: ["id", "message", "queue"].map(str::to_owned).to_vec(), columns, ..table }
    }

    #[test]
    fn identifiers_are_refused_with_the_columns_there_are() {
        let message = |table: &Table| Labels::decide(table, TaskChoice::Auto).unwrap_err().to_string();
        let padded = table((0..30).map(|i| format!("{:06}", 103 + 7 * (i * 11 % 30))));
        let told = message(&padded);
        assert!(told.contains("in the column `id`") && told.contains("(`000103`, `000180`, `000257`, ...)"), "{told}");
        assert!(told.contains("begin with zeros") && told.contains("its columns are id, message, queue."), "{told}");
        assert!(Labels::decide(&padded, TaskChoice::Regression).is_ok(), "it was asked for");
        assert!(message(&table((0..30).map(|i| (71 * i + i % 3).to_string()))).contains("count up from row to row"));
    }

    #[test]
    fn quantities_are_learnt() {
        let prices = table((0..30).map(|i| (3 + 71 * (i * 11 % 30)).to_string()));
        let fractions = table((0..30).map(|i| format!("0.{:02}", i + 10)));
        let few = table((0..20).map(|i| (71 * i).to_string()));
        let repeated = table((0..60).map(|i| (71 * (i / 2)).to_string()));
        for table in [prices, fractions, few, repeated] {
            assert_eq!(Labels::decide(&table, TaskChoice::Auto).unwrap().0, Labels::Numbers);
        }
    }
}
