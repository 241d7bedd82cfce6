//! From labels as written to what training aims at: classes, numbers or tags.

mod answers;
mod choices;
mod columns;
mod decimals;
mod doubts;
mod identifiers;
mod known;
mod lists;
mod notation;
mod numbered;
mod outside;
mod paths;
mod quantities;
mod questions;
mod refusals;
mod related;
mod sets;
mod slips;
mod spelling;
mod targets;
mod unlabelled;
mod written;

use crate::error::Result;
use crate::table::{NO_TAG, Row, Table, TableKind, Text, WORDS_AND_TAGS};
use adaptune_adapters::{Outputs, Task};
use adaptune_train::metrics::{labels_mark_spans, stray_tags};
use doubts::{hardly_repeat, look_like_numbers, look_like_paths, looks_like_lists, never_repeat, refuse_tags};
use known::Known;
use quantities::{Whole, is_number, number, whole_numbers};
pub(crate) use questions::{Asked, asked};
use refusals::{at, listed, whole};
use sets::label_set;
use slips::Occurrences;
pub(crate) use spelling::canonical;
use spelling::whole_number;
use std::collections::BTreeSet;
pub use targets::Targets;
use written::label;

/// What is said about the task of a table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TaskChoice {
    /// Look at the labels: tagged words mean tagging; numbers mean regression, unless they are whole ones of few kinds;
    /// anything else means classification.
    #[default]
    Auto,
    /// Each different label is a class, also where labels are numbers.
    Classification,
    /// Labels are paths, coarse to fine, `animal/dog`, and a fine one is predicted given the coarse one. It is never meant by
    /// [`TaskChoice::Auto`].
    Hierarchical,
    /// Any number of labels hold for each example; so it is with [`TaskChoice::Auto`] where labels are lists.
    MultiLabel,
    /// Questions are answered by a span of their context; so it is with [`TaskChoice::Auto`] where there are answers.
    QuestionAnswering,
    /// One of several choices of each example is right; so it is with [`TaskChoice::Auto`] where examples have choices.
    MultipleChoice,
    /// Texts whose vectors are compared: pairs, pairs with a score, triplets. It is never meant by [`TaskChoice::Auto`].
    Embedding,
    /// The next token of texts, of what follows prompts, or of answers in conversations, which a [`Corpus`](crate::Corpus) holds. It is never meant
    /// by a table.
    CausalLanguage,
    /// Labels are numbers to be predicted.
    Regression,
    /// Each word of a sentence has a tag.
    Tagging,
}

/// The task that a table of training data sets, with the names of its classes or tags in a fixed order.
///
/// Names are sorted by their letters, or as numbers if all are whole numbers, so that the order does not depend on
/// the order of the rows. `1` and `1.0` are one label, and so are two spellings of one letter (NFC and NFD).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Labels {
    /// Classification among these.
    Classes(Vec<String>),
    /// A leaf of the tree of these, which are paths with all above them.
    Paths(Vec<String>),
    /// Any number of these for each example.
    Sets(Vec<String>),
    /// Spans of a context that answer questions.
    Answers,
    /// One of several choices, of which an example has as many as there are names here, or fewer.
    Choices(Vec<String>),
    /// Regression.
    Numbers,
    /// Texts that belong together.
    Related,
    /// How near the two texts of a pair are.
    Nearness,
    /// The tokens themselves, each behind those before it; they are no labels of rows, so no table has them.
    NextTokens,
    /// Tagging with these.
    Tags(Vec<String>),
}

