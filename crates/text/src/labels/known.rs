//! Names of labels: in their order, in a line, and as rows may spell them.

use super::decimals;
use super::refusals::at;
use super::rows::label_set;
use super::spelling::{canonical, whole_number};
use crate::error::Result;
use crate::table::{Row, Table};
use adaptune_adapters::{HeadConfig, Task, did_you_mean};
use std::collections::{BTreeSet, HashMap};

/// The names that labels may have, and how they may be spelt.
pub(super) struct Known<'a> {
    names: &'a [String],
    by_spelling: HashMap<String, usize>,
}

impl<'a> Known<'a> {
    pub(super) fn of(names: &'a [String]) -> Self {
        let mut by_spelling: HashMap<String, usize> =
            names.iter().enumerate().map(|(i, name)| (canonical(name), i)).collect();
        if HeadConfig::new(Task::CLASSIFICATION, names.to_vec()).labels_are_placeholders() {
            by_spelling.extend((0..names.len()).map(|i| (i.to_string(), i)));
        }
        Self { names, by_spelling }
    }

    /// Whether each label holds for a row.
    pub(super) fn truths(&self, table: &Table, row: &Row) -> Result<Vec<bool>> {
        let mut truths = vec![false; self.names.len()];
        for name in label_set(table, row)? {
            truths[self.find(table, row, "label", name)?] = true;
        }
        Ok(truths)
    }

    pub(super) fn find(&self, table: &Table, row: &Row, what: &str, name: &str) -> Result<usize> {
        let exact = || self.names.iter().position(|known| known == name);
        self.by_spelling.get(&canonical(name)).copied().or_else(exact).ok_or_else(|| {
            let hint = did_you_mean(name, self.names.iter().map(String::as_str)) + decimals::hint(name);
            let known = listed(self.names);
            at(table, row, format!("the {what} `{name}` is not in the training data, which has {known}{hint}"))
        })
    }
}

pub(super) fn sorted<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut names: Vec<String> = names.map(canonical).collect::<BTreeSet<_>>().into_iter().collect();
    if names.iter().all(|name| whole_number(name).is_some()) {
        names.sort_by_key(|name| whole_number(name).unwrap_or_default());
    }
    names
}

/// At most twelve names, for a line that can be read.
pub(super) fn listed(names: &[String]) -> String {
    match names.len() {
        0..=12 => names.join(", "),
        count => format!("{}, ... ({} more)", names[..10].join(", "), count - 10),
    }
}
