//! What a first line that names no columns may be.

/// True of a field that stands in quotes.
pub(super) fn is_quoted(field: &str) -> bool {
    field.len() > 1 && field.starts_with('"') && field.ends_with('"')
}

/// The sign that parts short names in what was read as one column: the only one that is neither a letter nor usual in names.
pub(super) fn sign_between_names(header: &str) -> Option<char> {
    let mut signs: Vec<char> = header.chars().filter(|c| !c.is_alphanumeric() && !" _-().'\"".contains(*c)).collect();
    signs.sort_unstable();
    signs.dedup();
    if let [sign] = signs[..] { Some(sign) } else { None }
}

/// Names for columns whose first example this is: the text is the longest, of two the other is the label, and of more a number in
/// front is an id and the shortest of the rest the label.
pub(super) fn suggested(example: &[String], [text, label]: [&str; 2]) -> Vec<String> {
    let length = |place: &usize| example[*place].chars().count();
    let longest = (0..example.len()).rev().max_by_key(length).unwrap_or_default();
    let is_id = |place: usize| place == 0 && example.len() > 2 && example[0].parse::<f64>().is_ok();
    let shortest = (0..example.len()).filter(|place| *place != longest && !is_id(*place)).min_by_key(length);
    let name = |place: usize| match place {
        place if place == longest => text.to_owned(),
        place if Some(place) == shortest => label.to_owned(),
        place if is_id(place) => "id".to_owned(),
        place => format!("column_{}", place + 1),
    };
    (0..example.len()).map(name).collect()
}

/// True of a header with a name that is none: it has many words or letters, ends as a sentence does, or is a number.
pub(super) fn looks_like_an_example(header: &[String]) -> bool {
    let is_none = |name: &String| {
        let words = name.split_whitespace().count();
        let is_sentence = words > 6 || (words > 2 && name.ends_with(['.', '!', '?']));
        is_sentence || name.chars().count() > LONG || name.parse::<f64>().is_ok()
    };
    header.len() > 1 && header.iter().any(is_none)
}

/// Letters that no name of a column has.
const LONG: usize = 50;

#[cfg(test)]
mod tests {
    use super::*;

    fn header(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn names_are_suggested_for_the_columns_of_an_example() {
        let suggested = |example: &[&str]| suggested(&header(example), ["text", "label"]).join(",");
        assert_eq!(suggested(&["It never came.", "late"]), "text,label");
        assert_eq!(suggested(&["late", "It never came."]), "label,text");
        assert_eq!(suggested(&["17", "It never came.", "late"]), "id,text,label");
        assert_eq!(suggested(&["17", "It never came.", "3", "a shop in Kiel"]), "id,text,label,column_4");
        assert_eq!(suggested(&["It never came."]), "text");
    }

    #[test]
    fn a_sign_between_names_is_found() {
        assert_eq!(sign_between_names("text^label^id"), Some('^'));
        assert_eq!(sign_between_names("text~label"), Some('~'));
        assert_eq!((sign_between_names("text"), sign_between_names("my text, or #none")), (None, None));
    }

    #[test]
    fn a_first_line_that_is_an_example_is_told_from_names() {
        assert!(looks_like_an_example(&header(&["The soup was cold and so was the waiter", "bad"])));
        assert!(looks_like_an_example(&header(&["1", "It never came."])));
        assert!(looks_like_an_example(&header(&["0", "Painted rail 34, Lena"])));
        assert!(!looks_like_an_example(&header(&["id", "Text der Anfrage", "Betrag (€)", "approved?"])));
    }
}
