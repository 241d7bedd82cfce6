//! What whole numbers stand for, where a file has them in the place of names.

use super::refusals::{at, whole};
use super::spelling::{canonical, whole_number};
use crate::error::Result;
use crate::table::{NO_TAG, Row, Table, TableKind};

impl Table {
    /// Returns the table with names in the place of whole numbers as labels or tags, 0 being the first: data sets of Hugging Face
    /// hold such numbers, and their names only in the description of the data set. -1 as the label of a text is none. A label that is
    /// one of the names stays, so that a table that was named already is returned as it is.
    ///
    /// ```
    /// use adaptune_text::Table;
    ///
    /// let file = tempfile::Builder::new().suffix(".jsonl").tempfile()?;
    /// std::fs::write(&file, r#"{"tokens": ["Ada", "wrote"], "ner_tags": [1, 0]}"#)?;
    /// let names = ["O", "B-PER", "I-PER"].map(String::from);
    /// let table = Table::read(file.path())?.with_label_names(&names)?;
    /// assert_eq!(table.rows[0].tags, ["B-PER", "O"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// A label is neither a number that has a name nor a name, two names are alike, or texts are chosen or compared.
    pub fn with_label_names(self, names: &[String]) -> Result<Self> {
        let are_words = !self.has_numbers_for_labels();
        self.named(&Names { names, are_words, words_are_refused: true })
    }

    /// The same with the names of training, which nobody gave here: a word that is none of them is an unknown label, and told as one.
    pub(crate) fn with_label_names_of_training(self, names: &[String]) -> Result<Self> {
        self.named(&Names { names, are_words: false, words_are_refused: false })
    }

    fn named(mut self, names: &Names<'_>) -> Result<Self> {
        if names.names.is_empty() {
            return Ok(self);
        }
        check(&self, names.names)?;
        let mut rows = std::mem::take(&mut self.rows);
        for row in &mut rows {
            name_row(&self, row, names)?;
        }
        self.columns.label_names = names.names.to_vec();
        Ok(Self { rows, ..self })
    }

    /// True if some label or tag is a whole number.
    fn has_numbers_for_labels(&self) -> bool {
        let of_row = |row: &Row| {
            let mut all = row.label.iter().chain(row.labels.iter().flatten()).chain(&row.tags);
            all.any(|label| whole_number(label).is_some())
        };
        self.rows.iter().any(of_row)
    }

    /// Returns the table with whole numbers in the place of their names, where a head knows labels by numbers alone and a table has the
    /// names: `yes` is 1 where `names` are `no` and `yes`. A table for a head that knows names is returned as it is.
    #[must_use]
    pub fn with_numbers_for_names(mut self, names: &[String], known: &[String]) -> Self {
        if names.is_empty() || known.is_empty() || known.iter().any(|label| whole_number(label).is_none()) {
            return self;
        }
        let number = |label: String| match names.iter().position(|name| *name == label) {
            Some(number) => number.to_string(),
            None => label,
        };
        for row in &mut self.rows {
            row.label = row.label.take().map(number);
            row.labels = row.labels.take().map(|labels| labels.into_iter().map(number).collect());
            row.tags = std::mem::take(&mut row.tags).into_iter().map(number).collect();
        }
        self
    }
}

/// What whole numbers stand for.
struct Names<'a> {
    names: &'a [String],
    /// True if no label of the table is a number.
    are_words: bool,
    /// True if a label that is neither number nor name is an error.
    words_are_refused: bool,
}

fn check(table: &Table, names: &[String]) -> Result<()> {
    if matches!(table.kind, TableKind::Choices | TableKind::Compared) {
        return Err(whole(table, format!("names for numbers are for classes and tags, found {}", table.kind)));
    }
    let twice = (1..names.len()).find(|&i| names[..i].iter().any(|name| canonical(name) == canonical(&names[i])));
    match twice {
        Some(i) => Err(whole(table, format!("two numbers would have the name `{}`; each needs its own", names[i]))),
        None => Ok(()),
    }
}

fn name_row(table: &Table, row: &mut Row, names: &Names<'_>) -> Result<()> {
    if row.label.as_deref().and_then(whole_number) == Some(-1) {
        row.label = None;
    }
    let (label, labels, tags) = (row.label.take(), row.labels.take(), std::mem::take(&mut row.tags));
    let name = |label: String| name(table, row, names, label);
    let named = |labels: Vec<String>| labels.into_iter().map(name).collect::<Result<Vec<_>>>();
    let tag = |tag: String| if tag == NO_TAG { Ok(tag) } else { name(tag) };
    let tags = tags.into_iter().map(tag).collect::<Result<Vec<_>>>()?;
    let (label, labels) = (label.map(name).transpose()?, labels.map(named).transpose()?);
    (row.label, row.labels, row.tags) = (label, labels, tags);
    Ok(())
}

/// The name that a number stands for, or the name that stands there.
fn name(table: &Table, row: &Row, all: &Names<'_>, label: String) -> Result<String> {
    let names = all.names;
    if names.contains(&label) || (!all.words_are_refused && whole_number(&label).is_none()) {
        return Ok(label);
    }
    let number = whole_number(&label).and_then(|number| usize::try_from(number).ok());
    number.and_then(|number| names.get(number).cloned()).ok_or_else(|| {
        let last = names.len() - 1;
        let advice = match all.are_words {
            true => "; no label here is a number, and names need no --label-names: leave it away",
            false => "",
        };
        let message = format!(
            "expected a whole number from 0 (`{}`) to {last} (`{}`), or one of the names, found `{label}`{advice}",
            names[0], names[last]
        );
        at(table, row, message)
    })
}

