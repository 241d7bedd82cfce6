//! Data whose labels follow from words, so that a few steps of training learn them.

use adaptune_tensor::Seed;
use serde_json::json;

const PRAISE: &[&str] = &["fine", "warm", "funny", "joy"];
const BLAME: &[&str] = &["dull", "thin", "cold", "boring"];
const FILL: &[&str] = &["the", "film", "plot", "is", "was", "and", "it", "of", "to", "we", "saw", "one"];
const FIRST_NAMES: &[&str] = &["anna", "ben", "carla"];
const LAST_NAMES: &[&str] = &["smith", "jones"];

/// Every word of the data.
pub(crate) const WORDS: [&[&str]; 5] = [PRAISE, BLAME, FILL, FIRST_NAMES, LAST_NAMES];

/// Texts with labels.
pub(crate) type Rows = Vec<(String, String)>;

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

/// The rows as a table with a column of domains: two below one, and one by itself.
pub(crate) fn with_domains(rows: &Rows) -> String {
    let domain = |row: usize| ["film/drama", "film/farce", "books"][row / 2 % 3];
    let lines = rows.iter().enumerate().map(|(i, (text, label))| format!("{text}\t{label}\t{}\n", domain(i)));
    format!("text\tlabel\tdomain\n{}", lines.collect::<String>())
}

/// Reviews, `good` or `bad` in turn.
pub(crate) fn reviews(rows: usize, seed: u64) -> Rows {
    let review = |row: usize| {
        let mut choice = Choice::new(seed, row);
        let (words, label) = if row.is_multiple_of(2) { (PRAISE, "good") } else { (BLAME, "bad") };
        let word = choice.of(words);
        (choice.around(word), label.to_owned())
    };
    (0..rows).map(review).collect()
}

/// Reviews of which some have the wrong label, so that no model can be right everywhere.
pub(crate) fn disputed_reviews(rows: usize, seed: u64) -> Rows {
    let swap = |label: &str| if label == "good" { "bad".to_owned() } else { "good".to_owned() };
    let dispute = |(row, (text, label)): (usize, (String, String))| match row % 5 {
        0 => (text, swap(&label)),
        _ => (text, label),
    };
    reviews(rows, seed).into_iter().enumerate().map(dispute).collect()
}

/// Texts whose label is the number of words of praise less those of blame, in halves.
pub(crate) fn scores(rows: usize, seed: u64) -> Rows {
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
pub(crate) fn pairs(rows: usize, seed: u64) -> Vec<(String, String, String)> {
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
pub(crate) fn sentences(rows: usize, seed: u64) -> Vec<Vec<(&'static str, &'static str)>> {
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

/// Sentences of which some have no tags but `O`, so that no model can be right everywhere.
pub(crate) fn disputed_sentences(rows: usize, seed: u64) -> Vec<Vec<(&'static str, &'static str)>> {
    let mut sentences = sentences(rows, seed);
    sentences.iter_mut().step_by(5).flatten().for_each(|(_, tag)| *tag = "O");
    sentences
}

pub(crate) fn tsv(rows: &Rows) -> String {
    table(rows, '\t')
}

pub(crate) fn csv(rows: &Rows) -> String {
    table(rows, ',')
}

fn table(rows: &Rows, separator: char) -> String {
    let lines = rows.iter().map(|(text, label)| format!("{text}{separator}{label}\n"));
    std::iter::once(format!("text{separator}label\n")).chain(lines).collect()
}

pub(crate) fn pairs_json(rows: &[(String, String, String)]) -> String {
    let line = |(a, b, label): &(String, String, String)| json!({ "text_a": a, "text_b": b, "label": label });
    rows.iter().map(|row| format!("{}\n", line(row))).collect()
}

pub(crate) fn conll(sentences: &[Vec<(&str, &str)>]) -> String {
    let line = |(word, tag): &(&str, &str)| format!("{word}\t{tag}\n");
    sentences.iter().map(|words| words.iter().map(line).collect::<String>() + "\n").collect()
}
