//! Texts to choose among: a column for each choice, or in JSON a list of them, as SWAG, RACE and COPA have them.

use super::content::{Choices, Columns, Row, Table, TableKind, Text};
use super::delimited::Records;
use super::missing::{CHOICE_COLUMNS, LABEL_COLUMN, Needed, TEXT_B_COLUMN, TEXT_COLUMN, require};
use super::objects::Object;
use super::options::Reading;
use super::values::{brief, scalar};
use crate::error::{Result, TextError};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What columns of choices begin with; a number or a letter follows.
const PREFIXES: [&str; 5] = ["choice", "ending", "option", "answer", "sol"];
/// Usual names of lists of choices.
const LISTS: [&str; 3] = ["choices", "options", "endings"];
const CONTEXTS: [&str; 5] = ["context", "premise", "passage", "article", "sent1"];
const QUESTIONS: [&str; 5] = ["question", "sent2", "goal", "stem", "sentence"];
const LABELS: [&str; 3] = ["label", "answer", "answerKey"];
/// Columns by which a table is one of texts that are judged, whatever else it holds.
const OF_TEXTS: [&str; 3] = ["text", "text_a", "text_b"];

/// The columns of a file that hold choices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ChoiceColumns {
    context: Option<String>,
    question: Option<String>,
    /// One for each choice, or the one that holds lists.
    choices: Vec<String>,
    label: Option<String>,
}

/// The columns of a file with a header, if it holds texts to choose among.
pub(super) fn of_header(reading: &Reading<'_>, header: &[String]) -> Result<Option<ChoiceColumns>> {
    let choices = match named(reading, header)? {
        Some(named) => Some(named),
        None if is_of_texts(reading, header) => None,
        None => series(reading, header)?,
    };
    match choices {
        Some(choices) if choices.len() < 2 => Err(reading.source.whole(format!(
            "`{}` alone is named for the choices; a table needs a column for each: --choice-columns A,B,...",
            choices.join(", ")
        ))),
        choices => choices.map(|choices| columns(reading, header, choices)).transpose(),
    }
}

/// The same of a JSON object, in which one key may hold a list.
pub(super) fn of_object(reading: &Reading<'_>, first: &Object) -> Result<Option<ChoiceColumns>> {
    let header: Vec<String> = first.keys().cloned().collect();
    let has_list = |name: &&str| first.get(*name).is_some_and(|value| list(value).is_some());
    let choices = match named(reading, &header)? {
        Some(named) => Some(named),
        None if is_of_texts(reading, &header) || first.contains_key("answers") => None,
        None => match LISTS.into_iter().find(has_list) {
            Some(name) => Some(vec![name.to_owned()]),
            None => series(reading, &header)?,
        },
    };
    choices.map(|choices| columns(reading, &header, choices)).transpose()
}

/// The columns of choices that are named, or those of training, if the file has them all.
fn named(reading: &Reading<'_>, header: &[String]) -> Result<Option<Vec<String>>> {
    let (named, before) = (&reading.options.columns.choices, &reading.options.preferred.choices);
    require(reading, header, &named.iter().map(|name| Needed { name, option: CHOICE_COLUMNS }).collect::<Vec<_>>())?;
    let is_there = |names: &&Vec<String>| !names.is_empty() && names.iter().all(|name| header.contains(name));
    Ok([named, before].into_iter().find(is_there).cloned())
}

/// True of a file whose texts are named, or have the usual names.
fn is_of_texts(reading: &Reading<'_>, header: &[String]) -> bool {
    let Columns { text, text_b, .. } = &reading.options.columns;
    let before = reading.options.preferred.text.as_ref().filter(|_| reading.options.preferred.choices.is_empty());
    let is_there = |name: &str| header.iter().any(|column| column == name);
    text.is_some()
        || text_b.is_some()
        || OF_TEXTS.into_iter().any(is_there)
        || before.is_some_and(|text| is_there(text))
}

