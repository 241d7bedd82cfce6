//! Data whose labels follow from words, so that a few steps of training learn them.

use adaptune_tensor::Seed;
use serde_json::json;

const PRAISE: &[&str] = &["fine", "warm", "funny", "joy"];
const BLAME: &[&str] = &["dull", "thin", "cold", "boring"];
const FILL: &[&str] = &["the", "film", "plot", "is", "was", "and", "it", "of", "to", "we", "saw", "one"];
const FIRST_NAMES: &[&str] = &["anna", "ben", "carla"];
const LAST_NAMES: &[&str] = &["smith", "jones"];

/// Every word of the data.
pub const WORDS: [&[&str]; 5] = [PRAISE, BLAME, FILL, FIRST_NAMES, LAST_NAMES];

/// Texts with labels.
pub type Rows = Vec<(String, String)>;

/// An endless supply of random choices.
struct Choice {
    seed: Seed,
    next: u64,
}

impl Choice {
    fn new(seed: u64, row: usize) -> Self {
        Self { seed: Seed::new(seed).at(row as u64), next: 0 }
    }

    fn below(&mut self, end: usize) -> usize {
        self.next += 1;
        (self.seed.unit(self.next) * end as f64) as usize
    }

    fn of(&mut self, words: &[&'static str]) -> &'static str {
        words[self.below(words.len())]
    }

    /// One to `most` words that say nothing.
    fn fill(&mut self, most: usize) -> Vec<&'static str> {
        (0..=self.below(most)).map(|_| self.of(FILL)).collect()
    }

    /// Some words that say nothing, and one that does.
    fn around(&mut self, word: &'static str) -> String {
        let mut words = self.fill(6);
        words.insert(self.below(words.len() + 1), word);
        words.join(" ")
    }
}

/// Reviews, `good` or `bad` in turn.
pub fn reviews(rows: usize, seed: u64) -> Rows {
    let review = |row: usize| {
        let mut choice = Choice::new(seed, row);
        let (words, label) = if row.is_multiple_of(2) { (PRAISE, "good") } else { (BLAME, "bad") };
        let word = choice.of(words);
        (choice.around(word), label.to_owned())
    };
    (0..rows).map(review).collect()
}

/// Texts whose label is the number of words of praise less those of blame, in halves.
pub fn scores(rows: usize, seed: u64) -> Rows {
    let score = |row: usize| {
        let mut choice = Choice::new(seed, row);
        let (praise, blame) = (choice.below(3), choice.below(3));
        let mut words = choice.fill(3);
        words.extend((0..praise).map(|_| choice.of(PRAISE)));
        words.extend((0..blame).map(|_| choice.of(BLAME)));
        (words.join(" "), format!("{:.1}", (praise as f64 - blame as f64) / 2.0))
    };
    (0..rows).map(score).collect()
}

/// Two texts and whether the second one praises.
pub fn pairs(rows: usize, seed: u64) -> Vec<(String, String, String)> {
    let pair = |row: usize| {
        let mut choice = Choice::new(seed, row);
        let (words, label) = if row.is_multiple_of(2) { (PRAISE, "yes") } else { (BLAME, "no") };
        let first = choice.fill(5).join(" ");
        let word = choice.of(words);
        (first, choice.around(word), label.to_owned())
    };
    (0..rows).map(pair).collect()
}

/// Sentences of words with tags: first names, last names behind some of them, and other words.
pub fn sentences(rows: usize, seed: u64) -> Vec<Vec<(&'static str, &'static str)>> {
    let sentence = |row: usize| {
        let mut choice = Choice::new(seed, row);
        let mut words: Vec<_> = choice.fill(4).into_iter().map(|word| (word, "O")).collect();
        let place = choice.below(words.len() + 1);
        if row.is_multiple_of(2) {
            words.insert(place, (choice.of(LAST_NAMES), "I-PER"));
        }
        words.insert(place, (choice.of(FIRST_NAMES), "B-PER"));
        words
    };
    (0..rows).map(sentence).collect()
}

pub fn tsv(rows: &Rows) -> String {
    table(rows, '\t')
}

pub fn csv(rows: &Rows) -> String {
    table(rows, ',')
}

fn table(rows: &Rows, separator: char) -> String {
    let lines = rows.iter().map(|(text, label)| format!("{text}{separator}{label}\n"));
    std::iter::once(format!("text{separator}label\n")).chain(lines).collect()
}

pub fn pairs_json(rows: &[(String, String, String)]) -> String {
    let line = |(a, b, label): &(String, String, String)| json!({ "text_a": a, "text_b": b, "label": label });
    rows.iter().map(|row| format!("{}\n", line(row))).collect()
}

pub fn conll(sentences: &[Vec<(&str, &str)>]) -> String {
    let line = |(word, tag): &(&str, &str)| format!("{word}\t{tag}\n");
    sentences.iter().map(|words| words.iter().map(line).collect::<String>() + "\n").collect()
}
