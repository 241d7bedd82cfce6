//! JSON as Python's `json.dumps` writes it, with a space behind `,` and `:`, for the filter `tojson` of templates.

use minijinja::value::{Kwargs, Value};
use minijinja::{Error, ErrorKind};
use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter, Serializer};
use std::io::{self, Write};

/// One line, `{"a": 1, "b": [2, 3]}`.
struct OneLine;

impl Formatter for OneLine {
    fn begin_array_value<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { out.write_all(b", ") }
    }
    fn begin_object_key<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.begin_array_value(out, first)
    }
    fn begin_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        out.write_all(b": ")
    }
}

/// The filter, with transformers' option `indent`. Letters stay as they are; nothing is escaped for HTML.
pub(super) fn to_json(value: &Value, indent: Option<usize>, options: Kwargs) -> Result<String, Error> {
    let indent = match options.get::<Option<usize>>("indent")? {
        Some(indent) => Some(indent),
        None => indent,
    };
    // It is the usual one already.
    let _: Option<bool> = options.get("ensure_ascii")?;
    options.assert_all_used()?;
    let spaces = " ".repeat(indent.unwrap_or_default());
    match indent {
        Some(_) => written(value, PrettyFormatter::with_indent(spaces.as_bytes())),
        None => written(value, OneLine),
    }
}

fn written(value: &Value, formatter: impl Formatter) -> Result<String, Error> {
    let mut bytes = Vec::new();
    let failed = |error: String| Error::new(ErrorKind::BadSerialization, error);
    value.serialize(&mut Serializer::with_formatter(&mut bytes, formatter)).map_err(|e| failed(e.to_string()))?;
    String::from_utf8(bytes).map_err(|error| failed(error.to_string()))
}
