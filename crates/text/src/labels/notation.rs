//! Numbers in a notation that could mean two things, or with a unit beside them.

use super::refusals::whole;
use crate::error::Result;
use crate::table::Table;

/// Refuses labels whose points are likely to part thousands, as in `310.000` beside `561`: they would be read as 310 and 561. Where labels
/// were written with a decimal comma, a point is known to stand for it.
///
/// # Errors
/// Behind every point stand three digits, and some labels have two points, or several have none and are below a thousand.
pub(super) fn refuse_thousands(table: &Table) -> Result<()> {
    if has_decimal_commas(table) {
        return Ok(());
    }
    let labels: Vec<(usize, &str)> =
        table.rows.iter().filter_map(|row| Some((row.line, row.label.as_deref()?))).collect();
    let (pointed, plain): (Vec<_>, Vec<_>) = labels.into_iter().partition(|(_, label)| label.contains('.'));
    let are_grouped = !pointed.is_empty() && pointed.iter().all(|(_, label)| groups(label).is_some());
    let small = |label: &str| label.trim_start_matches(['+', '-']).len() <= 3 && label.parse::<i64>().is_ok();
    let are_small = plain.iter().all(|(_, label)| small(label));
    let twice = pointed.iter().any(|(_, label)| groups(label).is_some_and(|groups| groups > 1));
    if !are_grouped || !are_small || !(twice || (pointed.len() > 1 && !plain.is_empty())) {
        return Ok(());
    }
    let (line, first) = pointed[0];
    Err(whole(
        table,
        format!(
            "labels such as `{first}` (line {line}) may be {} with a point between thousands, or {} with decimals: write {} or {}, alike in \
             all rows; with --task classification labels are names",
            first.replace('.', ""),
            decimal(first),
            first.replace('.', ""),
            decimal(first)
        ),
    ))
}

/// What is to be said of numbers that all have a point and three digits behind it.
pub(super) fn tell_thousands(table: &Table) -> String {
    let mut labels = table.rows.iter().filter_map(|row| row.label.as_deref()).peekable();
    let first = labels.peek().copied().unwrap_or_default();
    match labels.all(|label| groups(label) == Some(1)) {
        true if !first.is_empty() && !has_decimal_commas(table) => {
            format!("; `{first}` is read as {}: if the point parts thousands, take it out", decimal(first))
        }
        _ => String::new(),
    }
}

/// True if the labels were written with a decimal comma, and have a point in its place.
fn has_decimal_commas(table: &Table) -> bool {
    table.dialect.is_some_and(|dialect| dialect.decimal_comma)
}

/// How many groups of three digits stand behind points, if nothing else does, and no more than three before them, of which none is a
/// leading zero.
fn groups(label: &str) -> Option<usize> {
    let mut parts = label.trim_start_matches(['+', '-']).split('.');
    let first = parts.next()?;
    let are_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let begins = are_digits(first) && first.len() <= 3 && !first.starts_with('0');
    let rest: Vec<&str> = parts.collect();
    (begins && !rest.is_empty() && rest.iter().all(|part| part.len() == 3 && are_digits(part))).then_some(rest.len())
}

/// The number as it is read with a decimal point, which has one digit behind it at least.
fn decimal(label: &str) -> String {
    match label.parse::<f64>() {
        Ok(number) if number.fract() == 0.0 => format!("{number:.1}"),
        Ok(number) => number.to_string(),
        Err(_) => "a number".to_owned(),
    }
}

/// The unit that stands beside numbers, such as `h` in `1,68 h` or `€` in `€ 238,431`, if nearly all labels are such numbers.
pub(super) fn unit(classes: &[String]) -> Option<&str> {
    let mut found = classes.iter().filter_map(|class| beside_number(class));
    let first = found.next()?;
    let alike = 1 + found.filter(|unit| *unit == first).count();
    (classes.len() > 2 && 10 * alike >= 9 * classes.len()).then_some(first)
}

/// What stands behind the number that a label is else, or before it: there a sign or three capitals, for other letters before a number
/// make a name, such as `Q1` or `room 5`.
fn beside_number(label: &str) -> Option<&str> {
    let is_number = |c: char| c.is_ascii_digit() || "+-.,".contains(c);
    let begins = label.starts_with(is_number);
    let unit = if begins { label.trim_start_matches(is_number) } else { label.trim_end_matches(is_number) }.trim();
    let is_currency =
        unit.chars().all(|c| !c.is_alphanumeric()) || (unit.len() == 3 && unit.chars().all(char::is_uppercase));
    let fits = !unit.is_empty() && unit.chars().count() <= 6 && !unit.contains(|c: char| c.is_ascii_digit());
    (fits && (begins || is_currency) && label.contains(|c: char| c.is_ascii_digit())).then_some(unit)
}

