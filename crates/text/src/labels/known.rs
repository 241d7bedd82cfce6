//! Labels as written, and which of the known ones they are.

use super::refusals::{at, listed};
use super::sets::label_set;
use super::spelling::canonical;
use super::{decimals, numbered};
use crate::error::Result;
use crate::table::{NO_TAG, Row, Table, Text};
use adaptune_adapters::{HeadConfig, Task, did_you_mean};
use std::collections::HashMap;

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

    /// The tag of each word of a row, which may stand on a line of its own: the word says where. [`NO_TAG`] is none, unless training
    /// had such a tag.
    pub(super) fn tags(&self, table: &Table, row: &Row, tags: &[String]) -> Result<Vec<Option<usize>>> {
        let words = if let Text::Words(words) = &row.text { &words[..] } else { &[] };
        let of_word = |i: usize| words.get(i).map_or(String::new(), |word| format!(" of `{word}`"));
        let find = |(i, tag): (usize, &String)| match tag.as_str() {
            NO_TAG => Ok(self.by_spelling.get(NO_TAG).copied()),
            tag => self.find_of(table, row, ["tag", &of_word(i)], tag).map(Some),
        };
        tags.iter().enumerate().map(find).collect()
    }

    pub(super) fn find(&self, table: &Table, row: &Row, what: &str, name: &str) -> Result<usize> {
        self.find_of(table, row, [what, ""], name)
    }

    fn find_of(&self, table: &Table, row: &Row, [what, of]: [&str; 2], name: &str) -> Result<usize> {
        let exact = || self.names.iter().position(|known| known == name);
        self.by_spelling.get(&canonical(name)).copied().or_else(exact).ok_or_else(|| {
            let hint = did_you_mean(name, self.names.iter().map(String::as_str)) + decimals::hint(name);
            let hint = self.others(table) + &hint + &numbered::hint(name, self.names);
            let known = listed(self.names);
            at(table, row, format!("the {what} `{name}`{of} is not in the training data, which has {known}{hint}"))
        })
    }

    /// How many rows have labels that are not known, if there are several.
    fn others(&self, table: &Table) -> String {
        let is_unknown =
            |label: &String| !self.by_spelling.contains_key(&canonical(label)) && !self.names.contains(label);
        let unknown = table.rows.iter().filter(|row| row.label.as_ref().is_some_and(is_unknown)).count();
        match unknown {
            0 | 1 => String::new(),
            all => format!(" ({all} of {} rows have such labels)", table.rows.len()),
        }
    }
}
