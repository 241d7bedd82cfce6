//! Which of an example's choices is right.

use super::refusals::{at, no_labels, whole};
use super::spelling::whole_number;
use crate::error::{Result, TextError};
use crate::table::{ChoiceLabels, Row, Table, TableKind, Text};
use adaptune_train::metrics::chance_of_choices;

impl Table {
    /// Returns a table of [choices](crate::Text::Choices) in which the label of each example is the number of its right choice,
    /// from 0, and none where it is -1. Labels name choices as is said, or else as all of them can be read: by number from 0, by letter, or by text. Where
    /// labels may be meant in two ways, as numbers that may count from 1, nothing is guessed. Other tables are as they were.
    ///
    /// ```
    /// use adaptune_text::{ChoiceLabels, Table};
    ///
    /// let file = tempfile::Builder::new().suffix(".jsonl").tempfile()?;
    /// let line = r#"{"article": "Ada wrote.", "question": "Who wrote?", "options": ["Ben", "Ada"], "answer": "B"}"#;
    /// std::fs::write(&file, line)?;
    /// let table = Table::read(file.path())?.with_numbered_choices(None)?;
    /// assert_eq!((table.rows[0].label.as_deref(), table.columns.choice_labels), (Some("1"), Some(ChoiceLabels::Letter)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// A label names no choice of its example, or labels may be read in several ways.
    pub fn with_numbered_choices(mut self, labels: Option<ChoiceLabels>) -> Result<Self> {
        if self.kind != TableKind::Choices || self.columns.choice_labels.is_some() || !self.has_labels() {
            return Ok(self);
        }
        let labels = labels.map_or_else(|| found(&self), Ok)?;
        let numbers = self.rows.iter().map(|row| number(&self, row, labels)).collect::<Result<Vec<_>>>()?;
        for (row, number) in self.rows.iter_mut().zip(numbers) {
            row.label = number.map(|number| number.to_string());
        }
        self.columns.choice_labels = Some(labels);
        Ok(self)
    }

    fn has_labels(&self) -> bool {
        self.rows.iter().any(|row| row.label.is_some())
    }
}

/// The label of a row, if it has one: data sets of Hugging Face mark an unknown one by -1.
fn given(row: &Row, labels: ChoiceLabels) -> Option<&str> {
    let is_none = |label: &&str| labels != ChoiceLabels::Text && whole_number(label) == Some(-1);
    row.label.as_deref().filter(|label| !is_none(label))
}

/// The number of a row's right choice; none if it has no label.
fn number(table: &Table, row: &Row, labels: ChoiceLabels) -> Result<Option<usize>> {
    let Some(label) = given(row, labels) else { return Ok(None) };
    let choices = choices(row);
    resolved(labels, label, choices).map(Some).ok_or_else(|| {
        let (count, last) = (choices.len(), choices.len().saturating_sub(1));
        let expected = match labels {
            ChoiceLabels::FromZero => format!("a number from 0 to {last}"),
            ChoiceLabels::FromOne => format!("a number from 1 to {count}"),
            ChoiceLabels::Letter => format!("a letter from A to {}", ChoiceLabels::Letter.label(last, choices)),
            ChoiceLabels::Text => "the text of one choice, which no other has".to_owned(),
        };
        let message = format!(
            "the label `{label}` names none of the {count} choices; expected {expected}: correct it, or say with --choice-labels \
             how labels name choices (0, 1, letter or text)"
        );
        at(table, row, message)
    })
}

fn choices(row: &Row) -> &[String] {
    if let Text::Choices(choices) = &row.text { &choices.choices } else { &[] }
}

/// Which choice a label names.
fn resolved(labels: ChoiceLabels, label: &str, choices: &[String]) -> Option<usize> {
    let counted = |first: i64| usize::try_from(whole_number(label)?.checked_sub(first)?).ok();
    let letter = || match label.as_bytes() {
        [letter] if letter.is_ascii_alphabetic() => Some(usize::from(letter.to_ascii_uppercase() - b'A')),
        _ => None,
    };
    let same = || {
        let mut same = (0..choices.len()).filter(|choice| choices[*choice].trim() == label.trim());
        same.next().filter(|_| same.next().is_none())
    };
    let choice = match labels {
        ChoiceLabels::FromZero => counted(0),
        ChoiceLabels::FromOne => counted(1),
        ChoiceLabels::Letter => letter(),
        ChoiceLabels::Text => same(),
    };
    choice.filter(|choice| *choice < choices.len())
}

