//! Some examples kept aside.

use crate::error::{Result, TextError};
use crate::table::{Row, Table, Text};
use adaptune_tensor::Seed;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

/// How a part of the training data is kept aside: by [`Table::split_as`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Aside {
    /// Which share of it.
    pub share: f64,
    /// What it is drawn by.
    pub seed: u64,
    /// What is drawn; single examples in older files, which do not say it.
    #[serde(default)]
    pub draw: Draw,
}

/// What is drawn where a part of the data is kept aside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Draw {
    /// Each example by itself, so a text that occurs twice may be trained on and measured on.
    #[default]
    Examples,
    /// Each text with all of its examples.
    Texts,
}

impl Aside {
    /// A share that is drawn by a seed, each text with all of its examples.
    #[must_use]
    pub fn new(share: f64, seed: u64) -> Self {
        Self { share, seed, draw: Draw::Texts }
    }
}

impl Table {
    /// Cuts off a share of the examples, drawn by a seed: returns the others and those. Of each label as large a share is taken, as
    /// far as whole texts allow: all examples of one text (of equal pairs, or equal sentences) are in the same part, and a text that is
    /// more than a twentieth of all examples is rather left with the others. All stay in the order of the table.
    ///
    /// ```
    /// use adaptune_text::Table;
    /// let (train, dev) = Table::of_texts(&["a", "b", "c", "a", "d", "e", "f", "g"]).split(0.25, 0)?;
    /// assert_eq!((train.rows.len(), dev.rows.len()), (6, 2));
    /// assert!(dev.rows.iter().all(|row| train.rows.iter().all(|other| other.text != row.text)));
    /// # Ok::<(), adaptune_text::TextError>(())
    /// ```
    ///
    /// # Errors
    /// One of the two would be empty.
    pub fn split(self, share: f64, seed: u64) -> Result<(Self, Self)> {
        self.split_as(Aside::new(share, seed))
    }

