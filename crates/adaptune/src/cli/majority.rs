//! What always answering the most frequent class gets, where a model hardly gets more.

use super::report::{note, percent, thousands};
use adaptune_adapters::HeadConfig;
use adaptune_tensor::ndarray::Array2;
use adaptune_train::{Dataset, Target, argmax};

/// A class that so large a share of the examples has is looked past by accuracy.
const LARGE: f64 = 0.8;

/// The most frequent class of a data set, and how often a model is right there.
struct Majority<'a> {
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
    head: &HeadConfig,
    data: &Dataset,
    logits: &Array2<f32>,
    class_of: impl Fn(usize) -> usize,
) -> bool {
    let said = Majority::of(head, data, logits, class_of).and_then(|majority| majority.said());
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
        Some(Self { label: &head.labels[most], share, accuracy, examples: classes.len() })
    }

    /// Two standard errors of the accuracy, which chance alone may change it by.
    fn chance(&self) -> f64 {
        2.0 * (self.accuracy * (1.0 - self.accuracy) / self.examples as f64).sqrt()
    }

    fn said(&self) -> Option<String> {
        if self.accuracy - self.share >= self.chance() {
            return None;
        }
        let Self { label, share, accuracy, examples } = self;
        let how = if accuracy > share { "hardly better than" } else { "no better than" };
        let advice = match *share > LARGE {
            true => {
                "accuracy looks past rare classes: --metric macro_f1 and --class-weights balanced train for them, and eval --per-class \
                 measures them"
            }
            false => "more examples, another base or another rate (--lr) may help",
        };
        Some(format!(
            "{} of {} examples are right, {how} always answering `{label}` ({}; chance alone moves a score by {:.0} points here); {advice}",
            percent(*accuracy),
            thousands(*examples as u64),
            percent(*share),
            (100.0 * self.chance()).max(1.0)
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(share: f64, accuracy: f64, examples: usize) -> Option<String> {
        Majority { label: "no", share, accuracy, examples }.said()
    }

    #[test]
    fn what_chance_may_have_done_is_told() {
        // 2 √(0.613 · 0.387 / 75) = 0.112.
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
