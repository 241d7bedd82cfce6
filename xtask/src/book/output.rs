//! What a program printed, kept as a file. A line `[name]` begins a part.

/// A part as a fenced block; all of it if no part is named.
pub(crate) fn fenced(text: &str, part: &str) -> Result<String, String> {
    let lines: Vec<&str> = if part.is_empty() {
        text.lines().collect()
    } else {
        let start = text.lines().position(|line| heading(line) == Some(part));
        let start = start.ok_or_else(|| format!("has no part `[{part}]`"))? + 1;
        text.lines().skip(start).take_while(|line| heading(line).is_none()).collect()
    };
    Ok(format!("```text\n{}\n```", lines.join("\n").trim_end()))
}

/// The name of the part that a line begins.
fn heading(line: &str) -> Option<&str> {
    let name = line.strip_prefix('[')?.strip_suffix(']')?;
    name.chars().all(|letter| letter.is_ascii_lowercase() || letter == '-').then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_ends_where_the_next_begins() {
        let text = "[a]\n1\n[0.5, 1]\n\n[b]\n2\n";
        assert_eq!(fenced(text, "a").as_deref(), Ok("```text\n1\n[0.5, 1]\n```"));
        assert_eq!(fenced(text, "b").as_deref(), Ok("```text\n2\n```"));
        assert_eq!(fenced("x\n", "").as_deref(), Ok("```text\nx\n```"));
        assert_eq!(fenced(text, "c"), Err("has no part `[c]`".to_owned()));
    }
}
