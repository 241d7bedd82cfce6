//! Python literals, as configuration strings hold them: numbers, `True`, `None`, strings, lists and
//! maps. A bare word is a string.
//!
//! ```
//! use adaptune_adapters::literal;
//! let value = literal::parse("{'0': 8, 'default': [1, gelu]}")?;
//! assert_eq!(literal::written(&value), "{'0': 8, 'default': [1, gelu]}");
//! # Ok::<(), String>(())
//! ```

use serde_json::{Map, Value};

/// Reads a literal.
///
/// # Errors
/// It is none; in words that say what was wrong where.
pub fn parse(text: &str) -> Result<Value, String> {
    let text = text.trim();
    if let Some(inner) = between(text, '[', ']').or_else(|| between(text, '(', ')')) {
        return split(inner, ',')?.into_iter().map(parse).collect::<Result<Vec<_>, _>>().map(Value::Array);
    }
    if let Some(inner) = between(text, '{', '}') {
        return split(inner, ',')?.into_iter().map(entry).collect::<Result<Map<_, _>, _>>().map(Value::Object);
    }
    match text {
        "" => Err("a value is missing".into()),
        "True" | "true" => Ok(true.into()),
        "False" | "false" => Ok(false.into()),
        "None" | "null" => Ok(Value::Null),
        _ => Ok(number(text).unwrap_or_else(|| unquoted(text).into())),
    }
}

/// The name in front and the text between brackets of `name[field=value, …]`; without brackets there are no fields.
///
/// # Errors
/// The bracket is not closed; in words.
pub fn name_and_fields(text: &str) -> Result<(&str, &str), String> {
    match text.trim().split_once('[') {
        None => Ok((text.trim(), "")),
        Some((name, rest)) => Ok((name.trim(), rest.strip_suffix(']').ok_or("the ] is missing")?)),
    }
}

/// One `field=value` of [`name_and_fields`].
///
/// # Errors
/// There is no `=`, or the value is no literal; in words.
pub fn field(text: &str) -> Result<(&str, Value), String> {
    let (field, value) = text.split_once('=').ok_or_else(|| format!("`{text}` has no ="))?;
    Ok((field.trim(), parse(value)?))
}

/// Cuts at a separator, but not within brackets or quotes. Empty parts at the end do not count.
///
/// # Errors
/// Brackets or quotes do not match; in words.
pub fn split(text: &str, separator: char) -> Result<Vec<&str>, String> {
    let (mut parts, mut start, mut open, mut quote) = (Vec::new(), 0, Vec::new(), None);
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(q), _) => quote = Some(q).filter(|q| *q != c),
            (None, '\'' | '"') => quote = Some(c),
            (None, '[' | '{' | '(') => open.push(c),
            (None, ']' | '}' | ')') => {
                let opened = open.pop().ok_or_else(|| format!("`{text}` closes a bracket that was not opened"))?;
                if !matches!((opened, c), ('[', ']') | ('{', '}') | ('(', ')')) {
                    return Err(format!("`{text}` opens with {opened} but closes with {c}"));
                }
            }
            (None, c) if c == separator && open.is_empty() => {
                parts.push(&text[start..at]);
                start = at + c.len_utf8();
            }
            _ => {}
        }
    }
    if quote.is_some() || !open.is_empty() {
        return Err(format!("`{text}` has a bracket or quote that is not closed"));
    }
    parts.push(&text[start..]);
    if parts.last().is_some_and(|last| last.trim().is_empty()) {
        parts.pop();
    }
    Ok(parts)
}

/// Writes a value as the literal that [`parse`] reads as that value.
#[must_use]
pub fn written(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => word(text),
        Value::Array(items) => format!("[{}]", items.iter().map(written).collect::<Vec<_>>().join(", ")),
        Value::Object(map) => {
            let entry = |(key, value): (&String, &Value)| format!("{}: {}", quoted(key), written(value));
            format!("{{{}}}", map.iter().map(entry).collect::<Vec<_>>().join(", "))
        }
    }
}

/// A text, bare where that would be read as the same text.
fn word(text: &str) -> String {
    let is_plain = text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if is_plain && parse(text).is_ok_and(|value| value == *text) { text.to_owned() } else { quoted(text) }
}

fn quoted(text: &str) -> String {
    let quote = if text.contains('\'') { '"' } else { '\'' };
    format!("{quote}{text}{quote}")
}

fn between(text: &str, open: char, close: char) -> Option<&str> {
    text.strip_prefix(open)?.strip_suffix(close)
}

fn entry(text: &str) -> Result<(String, Value), String> {
    let parts = split(text, ':')?;
    let [key, value] = parts[..] else { return Err(format!("`{text}` is no entry of a map: expected key: value")) };
    Ok((unquoted(key.trim()).to_owned(), parse(value)?))
}

fn number(text: &str) -> Option<Value> {
    let whole = text.parse::<i64>().ok().map(Value::from);
    whole.or_else(|| text.parse::<f64>().ok().filter(|v| v.is_finite()).map(Value::from))
}

fn unquoted(text: &str) -> &str {
    between(text, '\'', '\'').or_else(|| between(text, '"', '"')).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn literals_are_read_as_python_reads_them() {
        let cases = [
            ("16", json!(16)),
            ("2.5", json!(2.5)),
            ("-1e-3", json!(-0.001)),
            ("True", json!(true)),
            ("None", json!(null)),
            ("relu", json!("relu")),
            ("'a, b'", json!("a, b")),
            ("'16'", json!("16")),
            ("\"it's\"", json!("it's")),
            ("[0, 2,]", json!([0, 2])),
            ("{'1': 2, \"default\": [3]}", json!({"1": 2, "default": [3]})),
            ("{0: 2}", json!({"0": 2})),
            ("[]", json!([])),
        ];
        for (text, value) in cases {
            assert_eq!(parse(text).as_ref(), Ok(&value), "{text}");
            assert_eq!(parse(&written(&value)), Ok(value.clone()), "{text} was written as {}", written(&value));
        }
    }

    #[test]
    fn broken_literals_say_what_is_wrong() {
        for (text, words) in [
            ("", "missing"),
            ("[1", "not closed"),
            ("[1]]", "not opened"),
            ("{1}", "key: value"),
            ("([1)]", "opens with"),
        ] {
            let found = split(text, ',').and_then(|_| parse(text));
            assert!(found.clone().unwrap_err().contains(words), "{text}: {found:?}");
        }
    }
}