/// Columns called alike and counted, such as `ending0` to `ending3`.
fn series(reading: &Reading<'_>, header: &[String]) -> Result<Option<Vec<String>>> {
    let mut all: BTreeMap<(&str, bool), BTreeMap<usize, &String>> = BTreeMap::new();
    for name in header {
        if let Some((prefix, of_letters, place)) = counted(name) {
            all.entry((prefix, of_letters)).or_default().insert(place, name);
        }
    }
    all.retain(|_, places| places.len() > 1);
    let (several, first) = (all.len() > 1, all.into_values().next());
    let Some(places) = first else { return Ok(None) };
    if several {
        let message = "several series of columns look like choices; name those that are with --choice-columns A,B,...";
        return Err(reading.source.whole(message));
    }
    let numbers: Vec<usize> = places.keys().copied().collect();
    let names: Vec<String> = places.into_values().cloned().collect();
    if numbers[0] > 1 || numbers.windows(2).any(|pair| pair[1] != pair[0] + 1) {
        return Err(reading.source.whole(format!(
            "the columns {} look like choices, but some between are missing; name all with --choice-columns A,B,...",
            names.join(", ")
        )));
    }
    Ok(Some(names))
}

/// The prefix of a counted name, whether it is counted by letters, and its place.
fn counted(name: &str) -> Option<(&'static str, bool, usize)> {
    let lower = name.to_ascii_lowercase();
    let (prefix, rest) = PREFIXES.into_iter().find_map(|prefix| Some((prefix, lower.strip_prefix(prefix)?)))?;
    let rest = rest.trim_start_matches(['_', '-', ' ']);
    match rest.as_bytes() {
        [letter @ b'a'..=b'z'] => Some((prefix, true, usize::from(letter - b'a'))),
        digits if digits.len() < 3 => Some((prefix, false, rest.parse().ok()?)),
        _ => None,
    }
}

/// What the choices are about, and where the right one is named.
fn columns(reading: &Reading<'_>, header: &[String], choices: Vec<String>) -> Result<ChoiceColumns> {
    let named = reading.columns(|name| header.iter().any(|column| column == name));
    let is_free =
        |name: &&str| header.iter().any(|column| column == name) && !choices.iter().any(|choice| choice == name);
    let usual = |names: &[&str]| names.iter().copied().find(is_free).map(str::to_owned);
    let (context, question) = match (&named.text, &named.text_b) {
        (None, None) => (usual(&CONTEXTS), usual(&QUESTIONS)),
        (context, question) => (context.clone(), question.clone()),
    };
    let label = named.label.clone().or_else(|| usual(&LABELS));
    let named = [(&context, TEXT_COLUMN), (&question, TEXT_B_COLUMN), (&label, LABEL_COLUMN)].into_iter();
    let needed = named.filter_map(|(name, option)| Some(Needed { name: name.as_deref()?, option }));
    let needed: Vec<Needed<'_>> =
        needed.filter(|column| reading.labels_needed || column.option != LABEL_COLUMN).collect();
    require(reading, header, &needed)?;
    Ok(ChoiceColumns { context, question, choices, label })
}

/// The rows of a file with a header.
pub(super) fn of_records(reading: &Reading<'_>, chosen: &ChoiceColumns, records: Records) -> Result<Table> {
    let Records { header, rows, dialect, notes, .. } = records;
    let values = |fields: Vec<String>| fields.into_iter().map(Value::String).collect();
    let rows = rows.into_iter().map(|(line, fields)| (line, values(fields))).collect();
    Ok(Table { dialect: Some(dialect), notes, ..table(reading, chosen, header, rows)? })
}

/// The rows of objects, each with its line.
pub(super) fn of_objects(
    reading: &Reading<'_>,
    chosen: &ChoiceColumns,
    objects: Vec<(usize, Object)>,
) -> Result<Table> {
    let header: BTreeSet<&String> = objects.iter().flat_map(|(_, object)| object.keys()).collect();
    let header: Vec<String> = header.into_iter().cloned().collect();
    let values = |mut object: Object| header.iter().map(|name| object.remove(name).unwrap_or_default()).collect();
    let rows = objects.into_iter().map(|(line, object)| (line, values(object))).collect();
    table(reading, chosen, header, rows)
}

fn table(
    reading: &Reading<'_>,
    chosen: &ChoiceColumns,
    header: Vec<String>,
    rows: Vec<(usize, Vec<Value>)>,
) -> Result<Table> {
    let row = |(line, fields): (usize, Vec<Value>)| {
        let field = |name: &String| header.iter().position(|column| column == name).map(|place| &fields[place]);
        let row = chosen.row(reading, line, &field)?;
        Ok(Row { fields, ..row })
    };
    let rows = rows.into_iter().map(row).collect::<Result<_>>()?;
    let ChoiceColumns { context, question, choices, label } = chosen.clone();
    let columns = Columns { text: context, text_b: question, label, choices, ..Columns::default() };
    let (kind, name) = (TableKind::Choices, reading.source.name.clone());
    Ok(Table { rows, kind, name, header, columns, dialect: None, notes: Vec::new() })
}