/// How all labels of a table can be read.
fn found(table: &Table) -> Result<ChoiceLabels> {
    let read = |labels| -> Option<Vec<usize>> {
        let labelled = table.rows.iter().filter_map(|row| Some((row, given(row, labels)?)));
        labelled.map(|(row, label)| resolved(labels, label, choices(row))).collect()
    };
    let fit: Vec<(ChoiceLabels, Vec<usize>)> =
        ChoiceLabels::ALL.into_iter().filter_map(|labels| Some((labels, read(labels)?))).collect();
    match &fit[..] {
        [] => Err(misfit(table)),
        [(ChoiceLabels::FromOne, _)] => Err(whole(
            table,
            "labels are numbers of choices from 1 on, it seems, where others count from 0; say --choice-labels 1 if the first choice \
             is 1",
        )),
        [(labels, numbers), rest @ ..] if rest.iter().all(|(_, others)| others == numbers) => Ok(*labels),
        several => Err(whole(
            table,
            format!(
                "labels may name choices in several ways ({}), by which other choices are right; say which it is with \
                 --choice-labels {}",
                several.iter().map(|(labels, _)| meaning(*labels)).collect::<Vec<_>>().join(", "),
                several.iter().map(|(labels, _)| labels.name()).collect::<Vec<_>>().join(" or ")
            ),
        )),
    }
}

fn meaning(labels: ChoiceLabels) -> &'static str {
    match labels {
        ChoiceLabels::FromZero => "numbers from 0",
        ChoiceLabels::FromOne => "numbers from 1",
        ChoiceLabels::Letter => "letters",
        ChoiceLabels::Text => "texts",
    }
}

/// What is wrong by the reading that fits most rows.
fn misfit(table: &Table) -> TextError {
    let fits = |labels: ChoiceLabels| {
        let resolves =
            |row: &&Row| given(row, labels).is_some_and(|label| resolved(labels, label, choices(row)).is_some());
        table.rows.iter().filter(resolves).count()
    };
    // The last of equals is taken: the first of all readings has to stand there.
    let best = ChoiceLabels::ALL.into_iter().rev().max_by_key(|labels| fits(*labels)).unwrap_or(ChoiceLabels::FromZero);
    let first = table.rows.iter().find_map(|row| number(table, row, best).err());
    first.unwrap_or_else(|| whole(table, "labels name no choices"))
}

/// What is learnt: names for as many choices as an example has at most, and a sentence.
///
/// # Errors
/// Labels are missing, or are not numbers of choices yet.
pub(super) fn decide(table: &Table) -> Result<(Vec<String>, String)> {
    if table.kind != TableKind::Choices {
        return Err(whole(
            table,
            format!(
                "multiple choice needs choices, a column for each (choice0, choice1, ...) or in JSON a list (choices); found {}; \
                 --choice-columns names them",
                table.kind
            ),
        ));
    }
    rights(table)?;
    let counts: Vec<usize> = table.rows.iter().map(|row| choices(row).len()).collect();
    let (least, most) = counts.iter().fold((usize::MAX, 0), |(least, most), n| (least.min(*n), most.max(*n)));
    let several = if least == most { most.to_string() } else { format!("{least} to {most}") };
    let first = table.rows.iter().all(|row| row.label == table.rows[0].label) && table.rows.len() > 1;
    let same = table.rows[0].label.as_deref().filter(|_| first);
    let same = same.map_or(String::new(), |label| {
        format!("; the right one is always number {label}, from 0: are the choices sorted?")
    });
    let sentence = format!(
        "one of {several} choices is right ({:.1} % by guessing); {}{same}",
        100.0 * chance_of_choices(&counts),
        described(table),
    );
    Ok(((0..most).map(|choice| format!("LABEL_{choice}")).collect(), sentence))
}

/// Which columns are read, and how labels are.
fn described(table: &Table) -> String {
    let columns = &table.columns;
    let about: Vec<String> =
        [&columns.text, &columns.text_b].into_iter().flatten().map(|name| format!("`{name}`")).collect();
    let about = if about.is_empty() { String::new() } else { format!("{} with ", about.join(" and ")) };
    let choices = match &columns.choices[..] {
        [only] => format!("`{only}`"),
        [first, .., last] => format!("`{first}` to `{last}`"),
        [] => "choices".to_owned(),
    };
    let labels = columns.choice_labels.map_or("numbers from 0", meaning);
    format!("read are {about}{choices}; labels are {labels}")
}

