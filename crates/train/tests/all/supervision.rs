//! User-defined objectives train with the ordinary trainer.

use adaptune_adapters::ndarray::{Array2, ArrayView2};
use adaptune_adapters::objective::{Classification, Objective, TargetError};
use adaptune_adapters::{AdapterModel, Head, HeadConfig, Task};
use adaptune_tensor::{Scalar, Seed};
use adaptune_train::*;
use adaptune_transformer::{Config, Encoder};
use std::sync::Arc;

/// Cross-entropy with labels that are smoothed: `(1 − ε) CE + ε/C Σ_k −ln p_k`.
#[derive(Debug)]
struct Smoothed {
    classes: Classification,
    smoothing: f64,
    may_be_cut: bool,
}

impl Smoothed {
    /// Cross-entropy with every class as the target, one after the other, and the weight of each.
    fn parts<S: Scalar>(&self, rows: usize, classes: usize, weight: S) -> Vec<(Classification, S)> {
        let each = weight * S::from_f64(self.smoothing / classes as f64);
        let all = (0..classes).map(|class| (Classification(vec![class; rows]), each));
        all.chain([(self.classes.clone(), weight * S::from_f64(1.0 - self.smoothing))]).collect()
    }
}

impl<S: Scalar> Objective<S> for Smoothed {
    fn count(&self) -> usize {
        self.classes.0.len()
    }
    fn loss(&self, logits: ArrayView2<'_, S>, weight: S) -> S {
        let (rows, classes) = logits.dim();
        self.parts(rows, classes, weight).iter().map(|(part, weight)| part.loss(logits, *weight)).sum()
    }
    fn loss_backward(&self, logits: Array2<S>, weight: S) -> Array2<S> {
        let (rows, classes) = logits.dim();
        let parts = self.parts(rows, classes, weight).into_iter();
        let gradients = parts.map(|(part, weight)| part.loss_backward(logits.clone(), weight));
        gradients.fold(Array2::zeros((rows, classes)), |sum, gradient| sum + gradient)
    }
    fn may_be_cut(&self) -> bool {
        self.may_be_cut
    }
    fn check(&self, head: &HeadConfig, vocabulary: usize) -> Result<(), TargetError> {
        if self.classes.0.contains(&1) && head.labels[1] == "never" {
            return Err(TargetError::Other("a class that never comes".into()));
        }
        Objective::<S>::check(&self.classes, head, vocabulary)
    }
}

struct Smoothing(f64, bool);

impl<S: Scalar> Supervision<S> for Smoothing {
    fn name(&self) -> String {
        format!("cross-entropy smoothed by {}", self.0)
    }
    fn objective(&self, batch: &ExampleBatch<'_>) -> Box<dyn Objective<S>> {
        let class = |e: &&Example| if let Target::Class(class) = e.target { Some(class) } else { None };
        let classes = Classification(batch.examples.iter().filter_map(class).collect());
        Box::new(Smoothed { classes, smoothing: self.0, may_be_cut: self.1 })
    }
    fn metrics(&self, all: &ExampleBatch<'_>, logits: ArrayView2<'_, S>, loss: f64, labels: &[String]) -> Metrics {
        supervision::of::<S>(Task::CLASSIFICATION).metrics(all, logits, loss, labels)
    }
}

fn data() -> Dataset {
    let example = |i: usize| Example::single(vec![0, 1 + i as u32 % 8], Target::Class(i % 2));
    Dataset::new(Task::CLASSIFICATION, 2, (0..24).map(example).collect()).expect("sound examples")
}

fn model(second: &str) -> AdapterModel<f64> {
    let base = Arc::new(Encoder::random(Config { vocabulary: 9, ..Config::bert(8, 1, 2, 12) }, 0.2, Seed::new(1)));
    let head = HeadConfig::new(Task::CLASSIFICATION, vec!["even".into(), second.into()]);
    let head = Head::new("head", &head, &base, Seed::new(2)).expect("it fits");
    AdapterModel::new(base, None, head)
}

fn options(accumulate: usize) -> TrainOptions {
    TrainOptions { epochs: 2, batch_size: 8, accumulate, learning_rate: 1e-2, ..TrainOptions::default() }
}

fn losses(smoothing: &Smoothing, accumulate: usize) -> Vec<f64> {
    let data = data();
    let run = Trainer::supervised(model("odd"), smoothing, &data, Some(&data), options(accumulate)).expect("it fits");
    let trained = run.run(&mut ()).expect("a good run");
    let evaluation = evaluate_by(&trained.model, smoothing, &data, 5).expect("it fits");
    assert!(evaluation.metrics.get("accuracy").is_some());
    let step = |record| if let Record::Step(step) = record { Some(step.loss) } else { None };
    trained.history.into_iter().filter_map(step).chain([evaluation.loss]).collect()
}

#[test]
fn without_smoothing_it_is_the_tasks_own_objective() {
    let data = data();
    let plain = Trainer::new(model("odd"), &data, Some(&data), options(1)).expect("it fits");
    let plain = plain.run(&mut ()).expect("a good run");
    let step = |record: &Record| if let Record::Step(step) = record { Some(step.loss) } else { None };
    let plain: Vec<f64> = plain.history.iter().filter_map(step).collect();
    let own = losses(&Smoothing(0.0, true), 1);
    assert!(plain.iter().zip(&own).all(|(plain, own)| (plain - own).abs() < 1e-12), "{plain:?} {own:?}");
    let smoothed = losses(&Smoothing(0.2, true), 1);
    assert!(smoothed.iter().zip(&own).all(|(smoothed, own)| (smoothed - own).abs() > 1e-6), "{smoothed:?} {own:?}");
}

#[test]
fn batches_are_cut_only_if_the_objective_allows_it() {
    let (whole, parts) = (losses(&Smoothing(0.1, true), 1), losses(&Smoothing(0.1, true), 4));
    assert!(whole.iter().zip(&parts).all(|(whole, parts)| (whole - parts).abs() < 1e-9), "{whole:?} {parts:?}");
    let data = data();
    let new = |accumulate| Trainer::supervised(model("odd"), &Smoothing(0.1, false), &data, None, options(accumulate));
    assert!(new(1).is_ok());
    let error = new(2).err().expect("it is refused").to_string();
    assert!(error.contains("cannot be accumulated in parts"), "{error}");
}

#[test]
fn an_objective_says_what_does_not_fit() {
    let data = data();
    let new = |second| Trainer::supervised(model(second), &Smoothing(0.1, true), &data, None, options(1));
    assert!(new("odd").is_ok());
    let error = new("never").err().expect("it is refused").to_string();
    assert_eq!(error, "training data: example 1 has a class that never comes");
}

#[test]
fn a_run_does_not_go_on_with_another_objective() {
    let (data, folder) = (data(), tempfile::tempdir().expect("a temporary folder"));
    let path = folder.path().join("checkpoint");
    let run = |smoothing: &'static Smoothing| {
        let run = Trainer::supervised(model("odd"), smoothing, &data, None, options(1)).expect("it fits");
        run.with_checkpoint(path.clone(), 1)
    };
    run(&Smoothing(0.1, true)).run(&mut ()).expect("a good run");
    assert!(run(&Smoothing(0.1, true)).resume().expect("the same run"));
    let error = run(&Smoothing(0.2, true)).resume().expect_err("another run").to_string();
    assert!(error.contains("the objective was cross-entropy smoothed by 0.1"), "{error}");
    let plain = Trainer::new(model("odd"), &data, None, options(1)).expect("it fits").with_checkpoint(path, 1).resume();
    assert!(plain.expect_err("another run").to_string().contains("but now is not there"));
}
