//! Texts cut into words, as taggers read them: at spaces, and with punctuation apart where the training data had it so.

use super::content::{Table, TableKind, Text};

/// Punctuation that stands before a word.
const BEFORE: &str = "([{\"'“‘„«¿¡";
/// Punctuation that stands behind one.
const BEHIND: &str = ".,;:!?)]}\"'”’»…";

impl Table {
    /// True if punctuation mostly stands apart from words here, as in most data sets whose words are tagged: `Berlin` and `.`, and
    /// not `Berlin.`; false of other tables than those of words.
    #[must_use]
    pub fn has_punctuation_apart(&self) -> bool {
        let words =
            self.rows.iter().filter_map(|row| if let Text::Words(words) = &row.text { Some(words) } else { None });
        let (mut apart, mut attached) = (0, 0);
        for word in words.flatten() {
            match punctuation(word) {
                Some(Punctuation::Alone) => apart += 1,
                Some(Punctuation::Behind) => attached += 1,
                None => {}
            }
        }
        apart > attached
    }

    /// Returns the table with every text cut into words at spaces, and before and behind punctuation if that stands apart from words; a
    /// note says how. A point within or behind an abbreviation (`U.S.`) stays where it is.
    ///
    /// ```
    /// use adaptune_text::{Table, Text};
    /// let table = Table::of_texts(&["Ada left (for Berlin)."]).cut_into_words(true);
    /// let words = ["Ada", "left", "(", "for", "Berlin", ")", "."].map(str::to_owned);
    /// assert_eq!(table.rows[0].text, Text::Words(words.to_vec()));
    /// ```
    #[must_use]
    pub fn cut_into_words(mut self, punctuation_apart: bool) -> Self {
        for row in &mut self.rows {
            if let Text::Single(text) = &row.text {
                let words = text.split_whitespace();
                row.text = Text::Words(match punctuation_apart {
                    true => words.flat_map(parts).map(str::to_owned).collect(),
                    false => words.map(str::to_owned).collect(),
                });
            }
        }
        self.kind = TableKind::Words;
        self.notes.push(match punctuation_apart {
            true => {
                "texts are cut into words at spaces, and punctuation stands apart from them, as in the training data"
                    .to_owned()
            }
            false => "texts are cut into words at spaces".to_owned(),
        });
        self
    }
}

enum Punctuation {
    Alone,
    Behind,
}

/// Whether a word is punctuation, or has some behind it.
fn punctuation(word: &str) -> Option<Punctuation> {
    let last = word.chars().next_back().filter(|last| ".,;:!?".contains(*last))?;
    let before = &word[..word.len() - last.len_utf8()];
    match before.chars().any(char::is_alphanumeric) {
        true if last == '.' && is_abbreviated(before) => None,
        true => Some(Punctuation::Behind),
        false => Some(Punctuation::Alone),
    }
}

/// True of what a point shortens: it has a point already, or is a single letter.
fn is_abbreviated(before: &str) -> bool {
    before.contains('.') || before.chars().count() == 1
}

/// What stands before a word, the word, and what stands behind it.
fn parts(text: &str) -> Vec<&str> {
    if !text.chars().any(char::is_alphanumeric) {
        return vec![text];
    }
    let word = text.trim_start_matches(|c| BEFORE.contains(c));
    let before = &text[..text.len() - word.len()];
    let mut end = word.len();
    while let Some(last) = word[..end].chars().next_back().filter(|last| BEHIND.contains(*last)) {
        let shorter = end - last.len_utf8();
        if last == '.' && is_abbreviated(&word[..shorter]) {
            break;
        }
        end = shorter;
    }
    let mut parts = single_letters(before);
    parts.push(&word[..end]);
    parts.extend(single_letters(&word[end..]));
    parts
}

/// The letters of a text, equal ones behind each other together: `...` is one.
fn single_letters(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let next = rest.trim_start_matches(first);
        parts.push(&rest[..rest.len() - next.len()]);
        rest = next;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str, apart: bool) -> String {
        match &Table::of_texts(&[text]).cut_into_words(apart).rows[0].text {
            Text::Words(words) => words.join("|"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn punctuation_stands_apart_where_it_did_in_training() {
        let text = "Angela Merkel met Tim Cook in Berlin, at the \"Apple store\" (U.S.) ... Why?! It's J. Doe's :-) «Très bien»…";
        let apart = "Angela|Merkel|met|Tim|Cook|in|Berlin|,|at|the|\"|Apple|store|\"|(|U.S.|)|...|Why|?|!|It's|J.|Doe's|:-)|«|Très|bien|»|…";
        assert_eq!(words(text, true), apart);
        assert_eq!(words(text, false), text.replace(' ', "|"));
        assert_eq!(words("  ", true), "");
        assert_eq!(words("@adaptune #nlp https://a.b/c?d=1 3.5 %", true), "@adaptune|#nlp|https://a.b/c?d=1|3.5|%");
    }

    #[test]
    fn most_words_say_whether_it_stands_apart() {
        let table = |texts: &[&str]| Table::of_texts(texts).cut_into_words(false);
        assert!(table(&["Ada wrote .", "Dr. Who , of Rome", "in the U.S. ."]).has_punctuation_apart());
        assert!(!table(&["Ada wrote.", "of Rome, they say ."]).has_punctuation_apart());
        assert!(!table(&["no punctuation"]).has_punctuation_apart());
        assert!(!Table::of_texts(&["texts . and . points"]).has_punctuation_apart());
    }
}
