//! Multiple choice: several sequences an example, of which one is right.

use adaptune_adapters::{Adapter, AdapterModel, Head, HeadConfig, Method, Task};
use adaptune_tensor::{Parameters, Seed};
use adaptune_train::supervision::{Choices, Supervision};
use adaptune_train::*;
use adaptune_transformer::{Config, Encoder};
use ndarray::array;
use std::sync::Arc;

/// The choice with a token from 40 on is right: it stands somewhere among two to four choices, of several lengths.
fn example(i: u32) -> Example {
    let (choices, fill) = (2 + i % 3, 5 + i % 7);
    let right = i / 3 % choices;
    let choice = |k: u32| {
        let word = if k == right { 40 + i % 9 } else { 20 + (i + k) % 15 };
        let token_ids: Vec<u32> = [1, fill].into_iter().chain((0..k % 3).map(|j| 6 + j)).chain([word]).collect();
        Sequence { token_types: (0..token_ids.len()).map(|t| u32::from(t > 1)).collect(), token_ids }
    };
    Example { sequences: (0..choices).map(choice).collect(), target: Target::Choice(right as usize) }
}

fn data(numbers: std::ops::Range<u32>) -> Dataset {
    Dataset::new(Task::MULTIPLE_CHOICE, 4, numbers.map(example).collect()).expect("sound examples")
}

fn model(method: &str) -> AdapterModel<f64> {
    let config = Config { vocabulary: 64, positions: 16, ..Config::bert(16, 2, 2, 32) };
    let base = Arc::new(Encoder::random(config, 0.15, Seed::new(1)));
    let method: Method = method.parse().expect("a known method");
    let adapter = Adapter::new("pick", &method, base.config(), Seed::new(2)).expect("fits");
    let head = HeadConfig::new(Task::MULTIPLE_CHOICE, (0..4).map(|i| format!("LABEL_{i}")).collect());
    AdapterModel::new(base.clone(), Some(adapter), Head::new("pick", &head, &base, Seed::new(3)).expect("fits"))
}

const METHOD: &str = "seq_bn[reduction_factor=4]";

fn options() -> TrainOptions {
    TrainOptions { epochs: 2, batch_size: 10, learning_rate: 5e-3, seed: 5, ..Default::default() }
}

fn run(method: &str, options: TrainOptions) -> Trained<f64> {
    let (train, dev) = (data(0..45), data(50..80));
    Trainer::new(model(method), &train, Some(&dev), options).expect("fits").run(&mut ()).expect("trains")
}

fn losses(trained: &Trained<f64>) -> Vec<f64> {
    let loss = |record: &Record| match record {
        Record::Step(step) => step.loss,
        Record::Evaluation(evaluation) => evaluation.loss,
    };
    trained.history.iter().map(loss).collect()
}

fn values(trained: &Trained<f64>) -> Vec<f64> {
    trained.model.parameters().iter().flat_map(|(_, p)| p.values().to_vec()).collect()
}

#[test]
fn the_right_choice_is_learnt() {
    let (train, dev) = (data(0..120), data(150..210));
    let options = TrainOptions { epochs: 24, learning_rate: 1e-2, ..options() };
    let before = evaluate(&model(METHOD), &dev, 7).expect("it fits").metrics;
    let trained = Trainer::new(model(METHOD), &train, Some(&dev), options).expect("fits").run(&mut ()).expect("trains");
    let after = evaluate(&trained.model, &dev, 7).expect("it fits").metrics;
    assert!(before.primary().1 < 0.7 && after.primary().1 > 0.9, "{before} {after}");
    assert_eq!(after.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["accuracy"]);
}

/// A batch of ten examples has about thirty sequences: it is cut between examples, never within one.
#[test]
fn parts_of_a_batch_are_whole_examples() {
    let whole = run(METHOD, options());
    for accumulate in [2, 3, 10] {
        let parts = run(METHOD, TrainOptions { accumulate, ..options() });
        assert_eq!(parts.history.len(), whole.history.len());
        for (whole, parts) in losses(&whole).iter().zip(losses(&parts)) {
            assert!((whole - parts).abs() < 1e-9, "{accumulate}: {whole} {parts}");
        }
    }
}

/// The head reads first tokens, and the adapter leaves the lower block out: its states are kept for whole examples.
#[test]
fn states_that_are_kept_give_the_same_run() {
    let upper = "seq_bn[reduction_factor=4,leave_out=[0]]";
    let plain = run(upper, options());
    for (memory, disk) in [(u64::MAX, 0), (20_000, u64::MAX), (20_000, 0)] {
        let kept = run(upper, TrainOptions { cache: Some(CacheLimits { memory, disk }), ..options() });
        assert_eq!((values(&kept), losses(&kept)), (values(&plain), losses(&plain)), "{memory} {disk}");
    }
}

