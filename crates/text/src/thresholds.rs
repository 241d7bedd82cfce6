//! From which probability on a class or a label is predicted.

use crate::error::{Result, TextError};
use adaptune_adapters::{AdapterModel, HeadConfig};
use adaptune_train::supervision::{self, ClassThreshold, Classes, LabelSets, Supervision};
use adaptune_train::{Dataset, Evaluation, argmax, evaluate_logits};
use ndarray::{ArrayView1, ArrayView2};

/// What is predicted of probabilities: by default the most probable class, or every label with more than a half.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Thresholds {
    /// Of labels of which any number hold.
    all: f32,
    /// Of a class, or of labels that have their own.
    own: Vec<(usize, f32)>,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self { all: 0.5, own: Vec::new() }
    }
}

impl Thresholds {
    /// The same with another threshold for all labels of a head of which any number hold.
    pub(crate) fn with_all(self, threshold: f32) -> Self {
        Self { all: threshold, ..self }
    }

    /// The same with a threshold for one class, or one label.
    ///
    /// # Errors
    /// The head has no such class, predicts something else, or another of its classes has one: then both could be meant at once.
    pub(crate) fn with(mut self, head: &HeadConfig, label: &str, threshold: f32) -> Result<Self> {
        let one = head.task.predicts_one_label() && !head.task.reads_every_token();
        let fail = |message: String| Err(TextError::Threshold(message));
        if !one && !head.task.predicts_any_labels() {
            return fail(format!(
                "a threshold is for classes and labels of texts; this head is for {}",
                head.task.name()
            ));
        }
        let Some(class) = head.class_of(label) else {
            let known: Vec<String> = head.labels.iter().take(20).map(|label| format!("`{label}`")).collect();
            return fail(format!("the head has no class `{label}` to have a threshold; it has {}", known.join(", ")));
        };
        self.own.retain(|(other, _)| *other != class);
        if let (true, Some((other, _))) = (one, self.own.first()) {
            let (first, second) = (&head.labels[*other], &head.labels[class]);
            return fail(format!(
                "`{first}` and `{second}` both have a threshold, but one class is predicted: give it to the one of them that is \
                 to be found more or less often"
            ));
        }
        self.own.push((class, threshold));
        Ok(self)
    }

    /// The class that logits, `[C]`, are for.
    pub(crate) fn class(&self, logits: ArrayView1<'_, f32>) -> usize {
        self.of_class().map_or_else(|| argmax(logits), |threshold| threshold.predicted(logits))
    }

    /// Above which probability a label holds.
    pub(crate) fn of(&self, label: usize) -> f32 {
        self.own.iter().find(|(other, _)| *other == label).map_or(self.all, |(_, threshold)| *threshold)
    }

    /// Loss and metrics of logits, with what is predicted by these thresholds.
    pub(crate) fn evaluate(
        &self,
        model: &AdapterModel<f32>,
        data: &Dataset,
        logits: ArrayView2<'_, f32>,
    ) -> Result<Evaluation> {
        let task = model.head().config().task;
        let sets = self.of_labels();
        let classes = self.of_class().map(Classes::above);
        let supervision: &dyn Supervision<f32> = match &classes {
            _ if task.predicts_any_labels() => &sets,
            Some(classes) => classes,
            None => supervision::of(task),
        };
        Ok(evaluate_logits(model, supervision, data, logits)?)
    }

    fn of_class(&self) -> Option<ClassThreshold> {
        let (class, threshold) = *self.own.first()?;
        Some(ClassThreshold { class, probability: threshold.into() })
    }

    fn of_labels(&self) -> LabelSets {
        let own = self.own.iter();
        own.fold(LabelSets::above(self.all.into()), |sets, (label, threshold)| sets.with(*label, (*threshold).into()))
    }
}
