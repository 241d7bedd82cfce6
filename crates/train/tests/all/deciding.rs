//! Which epoch is best, and what a class weighs.

use adaptune_adapters::{Adapter, AdapterModel, Head, HeadConfig, Task};
use adaptune_tensor::Seed;
use adaptune_train::supervision::Weighted;
use adaptune_train::*;
use adaptune_transformer::{Config, Encoder};
use std::sync::Arc;

/// Is the second token above 17? One in eight is.
fn data(from: u32, n: u32) -> Dataset {
    let example = |i: u32| {
        let id = 10 + (i * 7) % 32;
        let token_ids = [vec![1, id], vec![5; (i % 3) as usize]].concat();
        Example::single(token_ids, Target::Class(usize::from(id >= 38)))
    };
    Dataset::new(Task::CLASSIFICATION, 2, (from..from + n).map(example).collect()).expect("sound examples")
}

fn model() -> AdapterModel<f64> {
    let config = Config { vocabulary: 64, positions: 16, ..Config::bert(8, 2, 2, 12) };
    let base = Arc::new(Encoder::random(config, 0.15, Seed::new(1)));
    let method = "seq_bn[reduction_factor=2]".parse().expect("a known method");
    let adapter = Adapter::new("rare", &method, base.config(), Seed::new(2)).expect("it fits");
    let head = HeadConfig::new(Task::CLASSIFICATION, vec!["often".into(), "rare".into()]);
    let head = Head::new("rare", &head, &base, Seed::new(3)).expect("it fits");
    AdapterModel::new(base, Some(adapter), head)
}

fn options(metric: Option<&str>) -> TrainOptions {
    let metric = metric.map(str::to_owned);
    TrainOptions { epochs: 6, batch_size: 8, learning_rate: 1e-2, metric, seed: 5, ..Default::default() }
}

fn evaluations(metric: Option<&str>) -> Vec<EvaluationRecord> {
    let (train, dev) = (data(0, 64), data(64, 24));
    let run = Trainer::new(model(), &train, Some(&dev), options(metric)).expect("fits").run(&mut ()).expect("trains");
    run.history.into_iter().filter_map(|r| if let Record::Evaluation(e) = r { Some(e) } else { None }).collect()
}

/// Accuracy stands still where a class of an eighth is never predicted: then the loss tells epochs apart.
#[test]
fn equal_scores_are_told_apart_by_loss() {
    let evaluations = evaluations(None);
    let mut best: Option<(f64, f64)> = None;
    let mut ties = 0;
    for record in &evaluations[1..] {
        let (score, loss) = (record.primary(), record.loss);
        ties += usize::from(best.is_some_and(|best| best.0 == score));
        let better = best.is_none_or(|best| score > best.0 || (score == best.0 && loss < best.1));
        assert_eq!(record.best, better, "epoch {}", record.epoch);
        if better {
            best = Some((score, loss));
        }
    }
    assert!(ties > 0, "no two epochs had one score: {evaluations:?}");
}

#[test]
fn the_named_metric_decides_and_comes_first() {
    let by_loss = evaluations(Some("loss"));
    let least = by_loss[1..].iter().map(|e| e.loss).fold(f64::INFINITY, f64::min);
    assert_eq!(by_loss.iter().rfind(|e| e.best).map(|e| e.loss), Some(least));
    let by_f1 = evaluations(Some("macro_f1"));
    assert!(
        by_f1
            .iter()
            .all(|record| record.metrics[0].0 == "macro_f1" && record.metrics.len() == by_loss[0].metrics.len())
    );
}

#[test]
fn a_metric_that_is_not_there_is_refused_before_the_first_step() {
    struct Steps(usize);
    impl Observer for Steps {
        fn step(&mut self, _: &StepRecord) {
            self.0 += 1;
        }
    }
    let (train, dev, mut steps) = (data(0, 64), data(64, 24), Steps(0));
    let trainer = Trainer::new(model(), &train, Some(&dev), options(Some("span_f1"))).expect("fits");
    let error = trainer.run(&mut steps).expect_err("no such metric").to_string();
    assert!(error.contains("metric is span_f1, but the development data have accuracy"), "{error}");
    assert_eq!(steps.0, 0);
}

fn recall_of_the_rare(weighted: Option<&Weighted>, accumulate: usize) -> (f64, Vec<f64>) {
    let (train, dev) = (data(0, 64), data(64, 32));
    let options = TrainOptions { accumulate, epochs: 3, ..options(None) };
    let trainer = match weighted {
        Some(weighted) => Trainer::supervised(model(), weighted, &train, None, options),
        None => Trainer::new(model(), &train, None, options),
    };
    let trained = trainer.expect("fits").run(&mut ()).expect("trains");
    let logits = predict(&trained.model, &dev, 64).expect("a good batch");
    let rare = dev.examples().iter().zip(logits.rows()).filter(|(example, _)| example.target == Target::Class(1));
    let found: Vec<bool> = rare.map(|(_, logits)| logits[1] > logits[0]).collect();
    let losses = trained.history.iter().filter_map(|r| if let Record::Step(s) = r { Some(s.loss) } else { None });
    (found.iter().filter(|found| **found).count() as f64 / found.len() as f64, losses.collect())
}

#[test]
fn balanced_weights_find_the_rare_class() {
    let weighted = Weighted::balanced(&data(0, 64), 2);
    let (with, losses) = recall_of_the_rare(Some(&weighted), 1);
    let (without, _) = recall_of_the_rare(None, 1);
    assert!(with > without, "{with} with weights, {without} without");
    // A batch is the sum of its parts, whatever classes they hold.
    let (_, in_parts) = recall_of_the_rare(Some(&weighted), 3);
    for (whole, parts) in losses.iter().zip(&in_parts) {
        assert!((whole - parts).abs() < 1e-6, "{whole} and {parts}");
    }
}

#[test]
fn a_class_that_does_not_occur_weighs_one() {
    assert_eq!(Weighted::balanced(&data(0, 8), 4).weights()[2..], [1.0, 1.0]);
}
