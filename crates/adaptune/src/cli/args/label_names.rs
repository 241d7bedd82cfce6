//! What numbers stand for, as an argument: names between commas, or a file of them.

use std::path::Path;

/// Names of labels, the first for 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LabelNames {
    /// As it was written, to be handed on.
    pub(crate) written: String,
    pub(crate) names: Vec<String>,
}

/// `O,B-PER,I-PER`, or a file with a name a line or with one list of JSON.
pub(crate) fn label_names(text: &str) -> Result<LabelNames, String> {
    let names = if text.contains(',') && !Path::new(text).is_file() {
        text.split(',').map(str::to_owned).collect()
    } else {
        in_file(text)?
    };
    let names: Vec<String> = names.iter().map(|name| name.trim().to_owned()).collect();
    match names.iter().position(String::is_empty) {
        Some(blank) => Err(format!("the name of {blank} is blank; every number needs one, the first of 0")),
        None => Ok(LabelNames { written: text.to_owned(), names }),
    }
}

fn in_file(path: &str) -> Result<Vec<String>, String> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        format!(
            "expected names with commas between, such as O,B-PER,I-PER, or a file with a name a line: {path}: {error}"
        )
    })?;
    let text = text.trim_start_matches('\u{feff}').trim();
    if text.starts_with('[') {
        return serde_json::from_str(text).map_err(|error| format!("{path}: expected a list of texts: {error}"));
    }
    match text.is_empty() {
        true => Err(format!("{path} is empty; expected a name a line, the first for 0")),
        false => Ok(text.lines().map(str::to_owned).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        label_names(text).expect("names").names
    }

    #[test]
    fn names_come_from_the_command_line_or_from_a_file() {
        assert_eq!(names("O, B-PER,I-PER"), ["O", "B-PER", "I-PER"]);
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("names.txt");
        for content in ["O\r\nB-PER\r\nI-PER\r\n", "[\"O\", \"B-PER\",\n \"I-PER\"]\n"] {
            std::fs::write(&path, content).expect("a file");
            assert_eq!(names(path.to_str().expect("UTF-8")), ["O", "B-PER", "I-PER"]);
        }
        for (content, words) in [("", "is empty"), ("O\n\nB\n", "the name of 1 is blank"), ("[1, 2]", "list of texts")]
        {
            std::fs::write(&path, content).expect("a file");
            let message = label_names(path.to_str().expect("UTF-8")).expect_err("it is refused");
            assert!(message.contains(words), "{message}");
        }
        assert!(label_names("names").expect_err("no file").contains("O,B-PER,I-PER"));
    }
}
