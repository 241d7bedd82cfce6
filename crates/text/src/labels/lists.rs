//! Lists as JSON and Python write them, where they stand as texts in a table.

use std::iter::Peekable;
use std::str::Chars;

/// True of what JSON and Python write for a list.
pub(super) fn is_bracketed(label: &str) -> bool {
    label.starts_with('[') && label.ends_with(']')
}

/// A list of texts or numbers, as JSON or Python writes it.
pub(super) fn written_list(label: &str) -> Option<Vec<String>> {
    let inner = label.strip_prefix('[')?.strip_suffix(']')?;
    let (mut letters, mut items) = (inner.chars().peekable(), Vec::new());
    loop {
        while letters.next_if(|c| c.is_whitespace()).is_some() {}
        let item = match letters.peek()? {
            quote @ ('"' | '\'') => quoted(*quote, &mut letters)?,
            _ => std::iter::from_fn(|| letters.next_if(|c| *c != ',')).collect::<String>().trim().to_owned(),
        };
        items.push(item);
        while letters.next_if(|c| c.is_whitespace()).is_some() {}
        match letters.next() {
            None => break,
            Some(',') => {}
            Some(_) => return None,
        }
    }
    items.iter().all(|item| !item.is_empty() && !item.contains(['[', ']'])).then_some(items)
}

/// A text in quotes, in which a backslash stands before what is meant as it is.
fn quoted(quote: char, letters: &mut Peekable<Chars<'_>>) -> Option<String> {
    let mut text = String::new();
    letters.next()?;
    loop {
        match letters.next()? {
            '\\' => text.push(letters.next()?),
            end if end == quote => return Some(text),
            letter => text.push(letter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_as_json_and_python_write_them() {
        let read = |label: &str| written_list(label).map(|items| items.join("|"));
        for (written, items) in [
            (r#"["red", "round"]"#, "red|round"),
            ("['red', \"it's\"]", "red|it's"),
            (r"[ 'it\'s', 'a, b' ]", "it's|a, b"),
            ("[3, 0]", "3|0"),
            ("['one']", "one"),
        ] {
            assert_eq!(read(written).as_deref(), Some(items), "{written}");
        }
        for wrong in ["[red", "['red]", "['a' 'b']", "[['a']]", "[a,,b]", "[,]"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
