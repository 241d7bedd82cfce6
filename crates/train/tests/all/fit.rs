//! Data that do not fit the head or the base are refused before the first step, by training and by evaluation.

use adaptune_adapters::{AdapterModel, Head, HeadConfig, Task};
use adaptune_tensor::Seed;
use adaptune_train::*;
use adaptune_transformer::{Config, Encoder};
use std::sync::Arc;

const VOCABULARY: usize = 24;

fn model(task: Task, labels: &[&str]) -> AdapterModel<f32> {
    let config = Config { vocabulary: VOCABULARY, positions: 12, ..Config::bert(8, 1, 2, 12) };
    let base = Arc::new(Encoder::random(config, 0.15, Seed::new(1)));
    let head = HeadConfig::new(task, labels.iter().map(|label| (*label).to_owned()).collect());
    let head = Head::new("head", &head, &base, Seed::new(2)).expect("fits");
    AdapterModel::new(base, None, head)
}

fn dataset(task: Task, classes: usize, targets: Vec<Target>) -> Dataset {
    let example = |target| Example::new(vec![1, 7, 5], vec![0, 1, 1], target);
    Dataset::new(task, classes, targets.into_iter().map(example).collect()).expect("sound examples")
}

/// Refused as training data, as development data and by an evaluation, each time with these words.
fn refused(model: impl Fn() -> AdapterModel<f32>, good: &Dataset, bad: &Dataset, words: &[&str]) {
    let new = |train, dev| Trainer::new(model(), train, dev, TrainOptions::default()).err();
    let trained = new(bad, None).expect("refused").to_string();
    let developed = new(good, Some(bad)).expect("refused").to_string();
    let evaluated = evaluate(&model(), bad, 2).expect_err("refused").to_string();
    assert!(new(good, Some(good)).is_none() && evaluate(&model(), good, 2).is_ok());
    for (which, message) in
        [("training data", trained), ("development data", developed), ("evaluation data", evaluated)]
    {
        assert!(message.contains(which), "{message}");
        words.iter().for_each(|word| assert!(message.contains(word), "{word:?} is missing in {message}"));
    }
}

#[test]
fn classes_beyond_the_labels_are_refused() {
    let model = || model(Task::CLASSIFICATION, &["bad", "good"]);
    let data = |last| dataset(Task::CLASSIFICATION, 3, vec![Target::Class(0), Target::Class(1), Target::Class(last)]);
    refused(model, &data(1), &data(2), &["example 2 has class 2", "2 labels (bad, good)", "a label for each class"]);
}

#[test]
fn a_truth_for_each_label_is_needed() {
    let model = || model(Task::MULTI_LABEL, &["a", "b", "c"]);
    let data = |labels: usize| {
        let sets = vec![Target::Labels(vec![false; labels]), Target::Labels(vec![true; labels])];
        dataset(Task::MULTI_LABEL, labels, sets)
    };
    refused(model, &data(3), &data(2), &["example 0 has 2 truths", "the head has 3 labels"]);
}

#[test]
fn tags_beyond_the_labels_are_refused() {
    let model = || model(Task::TAGGING, &["O", "B-X", "I-X"]);
    let data = |tag| {
        dataset(
            Task::TAGGING,
            9,
            vec![Target::Tags(vec![None, Some(2), None]), Target::Tags(vec![None, Some(tag), Some(0)])],
        )
    };
    refused(model, &data(1), &data(3), &["example 1 has class 3", "3 labels (O, B-X, I-X)", "a label for each class"]);
}

#[test]
fn numbers_that_the_head_cannot_compute_with_are_refused() {
    let example = |value| Example::single(vec![1], Target::Value(value));
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let error =
            Dataset::new(Task::REGRESSION, 1, vec![example(0.5), example(value)]).expect_err("refused").to_string();
        assert!(error.contains("example 1 has the target") && error.contains("must be a finite number"), "{error}");
    }
    let data = |value| dataset(Task::REGRESSION, 1, vec![Target::Value(-0.5), Target::Value(value)]);
    refused(
        || model(Task::REGRESSION, &[]),
        &data(1e18),
        &data(4e38),
        &["example 1 has the target 4e38", "f32", "scale"],
    );
}

#[test]
fn data_of_another_task_are_refused() {
    let numbers = dataset(Task::REGRESSION, 1, vec![Target::Value(0.5)]);
    let classes = dataset(Task::CLASSIFICATION, 2, vec![Target::Class(1)]);
    let words = ["the head predicts classification", "data is for regression"];
    refused(|| model(Task::CLASSIFICATION, &["bad", "good"]), &classes, &numbers, &words);
}

fn masking() -> Masking {
    Masking { rate: 0.3, mask: 4, vocabulary: VOCABULARY as u32, special: vec![0, 1, 2, 3, 4], summarise: false }
}

#[test]
fn tokens_beyond_the_vocabulary_are_refused() {
    let model = || model(Task::MASKED_LANGUAGE, &[]);
    let text = |token| vec![2, 9, token, 11, 3];
    let language = |masking, token| Dataset::language(vec![text(8), text(token)], masking).expect("sound texts");
    let good = language(masking(), 23);
    refused(model, &good, &language(masking(), 24), &["example 1", "vocabulary of 24"]);
    let mask = Masking { mask: 24, ..masking() };
    refused(model, &good, &language(mask, 23), &["mask token 24", "vocabulary of 24"]);
    let drawn = Masking { vocabulary: 25, ..masking() };
    refused(model, &good, &language(drawn, 23), &["random tokens below 25", "vocabulary of 24"]);
}

/// A loss over no targets would be 0 from the first step on.
#[test]
fn texts_of_which_nothing_is_hidden_teach_nothing() {
    let model = || model(Task::MASKED_LANGUAGE, &[]);
    let good = Dataset::language(vec![vec![2, 9, 3]], masking()).expect("sound texts");
    refused(
        model,
        &good,
        &dataset(Task::MASKED_LANGUAGE, 0, vec![Target::Tokens]),
        &["hides none", "Dataset::language"],
    );
}

#[test]
fn token_types_that_the_base_does_not_have_are_refused() {
    let example = |token_type| Example::new(vec![1, 7], vec![0, token_type], Target::Class(1));
    let data = |token_type| {
        Dataset::new(Task::CLASSIFICATION, 2, vec![example(0), example(token_type)]).expect("sound examples")
    };
    refused(
        || model(Task::CLASSIFICATION, &["bad", "good"]),
        &data(1),
        &data(2),
        &["example 1", "token type 2", "2 types"],
    );
}

#[test]
fn a_data_set_is_never_empty() {
    assert_eq!(Dataset::new(Task::TAGGING, 2, Vec::new()).expect_err("refused"), DataError::Empty);
    assert_eq!(Dataset::language(Vec::new(), masking()).expect_err("refused"), DataError::Empty);
}