/// What to do where all tags are numbers; nothing if they are not.
pub(super) fn unnamed(tags: &[String]) -> Option<String> {
    let all = tags.iter().all(|tag| whole_number(tag).is_some());
    all.then(|| {
        "the tags are numbers, and the file does not say what they stand for: name them, the first being 0, with --label-names \
         O,B-PER,I-PER (or a file with a name a line); the description of the data set has the names, in Python \
         ds.features['ner_tags'].feature.names"
            .to_owned()
    })
}

/// What may be wrong with a label that is not known: it is a number, and the known ones are names, or the other way round.
pub(super) fn hint(label: &str, known: &[String]) -> String {
    let is_number = |label: &str| whole_number(label).is_some();
    let all = known.iter().all(|name| is_number(name));
    match (is_number(label), all && !known.is_empty()) {
        (true, _) if !known.iter().any(|name| is_number(name)) => {
            "; --label-names says what numbers stand for".to_owned()
        }
        (false, true) => {
            format!(
                "; if it is the name of a number, say what they stand for, the first being 0: --label-names {}",
                example(label, known)
            )
        }
        _ => String::new(),
    }
}

/// Names for the numbers, in the spelling of the label, if it says that something holds or does not.
fn example(label: &str, known: &[String]) -> String {
    let pair = ANSWERS.iter().find(|pair| pair.iter().any(|answer| answer.eq_ignore_ascii_case(label)));
    let Some(pair) = pair.filter(|_| known == ["0", "1"]) else { return "NAME_OF_0,NAME_OF_1,...".to_owned() };
    pair.map(|answer| spelt_as(answer, label)).join(",")
}

/// Words for no and yes.
const ANSWERS: [[&str; 2]; 7] =
    [["false", "true"], ["no", "yes"], ["f", "t"], ["n", "y"], ["off", "on"], ["negative", "positive"], ["neg", "pos"]];

/// With the capitals of `like`: none, the first alone, or all.
fn spelt_as(word: &str, like: &str) -> String {
    let mut letters = like.chars();
    match (letters.next().is_some_and(char::is_uppercase), letters.any(char::is_lowercase)) {
        (false, _) => word.to_owned(),
        (true, false) => word.to_uppercase(),
        (true, true) => word[..1].to_uppercase() + &word[1..],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Vec<String> {
        ["O", "B-PER", "I-PER"].map(String::from).to_vec()
    }

    fn table(labels: &[&str]) -> Table {
        let mut table = Table::of_texts(labels);
        for (row, label) in table.rows.iter_mut().zip(labels) {
            row.label = Some((*label).to_owned());
        }
        table
    }

    #[test]
    fn numbers_become_names_and_names_stay() {
        let named = table(&["1", "0", "2.0", "-1", "B-PER"]).with_label_names(&names()).unwrap();
        let labels: Vec<Option<&str>> = named.rows.iter().map(|row| row.label.as_deref()).collect();
        assert_eq!(labels, [Some("B-PER"), Some("O"), Some("I-PER"), None, Some("B-PER")]);
        assert_eq!(named.columns.label_names, names());
        assert_eq!(named.clone().with_label_names(&names()).unwrap(), named);
    }

    #[test]
    fn lists_of_numbers_become_lists_of_names() {
        let mut sets = table(&["x"]);
        (sets.rows[0].label, sets.rows[0].labels) = (None, Some(vec!["2".into(), "0".into()]));
        let named = sets.with_label_names(&names()).unwrap();
        assert_eq!(named.rows[0].labels.as_deref(), Some(&["I-PER".to_owned(), "O".to_owned()][..]));
    }

    #[test]
    fn names_become_the_numbers_that_a_head_knows() {
        let [no, yes] = ["no", "yes"].map(String::from);
        let names = [no, yes];
        let numbers = |labels: &[&str], known: &[&str]| {
            let known: Vec<String> = known.iter().map(|&name| name.to_owned()).collect();
            let table = table(labels).with_label_names(&names).unwrap().with_numbers_for_names(&names, &known);
            table.rows.iter().filter_map(|row| row.label.clone()).collect::<Vec<_>>()
        };
        assert_eq!(numbers(&["yes", "no", "1"], &["0", "1"]), ["1", "0", "1"]);
        assert_eq!(numbers(&["yes", "no", "1"], &["no", "yes"]), ["yes", "no", "yes"]);
    }

    #[test]
    fn words_for_numbers_are_told_how_to_be_read() {
        let known = ["0", "1"].map(String::from);
        for (label, names) in [("yes", "no,yes"), ("True", "False,True"), ("N", "N,Y"), ("POS", "NEG,POS")] {
            assert!(hint(label, &known).ends_with(&format!("--label-names {names}")), "{}", hint(label, &known));
        }
        assert!(hint("good", &known).contains("NAME_OF_0"));
        assert_eq!((hint("2", &known), hint("x", &names())), (String::new(), String::new()));
    }

    #[test]
    fn names_that_are_there_already_need_no_numbers() {
        let message = table(&["good", "bad"]).with_label_names(&names()).unwrap_err().to_string();
        assert!(message.contains("no label here is a number") && message.contains("leave it away"), "{message}");
        assert!(table(&["good"]).with_label_names_of_training(&names()).is_ok(), "it is told as an unknown label");
        assert!(table(&["7"]).with_label_names_of_training(&names()).is_err());
    }

    #[test]
    fn what_has_no_name_is_named_with_its_line() {
        for wrong in ["3", "-2", "1.5", "b-per"] {
            let message = table(&["0", wrong]).with_label_names(&names()).unwrap_err().to_string();
            assert!(message.contains("line 2") && message.contains(&format!("found `{wrong}`")), "{message}");
        }
        let twice = ["a", "b", "a"].map(String::from);
        assert!(table(&["0"]).with_label_names(&twice).unwrap_err().to_string().contains("the name `a`"));
    }
}