/// What helps against a unit.
pub(super) fn tell_unit(classes: &[String]) -> String {
    match (unit(classes), classes.first()) {
        (Some(unit), Some(first)) => format!(
            "; labels such as `{first}` are numbers with `{unit}` beside them: take it out, and they are learnt as numbers"
        ),
        _ => String::new(),
    }
}

/// Refuses numbers with a unit that would be taken for lists or names.
///
/// # Errors
/// Nearly all labels are such, and of many kinds.
pub(super) fn refuse_units(table: &Table, classes: &[String]) -> Result<()> {
    match unit(classes) {
        Some(_) if classes.len() > 10 => Err(whole(
            table,
            format!("{}; with --task classification they are names", tell_unit(classes).trim_start_matches("; ")),
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labels::{Labels, TaskChoice};

    fn read(labels: &[&str]) -> Table {
        let rows: String = labels.iter().map(|label| format!("some text;{label}\n")).collect();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        std::fs::write(&path, format!("text;label\n{rows}")).unwrap();
        Table::read(&path).unwrap()
    }

    fn decided(labels: &[&str]) -> Result<(Labels, String)> {
        Labels::decide(&read(labels), TaskChoice::Auto)
    }

    #[test]
    fn data_that_are_measured_on_are_asked_too() {
        let message = Labels::Numbers.targets(&read(&["310.000", "19.635", "561"])).unwrap_err().to_string();
        assert!(message.contains("point between thousands"), "{message}");
    }

    /// A point has taken the comma's place in them.
    #[test]
    fn numbers_with_a_decimal_comma_are_known() {
        for labels in [&["1,250", "2,500", "7"][..], &["1,250", "2,500", "3,125"]] {
            let table = read(labels).with_decimal_commas(true).unwrap();
            let (decided, note) = Labels::decide(&table, TaskChoice::Auto).unwrap();
            assert_eq!((decided, note.contains("thousands")), (Labels::Numbers, false), "{note}");
        }
    }

    #[test]
    fn points_that_may_part_thousands_are_a_question() {
        for labels in [&["310.000", "19.635", "561"][..], &["1.305.000", "18.000", "19.635"], &["-1.250", "2.500", "7"]]
        {
            let message = decided(labels).unwrap_err().to_string();
            assert!(message.contains("point between thousands"), "{message}");
        }
        assert!(decided(&["310.000", "19.635", "561"]).unwrap_err().to_string().contains("write 310000 or 310.0"));
        for labels in [&["0.125", "2.500", "7"][..], &["310.5", "19.635", "561"], &["19.635", "18.123", "1500"]] {
            assert_eq!(decided(labels).unwrap().0, Labels::Numbers);
        }
        let (labels, note) = decided(&["310.000", "19.635", "7.125"]).unwrap();
        assert_eq!(labels, Labels::Numbers);
        assert!(note.contains("`310.000` is read as 310.0"), "{note}");
    }

    #[test]
    fn a_unit_is_named() {
        let hours: Vec<String> = (0..30).map(|i| format!("{i},68 h")).collect();
        let message = decided(&hours.iter().map(String::as_str).collect::<Vec<_>>()).unwrap_err().to_string();
        assert!(message.contains("numbers with `h` beside them"), "{message}");
        let euros: Vec<String> = (0..30).map(|i| format!("€ {},431", 200 + i)).collect();
        let message = decided(&euros.iter().map(String::as_str).collect::<Vec<_>>()).unwrap_err().to_string();
        assert!(message.contains("numbers with `€` beside them"), "{message}");
        assert_eq!(unit(&["5 h", "6 min", "7 s"].map(str::to_owned)), None);
        assert_eq!(unit(&["Q1", "Q2", "Q3"].map(str::to_owned)), None);
        assert_eq!(unit(&["5 %", "6 %", "7%"].map(str::to_owned)), Some("%"));
        assert_eq!(unit(&["EUR 5", "EUR 6,50", "EUR 7"].map(str::to_owned)), Some("EUR"));
    }
}
