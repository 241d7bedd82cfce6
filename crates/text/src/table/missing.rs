//! Columns that a file was expected to have and has not: one refusal for all of them.

use super::content::{Table, WORDS_AND_TAGS};
use super::delimiter::{DELIMITERS, plural};
use super::first_line::{is_quoted, looks_like_an_example, sign_between_names, suggested};
use super::options::Reading;
use crate::error::{Result, shortened};
use adaptune_adapters::nearest;

/// A column that has to be there, and the option that names another in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Needed<'a> {
    pub(super) name: &'a str,
    pub(super) option: &'static str,
}

pub(super) const TEXT_COLUMN: &str = "--text-column";
pub(super) const TEXT_B_COLUMN: &str = "--text-b-column";
pub(super) const LABEL_COLUMN: &str = "--label-column";
pub(super) const LABEL_COLUMNS: &str = "--label-columns";
pub(super) const CHOICE_COLUMNS: &str = "--choice-columns";
pub(super) const NEGATIVE_COLUMNS: &str = "--negative-columns";

impl Table {
    /// The column that may be meant by a name that none has: one that is nearly called so, or the only one of whose name it is a part, or
    /// whose name is a part of it.
    ///
    /// ```
    /// use adaptune_text::Table;
    /// let table = Table { header: ["Nr", "Betrag in €"].map(str::to_owned).to_vec(), ..Table::of_texts(&["a"]) };
    /// assert_eq!(table.column_like("Betrag"), Some("Betrag in €"));
    /// ```
    #[must_use]
    pub fn column_like(&self, name: &str) -> Option<&str> {
        similar(name, &self.header)
    }
}

/// Refuses a file that lacks some of these columns; the message names all that are missing, those that are there, and the options
/// that choose among them.
///
/// # Errors
/// A column is missing.
pub(super) fn require(reading: &Reading<'_>, header: &[String], needed: &[Needed<'_>]) -> Result<()> {
    let mut missing: Vec<Needed<'_>> = Vec::new();
    for column in needed.iter().filter(|column| !has(header, column.name)) {
        if !missing.contains(column) {
            missing.push(*column);
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let (expected, found) = (expected(&missing), listed(header.iter().map(String::as_str)));
    let before = if are_of_training(reading, &missing) { ", as in training" } else { "" };
    if missing.iter().any(is_usual_text) && are_words(header) {
        return Err(reading.source.whole(format!("expected {expected}{before}, found {found}; {WORDS_AND_TAGS}")));
    }
    let otherwise = written_otherwise(reading, header, &missing);
    let told = otherwise.unwrap_or_else(|| named_otherwise(reading, header, &missing));
    Err(reading.source.whole(format!("expected {expected}{before}, found {found}{told}")))
}

/// What helps where the columns have other names.
fn named_otherwise(reading: &Reading<'_>, header: &[String], missing: &[Needed<'_>]) -> String {
    let (hint, options) = (hint(header, missing), options(missing));
    let second_text = second_text(reading, header, missing);
    format!("{hint} The first line names the columns; {options} among them{second_text}")
}

/// What helps where the table is written in another way than it was read: its fields stand in quotes, something else parts its columns, or
/// it has no line of names.
fn written_otherwise(reading: &Reading<'_>, header: &[String], missing: &[Needed<'_>]) -> Option<String> {
    if header.iter().any(|name| is_quoted(name)) {
        return Some("; fields stand in quotes here, which are read as a part of them: add --quotes".into());
    }
    if let ([only], Some(named)) = (header, reading.options.delimiter)
        && let Some(sign) = DELIMITERS.into_iter().find(|sign| *sign != named && only.contains(*sign))
    {
        let (named, found) = (plural(named), plural(sign));
        return Some(format!(
            "; --delimiter says that {named} part the columns, and the first line has {found}: leave it away"
        ));
    }
    if let ([only], None) = (header, reading.options.delimiter)
        && let Some(sign) = sign_between_names(only)
    {
        return Some(format!("; if `{sign}` parts the columns, --delimiter '{sign}' says so"));
    }
    let name =
        |option: &str, usual| missing.iter().find(|column| column.option == option).map_or(usual, |column| column.name);
    let names = [name(TEXT_COLUMN, "text"), name(LABEL_COLUMN, "label")];
    looks_like_an_example(header).then(|| {
        format!(
            ". The first line looks like an example, and not like names: if the file has no line of names, give them with --header, as in \
             --header {}; if it has, {} among them",
            suggested(header, names).join(","),
            options(missing)
        )
    })
}

