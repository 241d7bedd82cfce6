//! Scores class by class: `eval --per-class`.

use super::misused::misuse;
use super::report::{Cell, Report, note, print_line, thousands};
use super::score_table::{ScoreTable, Scored, listed};
use adaptune_adapters::HeadConfig;
use adaptune_tensor::ndarray::{Array2, ArrayView1, Axis};
use adaptune_tensor::softmax;
use adaptune_train::metrics::{ClassReport, calibration_error};
use adaptune_train::{Dataset, Target, argmax};
use anyhow::Result;
use serde_json::{Value, json};

/// The most classes of which a confusion matrix is printed; more do not fit 80 columns.
const FEW: usize = 8;
/// Parts of `[0, 1]` in which probabilities are compared with how often they are right.
const BINS: usize = 15;

/// What is predicted of each token.
const TAG: &str = "tag";

/// How each class, or each tag, was predicted.
pub(crate) struct PerClass<'a> {
    labels: &'a [String],
    /// A class or a tag.
    what: &'static str,
    report: ClassReport,
    table: ScoreTable,
    calibration: f64,
}

impl<'a> PerClass<'a> {
    /// True if a head predicts one class, or one tag for each token.
    pub(crate) fn is_for(head: &HeadConfig) -> bool {
        head.task.predicts_one_label()
    }

    /// Counts the predictions of a data set, from its logits, `[N, C]`, for a tagger `[T, C]`, and the class that a row of them is
    /// for.
    ///
    /// # Errors
    /// The head predicts something else.
    pub(crate) fn new(
        head: &'a HeadConfig,
        data: &Dataset,
        logits: &Array2<f32>,
        class_of: impl Fn(ArrayView1<'_, f32>) -> usize,
    ) -> Result<Self> {
        if !Self::is_for(head) {
            misuse!("--per-class is for classes, labels and tags; this head is for {}", head.task.name());
        }
        let expected: Vec<Option<usize>> =
            data.examples().iter().flat_map(|example| targets(&example.target)).collect();
        let probabilities = softmax(logits.clone());
        let (mut known, mut predicted, mut certainties) = (Vec::new(), Vec::new(), Vec::new());
        for ((expected, row), logits) in expected.iter().zip(probabilities.axis_iter(Axis(0))).zip(logits.rows()) {
            let (Some(expected), likely) = (expected, argmax(row)) else { continue };
            known.push(*expected);
            predicted.push(class_of(logits));
            certainties.push((f64::from(row[likely]), likely == *expected));
        }
        let report = ClassReport::new(&known, &predicted, head.labels.len());
        let (what, calibration) =
            (if head.task.reads_every_token() { TAG } else { "class" }, calibration_error(&certainties, BINS));
        let table = table(what, &report, &head.labels);
        Ok(Self { labels: &head.labels, what, report, table, calibration })
    }

    pub(crate) fn print(&self) -> Result<()> {
        self.table.print()?;
        self.print_confusion()?;
        print_line(format_args!("\nexpected calibration error: {:.4} ({BINS} bins; 0 is best)", self.calibration))?;
        self.table.tell_absent();
        self.warn();
        Ok(())
    }

    /// How often each class, a row, was predicted as each class, a column.
    fn print_confusion(&self) -> Result<()> {
        if self.table.len() > FEW {
            return Ok(());
        }
        let numbers: Vec<String> = (0..self.table.len()).map(|class| format!("({})", class + 1)).collect();
        let true_class = format!("true {}", self.what);
        let header: Vec<&str> =
            std::iter::once(true_class.as_str()).chain(numbers.iter().map(String::as_str)).collect();
        let mut table = Report::with_header(&header);
        for (class, counts) in self.report.confusion().iter().enumerate() {
            let mut row: Vec<Cell> = vec![format!("({}) {}", class + 1, self.labels[class]).into()];
            row.extend(counts.iter().map(|count| Cell::number(thousands(*count as u64))));
            table.row(row);
        }
        print_line(format_args!("\npredictions for the examples of each true {}:", self.what))?;
        Ok(table.print()?)
    }

    /// Says which classes are there and were never predicted.
    pub(crate) fn warn(&self) {
        let missed = self.table.missed();
        if !missed.is_empty() {
            let advice = match self.what {
                TAG => "with --class-weights balanced, where that was not done",
                _ => {
                    "with --class-weights balanced and --metric macro_f1, where that was not done, or see which threshold eval \
                     --per-class finds"
                }
            };
            note(format_args!(
                "note: never predicted, {} of {} labels: {}; train longer, at another rate, or {advice}",
                missed.len(),
                self.table.len(),
                listed(missed.iter().copied())
            ));
        }
    }

    pub(crate) fn json(&self) -> Value {
        json!({
            "classes": self.table.json(),
            "mean": self.table.mean_json(),
            "confusion": self.report.confusion(),
            "calibration_error": self.calibration,
        })
    }
}

fn table(what: &'static str, report: &ClassReport, labels: &[String]) -> ScoreTable {
    let row = |(class, label): (usize, &String)| Scored {
        name: label.clone(),
        scores: [report.precision(class), report.recall(class), report.f1(class)],
        support: report.support(class),
        predicted: report.predicted(class),
    };
    ScoreTable::new(what, labels.iter().enumerate().map(row))
}

/// The classes of an example's rows of logits; none where a row does not count.
fn targets(target: &Target) -> Vec<Option<usize>> {
    match target {
        Target::Class(class) => vec![Some(*class)],
        Target::Tags(tags) => tags.clone(),
        _ => Vec::new(),
    }
}
