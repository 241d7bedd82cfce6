//! Which of two evaluations is better.

use crate::record::{EvaluationRecord, Record};

/// The name under which the loss may decide.
pub(crate) const LOSS: &str = "loss";

/// What decides which epoch is best: a score, the larger the better, or the loss, the smaller the better. Where scores are equal,
/// as they often are on small development data, the smaller loss decides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Criterion(Option<String>);

impl Criterion {
    /// That of a metric by its name; the first one of the task if none is named.
    pub(crate) fn of(metric: Option<&str>) -> Self {
        Self(metric.map(str::to_owned))
    }

    /// Puts the metric that decides before the others.
    ///
    /// # Errors
    /// If there is no such metric: in words.
    pub(crate) fn order(&self, metrics: &mut [(String, f64)]) -> Result<(), String> {
        let Some(name) = self.0.as_deref().filter(|name| *name != LOSS) else { return Ok(()) };
        let Some(place) = metrics.iter().position(|(known, _)| known == name) else {
            let known: Vec<&str> = metrics.iter().map(|(name, _)| name.as_str()).chain([LOSS]).collect();
            return Err(format!("metric is {name}, but the development data have {}", known.join(", ")));
        };
        metrics[..=place].rotate_right(1);
        Ok(())
    }

    /// True if the first is better than the second.
    pub(crate) fn is_better(&self, one: (f64, f64), other: (f64, f64)) -> bool {
        // A score that is undefined is worse than any that there is.
        let score = |score: f64| if score.is_nan() { f64::NEG_INFINITY } else { score };
        let (one, other) = ((score(one.0), one.1), (score(other.0), other.1));
        let by_loss = one.1 < other.1;
        if self.0.as_deref() == Some(LOSS) { by_loss } else { one.0 > other.0 || (one.0 == other.0 && by_loss) }
    }
}

/// What is compared of an evaluation: the score that decides, as one of which more is better, and the loss.
pub(crate) fn standing(record: &EvaluationRecord) -> (f64, f64) {
    (record.merit(), record.loss)
}

/// The standing of the best evaluation so far, if there is one.
pub(crate) fn best(records: &[Record]) -> Option<(f64, f64)> {
    let evaluations = records.iter().filter_map(|r| if let Record::Evaluation(e) = r { Some(e) } else { None });
    evaluations.filter(|e| e.best).map(standing).next_back()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_decide_then_loss() {
        let score = Criterion::default();
        assert!(score.is_better((0.8, 2.0), (0.7, 1.0)) && !score.is_better((0.7, 1.0), (0.8, 2.0)));
        assert!(score.is_better((0.7, 0.9), (0.7, 1.0)) && !score.is_better((0.7, 1.0), (0.7, 1.0)));
        assert!(score.is_better((0.0, 2.0), (f64::NAN, 1.0)) && !score.is_better((f64::NAN, 1.0), (0.0, 2.0)));
        assert!(score.is_better((f64::NAN, 0.9), (f64::NAN, 1.0)));
        let loss = Criterion::of(Some(LOSS));
        assert!(loss.is_better((0.1, 0.9), (0.7, 1.0)) && !loss.is_better((0.9, 1.0), (0.7, 1.0)));
    }

    #[test]
    fn the_metric_that_decides_comes_first() {
        let named = || [("accuracy", 0.5), ("f1", 0.6), ("mcc", 0.7)].map(|(name, value)| (name.to_owned(), value));
        let ordered = |name| {
            let mut metrics = named();
            Criterion::of(name).order(&mut metrics).map(|()| metrics.map(|(name, _)| name).join(" "))
        };
        assert_eq!(ordered(Some("mcc")), Ok("mcc accuracy f1".into()));
        assert_eq!(
            (ordered(None), ordered(Some("loss"))),
            (Ok("accuracy f1 mcc".into()), Ok("accuracy f1 mcc".into()))
        );
        assert_eq!(
            ordered(Some("recall")),
            Err("metric is recall, but the development data have accuracy, f1, mcc, loss".into())
        );
    }
}
