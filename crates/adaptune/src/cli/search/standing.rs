//! Where a search stands: its trials, what came of their trainings, which are best.

use super::folder::SearchFolder;
use super::plan_file::PlanFile;
use super::training::Outcome;
use adaptune_train::search::{Origin, Results, Score, Search, Training, Trial, front};
use adaptune_train::{json, metrics::lower_is_better};
use anyhow::Result;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What came of the trainings of a search so far.
pub(super) struct Standing<'a> {
    pub(super) plan: &'a PlanFile,
    search: &'a Search,
    pub(super) trials: Vec<Trial>,
    outcomes: BTreeMap<(usize, usize), Outcome>,
}

/// A trial with the best of its trainings.
pub(super) struct Row<'a> {
    pub(super) number: usize,
    pub(super) trial: &'a Trial,
    pub(super) training: Training,
    pub(super) outcome: &'a Outcome,
}

impl<'a> Standing<'a> {
    pub(super) fn new(plan: &'a PlanFile, search: &'a Search) -> Self {
        Self { plan, search, trials: Vec::new(), outcomes: BTreeMap::new() }
    }

    /// Takes up all trainings that have ended, and returns those that are due now.
    ///
    /// # Errors
    /// The files of a training are damaged.
    pub(super) fn update(&mut self, folder: &SearchFolder) -> Result<Vec<Training>> {
        loop {
            let progress = self.search.progress(&self.results());
            self.trials = progress.trials;
            let before = self.outcomes.len();
            for training in &progress.next {
                if let Some(outcome) = Outcome::read(&folder.of(training))? {
                    self.outcomes.insert((training.trial, training.rung), outcome);
                }
            }
            if self.outcomes.len() == before {
                return Ok(progress.next);
            }
        }
    }

    /// How many trainings have ended.
    pub(super) fn ended(&self) -> usize {
        self.outcomes.len()
    }

    fn results(&self) -> Results {
        self.outcomes.iter().map(|(place, outcome)| (*place, outcome.score)).collect()
    }

    /// The trials that were trained, by their numbers.
    pub(super) fn rows(&self) -> Vec<Row<'_>> {
        (0..self.trials.len()).filter_map(|number| self.row(number)).collect()
    }

    fn row(&self, number: usize) -> Option<Row<'_>> {
        let of_trial = self.outcomes.range((number, 0)..(number + 1, 0));
        let best = of_trial.reduce(|best, next| if next.1.score.order(&best.1.score).is_lt() { next } else { best });
        let ((_, rung), outcome) = best?;
        let training = Training { trial: number, rung: *rung, epochs: self.search.plan().epochs()[*rung] };
        Some(Row { number, trial: &self.trials[number], training, outcome })
    }

    /// The best trial, or the best of the presets; none if none came to a result.
    pub(super) fn best(&self, presets_alone: bool) -> Option<Row<'_>> {
        let wanted = |row: &Row<'_>| !presets_alone || row.trial.origin == Origin::Preset;
        let found = self.rows().into_iter().filter(|row| wanted(row) && row.outcome.metric.is_some());
        // The first of equal ones.
        found.reduce(|best, next| if next.outcome.score.order(&best.outcome.score).is_lt() { next } else { best })
    }

    /// The trials that no smaller one equals, the smallest first.
    pub(super) fn front(&self) -> Vec<Row<'_>> {
        let points: Vec<(u64, Score)> =
            self.rows().iter().map(|row| (row.trial.parameters, row.outcome.score)).collect();
        let mut rows: Vec<Option<Row<'_>>> = self.rows().into_iter().map(Some).collect();
        front(&points).into_iter().filter_map(|place| rows[place].take()).collect()
    }

    /// The name of the metric that decides.
    pub(super) fn metric(&self) -> &str {
        let named = self.outcomes.values().find_map(|outcome| outcome.metric.as_ref());
        named.map_or("score", |(name, _)| name.as_str())
    }

    /// Epochs that were planned for the trainings that have ended, as trainings to the end.
    pub(super) fn cost(&self) -> f64 {
        let epochs = self.outcomes.keys().map(|(_, rung)| self.search.plan().epochs()[*rung]);
        epochs.sum::<usize>() as f64 / self.plan.epochs as f64
    }

    /// All that is known of a trial.
    pub(super) fn json(&self, row: &Row<'_>) -> Value {
        let Row { number, trial, .. } = row;
        let of_trial = self.outcomes.range((*number, 0)..(number + 1, 0));
        let trainings: Vec<Value> =
            of_trial.map(|((_, rung), outcome)| self.training_json(*number, *rung, outcome)).collect();
        let (origin, parent) = match trial.origin {
            Origin::Preset => ("preset", None),
            Origin::Random => ("random", None),
            Origin::Child(parent) => ("child", Some(parent)),
        };
        json!({
            "trial": number, "method": trial.method, "learning_rate": trial.rate, "parameters": trial.parameters,
            "share": self.plan.share(trial.parameters), "origin": origin, "parent": parent, "trainings": trainings,
        })
    }

    fn training_json(&self, trial: usize, rung: usize, outcome: &Outcome) -> Value {
        let training = Training { trial, rung, epochs: self.search.plan().epochs()[rung] };
        json!({
            "epochs": training.epochs,
            "score": outcome.metric.as_ref().map(|(_, value)| json::value(*value)),
            "loss": outcome.metric.as_ref().map(|_| json::value(outcome.score.loss)),
            "folder": SearchFolder::name(&training),
        })
    }
}

impl Row<'_> {
    /// The score as it is shown; less may be better.
    pub(super) fn value(&self) -> f64 {
        self.outcome.metric.as_ref().map_or(f64::NAN, |(_, value)| *value)
    }

    /// Method and rate, as `compare` takes them.
    pub(super) fn text(&self) -> String {
        format!("{}@{}", self.trial.method, self.trial.rate)
    }
}

/// True if the first is better than the second by this metric.
pub(super) fn is_better(metric: &str, one: f64, other: f64) -> bool {
    if lower_is_better(metric) { one < other } else { one > other }
}