/// The option that names a second text, where it may be missing that nobody has named one.
fn second_text(reading: &Reading<'_>, header: &[String], missing: &[Needed<'_>]) -> String {
    let is_second = |column: &Needed<'_>| column.option == TEXT_B_COLUMN;
    let may_be_pairs = header.len() > 2 && missing.iter().any(is_usual_text) && !missing.iter().any(is_second);
    match may_be_pairs && reading.options.columns.text_b.is_none() {
        false if reading.options.columns.text_b.is_some() && missing.iter().any(is_usual_text) => {
            format!("; {TEXT_B_COLUMN} names the second text of a pair, so {TEXT_COLUMN} has to name the first")
        }
        true => format!(", and {TEXT_B_COLUMN} names the second text where examples are pairs"),
        false => String::new(),
    }
}

fn has(header: &[String], name: &str) -> bool {
    header.iter().any(|column| column == name)
}

/// Names between backticks.
fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.map(|name| format!("`{}`", shortened(name, 40))).collect::<Vec<_>>().join(", ")
}

fn expected(missing: &[Needed<'_>]) -> String {
    match missing {
        [one] => format!("a column `{}`", one.name),
        [first @ .., last] => format!("columns {} and `{}`", listed(first.iter().map(|column| column.name)), last.name),
        [] => String::new(),
    }
}

/// The options that name other columns, for those alone that are missing.
fn options(missing: &[Needed<'_>]) -> String {
    let mut options: Vec<&str> = Vec::new();
    for column in missing {
        if !options.contains(&column.option) {
            options.push(column.option);
        }
    }
    match &options[..] {
        [one] => format!("{one} chooses"),
        [first @ .., last] => format!("{} and {last} choose", first.join(", ")),
        [] => String::new(),
    }
}

/// True if training had all of these columns.
fn are_of_training(reading: &Reading<'_>, missing: &[Needed<'_>]) -> bool {
    let before = &reading.options.preferred;
    let names = [&before.text, &before.text_b, &before.label].map(|name| name.as_deref());
    missing.iter().all(|column| names.contains(&Some(column.name)))
}

/// True of the usual name of a text, which nobody asked for.
fn is_usual_text(column: &Needed<'_>) -> bool {
    ["text", "text_a"].contains(&column.name)
}

/// Names under which data sets often have their texts, the second ones of pairs.
const TEXTS: [(&str, Option<&str>); 11] = [
    ("sentence1", Some("sentence2")),
    ("premise", Some("hypothesis")),
    ("question1", Some("question2")),
    ("question", Some("sentence")),
    ("sentence", None),
    ("content", None),
    ("body", None),
    ("review", None),
    ("message", None),
    ("comment", None),
    ("description", None),
];
/// Names under which they often have their labels.
const OFTEN_LABELS: [&str; 10] =
    ["labels", "class", "category", "target", "intent", "sentiment", "gold_label", "topic", "queue", "rating"];

/// What seems to be meant, with the full stop behind the sentence.
fn hint(header: &[String], missing: &[Needed<'_>]) -> String {
    let lacks_text = missing.iter().any(is_usual_text);
    if let Some(known) = lacks_text.then(|| of_a_known_kind(header)).flatten() {
        return known;
    }
    if let Some(said) = missing.iter().find_map(|column| of_several(header, column)) {
        return said;
    }
    if let [one] = missing
        && let Some(similar) = similar(one.name, header)
    {
        return format!("; did you mean {} {}?", one.option, quoted(similar));
    }
    let choices = lacks_text.then(|| lettered(header)).flatten();
    match choices.or_else(|| perhaps(header, missing)) {
        Some(options) => format!(" (perhaps {options})."),
        None => ".".to_owned(),
    }
}

/// How several columns are named, if that is what was meant.
fn of_several(header: &[String], column: &Needed<'_>) -> Option<String> {
    let names: Vec<&str> = column.name.split(',').map(str::trim).collect();
    if names.len() < 2 || !names.iter().all(|name| has(header, name)) {
        return None;
    }
    match (column.option, &names[..]) {
        (LABEL_COLUMN, _) => Some(format!("; if each of these is a label, {LABEL_COLUMNS} {}.", quoted(column.name))),
        (TEXT_COLUMN, [first, second]) => {
            let (first, second) = (quoted(first), quoted(second));
            Some(format!("; if each example is a pair of these, {TEXT_COLUMN} {first} {TEXT_B_COLUMN} {second}."))
        }
        (TEXT_COLUMN, _) => {
            Some(format!("; an example has one text, or a pair of them ({TEXT_COLUMN} and {TEXT_B_COLUMN})."))
        }
        _ => None,
    }
}

/// What is to be known of files that a text is not found in because of what they are.
fn of_a_known_kind(header: &[String]) -> Option<String> {
    let said = if has(header, "annotations") && has(header, "data") {
        "Label Studio's whole export, in which texts lie deeper; its exports JSON-MIN and CSV are read"
    } else if has(header, "question") && has(header, "context") {
        "perhaps --text-column question --text-b-column context; to answer questions is learnt from JSON, as SQuAD has it"
    } else {
        return None;
    };
    Some(format!(" ({said})."))
}

/// The options that would do, as far as names say it: one that is nearly the same, or one that is often used.
fn perhaps(header: &[String], missing: &[Needed<'_>]) -> Option<String> {
    let near = |column: &Needed<'_>| Some(vec![(column.option, similar(column.name, header)?)]);
    let often = |column: &Needed<'_>| match column.option {
        TEXT_COLUMN => often_texts(header),
        LABEL_COLUMN => {
            let named = |name: &&String| OFTEN_LABELS.iter().any(|often| name.eq_ignore_ascii_case(often));
            header.iter().find(named).map(|name| vec![(LABEL_COLUMN, name.as_str())])
        }
        _ => None,
    };
    let meant = missing.iter().filter_map(|column| near(column).or_else(|| often(column))).flatten();
    let options: Vec<String> = meant.map(|(option, name)| format!("{option} {}", quoted(name))).collect();
    (!options.is_empty()).then(|| options.join(" "))
}

/// The one name that is nearly this one, or of which this is a part, or the other way round.
fn similar<'h>(name: &str, header: &'h [String]) -> Option<&'h str> {
    let folded = name.to_lowercase();
    let is_part = |other: &&String| {
        let (other, least) = (other.to_lowercase(), name.chars().count().min(other.chars().count()));
        least >= PART && (other.contains(&folded) || folded.contains(&other))
    };
    let parts: Vec<&String> = header.iter().filter(is_part).collect();
    let part = if let [one] = parts[..] { Some(one.as_str()) } else { None };
    nearest(name, header.iter().map(String::as_str)).or(part)
}

