//! From which probability on each class, or each label, would be predicted best: a part of `eval --per-class`.

use super::per_class::PerClass;
use super::report::{Cell, Report, counted, note, print_line};
use adaptune_adapters::HeadConfig;
use adaptune_tensor::ndarray::{Array2, Axis};
use adaptune_tensor::{sigmoid, softmax};
use adaptune_train::metrics::{Threshold, best_threshold};
use adaptune_train::{Dataset, Target};
use anyhow::Result;
use serde_json::{Value, json};

/// More classes than this are not each looked for by a threshold.
const FEW: usize = 8;
/// With fewer examples of a label than this, its threshold hangs on a few of them.
const SOME: usize = 10;

/// The threshold with the best F1 of each class or label, on the data that were measured; nothing for tags.
pub(crate) struct Separation {
    best: Vec<(String, Threshold)>,
    /// The label with the fewest examples of those that have a threshold, and how many it has.
    rarest: Option<(String, usize)>,
    /// True if any number of labels hold, so that all thresholds can be in use at once.
    any: bool,
}

/// What is said of how to use a threshold, which depends on what the data are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Advice {
    /// Nothing: thresholds are in use.
    None,
    OnDevelopmentData,
    /// The training kept examples aside, which are the ones to choose on.
    OnThoseKeptAside,
    /// The data are those.
    OnThese,
}

impl Separation {
    /// Looks for the thresholds, from logits, `[N, C]`.
    pub(crate) fn new(head: &HeadConfig, data: &Dataset, logits: &Array2<f32>) -> Self {
        let any = head.task.predicts_any_labels();
        let few_classes = PerClass::is_for(head) && !head.task.reads_every_token() && head.labels.len() <= FEW;
        if !any && !few_classes {
            return Self { best: Vec::new(), rarest: None, any };
        }
        let probabilities = if any { logits.mapv(sigmoid) } else { softmax(logits.clone()) };
        let count = |label: usize| data.examples().iter().filter(|example| is(&example.target, label)).count();
        // Of two classes the threshold of one says all; it is that of a rare one that people look for.
        let told = |label: &usize| any || head.labels.len() != 2 || 5 * count(*label) <= 3 * data.len();
        let best = |(label, name): (usize, &String)| {
            let column = probabilities.index_axis(Axis(1), label);
            let truths = data.examples().iter().map(|example| is(&example.target, label));
            let pairs: Vec<(f64, bool)> = column.iter().map(|p| f64::from(*p)).zip(truths).collect();
            Some((name.clone(), best_threshold(&pairs)?))
        };
        let labels = || head.labels.iter().enumerate().filter(|(label, _)| told(label));
        let counts = labels().map(|(label, name)| (name.clone(), count(label))).filter(|(_, count)| *count > 0);
        let rarest = counts.min_by_key(|(_, count)| *count);
        Self { best: labels().filter_map(best).collect(), rarest, any }
    }

    /// Prints them as a table, and how to use one, unless some are in use.
    pub(crate) fn print(&self, advice: Advice) -> Result<()> {
        let Some(least) = self.best.iter().min_by(|a, b| a.1.f1.total_cmp(&b.1.f1)) else { return Ok(()) };
        let mut table = Report::with_header(&["", "threshold", "precision", "recall", "F1"]);
        for (name, best) in &self.best {
            let numbers = [best.precision, best.recall, best.f1].map(|number| format!("{number:.4}"));
            let cells = std::iter::once(best.probability.to_string()).chain(numbers).map(Cell::number);
            table.row(std::iter::once(name.as_str().into()).chain(cells).collect());
        }
        print_line("\nthresholds with the best F1 on these data:")?;
        table.print()?;
        let data = match advice {
            Advice::None => return Ok(()),
            Advice::OnDevelopmentData => "choose it on development data",
            Advice::OnThoseKeptAside => "choose it on what training kept aside (eval --kept-aside)",
            Advice::OnThese => "these were kept aside in training",
        };
        note(match self.any {
            true => format!(
                "note: to use them, for eval and predict:\n    {}\n{data}: on those that they were chosen on they look better than they are",
                options(&self.best)
            ),
            false => format!(
                "note: to use one, {}, for eval and predict; {data}: on those that it was chosen on it looks better than it is",
                options(std::slice::from_ref(least))
            ),
        });
        self.tell_few();
        Ok(())
    }

    /// That a threshold hangs on a handful of examples.
    fn tell_few(&self) {
        let Some((name, count)) = self.rarest.as_ref().filter(|(_, count)| *count < SOME) else { return };
        let examples = counted(*count, "example");
        note(format!(
            "note: `{name}` has {examples} here, so its threshold is a guess: with {SOME} or more it would be chosen better"
        ));
    }

    pub(crate) fn json(&self) -> Value {
        let one = |(name, best): &(String, Threshold)| {
            json!({
                "label": name,
                "threshold": best.probability,
                "precision": best.precision,
                "recall": best.recall,
                "f1": best.f1,
            })
        };
        self.best.iter().map(one).collect()
    }
}

/// The options for these thresholds.
fn options(best: &[(String, Threshold)]) -> String {
    let option = |(name, best): &(String, Threshold)| {
        format!("--threshold '{}={}'", name.replace('\'', r"'\''"), best.probability)
    };
    best.iter().map(option).collect::<Vec<_>>().join(" ")
}

/// True if a class or label is what a target says.
fn is(target: &Target, label: usize) -> bool {
    match target {
        Target::Class(class) => *class == label,
        Target::Labels(truths) => truths.get(label).copied().unwrap_or(false),
        _ => false,
    }
}