/// What stands in a column of a row.
type Field<'a, 'f> = &'a (dyn Fn(&String) -> Option<&'f Value> + 'a);

impl ChoiceColumns {
    /// Builds a row without its fields.
    fn row(&self, reading: &Reading<'_>, line: usize, field: Field<'_, '_>) -> Result<Row> {
        let about = |name: &Option<String>| match name.as_ref().map(|name| (name, field(name))) {
            None | Some((_, None | Some(Value::Null))) => Ok(String::new()),
            Some((_, Some(Value::String(text)))) => Ok(text.clone()),
            Some((name, Some(found))) => Err(expected(reading, line, name, "a text", found)),
        };
        let (context, question) = (about(&self.context)?, about(&self.question)?);
        let mut choices = self.texts(reading, line, field)?;
        if let Some(problem) = self.problem(&context, &question, &choices) {
            // Where there is nothing to learn, an example that is not whole has no prediction.
            if reading.labels_needed || choices.len() == 1 {
                return Err(reading.source.error(line, problem));
            }
            choices.clear();
        }
        let text = Text::Choices(Choices { context, question, choices });
        let label = self.label(reading, line, field)?;
        Ok(Row { text, label, labels: None, answers: None, tags: Vec::new(), line, fields: Vec::new() })
    }

    /// The texts of the choices. Blank columns at the end are none: an example may have fewer than others.
    fn texts(&self, reading: &Reading<'_>, line: usize, field: Field<'_, '_>) -> Result<Vec<String>> {
        let wrong = |name: &String, found: &Value| expected(reading, line, name, "a list of texts", found);
        let texts: Option<Vec<String>> = match &self.choices[..] {
            [name] => {
                let value = field(name).unwrap_or(&Value::Null);
                let items = if value.is_null() { Some(&[][..]) } else { list(value) };
                let texts = items.and_then(|items| items.iter().map(scalar).collect());
                return texts.ok_or_else(|| wrong(name, value));
            }
            names => names.iter().map(|name| field(name).map_or(Some(String::new()), text_or_blank)).collect(),
        };
        let Some(mut texts) = texts else {
            let named = |name: &&String| field(name).is_some_and(|value| text_or_blank(value).is_none());
            let name = self.choices.iter().find(named).unwrap_or(&self.choices[0]);
            return Err(expected(reading, line, name, "a text", field(name).unwrap_or(&Value::Null)));
        };
        let last = texts.iter().rposition(|text| !text.is_empty()).map_or(0, |last| last + 1);
        texts.truncate(last);
        Ok(texts)
    }

    /// Why there is nothing to choose.
    fn problem(&self, context: &str, question: &str, choices: &[String]) -> Option<String> {
        let about: Vec<&String> = [&self.context, &self.question].into_iter().flatten().collect();
        let names = |names: &[&String]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" and ");
        if let Some(blank) = choices.iter().position(String::is_empty) {
            let where_ = self
                .choices
                .get(blank)
                .filter(|_| self.choices.len() > 1)
                .map_or(format!("choice {blank} of `{}` (they count from 0)", self.choices[0]), |name| {
                    format!("the choice `{name}`")
                });
            return Some(format!("{where_} is blank; expected a text: fill it in or take the choice out"));
        }
        match choices.len() {
            0 => Some("the example has no choices; expected at least two: fill them in or delete the line".into()),
            1 => Some(format!("the example has one choice, `{}`; expected at least two to choose among", choices[0])),
            _ if !about.is_empty() && context.trim().is_empty() && question.trim().is_empty() => Some(format!(
                "{} blank; expected what to choose by: fill it in or delete the line",
                match about[..] {
                    [_] => format!("{} is", names(&about)),
                    _ => format!("{} are both", names(&about)),
                }
            )),
            _ => None,
        }
    }

    /// The label as written; none if it is blank.
    fn label(&self, reading: &Reading<'_>, line: usize, field: Field<'_, '_>) -> Result<Option<String>> {
        let Some((name, value)) = self.label.as_ref().and_then(|name| Some((name, field(name)?))) else {
            return Ok(None);
        };
        match value {
            Value::Null => Ok(None),
            value => match scalar(value) {
                Some(label) => Ok(Some(label).filter(|label| !label.is_empty())),
                None => Err(expected(reading, line, name, "one label, a text or a number", value)),
            },
        }
    }
}

