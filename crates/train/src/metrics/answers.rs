//! SQuAD's scores of answers (Rajpurkar et al., *SQuAD: 100,000+ questions for machine comprehension of text*, 2016; *Know what you
//! don't know*, 2018).

use std::collections::HashMap;

/// Returns a text as SQuAD compares it: in small letters, without ASCII punctuation, without the words *a*, *an* and *the*, with one
/// space between words.
///
/// ```
/// use adaptune_train::metrics::normalised_answer;
/// assert_eq!(normalised_answer("  The Old-Man (and a  Sea)"), "oldman and sea");
/// ```
#[must_use]
pub fn normalised_answer(text: &str) -> String {
    let plain: String = text.to_lowercase().chars().filter(|c| !c.is_ascii_punctuation()).collect();
    let words = plain.split_whitespace().filter(|word| !["a", "an", "the"].contains(word));
    words.collect::<Vec<_>>().join(" ")
}

/// 1 if the answer is one of the expected ones but for what [`normalised_answer`] leaves out, else 0. Where no answer is expected,
/// the right one is empty.
#[must_use]
pub fn exact_answer(expected: &[String], found: &str) -> f64 {
    best(expected, found, |expected, found| f64::from(u8::from(expected == found)))
}

/// F1 of the answer's words with those of the expected answer that is nearest. Where no answer is expected, 1 if there is none,
/// else 0.
///
/// ```
/// use adaptune_train::metrics::answer_f1;
/// let expected = ["the cold sea".to_owned(), "a river".to_owned()];
/// assert_eq!(answer_f1(&expected, "very cold sea"), 0.8);
/// assert_eq!((answer_f1(&[], ""), answer_f1(&[], "sea"), answer_f1(&expected, "")), (1.0, 0.0, 0.0));
/// ```
#[must_use]
pub fn answer_f1(expected: &[String], found: &str) -> f64 {
    best(expected, found, |expected, found| {
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let (expected, found) = (words(expected), words(found));
        if expected.is_empty() || found.is_empty() {
            return f64::from(u8::from(expected == found));
        }
        let mut left: HashMap<&str, usize> = HashMap::new();
        for word in &expected {
            *left.entry(word).or_default() += 1;
        }
        let mut common = 0;
        for word in &found {
            if let Some(count) = left.get_mut(word.as_str()).filter(|count| **count > 0) {
                (*count, common) = (*count - 1, common + 1);
            }
        }
        2.0 * common as f64 / (expected.len() + found.len()) as f64
    })
}

/// The best score over all expected answers that say anything; over the empty one if there are none.
fn best(expected: &[String], found: &str, score: impl Fn(&str, &str) -> f64) -> f64 {
    let found = normalised_answer(found);
    let expected: Vec<String> =
        expected.iter().map(|answer| normalised_answer(answer)).filter(|a| !a.is_empty()).collect();
    if expected.is_empty() {
        return score("", &found);
    }
    expected.iter().map(|expected| score(expected, &found)).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(answers: &[&str]) -> Vec<String> {
        answers.iter().map(|&answer| answer.to_owned()).collect()
    }

    /// Those of SQuAD's `evaluate-v2.0.py`.
    #[test]
    fn scores_are_squads() {
        let cases: [(&[&str], &str, f64, f64); 8] = [
            (&["Denver Broncos", "The Denver Broncos"], "the  denver broncos!", 1.0, 1.0),
            (&["Denver Broncos"], "Broncos", 0.0, 2.0 / 3.0),
            (&["in the south of Spain", "Spain"], "southern Spain", 0.0, 2.0 / 3.0),
            (&["1,000"], "1000", 1.0, 1.0),
            (&["a b b c"], "b b b", 0.0, 2.0 * 2.0 / 6.0),
            (&[], "", 1.0, 1.0),
            (&[], "anything", 0.0, 0.0),
            (&["anything"], "", 0.0, 0.0),
        ];
        for (expected, found, exact, f1) in cases {
            let expected = owned(expected);
            assert_eq!(exact_answer(&expected, found), exact, "{expected:?} {found}");
            assert!(
                (answer_f1(&expected, found) - f1).abs() < 1e-12,
                "{expected:?} {found}: {}",
                answer_f1(&expected, found)
            );
        }
    }
}
