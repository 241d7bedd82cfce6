//! Scores class by class: `eval --per-class`.

use super::report::{Cell, Report, note, print_line, thousands};
use adaptune_adapters::HeadConfig;
use adaptune_tensor::ndarray::{Array2, Axis};
use adaptune_tensor::softmax;
use adaptune_train::metrics::{ClassReport, calibration_error};
use adaptune_train::{Dataset, Target, argmax};
use anyhow::{Result, bail};
use serde_json::{Value, json};

/// The most classes of which a confusion matrix is printed; more do not fit 80 columns.
const FEW: usize = 8;
/// Parts of `[0, 1]` in which probabilities are compared with how often they are right.
const BINS: usize = 15;

/// How each class, or each tag, was predicted.
pub(crate) struct PerClass<'a> {
    labels: &'a [String],
    report: ClassReport,
    calibration: f64,
}

impl<'a> PerClass<'a> {
    /// True if a head predicts one class, or one tag for each token.
    pub(crate) fn is_for(head: &HeadConfig) -> bool {
        !head.task.predicts_a_number() && !head.task.predicts_a_span() && !head.task.predicts_any_labels()
    }

    /// Counts the predictions of a data set, from its logits, `[N, C]`, for a tagger `[T, C]`.
    ///
    /// # Errors
    /// The head predicts something else.
    pub(crate) fn new(head: &'a HeadConfig, data: &Dataset, logits: &Array2<f32>) -> Result<Self> {
        if !Self::is_for(head) {
            bail!("--per-class is for classes, labels and tags; this head is for {}", head.task.name());
        }
        let expected: Vec<Option<usize>> =
            data.examples().iter().flat_map(|example| targets(&example.target)).collect();
        let probabilities = softmax(logits.clone());
        let (mut known, mut predicted, mut certainties) = (Vec::new(), Vec::new(), Vec::new());
        for (expected, row) in expected.iter().zip(probabilities.axis_iter(Axis(0))) {
            let (Some(expected), class) = (expected, argmax(row)) else { continue };
            known.push(*expected);
            predicted.push(class);
            certainties.push((f64::from(row[class]), class == *expected));
        }
        let report = ClassReport::new(&known, &predicted, head.labels.len());
        Ok(Self { labels: &head.labels, report, calibration: calibration_error(&certainties, BINS) })
    }

    pub(crate) fn print(&self) -> Result<()> {
        let mut table = Report::with_header(&["class", "precision", "recall", "F1", "support", "predicted"]);
        for (class, label) in self.labels.iter().enumerate() {
            let report = &self.report;
            let scores = [report.precision(class), report.recall(class), report.f1(class)];
            let counts = [report.support(class), report.predicted(class)];
            let mut row: Vec<Cell> = vec![label.as_str().into()];
            row.extend(scores.map(|score| Cell::number(format!("{score:.4}"))));
            row.extend(counts.map(|count| Cell::number(thousands(count as u64))));
            table.row(row);
        }
        print_line("")?;
        table.print()?;
        self.print_confusion()?;
        print_line(format_args!("\nexpected calibration error: {:.4} ({BINS} bins; 0 is best)", self.calibration))?;
        self.warn();
        Ok(())
    }

    /// Which class, a row, was taken for which, a column.
    fn print_confusion(&self) -> Result<()> {
        if self.labels.len() > FEW {
            return Ok(());
        }
        let letters: Vec<String> = (0..self.labels.len()).map(|class| format!("({})", class + 1)).collect();
        let header: Vec<&str> = std::iter::once("is, taken for").chain(letters.iter().map(String::as_str)).collect();
        let mut table = Report::with_header(&header);
        for (class, counts) in self.report.confusion().iter().enumerate() {
            let mut row: Vec<Cell> = vec![format!("({}) {}", class + 1, self.labels[class]).into()];
            row.extend(counts.iter().map(|count| Cell::number(thousands(*count as u64))));
            table.row(row);
        }
        print_line("")?;
        Ok(table.print()?)
    }

    /// Says which classes are there and were never predicted.
    pub(crate) fn warn(&self) {
        let missed = self.report.never_predicted().into_iter().filter(|class| self.report.support(*class) > 0);
        let missed: Vec<&str> = missed.map(|class| self.labels[class].as_str()).collect();
        if !missed.is_empty() {
            let shown = missed.iter().take(FEW).map(|label| format!("`{label}`")).collect::<Vec<_>>().join(", ");
            let more = missed.len().saturating_sub(FEW);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            note(format_args!(
                "note: never predicted, {} of {} labels: {shown}{more};\ntrain longer, at a higher rate, or with --class-weights balanced \
                 and --metric macro_f1",
                missed.len(),
                self.labels.len()
            ));
        }
    }

    pub(crate) fn json(&self) -> Value {
        let classes = self.labels.iter().enumerate().map(|(class, label)| {
            json!({
                "label": label,
                "precision": self.report.precision(class),
                "recall": self.report.recall(class),
                "f1": self.report.f1(class),
                "support": self.report.support(class),
                "predicted": self.report.predicted(class),
            })
        });
        json!({
            "classes": classes.collect::<Vec<_>>(),
            "confusion": self.report.confusion(),
            "calibration_error": self.calibration,
        })
    }
}

/// The classes of an example's rows of logits; none where a row does not count.
fn targets(target: &Target) -> Vec<Option<usize>> {
    match target {
        Target::Class(class) => vec![Some(*class)],
        Target::Tags(tags) => tags.clone(),
        _ => Vec::new(),
    }
}
