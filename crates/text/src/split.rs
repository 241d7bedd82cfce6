//! Some examples kept aside.

use crate::error::{Result, TextError};
use crate::table::{Row, Table};
use adaptune_tensor::Seed;
use std::collections::BTreeMap;

impl Table {
    /// Cuts off a share of the examples, drawn by a seed: returns the others and those. Of each label as large a share is taken, as
    /// far as whole examples allow; all stay in the order of the table.
    ///
    /// ```
    /// use adaptune_text::Table;
    /// let (train, dev) = Table::read("builtin:topic@A:dev")?.split(0.1, 0)?;
    /// assert_eq!(dev.rows.len(), (train.rows.len() + dev.rows.len()).div_ceil(10));
    /// # Ok::<(), adaptune_text::TextError>(())
    /// ```
    ///
    /// # Errors
    /// One of the two would be empty.
    pub fn split(self, share: f64, seed: u64) -> Result<(Self, Self)> {
        let Self { rows, kind, name, header, columns, dialect, notes } = self;
        let aside = aside(&rows, share, seed);
        let (dev, train): (Vec<_>, Vec<_>) = rows.into_iter().zip(aside).partition(|(_, aside)| *aside);
        if dev.is_empty() || train.is_empty() {
            let count = dev.len() + train.len();
            let message =
                format!("of {count} examples a share of {share} leaves nothing to train on, or to measure on");
            return Err(TextError::table(&name, message));
        }
        let part = |rows: Vec<(Row, bool)>, name: String, notes| {
            let rows = rows.into_iter().map(|(row, _)| row).collect();
            Self { rows, kind, name, header: header.clone(), columns: columns.clone(), dialect, notes }
        };
        let dev_name = format!("{name} ({:.0} % kept aside)", 100.0 * share);
        Ok((part(train, name, notes), part(dev, dev_name, Vec::new())))
    }
}

impl Table {
    /// Divides the examples into `count` parts that are as large and have as many of each label, as far as whole examples allow, drawn
    /// by a seed: returns the numbers of the rows of each part, ascending.
    ///
    /// ```
    /// use adaptune_text::Table;
    /// let parts = Table::of_texts(&["a", "b", "c", "d", "e"]).folds(2, 0)?;
    /// assert_eq!((parts[0].len(), parts[1].len()), (3, 2));
    /// # Ok::<(), adaptune_text::TextError>(())
    /// ```
    ///
    /// # Errors
    /// There are fewer examples than parts, or fewer than two parts.
    pub fn folds(&self, count: usize, seed: u64) -> Result<Vec<Vec<usize>>> {
        let examples = self.rows.len();
        if count < 2 || examples < count {
            let message = format!("{examples} examples cannot be divided into {count} parts to train and measure on");
            return Err(TextError::table(&self.name, message));
        }
        let mut parts = vec![Vec::new(); count];
        for (i, row) in evenly(&self.rows, seed).into_iter().enumerate() {
            parts[i % count].push(row);
        }
        parts.iter_mut().for_each(|part| part.sort_unstable());
        Ok(parts)
    }
}

/// One label, or any number of them.
type Answer<'a> = (Option<&'a str>, Option<&'a [String]>);

/// Whether each row is kept aside.
fn aside(rows: &[Row], share: f64, seed: u64) -> Vec<bool> {
    let mut aside = vec![false; rows.len()];
    let count = (share * rows.len() as f64).ceil() as usize;
    for place in evenly(rows, seed).into_iter().take(count) {
        aside[place] = true;
    }
    aside
}

/// The numbers of all rows in an order that begins anywhere with as many of each label as there is room for.
fn evenly(rows: &[Row], seed: u64) -> Vec<usize> {
    use rand::seq::SliceRandom;
    let mut by_label: BTreeMap<Answer<'_>, Vec<usize>> = BTreeMap::new();
    for (i, row) in rows.iter().enumerate() {
        by_label.entry((row.label.as_deref(), row.labels.as_deref())).or_default().push(i);
    }
    // Labels that hardly repeat are numbers, or names of single things: they say nothing of a good cut.
    if 2 * by_label.len() > rows.len() {
        by_label = BTreeMap::from([((None, None), (0..rows.len()).collect())]);
    }
    let mut rng = Seed::new(seed).named("kept aside").rng();
    let mut order: Vec<(f64, usize)> = Vec::with_capacity(rows.len());
    for places in by_label.values_mut() {
        places.shuffle(&mut rng);
        // Where in its label, from 0 to 1, an example comes: the first of all labels together are as many of each as there is room.
        let count = places.len() as f64;
        order.extend(places.iter().enumerate().map(|(i, place)| ((i as f64 + 0.5) / count, *place)));
    }
    order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    order.into_iter().map(|(_, place)| place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(labels: &[&str]) -> Table {
        let texts: Vec<String> = (0..labels.len()).map(|i| format!("text {i}")).collect();
        let mut table = Table::of_texts(&texts);
        for (row, label) in table.rows.iter_mut().zip(labels) {
            row.label = Some((*label).to_owned());
        }
        table
    }

    #[test]
    fn every_label_gives_its_share() {
        let labels = [vec!["a"; 80], vec!["b"; 40]].concat();
        let (train, dev) = table(&labels).split(0.1, 3).unwrap();
        let count =
            |table: &Table, label: &str| table.rows.iter().filter(|row| row.label.as_deref() == Some(label)).count();
        assert_eq!((count(&dev, "a"), count(&dev, "b"), train.rows.len()), (8, 4, 108));
        let mut lines: Vec<usize> = train.rows.iter().chain(&dev.rows).map(|row| row.line).collect();
        lines.sort_unstable();
        assert_eq!(lines, (1..=120).collect::<Vec<_>>(), "every example is in one of them");
        assert!(dev.rows.is_sorted_by_key(|row| row.line));
    }

    #[test]
    fn the_seed_decides_and_nothing_else() {
        let labels: Vec<String> = (0..50).map(|i| format!("{}.5", i * 7 % 50)).collect();
        let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
        let lines =
            |seed| table(&labels).split(0.2, seed).unwrap().1.rows.iter().map(|row| row.line).collect::<Vec<_>>();
        assert_eq!((lines(1), lines(1).len()), (lines(1), 10));
        assert_ne!(lines(1), lines(2));
    }

    /// With 80 and 40 of two labels every part has its tenth of each.
    #[test]
    fn folds_hold_every_example_once_and_every_label_alike() {
        let labels = [vec!["a"; 80], vec!["b"; 40]].concat();
        let parts = table(&labels).folds(10, 3).unwrap();
        let of = |part: &[usize], label| part.iter().filter(|row| labels[**row] == label).count();
        assert!(parts.iter().all(|part| (of(part, "a"), of(part, "b")) == (8, 4)), "{parts:?}");
        let mut all = parts.concat();
        all.sort_unstable();
        assert_eq!(all, (0..120).collect::<Vec<_>>());
        assert_ne!(parts, table(&labels).folds(10, 4).unwrap());
        for count in [0, 1, 121] {
            assert!(table(&labels).folds(count, 3).is_err());
        }
    }

    #[test]
    fn neither_part_may_be_empty() {
        for (labels, share) in [(vec!["a"], 0.1), (vec!["a", "b"], 0.0), (vec!["a", "b"], 1.0)] {
            assert!(table(&labels).split(share, 0).unwrap_err().to_string().contains("leaves nothing"));
        }
    }
}
