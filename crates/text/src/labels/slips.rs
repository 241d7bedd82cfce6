//! Labels that are likely slips: nearly alike, hardly there, or words for nothing.

use super::spelling::canonical;
use super::unlabelled::means_none;
use adaptune_adapters::nearest;
use std::collections::BTreeMap;

/// The most of them that are told; people mend what they see, and look for the others then.
const HANDFUL: usize = 4;

/// How often each label occurs, and on which line first.
pub(super) struct Occurrences(BTreeMap<String, (usize, usize)>);

impl Occurrences {
    /// Counts the labels of all rows, each with its line.
    pub(super) fn of<'a>(labels: impl Iterator<Item = (usize, &'a str)>) -> Self {
        let mut found: BTreeMap<String, (usize, usize)> = BTreeMap::new();
        labels.for_each(|(line, label)| found.entry(canonical(label)).or_insert((0, line)).0 += 1);
        Self(found)
    }

    fn count(&self, name: &str) -> usize {
        self.0.get(name).map_or(0, |(count, _)| *count)
    }

    fn line(&self, name: &str) -> usize {
        self.0.get(name).map_or(0, |(_, line)| *line)
    }

    /// That labels may be one: they differ in capitals, spaces and hyphens alone, or a rare one in a letter from a frequent one; or
    /// that one occurs once where all others are frequent.
    pub(super) fn slips(&self, classes: &[String]) -> String {
        let alike = spelt_alike(classes);
        let told = |name: &str| alike.iter().flatten().any(|other| *other == name);
        let others: Vec<&str> = classes.iter().map(String::as_str).filter(|name| !told(name)).collect();
        let rare = self.rare(&others, classes);
        match (alike.is_empty(), rare.is_empty()) {
            (true, true) => self.once(classes).unwrap_or_default(),
            (true, false) => tell_rare(&rare),
            (false, true) => self.tell_alike(&alike),
            (false, false) => self.tell_alike(&alike) + &tell_rare(&rare),
        }
    }

    /// Those that occur once or twice and are frequent ones but for a slip of the keyboard, and what they nearly are. Names with
    /// digits differ in little.
    fn rare(&self, names: &[&str], classes: &[String]) -> Vec<String> {
        let has_no_digit = |name: &&str| !name.chars().any(|c| c.is_ascii_digit());
        let frequent = || classes.iter().map(String::as_str).filter(has_no_digit).filter(|name| self.count(name) > 9);
        let is_rare = |name: &&str| name.chars().count() > 4 && self.count(name) < 3;
        let hardly =
            |name: &str, meant: String| format!("`{name}` (line {}) hardly occurs, and is {meant}", self.line(name));
        let told = |name: &str| {
            let meant = || Some(format!("nearly `{}`", nearest(name, frequent())?));
            let begun = || Some(format!("how `{}` begins", only_one_that_begins(name, frequent())?));
            let meant =
                is_rare(&name).then(meant).flatten().or_else(|| (self.count(name) < 3).then(begun).flatten())?;
            Some(hardly(name, meant))
        };
        names.iter().copied().filter(has_no_digit).filter_map(told).collect()
    }

    fn once(&self, classes: &[String]) -> Option<String> {
        let once = |name: &&String| self.count(name) == 1;
        let [single] = classes.iter().filter(once).collect::<Vec<_>>()[..] else { return None };
        let others = || classes.iter().filter(|name| *name != single);
        (others().count() > 1 && others().all(|name| self.count(name) > 9))
            .then(|| format!("; `{single}` occurs once (line {}): mend it if it is a slip", self.line(single)))
    }

    /// A label, how many examples have it, and where they begin.
    fn placed(&self, name: &str) -> String {
        match (self.count(name), self.line(name)) {
            (1, line) => format!("`{name}` (1 example, line {line})"),
            (count, line) => format!("`{name}` ({count} examples, line {line} first)"),
        }
    }

    fn tell_alike(&self, groups: &[Vec<&str>]) -> String {
        let told = |group: &Vec<&str>| group.iter().map(|name| self.placed(name)).collect::<Vec<_>>().join(" and ");
        let all = some(groups.iter().map(told).collect());
        match groups {
            [pair] if pair.len() == 2 => format!("; {all} are two labels here: write them alike if they are one"),
            _ => format!("; {all} are labels of their own here: write alike those that are one"),
        }
    }

    /// That nearly all examples have one label, past which accuracy looks.
    pub(super) fn lopsided(&self, classes: &[String]) -> String {
        let all: usize = classes.iter().map(|name| self.count(name)).sum();
        match classes.iter().max_by_key(|name| self.count(name)) {
            Some(most) if 5 * self.count(most) > 4 * all => format!(
                "; {:.0} % are `{most}`: accuracy looks past the others, as --metric macro_f1 and --class-weights balanced do not",
                (100.0 * self.count(most) as f64 / all as f64).floor()
            ),
            _ => String::new(),
        }
    }

    /// That words which often stand for a missing label are labels here; among signs, such as `+`, they are signs.
    /// What to do with them is the end of the sentence.
    pub(super) fn words_for_none(&self, classes: &[String], cure: &str) -> String {
        let (none, others): (Vec<&String>, Vec<&String>) = classes.iter().partition(|name| means_none(name));
        if none.is_empty() || !others.iter().any(|name| name.chars().any(char::is_alphabetic)) {
            return String::new();
        }
        let told = none.iter().map(|name| self.placed(name));
        format!(
            "; a label like any other is {} here: where it stands for none, empty the field, {cure}",
            some(told.collect())
        )
    }
}