/// The right choice of every row, of a table whose labels are numbers of choices.
pub(super) fn rights(table: &Table) -> Result<Vec<usize>> {
    if table.columns.choice_labels.is_none() {
        return Err(match table.has_labels() {
            true => whole(table, "labels name choices in some way; Table::with_numbered_choices makes numbers of them"),
            false => no_labels(table),
        });
    }
    let right = |row: &Row| {
        let number = number(table, row, ChoiceLabels::FromZero)?;
        number.ok_or_else(|| at(table, row, "the label is blank; every row needs one: fill it in or delete the row"))
    };
    table.rows.iter().map(right).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labels::{Labels, Targets, TaskChoice};

    /// A question of four choices for each label.
    fn table(labels: &[&str]) -> Table {
        let line = |label: &&str| format!("what?,red,green,blue,grey,{label}\n");
        let lines: String = labels.iter().map(line).collect();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        std::fs::write(&path, format!("question,choice0,choice1,choice2,choice3,label\n{lines}")).unwrap();
        Table::read(&path).unwrap()
    }

    fn numbers(table: Table) -> Vec<String> {
        table.rows.into_iter().map(|row| row.label.unwrap_or_default()).collect()
    }

    fn refused(labels: &[&str], by: Option<ChoiceLabels>) -> String {
        table(labels).with_numbered_choices(by).unwrap_err().to_string()
    }

    #[test]
    fn labels_are_read_as_all_of_them_can_be() {
        for (labels, by, expected) in [
            (&["0", "3", "1.0"][..], ChoiceLabels::FromZero, ["0", "3", "1"]),
            (&["A", "d", "B"], ChoiceLabels::Letter, ["0", "3", "1"]),
            (&["red", "grey", "green"], ChoiceLabels::Text, ["0", "3", "1"]),
        ] {
            let table = table(labels).with_numbered_choices(None).unwrap();
            assert_eq!(table.columns.choice_labels, Some(by));
            let again = table.clone().with_numbered_choices(Some(ChoiceLabels::FromOne)).unwrap();
            assert_eq!(again, table, "labels are numbers already");
            assert_eq!(numbers(table), expected);
        }
    }

    /// Nothing is guessed where labels may count from 1.
    #[test]
    fn numbers_that_may_count_from_one_are_a_question() {
        let beyond = refused(&["1", "4", "2"], None);
        assert!(beyond.contains("from 1 on") && beyond.contains("--choice-labels 1"), "{beyond}");
        let either = refused(&["1", "3", "2"], None);
        assert!(
            either.contains("numbers from 0, numbers from 1") && either.contains("--choice-labels 0 or 1"),
            "{either}"
        );
        let said = |by| numbers(table(&["1", "3", "2"]).with_numbered_choices(Some(by)).unwrap());
        assert_eq!(said(ChoiceLabels::FromZero), ["1", "3", "2"]);
        assert_eq!(said(ChoiceLabels::FromOne), ["0", "2", "1"]);
    }

    #[test]
    fn texts_that_look_like_numbers_are_a_question() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.jsonl");
        std::fs::write(&path, "{\"question\": \"1 + 1\", \"choices\": [2, 1, 0], \"label\": 0}\n").unwrap();
        let message = Table::read(&path).unwrap().with_numbered_choices(None).unwrap_err().to_string();
        assert!(
            message.contains("numbers from 0, texts") && message.contains("--choice-labels 0 or text"),
            "{message}"
        );
    }

    #[test]
    fn labels_that_name_no_choice_are_refused() {
        let message = refused(&["0", "1", "7", "2"], None);
        assert!(
            message.contains("line 4: the label `7` names none of the 4 choices; expected a number from 0 to 3"),
            "{message}"
        );
        let message = refused(&["A", "E", "B"], None);
        assert!(message.contains("line 3: the label `E`") && message.contains("a letter from A to D"), "{message}");
        let message = refused(&["red", "pink", "blue"], None);
        assert!(
            message.contains("line 3: the label `pink`") && message.contains("the text of one choice"),
            "{message}"
        );
        let message = refused(&["0", "4"], Some(ChoiceLabels::FromOne));
        assert!(message.contains("line 2: the label `0`") && message.contains("a number from 1 to 4"), "{message}");
    }

    #[test]
    fn unknown_labels_are_left_out() {
        let table = table(&["0", "-1", "", "2"]).with_numbered_choices(None).unwrap().labelled().unwrap();
        assert!(table.notes[0].contains("2 of 4 examples have no label"), "{:?}", table.notes);
        assert_eq!(numbers(table), ["0", "2"]);
    }

    #[test]
    fn the_task_is_seen_in_the_table() {
        let table = table(&["0", "3", "1"]).with_numbered_choices(None).unwrap();
        for choice in [TaskChoice::Auto, TaskChoice::MultipleChoice] {
            let (labels, said) = Labels::decide(&table, choice).unwrap();
            assert_eq!(labels, Labels::Choices((0..4).map(|i| format!("LABEL_{i}")).collect()));
            assert_eq!(
                said,
                "one of 4 choices is right (25.0 % by guessing); read are `question` with `choice0` to `choice3`; labels are numbers \
                 from 0"
            );
            assert_eq!(labels.targets(&table).unwrap(), Targets::Choices(vec![0, 3, 1]));
        }
        let message = Labels::decide(&table, TaskChoice::Classification).unwrap_err().to_string();
        assert!(message.contains("--task multiple-choice"), "{message}");
        let texts = Labels::decide(&Table::of_texts(&["a", "b"]), TaskChoice::MultipleChoice).unwrap_err().to_string();
        assert!(texts.contains("needs choices") && texts.contains("found single texts"), "{texts}");
        let classes = Labels::Classes(vec!["0".into(), "1".into()]);
        assert!(classes.targets(&table).is_err() && Labels::Choices(vec![]).targets(&Table::of_texts(&["a"])).is_err());
    }

    #[test]
    fn what_looks_sorted_is_said() {
        let table = table(&["0", "0"]).with_numbered_choices(None).unwrap();
        let (_, said) = Labels::decide(&table, TaskChoice::Auto).unwrap();
        assert!(said.contains("the right one is always number 0, from 0: are the choices sorted?"), "{said}");
        let unread = super::tests::table(&["0", "3"]);
        let message = Labels::decide(&unread, TaskChoice::Auto).unwrap_err().to_string();
        assert!(message.contains("Table::with_numbered_choices"), "{message}");
    }
}