/// The fewest letters of a part that is no coincidence.
const PART: usize = 4;

/// The first names of texts that the file has, with those of second texts.
fn often_texts(header: &[String]) -> Option<Vec<(&'static str, &str)>> {
    let there = |often: &str| header.iter().map(String::as_str).find(|name| name.eq_ignore_ascii_case(often));
    TEXTS.into_iter().find_map(|(text, second)| match second {
        None => Some(vec![(TEXT_COLUMN, there(text)?)]),
        Some(second) => Some(vec![(TEXT_COLUMN, there(text)?), (TEXT_B_COLUMN, there(second)?)]),
    })
}

/// A name as a shell takes it for one word.
fn quoted(name: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "_-.,".contains(c);
    match name.chars().all(plain) {
        true => name.to_owned(),
        false => format!("'{}'", name.replace('\'', r"'\''")),
    }
}

/// The option that would do, if columns are called A, B and so on, as choices are in spreadsheets.
fn lettered(header: &[String]) -> Option<String> {
    let choice =
        |letter: char| header.iter().find(|name| name.len() == 1 && name.eq_ignore_ascii_case(&letter.to_string()));
    let choices: Vec<&str> = ('a'..='z').map_while(choice).map(String::as_str).collect();
    (choices.len() > 1).then(|| format!("{CHOICE_COLUMNS} {}, if one of them is right", choices.join(",")))
}