    /// The same as [`split`](Self::split), also as older versions drew.
    ///
    /// # Errors
    /// One of the two would be empty.
    pub fn split_as(self, aside: Aside) -> Result<(Self, Self)> {
        let Self { rows, kind, name, header, columns, dialect, notes } = self;
        let texts = texts(&rows, aside.draw);
        let is_aside = kept_aside(&rows, &texts, aside);
        let (dev, train): (Vec<_>, Vec<_>) = rows.into_iter().zip(is_aside).partition(|(_, aside)| *aside);
        let share = aside.share;
        if dev.is_empty() || train.is_empty() {
            let (count, different) = (dev.len() + train.len(), texts.len());
            let equal = match different < count {
                true => format!(" (of {different} different texts, each of which stays whole)"),
                false => String::new(),
            };
            let message =
                format!("of {count} examples{equal} a share of {share} leaves nothing to train on, or to measure on");
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
    /// Divides the examples into `count` parts that are as large and have as many of each label, as far as whole texts allow, drawn
    /// by a seed: returns the numbers of the rows of each part, ascending. All examples of one text are in one part.
    ///
    /// ```
    /// use adaptune_text::Table;
    /// let parts = Table::of_texts(&["a", "b", "c", "d", "e"]).folds(2, 0)?;
    /// assert_eq!((parts[0].len(), parts[1].len()), (3, 2));
    /// # Ok::<(), adaptune_text::TextError>(())
    /// ```
    ///
    /// # Errors
    /// There are fewer different texts than parts, or fewer than two parts.
    pub fn folds(&self, count: usize, seed: u64) -> Result<Vec<Vec<usize>>> {
        let texts = texts(&self.rows, Draw::Texts);
        if count < 2 || texts.len() < count {
            let (examples, different) = (self.rows.len(), texts.len());
            let equal = match different < examples {
                true => format!(" of {different} different texts"),
                false => String::new(),
            };
            let message =
                format!("{examples} examples{equal} cannot be divided into {count} parts to train and measure on");
            return Err(TextError::table(&self.name, message));
        }
        let mut order = evenly(&self.rows, &texts, seed);
        // The largest first, and the next always to the smallest part: so they come out alike.
        order.sort_by_key(|text| Reverse(texts[*text].len()));
        let mut parts = vec![Vec::new(); count];
        for text in order {
            let smallest = parts.iter_mut().min_by_key(|part| part.len()).expect("there are at least two");
            smallest.extend(&texts[text]);
        }
        parts.iter_mut().for_each(|part| part.sort_unstable());
        Ok(parts)
    }
}

/// The numbers of the rows of each text, texts in the order of their first rows; each row by itself if examples are drawn.
fn texts(rows: &[Row], draw: Draw) -> Vec<Vec<usize>> {
    if draw == Draw::Examples {
        return (0..rows.len()).map(|row| vec![row]).collect();
    }
    let mut numbers: HashMap<&Text, usize> = HashMap::new();
    let mut texts: Vec<Vec<usize>> = Vec::new();
    for (i, row) in rows.iter().enumerate() {
        let text = *numbers.entry(&row.text).or_insert(texts.len());
        match texts.get_mut(text) {
            Some(rows) => rows.push(i),
            None => texts.push(vec![i]),
        }
    }
    texts
}

/// One label, or any number of them.
type Answer<'a> = (Option<&'a str>, Option<&'a [String]>);

/// Whether each row is kept aside: those of the first texts in an order that the share does not change, so that a smaller share is a part
/// of a larger one.
fn kept_aside(rows: &[Row], texts: &[Vec<usize>], Aside { share, seed, .. }: Aside) -> Vec<bool> {
    let mut aside = vec![false; rows.len()];
    let wanted = (share * rows.len() as f64).ceil();
    let mut taken = 0.0;
    for text in evenly(rows, texts, seed) {
        let size = texts[text].len() as f64;
        // The text that is nearer to what is wanted without it is left. Of several examples a text may be too much, and still has to do.
        if taken + 0.5 * size > wanted && (taken > 0.0 || wanted == 0.0) {
            break;
        }
        texts[text].iter().for_each(|row| aside[*row] = true);
        taken += size;
    }
    aside
}

/// A text of more examples than one in so many says much of itself and little of others: it is rather learnt than measured on.
const FREQUENT: usize = 20;

/// The numbers of all texts in an order that begins anywhere with as many examples of each label as there is room for. The label of a text
/// is that of its first example.
fn evenly(rows: &[Row], texts: &[Vec<usize>], seed: u64) -> Vec<usize> {
    use rand::seq::SliceRandom;
    let mut by_label: BTreeMap<Answer<'_>, Vec<usize>> = BTreeMap::new();
    for (i, text) in texts.iter().enumerate() {
        let first = &rows[text[0]];
        by_label.entry((first.label.as_deref(), first.labels.as_deref())).or_default().push(i);
    }
    // Labels that hardly repeat are numbers, or names of single things: they say nothing of a good cut.
    if 2 * by_label.len() > texts.len() {
        by_label = BTreeMap::from([((None, None), (0..texts.len()).collect())]);
    }
    let mut rng = Seed::new(seed).named("kept aside").rng();
    let mut order: Vec<(f64, usize)> = Vec::with_capacity(texts.len());
    for places in by_label.values_mut() {
        places.shuffle(&mut rng);
        places.sort_by_key(|place| texts[*place].len() > 1 && FREQUENT * texts[*place].len() > rows.len());
        // Where in its label, from 0 to 1, a text comes: the first of all labels together are as many of each as there is room.
        let count = places.iter().map(|place| texts[*place].len()).sum::<usize>() as f64;
        let mut before = 0.0;
        for place in places {
            let size = texts[*place].len() as f64;
            order.push(((before + 0.5 * size) / count, *place));
            before += size;
        }
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

    /// 40 texts once, 10 twice, one six times: 66 examples of three labels.
    fn repeated() -> Table {
        let singles = (0..40).map(|i| format!("text {i}"));
        let pairs = (0..20).map(|i| format!("pair {}", i % 10));
        let texts: Vec<String> = singles.chain(pairs).chain((0..6).map(|_| "fine, thanks".to_owned())).collect();
        let mut table = Table::of_texts(&texts);
        for (i, row) in table.rows.iter_mut().enumerate() {
            row.label = Some(["a", "b", "c"][i % 3].to_owned());
        }
        table
    }

    fn in_both(train: &Table, dev: &Table) -> usize {
        dev.rows.iter().filter(|row| train.rows.iter().any(|other| other.text == row.text)).count()
    }

    #[test]
    fn equal_texts_are_on_one_side() {
        for (share, seed) in [(0.1, 0), (0.1, 1), (0.2, 2), (0.3, 3), (0.5, 4)] {
            let (train, dev) = repeated().split(share, seed).unwrap();
            assert_eq!(in_both(&train, &dev), 0, "share {share}, seed {seed}");
            let wanted = (share * 66.0_f64).ceil() as usize;
            assert!(dev.rows.len().abs_diff(wanted) <= 1, "{} of {wanted}", dev.rows.len());
            let (_, larger) = repeated().split(2.0 * share.min(0.3), seed).unwrap();
            assert!(dev.rows.iter().all(|row| larger.rows.contains(row)) || share > 0.3, "a part of a larger share");
        }
        let as_before = Aside { draw: Draw::Examples, ..Aside::new(0.3, 0) };
        let (train, dev) = repeated().split_as(as_before).unwrap();
        assert!(in_both(&train, &dev) > 0 && dev.rows.len() == 20, "older versions drew single examples");
    }

    /// Where all texts are different, what older versions drew is drawn.
    #[test]
    fn different_texts_are_drawn_as_ever() {
        let labels = [vec!["a"; 31], vec!["b"; 12]].concat();
        for seed in 0..5 {
            let as_before = Aside { draw: Draw::Examples, ..Aside::new(0.2, seed) };
            let now = table(&labels).split(0.2, seed).unwrap();
            assert_eq!(now, table(&labels).split_as(as_before).unwrap());
        }
    }

    #[test]
    fn equal_texts_are_in_one_fold() {
        let table = repeated();
        let parts = table.folds(4, 1).unwrap();
        let text = |row: &usize| table.rows[*row].text.clone();
        for (i, part) in parts.iter().enumerate() {
            assert!((16..=17).contains(&part.len()), "{parts:?}");
            let others = parts.iter().enumerate().filter(|(j, _)| *j != i).flat_map(|(_, other)| other);
            assert!(others.map(text).all(|other| !part.iter().map(text).any(|one| one == other)));
        }
        let few = Table::of_texts(&["a", "a", "a", "b"]);
        let message = few.folds(3, 0).unwrap_err().to_string();
        assert!(message.contains("4 examples of 2 different texts cannot be divided into 3 parts"), "{message}");
    }

    #[test]
    fn one_text_cannot_be_divided() {
        let message = Table::of_texts(&["a", "a", "a"]).split(0.3, 0).unwrap_err().to_string();
        assert!(
            message.contains("of 3 examples (of 1 different texts") && message.contains("leaves nothing"),
            "{message}"
        );
    }

    #[test]
    fn neither_part_may_be_empty() {
        for (labels, share) in [(vec!["a"], 0.1), (vec!["a", "b"], 0.0), (vec!["a", "b"], 1.0)] {
            assert!(table(&labels).split(share, 0).unwrap_err().to_string().contains("leaves nothing"));
        }
    }
}
