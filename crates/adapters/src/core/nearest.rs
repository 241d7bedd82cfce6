//! "Did you mean ...?": the known name that lies nearest to what was typed.

/// The candidate nearest to `word`, if one is near enough to be a slip of the keyboard.
///
/// Near enough means a Damerau-Levenshtein distance (Damerau, 1964) of at most a third of the letters of `word`, and at
/// least one. Capitals, hyphens and underscores do not count as differences. Of equally near candidates the
/// first wins; `word` itself is never suggested.
///
/// ```text
/// nearest("lable", ["text", "label"]) == Some("label")
/// ```
pub fn nearest<'a, I>(word: &str, candidates: I) -> Option<&'a str>
where
    I: IntoIterator<Item = &'a str>,
{
    let folded_word = folded(word);
    let limit = (folded_word.len() / 3).max(1);
    candidates
        .into_iter()
        .filter(|candidate| *candidate != word)
        .map(|candidate| (distance(&folded_word, &folded(candidate)), candidate))
        .filter(|(distance, candidate)| *distance <= limit && *distance < folded(candidate).len())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// "; did you mean `label`?" to put behind an error message, or nothing.
pub fn did_you_mean<'a, I>(word: &str, candidates: I) -> String
where
    I: IntoIterator<Item = &'a str>,
{
    nearest(word, candidates).map(|name| format!("; did you mean `{name}`?")).unwrap_or_default()
}

fn folded(word: &str) -> Vec<char> {
    word.chars().flat_map(char::to_lowercase).map(|c| if c == '-' { '_' } else { c }).collect()
}

/// Insertions, deletions, substitutions and swaps of neighbours that lead from `a` to `b`; no letter is edited twice.
///
/// `d(i, j) = min(d(i-1, j) + 1, d(i, j-1) + 1, d(i-1, j-1) + [a_i != b_j])`, and `d(i-2, j-2) + 1` where the last two
/// letters are swapped.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let substituted = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = substituted.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letters(word: &str) -> Vec<char> {
        word.chars().collect()
    }

    #[test]
    fn distances_of_every_kind_of_slip() {
        for (a, b, expected) in [
            ("", "", 0),
            ("", "abc", 3),
            ("label", "label", 0),
            ("label", "labels", 1),
            ("label", "lael", 1),
            ("label", "lobel", 1),
            ("label", "lable", 1),
            ("kitten", "sitting", 3),
            ("größe", "grosse", 3),
        ] {
            assert_eq!(distance(&letters(a), &letters(b)), expected, "{a} to {b}");
            assert_eq!(distance(&letters(b), &letters(a)), expected, "{b} to {a}");
        }
    }

    #[test]
    fn the_nearest_name_is_found() {
        let methods = ["seq_bn", "double_seq_bn", "par_bn", "lora", "ia3"];
        assert_eq!(nearest("seq-bn", methods), Some("seq_bn"));
        assert_eq!(nearest("LoRA", methods), Some("lora"));
        assert_eq!(nearest("pra_bn", methods), Some("par_bn"));
        assert_eq!(nearest("double_seq", ["double_seq_bn", "seq_bn"]), Some("double_seq_bn"));
        assert_eq!(nearest("ab", ["ac", "ad"]), Some("ac"), "the first of two equals");
    }

    #[test]
    fn strangers_are_not_suggested() {
        assert_eq!(nearest("sentence", ["text", "label"]), None);
        assert_eq!(nearest("x", ["y"]), None, "one letter replaced by another is no slip");
        assert_eq!(nearest("", ["label"]), None);
        assert_eq!(nearest("label", []), None);
        assert_eq!(nearest("label", ["label"]), None, "that would be no help");
        assert_eq!(did_you_mean("xylophone", ["label"]), "");
        assert_eq!(did_you_mean("lable", ["label"]), "; did you mean `label`?");
    }
}
