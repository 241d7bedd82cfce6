//! Listings: the lines of a source between `ANCHOR: name` and `ANCHOR_END: name`, which stand there as comments. So what a page
//! shows has been compiled and tested.

use std::path::Path;

/// The lines of an anchor as a fenced block, moved to the left margin, without anchors that are within it.
pub(crate) fn fenced(file: &Path, text: &str, anchor: &str) -> Result<String, String> {
    let lines = between(text, anchor)?;
    let margin = lines.iter().filter(|line| !line.trim().is_empty()).map(|line| indent(line)).min().unwrap_or(0);
    let language = match file.extension().and_then(|extension| extension.to_str()) {
        Some("rs") => "rust",
        Some("py") => "python",
        other => return Err(format!("is no source whose listings are known (ends in {other:?})")),
    };
    let lines: Vec<&str> = lines.iter().map(|line| line.get(margin..).unwrap_or("")).collect();
    Ok(format!("```{language}\n{}\n```", lines.join("\n")))
}

fn between<'a>(text: &'a str, anchor: &str) -> Result<Vec<&'a str>, String> {
    let is = |line: &str, word: &str| line.trim().trim_start_matches(['/', '#', ' ']) == format!("{word}: {anchor}");
    let start = text.lines().position(|line| is(line, "ANCHOR"));
    let start = start.ok_or_else(|| format!("has no `ANCHOR: {anchor}`"))? + 1;
    let length = text.lines().skip(start).position(|line| is(line, "ANCHOR_END"));
    let length = length.ok_or_else(|| format!("has no `ANCHOR_END: {anchor}`"))?;
    let is_anchor = |line: &str| {
        let comment = line.trim().trim_start_matches(['/', '#', ' ']);
        comment.starts_with("ANCHOR: ") || comment.starts_with("ANCHOR_END: ")
    };
    Ok(text.lines().skip(start).take(length).filter(|line| !is_anchor(line)).collect())
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "\
mod a {
    // ANCHOR: all
    fn f() {
        // ANCHOR: inner
        g();

        h();
        // ANCHOR_END: inner
    }
    // ANCHOR_END: all
    // ANCHOR: open
}
";

    #[test]
    fn a_listing_is_what_stands_between_its_anchors() {
        let fenced = |anchor: &str| fenced(Path::new("a.rs"), SOURCE, anchor);
        assert_eq!(fenced("all").as_deref(), Ok("```rust\nfn f() {\n    g();\n\n    h();\n}\n```"));
        assert_eq!(fenced("inner").as_deref(), Ok("```rust\ng();\n\nh();\n```"));
        assert_eq!(fenced("gone"), Err("has no `ANCHOR: gone`".to_owned()));
        assert_eq!(fenced("open"), Err("has no `ANCHOR_END: open`".to_owned()));
    }

    #[test]
    fn the_language_is_that_of_the_file() {
        let text = "# ANCHOR: a\nx = 1\n# ANCHOR_END: a\n";
        assert_eq!(fenced(Path::new("a.py"), text, "a").as_deref(), Ok("```python\nx = 1\n```"));
        assert!(fenced(Path::new("a.bin"), text, "a").is_err());
    }
}