#[test]
fn a_run_goes_on_in_the_same_bits() {
    let (train, dev) = (data(0..45), data(50..80));
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("checkpoint");
    let options = TrainOptions { batching: Batching::ByLength, ..options() };
    let start = || {
        let trainer = Trainer::new(model(METHOD), &train, Some(&dev), options.clone()).expect("fits");
        trainer.with_checkpoint(path.clone(), 1)
    };
    let whole = start().run(&mut ()).expect("trains");
    let mut again = start();
    assert!(again.resume().expect("the same run"));
    assert_eq!(again.run(&mut ()).expect("it is at its end").history, whole.history);
    let fewer = data(0..44);
    let other = Trainer::new(model(METHOD), &fewer, Some(&dev), options.clone()).expect("fits");
    assert!(other.with_checkpoint(path, 1).resume().expect_err("other data").to_string().contains("training data"));
}

/// Of examples of another number of choices, or another right one, the fingerprint is another.
#[test]
fn batches_hold_all_sequences_of_an_example() {
    let data = data(0..9);
    let batch = data.batch(&[2, 0], Seed::new(0));
    assert_eq!((batch.batch.layout().sequences(), batch.examples.len()), (6, 2));
    assert_eq!(data.lengths()[0], example(0).tokens());
    assert_eq!(batch.batch.token_ids().len(), data.lengths()[0] + data.lengths()[2]);
    let print = |change: &dyn Fn(&mut Example)| {
        let mut one = example(1);
        change(&mut one);
        Dataset::new(Task::MULTIPLE_CHOICE, 4, vec![one]).expect("sound").fingerprint()
    };
    let same = print(&|_| ());
    assert_eq!(same, print(&|_| ()));
    assert_ne!(same, print(&|one| one.target = Target::Choice(1)));
    assert_ne!(same, print(&|one| drop(one.sequences.pop())));
}

#[test]
fn predictions_do_not_depend_on_the_batch() {
    let (model, data) = (model(METHOD), data(0..11));
    let all = predict(&model, &data, 64).expect("it fits");
    assert_eq!(all.dim(), (data.examples().iter().map(|e| e.sequences.len()).sum(), 1));
    assert_eq!(all, predict(&model, &data, 3).expect("it fits"));
}

/// Two, three and two choices: right, a tie that the first of equals wins, and a logit that is NaN.
#[test]
fn the_largest_logit_is_chosen() {
    let sequence = |id| Sequence { token_ids: vec![id], token_types: vec![0] };
    let of = |choices: u32, right| Example {
        sequences: (0..choices).map(sequence).collect(),
        target: Target::Choice(right),
    };
    let accuracy = |rights: [usize; 3]| {
        let examples = vec![of(2, rights[0]), of(3, rights[1]), of(2, rights[2])];
        let data = Dataset::new(Task::MULTIPLE_CHOICE, 3, examples).expect("sound examples");
        let logits = array![[0.5], [1.5], [-1.0], [2.0], [2.0], [f64::NAN], [1.0]];
        let all = data.batch(&[0, 1, 2], Seed::new(0));
        Choices.metrics(&all, logits.view(), 0.0, &[]).primary().1
    };
    assert_eq!(accuracy([1, 1, 1]), 2.0 / 3.0);
    assert_eq!(accuracy([1, 2, 0]), 1.0 / 3.0);
    assert_eq!(accuracy([0, 0, 0]), 0.0);
}

#[test]
fn chance_is_the_mean_over_examples() {
    assert!((metrics::chance_of_choices(&[2, 4, 4]) - (0.5 + 0.25 + 0.25) / 3.0).abs() < 1e-15);
    assert_eq!(metrics::chance_of_choices(&[]), 0.0);
}

#[test]
fn examples_that_hold_no_choice_are_refused() {
    let refused = |task, example| Dataset::new(task, 4, vec![example]).expect_err("refused").to_string();
    let mut one = example(0);
    one.sequences.truncate(1);
    let message = refused(Task::MULTIPLE_CHOICE, one);
    assert_eq!(message, "example 0 has 1 sequences, but its target is for a choice among at least two");
    let beyond = Example { target: Target::Choice(2), ..example(0) };
    assert!(refused(Task::MULTIPLE_CHOICE, beyond).contains("choice 2 as the right one, but 2 choices"));
    let several = Example { target: Target::Class(0), ..example(0) };
    assert!(refused(Task::CLASSIFICATION, several).contains("2 sequences, but its target is for one sequence"));
    let class = Example::single(vec![1, 2], Target::Class(0));
    assert!(refused(Task::MULTIPLE_CHOICE, class).contains("another kind than a multiple choice head predicts"));
    let mut short = example(0);
    short.sequences[1].token_types.pop();
    assert!(refused(Task::MULTIPLE_CHOICE, short).contains("token types: one is needed for each token"));
    let mut unknown = example(0);
    unknown.sequences[1].token_ids[0] = 64;
    let data = Dataset::new(Task::MULTIPLE_CHOICE, 4, vec![unknown]).expect("sound but for the base");
    let error = evaluate(&model(METHOD), &data, 2).expect_err("refused").to_string();
    assert!(error.contains("example 0: a token id is not below the base's vocabulary of 64"), "{error}");
}
