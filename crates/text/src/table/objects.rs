//! The objects of a JSON file: one a line, over several lines, or in one list.

use super::source::Source;
use crate::error::{Result, TextError};
use serde_json::{Deserializer, Map, Value};

/// Columns with their values.
pub(crate) type Object = Map<String, Value>;

/// Returns all objects, each with the line on which it begins; there is at least one. Each should be such as `example`.
///
/// # Errors
/// Something else stands there.
pub(crate) fn objects(source: &Source, example: &str) -> Result<Vec<(usize, Object)>> {
    let first = source.first_line().trim();
    let is_broken_off = serde_json::from_str::<Value>(first).is_err_and(|error| error.is_eof());
    match first.as_bytes() {
        [b'[', ..] => list(source, example),
        [b'{', ..] if is_broken_off => over_lines(source, example),
        _ => source.lines().map(|(line, text)| Ok((line, on_line(source, line, text, example)?))).collect(),
    }
}

fn on_line(source: &Source, line: usize, text: &str, example: &str) -> Result<Object> {
    if text.trim().is_empty() {
        return Err(source.error(line, "the line is blank; delete it"));
    }
    let wanted = format!("expected one JSON object a line, such as {example}");
    match serde_json::from_str(text) {
        Ok(value) => object(source, line, value, &wanted),
        Err(error) => Err(source.error(line, format!("{wanted}: {error}"))),
    }
}

fn object(source: &Source, line: usize, value: Value, wanted: &str) -> Result<Object> {
    let found = match value {
        Value::Object(object) => return Ok(object),
        Value::Array(_) => "an array",
        _ => "another value",
    };
    Err(source.error(line, format!("{wanted}, found {found}")))
}

/// The objects of one list, which may stand on as many lines as it likes.
fn list(source: &Source, example: &str) -> Result<Vec<(usize, Object)>> {
    let mut place = Place::of(source);
    place.pass(b'[');
    let mut objects = Vec::new();
    while !place.pass(b']') {
        if !objects.is_empty() && !place.pass(b',') {
            let message = format!("expected a comma or the end of the list behind object {}", objects.len());
            return Err(source.error(place.line(), message));
        }
        let number = objects.len() + 1;
        let in_list = |error: TextError| with_number(error, number);
        objects.push(place.object(source, example).map_err(in_list)?);
    }
    if !place.rest().is_empty() {
        return Err(source.error(place.line(), "found something behind the end of the list; a file holds one list"));
    }
    if objects.is_empty() {
        return Err(source.whole("the list is empty; expected at least one example"));
    }
    Ok(objects)
}

/// Objects one behind the other, each on several lines.
fn over_lines(source: &Source, example: &str) -> Result<Vec<(usize, Object)>> {
    let mut place = Place::of(source);
    let mut objects = Vec::new();
    while !place.rest().is_empty() {
        objects.push(place.object(source, example)?);
    }
    Ok(objects)
}

/// The same about the object of this number in the list.
fn with_number(error: TextError, number: usize) -> TextError {
    match error {
        TextError::Table { place, message } => {
            TextError::Table { place, message: format!("object {number} of the list: {message}") }
        }
        other => other,
    }
}

/// How far a text has been read; blanks are passed over.
struct Place<'a> {
    text: &'a str,
    byte: usize,
    /// Line ends before `counted`, so that none is counted twice.
    lines: usize,
    counted: usize,
}

impl<'a> Place<'a> {
    fn of(source: &'a Source) -> Self {
        let mut place = Self { text: &source.text, byte: 0, lines: 0, counted: 0 };
        place.pass_blanks();
        place
    }

    fn rest(&self) -> &'a str {
        &self.text[self.byte..]
    }

    fn pass_blanks(&mut self) {
        self.byte = self.text.len() - self.rest().trim_start().len();
    }

    /// Passes a sign and blanks behind it; false if it does not stand there.
    fn pass(&mut self, sign: u8) -> bool {
        let stands = self.rest().as_bytes().first() == Some(&sign);
        if stands {
            self.byte += 1;
            self.pass_blanks();
        }
        stands
    }

    /// The line of the place, from 1.
    fn line(&mut self) -> usize {
        let passed = &self.text.as_bytes()[self.counted..self.byte];
        self.lines += passed.iter().filter(|&&byte| byte == b'\n').count();
        self.counted = self.byte;
        1 + self.lines
    }

    fn object(&mut self, source: &Source, example: &str) -> Result<(usize, Object)> {
        let line = self.line();
        let wanted = format!("expected a JSON object such as {example}");
        let mut values = Deserializer::from_str(self.rest()).into_iter::<Value>();
        let value = match values.next() {
            Some(Ok(value)) => value,
            Some(Err(error)) => {
                let said = format!("{wanted}: {}", cause(&error));
                return Err(source.error(line + error.line().saturating_sub(1), said));
            }
            None => return Err(source.error(line, format!("{wanted}, found the end of the file"))),
        };
        self.byte += values.byte_offset();
        self.pass_blanks();
        Ok((line, object(source, line, value, &wanted)?))
    }
}

/// What is wrong, without a line, which would count from the object.
fn cause(error: &serde_json::Error) -> String {
    error.to_string().split(" at line ").next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<(usize, Object)>> {
        objects(&Source::from_bytes("a.json".into(), text.as_bytes().to_vec())?, "{...}")
    }

    #[test]
    fn objects_stand_on_a_line_over_several_or_in_a_list() {
        for (text, lines) in [
            ("{\"a\": 1}\n{\"a\": 2}\n", [1, 2]),
            ("{\n  \"a\": 1\n}\n{\"a\":\n2}\n", [1, 4]),
            ("[{\"a\": 1}, {\"a\": 2}]", [1, 1]),
            ("\n[\n  {\"a\": 1},\n  {\n\"a\": 2}\n]\n\n", [3, 4]),
        ] {
            let found: Vec<(usize, u64)> =
                read(text).unwrap().iter().map(|(line, object)| (*line, object["a"].as_u64().unwrap())).collect();
            assert_eq!(found, [(lines[0], 1), (lines[1], 2)], "{text}");
        }
    }

    #[test]
    fn what_is_no_object_is_refused_with_its_line() {
        for (text, words) in [
            ("[{\"a\": 1},\n{\"a\": oops}]", "line 2: object 2 of the list: expected a JSON object"),
            ("[{\"a\": 1}\n{\"a\": 2}]", "line 2: expected a comma or the end of the list behind object 1"),
            ("[{\"a\": 1}] x", "behind the end of the list"),
            ("[{\"a\": 1},\n", "object 2 of the list: expected a JSON object such as {...}, found the end"),
            ("[1]", "object 1 of the list: expected a JSON object such as {...}, found another value"),
            ("[]", "the list is empty"),
            ("{\n\"a\": 1\n}\n{\n\"a\": }\n", "line 5: expected a JSON object"),
            ("{\"a\": 1}\n[2]\n", "line 2: expected one JSON object a line"),
        ] {
            let message = read(text).unwrap_err().to_string();
            assert!(message.contains(words), "{text}: {message}");
        }
    }
}
