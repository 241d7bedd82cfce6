//! A score need not be finite: records and checkpoints hold it all the same. Logits and losses must be.

use adaptune_adapters::{Adapter, AdapterModel, Head, HeadConfig, Method, Task};
use adaptune_tensor::{AnyParameter, Parameters, Seed};
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

/// A model with an adapter, perhaps with huge weights, whose bottlenecks open for some tokens only.
fn plugged(task: Task, huge: impl Fn(&str) -> bool) -> AdapterModel<f32> {
    let config = Config { vocabulary: 24, positions: 12, ..Config::bert(16, 3, 2, 12) };
    let base = Arc::new(Encoder::random(config, 0.2, Seed::new(1)));
    let method: Method = "seq_bn[reduction_factor=4,init_weights=bert]".parse().expect("a method");
    let adapter = Adapter::on("a", &method, &base, Seed::new(2)).expect("fits");
    let labels = if task.predicts_tokens() { vec![] } else { vec!["B-x".into(), "O".into()] };
    let head = Head::new("h", &HeadConfig::new(task, labels), &base, Seed::new(3)).expect("fits");
    let mut model = AdapterModel::new(base, Some(adapter), head);
    let fill = |p: &mut dyn AnyParameter<f32>| p.values_mut().fill(1e38);
    model.parameters_mut().into_iter().filter(|(name, _)| huge(name)).for_each(|(_, p)| fill(p));
    model
}

fn examples(task: Task) -> Dataset {
    if task.predicts_tokens() {
        return texts(0);
    }
    let target = |i: usize| match task {
        task if task.reads_every_token() => Target::Tags(vec![Some(i % 2), None, Some(1)]),
        task if task.predicts_a_number() => Target::Value(0.5),
        _ => Target::Class(i % 2),
    };
    let example = |i: usize| Example::single(vec![1, 5 + i as u32, 7], target(i));
    Dataset::new(task, 2, (0..7).map(example).collect()).expect("sound examples")
}

const TASKS: [Task; 3] = [Task::CLASSIFICATION, Task::TAGGING, Task::MASKED_LANGUAGE];

/// All numbers are finite, and what they make of a text is not.
#[test]
fn logits_that_are_not_finite_are_an_error_with_example_and_place() {
    type Case = (fn(&str) -> bool, &'static str);
    let cases: [Case; 3] = [
        (|name| name.contains("layer.1.feed_forward"), "in block 1 of the blocks 0 to 2, in what is plugged in there"),
        (|name| name.contains("layer.0.feed_forward"), "in block 0 of the blocks 0 to 2, in what is plugged in there"),
        (|name| name.starts_with("head."), "it began in the head"),
    ];
    for task in TASKS {
        let data = examples(task);
        assert!(predict(&plugged(task, |_| false), &data, 3).expect("finite").iter().all(|x| x.is_finite()));
        assert!(evaluate(&plugged(task, |_| false), &data, 3).is_ok());
        for (huge, words) in cases {
            let model = plugged(task, huge);
            for error in [predict(&model, &data, 3).expect_err(words), evaluate(&model, &data, 3).expect_err(words)] {
                let message = error.to_string();
                assert!(matches!(error, TrainError::NotFinite { example: 0, .. }), "{message}");
                assert!(message.contains(words) && message.contains("example 0"), "{}: {message}", task.name());
            }
        }
    }
}

/// The example that is broken is named, wherever it stands in its batch.
#[test]
fn the_example_that_is_not_finite_is_named() {
    let base = Encoder::<f32>::random(
        Config { vocabulary: 24, positions: 12, ..Config::bert(16, 2, 2, 12) },
        0.2,
        Seed::new(1),
    );
    let tensors = base.tensors();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut owned: Vec<(String, ndarray::ArrayD<f32>)> =
        tensors.into_iter().map(|(n, t)| (n, t.into_owned())).collect();
    let (_, table) = owned.iter_mut().find(|(name, _)| name.contains("word_embeddings")).expect("every base has them");
    // Token 9 alone: example 4 has it.
    table.index_axis_mut(ndarray::Axis(0), 9).fill(3e38);
    let views: Vec<_> = owned.iter().map(|(name, array)| (name.clone(), array.view())).collect();
    let path = folder.path().join("model.safetensors");
    adaptune_transformer::weights::write_safetensors(&path, &views, &[].into()).expect("written");
    let file = adaptune_transformer::weights::TensorFile::open(&path).expect("whole");
    let base = Arc::new(Encoder::<f32>::from_weights(base.config().clone(), &file).expect("finite weights"));
    let head = HeadConfig::new(Task::CLASSIFICATION, vec!["a".into(), "b".into()]);
    let model = AdapterModel::new(base.clone(), None, Head::new("h", &head, &base, Seed::new(2)).expect("fits"));
    for batch_size in [1, 3, 64] {
        let error = predict(&model, &examples(Task::CLASSIFICATION), batch_size).expect_err("token 9").to_string();
        assert!(error.contains("example 4") && error.contains("began at the embeddings"), "{error}");
        assert!(error.contains("the base alone does not stay finite either"), "{error}");
    }
}

/// Of NaN no score makes a right answer, whatever the class that it would be taken for.
#[test]
fn no_score_counts_nan() {
    for task in TASKS {
        let data = examples(task);
        let all = data.batch(&(0..data.len()).collect::<Vec<_>>(), Seed::new(0));
        let rows = match task {
            task if task.predicts_tokens() => all.tokens.len(),
            task if task.reads_every_token() => 3 * data.len(),
            _ => data.len(),
        };
        let supervision = supervision::of::<f32>(task);
        let logits = supervision.condensed(ndarray::Array2::from_elem((rows, 24), f32::NAN));
        let metrics = supervision.metrics(&all, logits.view(), 1.0, &["B-x".into(), "O".into()]);
        assert_eq!(metrics.primary().1, 0.0, "{}: {metrics}", task.name());
        assert!(metrics.iter().all(|(_, score)| score.is_finite()), "{metrics}");
    }
}

/// Before training it is no matter of the learning rate; afterwards it is.
#[test]
fn a_run_says_that_its_model_was_not_finite_from_the_start() {
    let data = examples(Task::CLASSIFICATION);
    let model = plugged(Task::CLASSIFICATION, |name| name.contains("layer.1.feed_forward"));
    let trainer = Trainer::new(model, &data, Some(&data), TrainOptions::default()).expect("fits");
    let error = trainer.run(&mut ()).expect_err("not finite").to_string();
    assert!(error.contains("example 0") && error.contains("block 1") && !error.contains("learning rate"), "{error}");
}

#[test]
fn a_loss_that_was_no_number_from_the_start_is_not_blamed_on_the_learning_rate() {
    let data = examples(Task::CLASSIFICATION);
    for warmup in [Warmup::Steps(0), Warmup::Steps(2)] {
        let model = plugged(Task::CLASSIFICATION, |name| name.contains("layer.1.feed_forward"));
        let options = TrainOptions { warmup, ..Default::default() };
        let error = Trainer::new(model, &data, None, options).expect("fits").run(&mut ()).expect_err("not finite");
        assert!(matches!(error, TrainError::Diverged { step: 1, .. }), "{error}");
        let message = error.to_string();
        assert!(message.contains("such as a scaling") && !message.contains("lower learning rate"), "{message}");
    }
}