impl Labels {
    /// Decides the task from training data. Returns it with a sentence that tells the user what was decided and why.
    ///
    /// # Errors
    ///
    /// A row has no label, the choice does not fit the table, or there is nothing to learn because all
    /// labels are alike.
    pub fn decide(table: &Table, choice: TaskChoice) -> Result<(Self, String)> {
        match (choice, table.kind) {
            (TaskChoice::CausalLanguage, _) => {
                Err(whole(table, "a causal language model learns from texts, which are read as a Corpus"))
            }
            (TaskChoice::Auto | TaskChoice::Tagging, TableKind::Words) => tagging(table),
            (TaskChoice::Tagging, kind) => {
                Err(whole(table, format!("tagging needs a tag for each word, found {kind}; {WORDS_AND_TAGS}")))
            }
            (TaskChoice::Embedding, TableKind::Compared) if table.columns.label.is_some() => {
                regression(table, "scored pairs").map(|(_, note)| (Self::Nearness, note))
            }
            (TaskChoice::Embedding, _) | (_, TableKind::Compared) => {
                Ok((Self::Related, related::decide(table, choice == TaskChoice::Embedding)?))
            }
            (_, TableKind::Words) => Err(whole(table, "words with tags are for tagging; leave --task away")),
            (TaskChoice::MultipleChoice, _) | (TaskChoice::Auto, TableKind::Choices) => {
                let (names, sentence) = choices::decide(table)?;
                Ok((Self::Choices(names), sentence))
            }
            (_, TableKind::Choices) => Err(whole(
                table,
                "found texts to choose among, which are for --task multiple-choice; leave --task away, or name other columns with \
                 --text-column",
            )),
            (TaskChoice::QuestionAnswering, _) => Ok((Self::Answers, questions::decide(table)?)),
            (TaskChoice::Auto, _) if table.has_answers() => Ok((Self::Answers, questions::decide(table)?)),
            (TaskChoice::MultiLabel, _) => multi_label(table),
            (TaskChoice::Auto, _) if table.has_label_sets() => multi_label(table),
            (_, _) if table.has_label_sets() => {
                Err(whole(table, "found lists of labels, which are for --task multi-label; leave --task away"))
            }
            (TaskChoice::Classification, _) => classification(table),
            (TaskChoice::Hierarchical, _) => {
                let (names, sentence) = paths::decide(table)?;
                Ok((Self::Paths(names), sentence))
            }
            (TaskChoice::Regression, _) => regression(table, "labels are to be numbers: regression"),
            (TaskChoice::Auto, _) => by_labels(table),
        }
    }

    /// The labels that a head of this task knows by these names.
    #[must_use]
    pub fn of_head(task: Task, names: &[String]) -> Self {
        match task.description().outputs {
            Outputs::Number => Self::Numbers,
            Outputs::Span => Self::Answers,
            Outputs::Vector => Self::Related,
            Outputs::NextToken => Self::NextTokens,
            Outputs::Choice => Self::Choices(names.to_vec()),
            Outputs::AnyLabels { .. } => Self::Sets(names.to_vec()),
            Outputs::LabelTree { .. } => Self::Paths(names.to_vec()),
            Outputs::Labels { .. } | Outputs::Vocabulary if task.reads_every_token() => Self::Tags(names.to_vec()),
            Outputs::Labels { .. } | Outputs::Vocabulary => Self::Classes(names.to_vec()),
        }
    }

    /// What a head predicts for labels of this kind.
    #[must_use]
    pub fn task(&self) -> Task {
        match self {
            Self::Classes(_) => Task::CLASSIFICATION,
            Self::Sets(_) => Task::MULTI_LABEL,
            Self::Paths(_) => Task::HIERARCHICAL,
            Self::Answers => Task::QUESTION_ANSWERING,
            Self::Choices(_) => Task::MULTIPLE_CHOICE,
            Self::Numbers => Task::REGRESSION,
            Self::Related | Self::Nearness => Task::EMBEDDING,
            Self::NextTokens => Task::CAUSAL_LANGUAGE,
            Self::Tags(_) => Task::TAGGING,
        }
    }

    /// Names of the classes, tags or choices; none for numbers and answers.
    #[must_use]
    pub fn names(&self) -> &[String] {
        match self {
            Self::Classes(names) | Self::Sets(names) | Self::Paths(names) => names,
            Self::Tags(names) | Self::Choices(names) => names,
            Self::Numbers | Self::Answers | Self::Related | Self::Nearness | Self::NextTokens => &[],
        }
    }