/// The only one of these words that begins with all letters of another word, as `yes` with those of `y`.
fn only_one_that_begins<'n>(word: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let are_letters = |name: &str| name.chars().all(char::is_alphabetic);
    let folded = word.to_lowercase();
    let mut longer = names.filter(|name| {
        are_letters(word) && are_letters(name) && name.to_lowercase().starts_with(&folded) && *name != word
    });
    longer.next().filter(|_| longer.next().is_none())
}

/// Labels that differ in capitals, spaces and hyphens alone.
fn spelt_alike(classes: &[String]) -> Vec<Vec<&str>> {
    let counts = |c: &char| !c.is_whitespace() && !"-_".contains(*c);
    let plain = |name: &str| name.chars().filter(counts).flat_map(char::to_lowercase).collect::<String>();
    let mut groups: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for class in classes.iter().filter(|class| class.chars().any(char::is_alphabetic)) {
        groups.entry(plain(class)).or_default().push(class);
    }
    groups.into_values().filter(|group| group.len() > 1).collect()
}

fn tell_rare(rare: &[String]) -> String {
    format!("; {}: write them alike if they are one", some(rare.to_vec()))
}

/// The first of them, and how many more there are.
fn some(all: Vec<String>) -> String {
    match all.len().saturating_sub(HANDFUL) {
        0 => all.join(", "),
        more => format!("{} and {more} more", all[..HANDFUL].join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    /// What is said of labels, the first on line 2.
    fn slips(names: &[&str], labels: &[&str]) -> String {
        Occurrences::of((2..).zip(labels.iter().copied())).slips(&classes(names))
    }

    #[test]
    fn labels_that_are_nearly_alike_are_suspected() {
        let said = slips(&["BILLING", "Billing", "Other"], &["Billing", "Other", "BILLING", "Billing"]);
        let told = "`BILLING` (1 example, line 4) and `Billing` (2 examples, line 2 first) are two labels";
        assert!(said.contains(told), "{said}");
        assert!(slips(&["not_ok", "not ok"], &[]).contains("write them alike"));
        let labels = [&["Billing"; 12][..], &["Biling", "Other", "Others"]].concat();
        let said = slips(&["Biling", "Billing", "Other", "Others"], &labels);
        assert!(said.contains("`Biling` (line 14) hardly occurs, and is nearly `Billing`"), "{said}");
        let labels = [&["yes", "no"].repeat(12)[..], &["y", "Y"]].concat();
        let said = slips(&["no", "y", "yes"], &labels);
        assert!(said.contains("`y` (line 26) hardly occurs, and is how `yes` begins"), "{said}");
        let labels = [&["north", "no"].repeat(12)[..], &["n"]].concat();
        assert!(!slips(&["n", "no", "north"], &labels).contains("begins"), "either could be meant");
        let labels = [&["0", "1"].repeat(12)[..], &["11"]].concat();
        let said = slips(&["0", "1", "11"], &labels);
        assert!(said.contains("`11` occurs once (line 26)"), "{said}");
        for names in [["C", "C++", "C#"], ["T-10", "T-11", "T-12"], ["good", "bad", "so so"]] {
            let labels = [&[names[0]; 12][..], &names[1..]].concat();
            assert_eq!(slips(&names, &labels), "");
        }
        assert_eq!(slips(&["1", "1.5", "-1"], &[]), "");
    }

    #[test]
    fn one_label_of_nearly_all_examples_is_told() {
        let said = |labels: &[&str]| {
            Occurrences::of((2..).zip(labels.iter().copied())).lopsided(&classes(&["normal", "urgent"]))
        };
        let told = said(&[&["normal"; 97][..], &["urgent"; 3]].concat());
        assert!(told.starts_with("; 97 % are `normal`: accuracy looks past the others"), "{told}");
        assert_eq!(said(&[&["normal"; 8][..], &["urgent"; 2]].concat()), "");
    }

    #[test]
    fn all_slips_are_told_and_no_more_than_a_handful() {
        let names = ["BILLING", "Billing", "Logiin", "Login", "Refund", "login", "refund"];
        let labels = [&["Billing"; 9][..], &["Login"; 12], &["Logiin"]].concat();
        let said = slips(&names, &labels);
        assert!(
            ["`BILLING`", "and `Billing`", "`Login`", "and `login`", "and `refund`"]
                .iter()
                .all(|name| said.contains(name)),
            "{said}"
        );
        assert!(said.contains("`Logiin` (line 23) hardly occurs, and is nearly `Login`"), "{said}");
        let many: Vec<String> =
            ["A", "a"].iter().flat_map(|a| (b'b'..=b'g').map(move |b| format!("{a}{}", b as char))).collect();
        let said = slips(&many.iter().map(String::as_str).collect::<Vec<_>>(), &[]);
        assert!(said.contains("and `ae`") && said.contains(" and 2 more are labels of their own"), "{said}");
    }

    #[test]
    fn words_for_nothing_among_names_are_told() {
        let said = |labels: &[&str]| {
            let names: std::collections::BTreeSet<&str> = labels.iter().copied().collect();
            let names = classes(&names.into_iter().collect::<Vec<_>>());
            Occurrences::of((2..).zip(labels.iter().copied())).words_for_none(&names, "and the example is left out")
        };
        let told = said(&["good", "n/a", "bad", "n/a", "-"]);
        assert!(told.contains("`-` (1 example, line 6), `n/a` (2 examples, line 3 first) here"), "{told}");
        assert!(told.contains("empty the field"), "{told}");
        for labels in [&["+", "-"][..], &["1", "?"], &["good", "bad"]] {
            assert_eq!(said(labels), "");
        }
    }
}
