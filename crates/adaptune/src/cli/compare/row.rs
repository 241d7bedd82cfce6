//! What is known of one method.

use adaptune_train::json;
use serde_json::{Value, json};

/// A method with all its trials.
pub(super) struct Row {
    pub(super) method: String,
    /// What `train --json` said, for each seed.
    pub(super) trials: Vec<Value>,
    /// Time of predictions with the adapter, of that with the head alone.
    pub(super) overhead: Option<f64>,
    /// Whether it can become a part of the base; there is nothing to ask without an adapter.
    pub(super) merges: Option<bool>,
    /// Size of what was saved beside the head.
    pub(super) bytes: u64,
}

impl Row {
    pub(super) fn new(method: &str) -> Self {
        Self { method: method.to_owned(), trials: Vec::new(), overhead: None, merges: None, bytes: 0 }
    }

    /// Numbers that were trained, those of the head among them.
    pub(super) fn trained(&self) -> usize {
        ["adapter", "head", "thawed"].iter().map(|part| self.parameter(part)).sum()
    }

    /// Their share of all that a prediction computes with.
    pub(super) fn share(&self) -> f64 {
        let all = ["base", "adapter", "head"].iter().map(|part| self.parameter(part)).sum::<usize>();
        self.trained() as f64 / all.max(1) as f64
    }

    fn parameter(&self, part: &str) -> usize {
        self.trials.first().and_then(|trial| trial["parameters"][part].as_u64()).unwrap_or(0) as usize
    }

    /// Mean over seeds, and standard deviation if there are several.
    pub(super) fn score(&self) -> (f64, Option<f64>) {
        let scores: Vec<f64> = self.trials.iter().filter_map(score).collect();
        let mean = scores.iter().sum::<f64>() / scores.len().max(1) as f64;
        let squares: f64 = scores.iter().map(|score| (score - mean).powi(2)).sum();
        (mean, (scores.len() > 1).then(|| (squares / (scores.len() - 1) as f64).sqrt()))
    }

    /// The name of the metric by which it is judged.
    pub(super) fn metric(&self) -> &str {
        self.trials.first().and_then(metric).unwrap_or("score")
    }

    /// The median time of training.
    pub(super) fn seconds(&self) -> f64 {
        median(self.trials.iter().filter_map(|trial| trial["seconds"].as_f64()).collect())
    }

    /// The largest peak of memory.
    pub(super) fn peak(&self) -> Option<u64> {
        self.trials.iter().filter_map(|trial| trial["peak_bytes"].as_u64()).max()
    }

    pub(super) fn mergeable(&self) -> &'static str {
        match self.merges {
            Some(true) => "yes",
            Some(false) => "no",
            None => "–",
        }
    }

    pub(super) fn json(&self) -> Value {
        let (mean, deviation) = self.score();
        let seeds: Vec<Option<Value>> = self.trials.iter().map(|trial| score(trial).map(json::value)).collect();
        json!({
            "method": self.method,
            "parameters": { "adapter": self.parameter("adapter"), "head": self.parameter("head"),
                            "thawed": self.parameter("thawed"), "trained": self.trained(), "share": self.share() },
            "score": { "mean": json::value(mean), "deviation": deviation.map(json::value), "seeds": seeds },
            "seconds": self.seconds(),
            "peak_bytes": self.peak(),
            "prediction_overhead": self.overhead.map(json::value),
            "mergeable": self.merges,
            "file_bytes": self.bytes,
        })
    }
}

/// The name of the metric by which a trial is judged.
fn metric(trial: &Value) -> Option<&str> {
    trial["metric"].as_str()
}

/// On the test data, or else on the development data.
fn score(trial: &Value) -> Option<f64> {
    let metrics = if trial["test"].is_object() { &trial["test"] } else { &trial["after"] };
    json::number(&metrics[metric(trial)?])
}

/// The middle one, or the mean of the two in the middle; 0 without any.
pub(super) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => 0.0,
        n if n % 2 == 1 => values[n / 2],
        n => 0.5 * (values[n / 2 - 1] + values[n / 2]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_and_times_are_those_of_all_seeds() {
        let trial = |score: f64, seconds: f64| {
            json!({ "metric": "accuracy", "test": { "accuracy": score }, "after": { "accuracy": 0.1 }, "seconds": seconds, "peak_bytes": 10.0 * seconds,
                    "parameters": { "base": 900, "adapter": 60, "head": 40, "thawed": 0 } })
        };
        let row = Row { trials: vec![trial(0.8, 3.0), trial(0.9, 1.0), trial(0.7, 8.0)], ..Row::new("m") };
        let (mean, deviation) = row.score();
        assert!((mean - 0.8).abs() < 1e-12 && (deviation.unwrap() - 0.1).abs() < 1e-12);
        assert_eq!((row.seconds(), row.trained(), row.share()), (3.0, 100, 0.1));
        assert_eq!(median(vec![4.0, 1.0]), 2.5);
        assert_eq!(Row::new("m").score(), (0.0, None));
    }
}