    /// The labels of any table that belongs to the same task, such as development data.
    ///
    /// # Errors
    ///
    /// A row has no label or one that training does not know; the message names the line and the known ones.
    pub fn targets(&self, table: &Table) -> Result<Targets> {
        let fits = match table.kind {
            TableKind::Words => matches!(self, Self::Tags(_)),
            TableKind::Choices => matches!(self, Self::Choices(_)),
            TableKind::Compared => matches!(self, Self::Related | Self::Nearness),
            TableKind::Single | TableKind::Pair => {
                !matches!(self, Self::Tags(_) | Self::Choices(_) | Self::Related | Self::Nearness)
            }
        };
        if !fits {
            let message = format!("training and this file do not fit together; found {} here", table.kind);
            return Err(whole(table, message));
        }
        let (rows, known) = (table.rows.iter(), Known::of(self.names()));
        Ok(match self {
            Self::Classes(_) => {
                let class = |row| known.find(table, row, "label", label(table, row)?);
                Targets::Classes(rows.map(class).collect::<Result<_>>()?)
            }
            Self::Paths(names) => paths::targets(table, names)?,
            Self::Sets(_) => Targets::Sets(rows.map(|row| known.truths(table, row)).collect::<Result<_>>()?),
            Self::Choices(_) => Targets::Choices(choices::rights(table)?),
            Self::Answers => return Err(whole(table, "answers are targets of windows, not of whole examples")),
            Self::NextTokens => return Err(whole(table, "next tokens are targets of a Corpus, not of a table")),
            Self::Related => Targets::Related,
            Self::Numbers | Self::Nearness => {
                notation::refuse_thousands(table)?;
                Targets::Numbers(rows.map(|row| number(table, row)).collect::<Result<_>>()?)
            }
            Self::Tags(_) => {
                Targets::Tags(rows.map(|row| known.tags(table, row, tags(table, row)?)).collect::<Result<_>>()?)
            }
        })
    }
}

/// The task that labels without a word about it mean.
fn by_labels(table: &Table) -> Result<(Labels, String)> {
    notation::refuse_thousands(table)?;
    notation::refuse_units(table, &sorted(table.rows.iter().filter_map(|row| row.label.as_deref())))?;
    quantities::refuse_words(table)?;
    refuse_tags(table)?;
    doubts::refuse_lists(table)?;
    if table.rows.iter().any(|row| !is_number(row)) {
        doubts::refuse_several(table)?;
        return classification(table);
    }
    match whole_numbers(table) {
        Some(Whole::Few) => {
            let (labels, note) = classification(table)?;
            return Ok((
                labels,
                format!("{note} (whole numbers of few kinds; --task regression takes them as quantities)"),
            ));
        }
        Some(Whole::Counted) => never_repeat(table, &sorted(table.rows.iter().filter_map(|row| row.label.as_deref())))?,
        Some(Whole::Many) | None => {}
    }
    identifiers::refuse(table)?;
    regression(table, "labels are numbers: regression; use --task classification if they stand for classes")
}

fn classification(table: &Table) -> Result<(Labels, String)> {
    let labels = table.rows.iter().map(|row| label(table, row)).collect::<Result<Vec<_>>>()?;
    let classes = sorted(labels.iter().copied());
    if let [only] = &classes[..] {
        return Err(whole(table, format!("every label is `{only}`; classification needs at least two classes")));
    }
    refuse_tags(table)?;
    never_repeat(table, &classes)?;
    let occurrences = Occurrences::of(table.rows.iter().filter_map(|row| Some((row.line, row.label.as_deref()?))));
    let none = occurrences.words_for_none(&classes, "and the example is left out");
    let odd = quantities::tell_words(table) + &none + &doubts(table, &classes, &occurrences);
    let classes = with_named(table, classes);
    let note = format!("{} classes: {}{odd}", classes.len(), listed(&classes));
    Ok((Labels::Classes(classes), note))
}

/// What else labels look like than names of classes. Lists of several are alike and hardly repeat because of what they are.
fn doubts(table: &Table, classes: &[String], occurrences: &Occurrences) -> String {
    let lists = looks_like_lists(classes);
    if !lists.is_empty() {
        return lists;
    }
    let doubts = [
        notation::tell_unit(classes),
        look_like_numbers(classes),
        occurrences.slips(classes),
        occurrences.lopsided(classes),
        look_like_paths(classes),
        hardly_repeat(table, classes),
    ];
    doubts.concat()
}

