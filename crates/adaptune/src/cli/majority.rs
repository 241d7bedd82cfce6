//! What always answering the most frequent class gets, where a model hardly gets more.

use super::report::{counted, note, percent, thousands};
use adaptune_adapters::HeadConfig;
use adaptune_tensor::ndarray::Array2;
use adaptune_train::{Dataset, Target, argmax};

/// The metric that a most frequent class can pass for; who chose another one by which to train has thought of it.
pub(crate) const ACCURACY: &str = "accuracy";
/// A class that so large a share of the examples has is looked past by accuracy.
const LARGE: f64 = 0.8;

/// When a model is measured: what would help is another thing before it is trained again than after.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    Training,
    Later,
}

/// The most frequent class of a data set, and how often a model is right there.
struct Majority<'a> {
    when: When,
    /// How many classes there are.
    classes: usize,
    label: &'a str,
    /// The share of examples that are of it.
    share: f64,
    accuracy: f64,
    examples: usize,
}

/// Says that a model is hardly better on a data set than always answering its most frequent class, if that is so; `class_of` is
/// the class that a row of logits, `[N, C]`, is for. Nothing of heads that judge no whole texts by one class.
/// Returns whether it was said.
pub(crate) fn tell_majority(
    when: When,
    head: &HeadConfig,
    data: &Dataset,
    logits: &Array2<f32>,
    class_of: impl Fn(usize) -> usize,
) -> bool {
    let said = Majority::of(when, head, data, logits, class_of).and_then(|majority| majority.said());
    if let Some(said) = &said {
        note(format_args!("note: {said}"));
    }
    said.is_some()
}

/// The class with the largest logit, for `class_of`.
pub(crate) fn most_probable(logits: &Array2<f32>) -> impl Fn(usize) -> usize {
    |row| argmax(logits.row(row))
}

impl<'a> Majority<'a> {
    fn of(
        when: When,
        head: &'a HeadConfig,
        data: &Dataset,
        logits: &Array2<f32>,
        class_of: impl Fn(usize) -> usize,
    ) -> Option<Self> {
        let class = |target: &Target| if let Target::Class(class) = target { Some(*class) } else { None };
        let classes: Vec<usize> =
            data.examples().iter().map(|example| class(&example.target)).collect::<Option<_>>()?;
        if classes.is_empty() || logits.nrows() != classes.len() {
            return None;
        }
        let mut counts = vec![0_usize; head.labels.len()];
        for &class in &classes {
            *counts.get_mut(class)? += 1;
        }
        // Of equally frequent ones the first.
        let most = (0..counts.len()).rev().max_by_key(|&class| counts[class])?;
        let right = classes.iter().enumerate().filter(|(row, class)| class_of(*row) == **class).count();
        let share_of = |count: usize| count as f64 / classes.len() as f64;
        let (share, accuracy) = (share_of(counts[most]), share_of(right));
        let (label, examples) = (head.labels[most].as_str(), classes.len());
        Some(Self { when, classes: counts.len(), label, share, accuracy, examples })
    }

    /// Two standard errors of the accuracy, which chance alone may change it by, estimated with two examples more that are right and two
    /// that are wrong (Agresti and Coull, 1998): where none is right, chance is not nothing.
    fn chance(&self) -> f64 {
        let examples = self.examples as f64 + 4.0;
        let accuracy = (self.accuracy * self.examples as f64 + 2.0) / examples;
        2.0 * (accuracy * (1.0 - accuracy) / examples).sqrt()
    }

    /// Of two classes so many are wrong that the other answer would be better than always the most frequent one.
    fn is_turned_round(&self) -> bool {
        self.classes == 2 && 1.0 - self.accuracy - self.share >= self.chance()
    }

    fn said(&self) -> Option<String> {
        if self.accuracy - self.share >= self.chance() {
            return None;
        }
        let Self { label, share, accuracy, examples, .. } = self;
        let how = if accuracy > share { "hardly better than" } else { "no better than" };
        let points = counted((100.0 * self.chance()).round().max(1.0) as usize, "point");
        Some(format!(
            "{} of {} examples are right, {how} always answering `{label}` ({}; chance alone moves a score by {points} here){}",
            percent(*accuracy),
            thousands(*examples as u64),
            percent(*share),
            self.advice()
        ))
    }

    fn advice(&self) -> String {
        match (self.when, self.share > LARGE) {
            (When::Later, _) if self.is_turned_round() => format!(
                "; with the other answer each time {} were right: the two labels of these data may be named the wrong way round \
                 (--label-names, or the names in the file)",
                percent(1.0 - self.accuracy)
            ),
            (_, true) => "; accuracy looks past rare classes: --metric macro_f1 and --class-weights balanced train for them, and eval \
                          --per-class measures them"
                .to_owned(),
            (When::Training, false) => "; more examples, another base or another rate (--lr) may help".to_owned(),
            (When::Later, false) => String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(share: f64, accuracy: f64, examples: usize) -> Option<String> {
        Majority { when: When::Training, classes: 2, label: "no", share, accuracy, examples }.said()
    }

    #[test]
    fn names_that_are_turned_round_are_suspected_where_nothing_is_trained() {
        let later = |classes, accuracy, examples| {
            Majority { when: When::Later, classes, label: "no", share: 0.575, accuracy, examples }.said().expect("bad")
        };
        // 2 √(2/44 · 42/44 / 44) = 0.063.
        let told = later(2, 0.0, 40);
        assert!(told.contains("by 6 points here); with the other answer each time 100.0 % were right"), "{told}");
        for told in [later(2, 0.5, 40), later(3, 0.0, 40)] {
            assert!(told.ends_with("points here)"), "{told}");
        }
        assert!(later(2, 0.001, 40_000).contains("by 1 point here"));
        assert!(said(0.575, 0.0, 40).expect("bad").ends_with("another rate (--lr) may help"));
    }

    #[test]
    fn what_chance_may_have_done_is_told() {
        // 2 √(0.608 · 0.392 / 79) = 0.110.
        let told = said(0.56, 0.613, 75).expect("hardly better");
        let expected = "61.3 % of 75 examples are right, hardly better than always answering `no` (56.0 %; chance alone moves a score by 11 \
                        points here)";
        assert!(told.starts_with(expected), "{told}");
        assert_eq!(said(0.56, 0.7, 75), None);
        assert_eq!(said(0.56, 0.613, 7500), None);
        let rare = said(0.97, 0.97, 600).expect("no better");
        assert!(rare.contains("no better than") && rare.contains("--metric macro_f1"), "{rare}");
    }
}
