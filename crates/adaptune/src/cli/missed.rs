//! What a model never predicts, of all that is in the data.

use super::per_class::PerClass;
use super::per_label::PerLabel;
use adaptune_adapters::HeadConfig;
use adaptune_tensor::ndarray::{Array2, ArrayView1};
use adaptune_text::TextPredictor;
use adaptune_train::{Dataset, argmax};
use anyhow::Result;

/// Above this probability a label holds, unless a threshold is given.
const USUAL: f32 = 0.5;

/// True of heads for classes, tags and labels.
pub(crate) fn may_miss(head: &HeadConfig) -> bool {
    head.task.predicts_any_labels() || PerClass::is_for(head)
}

/// Says which classes, tags or labels the data have and a training never predicts, from their logits; nothing of other heads.
pub(crate) fn tell_missed(head: &HeadConfig, data: &Dataset, logits: &Array2<f32>) -> Result<()> {
    tell(head, &vec![USUAL; head.labels.len()], argmax, data, logits)
}

/// The same of a model that predicts by thresholds of its own.
pub(crate) fn tell_missed_by(predictor: &TextPredictor, data: &Dataset, logits: &Array2<f32>) -> Result<()> {
    let head = predictor.model().head().config();
    tell(head, &thresholds(predictor), |row| predictor.class_of(row), data, logits)
}

/// Above which probability each label holds.
pub(crate) fn thresholds(predictor: &TextPredictor) -> Vec<f32> {
    (0..predictor.labels().len()).map(|label| predictor.threshold(label)).collect()
}

fn tell(
    head: &HeadConfig,
    thresholds: &[f32],
    class_of: impl Fn(ArrayView1<'_, f32>) -> usize,
    data: &Dataset,
    logits: &Array2<f32>,
) -> Result<()> {
    if head.task.predicts_any_labels() {
        PerLabel::new(&head.labels, thresholds.to_vec(), data, logits).warn();
    } else if PerClass::is_for(head) {
        PerClass::new(head, data, logits, class_of)?.warn();
    }
    Ok(())
}