fn multi_label(table: &Table) -> Result<(Labels, String)> {
    let sets = table.rows.iter().map(|row| label_set(table, row)).collect::<Result<Vec<_>>>()?;
    let names = sorted(sets.iter().copied().flatten().map(String::as_str));
    if names.is_empty() {
        return Err(whole(table, "no example has a label; there is nothing to learn"));
    }
    if sets.iter().all(|set| *set == sets[0]) {
        return Err(whole(
            table,
            format!("every example has the labels `{}`; there is nothing to learn", sets[0].join(", ")),
        ));
    }
    let names = with_named(table, names);
    let mean = sets.iter().map(|set| set.len()).sum::<usize>() as f64 / sets.len() as f64;
    let without = match sets.iter().filter(|set| set.is_empty()).count() {
        0 if sets.iter().all(|set| set.len() == 1) => {
            "; every example has one: --task classification learns which".to_owned()
        }
        0 => String::new(),
        1 => "; 1 example has none".to_owned(),
        without => format!("; {without} examples have none"),
    };
    let occurrences = Occurrences::of(
        table.rows.iter().flat_map(|row| row.labels.iter().flatten().map(|label| (row.line, label.as_str()))),
    );
    let note = format!(
        "{} labels, of which any number may hold: {}; {mean:.1} an example on average{without}{}{}",
        names.len(),
        listed(&names),
        occurrences.words_for_none(&names, "which means that no label holds"),
        occurrences.slips(&names)
    );
    Ok((Labels::Sets(names), note))
}

fn regression(table: &Table, note: &str) -> Result<(Labels, String)> {
    quantities::check(table)?;
    Ok((Labels::Numbers, format!("{note}{}", notation::tell_thousands(table))))
}

fn tagging(table: &Table) -> Result<(Labels, String)> {
    for row in &table.rows {
        tags(table, row)?;
    }
    let names = sorted(table.rows.iter().flat_map(|row| &row.tags).map(String::as_str).filter(|tag| *tag != NO_TAG));
    if names.is_empty() {
        return Err(whole(table, format!("every tag is `{NO_TAG}`, which stands for none; there is nothing to learn")));
    }
    if let Some(message) = numbered::unnamed(&names) {
        return Err(whole(table, message));
    }
    if let [only] = &names[..] {
        return Err(whole(table, format!("every tag is `{only}`; tagging needs at least two tags")));
    }
    let names = with_named(table, names);
    let doubts = of_spans(&names) + &outside::hardly_any(table, &names);
    let note = format!("{} tags: {}{doubts}", names.len(), listed(&names));
    Ok((Labels::Tags(names), note))
}

/// What is scored where tags mark spans, and which of them do not.
fn of_spans(names: &[String]) -> String {
    let stray = stray_tags(names);
    match (labels_mark_spans(names), &stray[..]) {
        (false, _) => String::new(),
        (true, []) => "; they mark spans, which are what is scored".into(),
        (true, stray) => format!(
            "; they mark spans, which are what is scored; but not `{}`, which counts as outside: mend it if it is a slip",
            stray.join("`, `")
        ),
    }
}

fn tags<'a>(table: &Table, row: &'a Row) -> Result<&'a [String]> {
    match (&row.text, row.tags.len()) {
        (Text::Words(words), tags) if words.len() == tags => Ok(&row.tags),
        _ => Err(at(table, row, "found words without tags; expected a word and its tag on each line")),
    }
}

/// The same with the names that numbers or columns have and no example shows: other data may have them.
fn with_named(table: &Table, found: Vec<String>) -> Vec<String> {
    match (&table.columns.label_names[..], &table.columns.labels[..]) {
        ([], []) => found,
        (named, columns) => sorted(found.iter().chain(named).chain(columns).map(String::as_str)),
    }
}

fn sorted<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut names: Vec<String> = names.map(canonical).collect::<BTreeSet<_>>().into_iter().collect();
    if names.iter().all(|name| whole_number(name).is_some()) {
        names.sort_by_key(|name| whole_number(name).unwrap_or_default());
    }
    names
}

#[cfg(test)]
mod tests;