/// True if the columns have the names of words and their tags.
fn are_words(header: &[String]) -> bool {
    let has = |names: &[&str]| header.iter().any(|column| names.iter().any(|name| column.eq_ignore_ascii_case(name)));
    let are_words = has(&["word", "words", "token", "tokens"]);
    let are_tagged = has(&["tag", "tags", "ner", "ner_tag", "ner_tags", "pos", "bio", "label", "labels"]);
    are_words && are_tagged
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn needed<'a>(columns: &[(&'a str, &'static str)]) -> Vec<Needed<'a>> {
        columns.iter().map(|(name, option)| Needed { name, option }).collect()
    }

    #[test]
    fn all_that_is_missing_is_named_at_once() {
        let missing = needed(&[("text", TEXT_COLUMN), ("label", LABEL_COLUMN)]);
        assert_eq!(expected(&missing), "columns `text` and `label`");
        assert_eq!(options(&missing), "--text-column and --label-column choose");
        assert_eq!(expected(&missing[..1]), "a column `text`");
        assert_eq!(options(&missing[..1]), "--text-column chooses");
        let labels = needed(&[("red", LABEL_COLUMNS), ("round", LABEL_COLUMNS), ("new", LABEL_COLUMNS)]);
        assert_eq!(
            (expected(&labels), options(&labels)),
            ("columns `red`, `round` and `new`".into(), "--label-columns chooses".into())
        );
    }

    #[test]
    fn what_is_meant_is_guessed_from_names() {
        let missing = needed(&[("text", TEXT_COLUMN), ("label", LABEL_COLUMN)]);
        let said = |names: &[&str]| hint(&header(names), &missing);
        assert_eq!(said(&["id", "message", "queue"]), " (perhaps --text-column message --label-column queue).");
        assert_eq!(
            said(&["nr", "Sentence1", "Sentence2", "gold_label"]),
            " (perhaps --text-column Sentence1 --text-b-column Sentence2 --label-column gold_label)."
        );
        assert_eq!(said(&["txt", "mark"]), " (perhaps --text-column txt).");
        assert_eq!(said(&["Nachricht", "Art"]), ".");
        assert_eq!(said(&["A", "B", "C"]), " (perhaps --choice-columns A,B,C, if one of them is right).");
        let several = needed(&[("red,round", LABEL_COLUMN)]);
        let said = hint(&header(&["text", "red", "round"]), &several);
        assert_eq!(said, "; if each of these is a label, --label-columns red,round.");
        let pair = needed(&[("claim,our report", TEXT_COLUMN), ("label", LABEL_COLUMN)]);
        let said = hint(&header(&["nr", "claim", "our report", "covered"]), &pair);
        assert_eq!(said, "; if each example is a pair of these, --text-column claim --text-b-column 'our report'.");
        let three = hint(&header(&["a", "b", "c"]), &needed(&[("a,b,c", TEXT_COLUMN)]));
        assert!(three.contains("one text, or a pair"), "{three}");
        assert_eq!(hint(&header(&["lable"]), &missing[1..]), "; did you mean --label-column lable?");
        assert_eq!(similar("Anfrage", &header(&["Nr", "Text der Anfrage"])), Some("Text der Anfrage"));
        assert_eq!(similar("Text der Anfrage", &header(&["Nr", "anfrage"])), Some("anfrage"));
        assert_eq!(similar("body", &header(&["a body", "nobody"])), None, "either could be meant");
        assert_eq!(quoted("Art der Störung"), "'Art der Störung'");
        assert_eq!(quoted("Störung"), "Störung");
    }
}