/// A list of choices, by itself or as the `text` of an object, as CommonsenseQA has it.
fn list(value: &Value) -> Option<&[Value]> {
    value.as_array().or_else(|| value.get("text")?.as_array()).map(Vec::as_slice)
}

fn text_or_blank(value: &Value) -> Option<String> {
    if value.is_null() { Some(String::new()) } else { scalar(value) }
}

fn expected(reading: &Reading<'_>, line: usize, name: &str, what: &str, found: &Value) -> TextError {
    reading.source.error(line, format!("expected `{name}` to be {what}, found {}", brief(found)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::TableOptions;

    fn read_with(name: &str, content: &str, options: &TableOptions, labelled: bool) -> Result<Table> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        if labelled { Table::read_with(&path, options) } else { Table::read_texts(&path, options) }
    }

    fn read(name: &str, content: &str) -> Result<Table> {
        read_with(name, content, &TableOptions::default(), true)
    }

    fn refused(name: &str, content: &str) -> String {
        read(name, content).unwrap_err().to_string()
    }

    fn chosen(row: &Row) -> (&str, &str, Vec<&str>) {
        let Text::Choices(Choices { context, question, choices }) = &row.text else { panic!("{row:?}") };
        (context, question, choices.iter().map(String::as_str).collect())
    }

    fn named(choices: &[&str], text: Option<&str>) -> TableOptions {
        let choices = choices.iter().map(|name| (*name).to_owned()).collect();
        TableOptions {
            columns: Columns { choices, text: text.map(str::to_owned), ..Columns::default() },
            ..TableOptions::default()
        }
    }

    #[test]
    fn usual_forms_are_known() {
        let swag = "sent1,sent2,ending0,ending1,ending2,ending3,label\nShe sat.,Then she,ate.,sang.,left.,slept.,2\n";
        let race =
            r#"{"article": "She ate.", "question": "What did she do?", "options": ["sang", "ate"], "answer": "B"}"#;
        let copa = r#"{"premise": "It broke.", "choice1": "It fell.", "choice2": "It flew.", "question": "cause", "label": 0}"#;
        let social = "context\tquestion\tanswerA\tanswerB\tanswerC\tlabel\nHe ran.\tWhy?\tlate\tsad\tfun\t1\n";
        let sense =
            r#"{"question": "Who?", "choices": {"label": ["A", "B"], "text": ["me", "you"]}, "answerKey": "A"}"#;
        let plain = r#"{"context": "He ran.", "question": "", "choices": ["late", "sad"], "label": "late"}"#;
        let alone = r#"{"choices": ["It rains.", "It rain."], "label": 0}"#;
        for (name, content, expected, label, columns) in [
            ("a.csv", swag, ("She sat.", "Then she", vec!["ate.", "sang.", "left.", "slept."]), "2", 4),
            ("a.jsonl", race, ("She ate.", "What did she do?", vec!["sang", "ate"]), "B", 1),
            ("a.jsonl", copa, ("It broke.", "cause", vec!["It fell.", "It flew."]), "0", 2),
            ("a.tsv", social, ("He ran.", "Why?", vec!["late", "sad", "fun"]), "1", 3),
            ("a.jsonl", sense, ("", "Who?", vec!["me", "you"]), "A", 1),
            ("a.jsonl", plain, ("He ran.", "", vec!["late", "sad"]), "late", 1),
            ("a.jsonl", alone, ("", "", vec!["It rains.", "It rain."]), "0", 1),
        ] {
            let table = read(name, content).unwrap();
            assert_eq!((chosen(&table.rows[0]), table.rows[0].label.as_deref()), (expected, Some(label)));
            assert_eq!((table.kind, table.columns.choices.len()), (TableKind::Choices, columns));
            assert_eq!(table.rows[0].fields.len(), table.header.len());
        }
    }

    /// Who has a column `text` gets what it got before.
    #[test]
    fn a_table_of_texts_stays_one() {
        let texts = "text\toption1\toption2\tlabel\nx\ta\tb\tgood\n";
        assert_eq!(read("a.tsv", texts).unwrap().kind, TableKind::Single);
        let by_name = read_with("a.tsv", texts, &named(&["option1", "option2"], Some("text")), true).unwrap();
        assert_eq!(chosen(&by_name.rows[0]), ("x", "", vec!["a", "b"]));
        let premises = "premise\thypothesis\tanswer1\tanswer2\tlabel\nx\ty\ta\tb\tgood\n";
        let options = named(&[], Some("premise"));
        assert_eq!(read_with("a.tsv", premises, &options, true).unwrap().kind, TableKind::Single);
        let squad = r#"{"question": "Who?", "context": "Ada.", "choices": ["a", "b"], "answers": {"text": ["Ada"], "answer_start": [0]}}"#;
        assert_eq!(read("a.jsonl", squad).unwrap().kind, TableKind::Pair);
    }

    #[test]
    fn blank_columns_at_the_end_are_no_choices() {
        let table =
            read("a.tsv", "question\tchoice_a\tchoice_b\tchoice_c\tlabel\nq\tx\ty\t\tA\nq\tx\ty\tz\tC\n").unwrap();
        assert_eq!([chosen(&table.rows[0]).2.len(), chosen(&table.rows[1]).2.len()], [2, 3]);
        let message = refused("a.tsv", "question\tchoice_a\tchoice_b\tchoice_c\tlabel\nq\tx\t\tz\tA\n");
        assert!(message.contains("line 2: the choice `choice_b` is blank"), "{message}");
    }

    #[test]
    fn what_is_nothing_to_choose_is_named() {
        let line = |choices: &str| format!(r#"{{"question": "Who?", "choices": {choices}, "label": 0}}"#);
        for (choices, words) in [
            (r#"["me"]"#, "one choice, `me`; expected at least two"),
            ("[]", "no choices; expected at least two"),
            ("null", "no choices"),
            (r#"["me", " "]"#, "choice 1 of `choices` (they count from 0) is blank"),
            (r#"["me", ["you"]]"#, "expected `choices` to be a list of texts"),
            ("3", "expected `choices` to be a list of texts, found 3"),
        ] {
            let content = format!("{}\n{}", line(r#"["a", "b"]"#), line(choices));
            let message = refused("a.jsonl", &content);
            assert!(message.contains("line 2") && message.contains(words), "{message}");
        }
        let message = refused("a.csv", "context,question,choice0,choice1,label\n,,a,b,0\n");
        assert!(message.contains("`context` and `question` are both blank"), "{message}");
        let message = refused("a.csv", "question,choice0,choice2,label\nq,a,b,0\n");
        assert!(message.contains("choice0, choice2 look like choices, but some between are missing"), "{message}");
        let message = refused("a.csv", "question,choice0,choice1,ending0,ending1,label\nq,a,b,c,d,0\n");
        assert!(message.contains("several series of columns look like choices"), "{message}");
        let one = read_with("a.csv", "question,a,label\nq,x,0\n", &named(&["a"], None), true).unwrap_err().to_string();
        assert!(one.contains("`a` alone is named for the choices"), "{one}");
        let unknown = read_with("a.csv", "question,a,b,label\nq,x,y,0\n", &named(&["a", "c"], None), true).unwrap_err();
        assert!(unknown.to_string().contains("expected a column `c`"), "{unknown}");
        let unlabelled =
            read("a.csv", "question,choice0,choice1\nq,a,b\n").unwrap().labelled().unwrap_err().to_string();
        assert!(unlabelled.contains("found no labels; its columns are question, choice0, choice1"), "{unlabelled}");
    }

    /// An example that is not whole has no prediction, and does not end those of others.
    #[test]
    fn without_labels_blank_choices_are_blank_texts() {
        let content = "question\tchoice0\tchoice1\nq\ta\tb\nq\t\tb\n\ta\tb\n";
        let table = read_with("a.tsv", content, &TableOptions::default(), false).unwrap();
        let blank: Vec<bool> = table.rows.iter().map(|row| row.text.is_blank()).collect();
        assert_eq!(blank, [false, true, true]);
        let one = read_with("a.tsv", "question\tchoice0\tchoice1\nq\ta\t\n", &TableOptions::default(), false);
        assert!(one.unwrap_err().to_string().contains("one choice"));
    }
}
