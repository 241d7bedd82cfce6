//! A score need not be finite: records and checkpoints hold it all the same.

use adaptune_adapters::{AdapterModel, Head, HeadConfig, Task};
use adaptune_tensor::Seed;
use adaptune_train::*;
use adaptune_transformer::{Config, Encoder};
use std::path::Path;
use std::sync::Arc;

/// Its embeddings are so large that it is wrong by more than 709 nats, beyond which `e` to the loss has no number.
fn model() -> AdapterModel<f32> {
    let config = Config { vocabulary: 24, positions: 12, ..Config::bert(16, 1, 2, 12) };
    let base = Arc::new(Encoder::random(config, 900.0, Seed::new(1)));
    let head = HeadConfig::new(Task::MASKED_LANGUAGE, Vec::new());
    AdapterModel::new(base.clone(), None, Head::new("head", &head, &base, Seed::new(2)).expect("fits"))
}

fn texts(from: u32) -> Dataset {
    let masking = Masking { rate: 0.3, mask: 4, vocabulary: 24, special: vec![0, 1, 2, 3, 4], summarise: false };
    let text = |i: u32| (0..6).map(|j| 5 + (7 * i + 5 * j + i * j) % 19).collect();
    Dataset::language((from..from + 12).map(text).collect(), masking).expect("sound texts")
}

#[test]
fn a_run_goes_on_after_a_perplexity_that_is_infinite() {
    let (train, dev) = (texts(0), texts(12));
    let options = TrainOptions { epochs: 2, batch_size: 5, learning_rate: 1e-6, ..Default::default() };
    let start = |path: &Path| {
        let trainer = Trainer::new(model(), &train, Some(&dev), options.clone()).expect("fits");
        trainer.with_checkpoint(path.to_owned(), 2)
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let whole = start(&folder.path().join("whole")).run(&mut ()).expect("trains");
    let perplexity = |record: &Record| match record {
        Record::Evaluation(e) => e.metrics.iter().find(|(name, _)| name == "perplexity").map(|(_, value)| *value),
        Record::Step(_) => None,
    };
    assert_eq!(whole.history.iter().find_map(perplexity), Some(f64::INFINITY), "the test is about nothing otherwise");
    let mut again = start(&folder.path().join("whole"));
    assert!(again.resume().expect("a whole checkpoint"));
    assert_eq!(again.run(&mut ()).expect("trains").history, whole.history);
}

#[test]
fn records_are_read_back_to_the_bit() {
    let scores = [0.1 + 0.2, -0.0, f64::INFINITY, f64::NEG_INFINITY, f64::MIN_POSITIVE / 3.0, 7.0, f64::NAN];
    let metrics = scores.iter().enumerate().map(|(i, score)| (format!("score {i}"), *score)).collect();
    let record = Record::Evaluation(EvaluationRecord { step: 3, epoch: 1, loss: f64::INFINITY, metrics, best: true });
    let text = serde_json::to_string(&record).expect("records are JSON");
    let Record::Evaluation(read) = serde_json::from_str(&text).expect("and are read again") else { panic!("{text}") };
    let found: Vec<u64> = read.metrics.iter().map(|(_, score)| score.to_bits()).collect();
    assert_eq!((found, read.loss), (scores.map(f64::to_bits).to_vec(), f64::INFINITY), "{text}");
    let step =
        StepRecord { step: 1, epoch: 1, loss: f64::NAN, learning_rate: 1e-3, gradient_norm: f64::INFINITY, tokens: 9 };
    let text = serde_json::to_string(&step).expect("records are JSON");
    let read: StepRecord = serde_json::from_str(&text).expect("and are read again");
    assert!(read.loss.is_nan() && read.gradient_norm == f64::INFINITY && !text.contains("null"), "{text}");
}
