//! The loop: the same bits whatever the threads and interruptions, the best epoch, early stopping,
//! accumulation, and a clear end when the loss is no number.

use adaptune_adapters::{Adapter, AdapterModel, Head, HeadConfig, Method, Task};
use adaptune_tensor::{Parameters, Seed};
use adaptune_train::*;
use adaptune_transformer::{Config, Encoder};
use std::path::Path;
use std::sync::Arc;

/// Is the second token odd? Sequences of several lengths.
fn data(from: u32, n: u32) -> Dataset {
    let example = |i: u32| {
        let mut token_ids = vec![1, 10 + i % 30];
        token_ids.extend((0..i % 4).map(|j| 5 + j));
        Example::single(token_ids, Target::Class((i % 2) as usize))
    };
    Dataset::new(Task::CLASSIFICATION, 2, (from..from + n).map(example).collect()).expect("sound examples")
}

fn base() -> Arc<Encoder<f32>> {
    let config = Config { vocabulary: 64, positions: 16, ..Config::bert(16, 2, 2, 32) };
    Arc::new(Encoder::random(config, 0.15, Seed::new(1)).with_dropout(0.1, 0.1))
}

fn model(base: &Arc<Encoder<f32>>) -> AdapterModel<f32> {
    let method: Method = "double_seq_bn[reduction_factor=4,dropout=0.1]".parse().expect("a known method");
    let adapter = Adapter::new("odd", &method, base.config(), Seed::new(2)).expect("fits");
    let head = HeadConfig::new(Task::CLASSIFICATION, vec!["even".into(), "odd".into()]);
    AdapterModel::new(base.clone(), Some(adapter), Head::new("odd", &head, base, Seed::new(3)).expect("fits"))
}

fn options() -> TrainOptions {
    TrainOptions { epochs: 4, batch_size: 12, learning_rate: 1e-2, seed: 5, ..Default::default() }
}

fn values(model: &AdapterModel<f32>) -> Vec<f32> {
    model.parameters().iter().flat_map(|(_, p)| p.values().to_vec()).collect()
}

fn run(options: TrainOptions) -> Trained<f32> {
    let (train, dev) = (data(0, 100), data(100, 40));
    Trainer::new(model(&base()), &train, Some(&dev), options).expect("fits").run(&mut ()).expect("trains")
}

fn evaluations(history: &[Record]) -> Vec<&EvaluationRecord> {
    history.iter().filter_map(|r| if let Record::Evaluation(e) = r { Some(e) } else { None }).collect()
}

#[test]
fn it_learns_and_the_base_stays() {
    let base = base();
    let before = base.fingerprint();
    let (train, dev) = (data(0, 100), data(100, 40));
    let options = TrainOptions { epochs: 12, ..options() };
    let trained = Trainer::new(model(&base), &train, Some(&dev), options).expect("fits").run(&mut ()).expect("trains");
    let evaluations = evaluations(&trained.history);
    let (first, best) = (evaluations[0].primary(), evaluations.iter().map(|e| e.primary()).fold(0.0, f64::max));
    assert!(first < 0.8 && best > 0.9, "accuracy went from {first} to {best} only");
    assert_eq!(base.fingerprint(), before);
}

#[test]
fn the_model_of_the_best_epoch_is_kept() {
    let trained = run(TrainOptions { epochs: 6, ..options() });
    let dev = data(100, 40);
    let best = evaluations(&trained.history).into_iter().rfind(|e| e.best).expect("some epoch is best").clone();
    let again = evaluate(&trained.model, &dev, 7).expect("a good batch");
    assert_eq!(again.metrics.primary().1, best.primary());
}

#[test]
fn threads_change_no_bit() {
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a small thread pool");
        let trained = pool.install(|| run(options()));
        (values(&trained.model), trained.history)
    };
    let one = with(1);
    assert!([2, 3].into_iter().all(|threads| with(threads) == one));
}

/// Stops a run at every step in turn by an observer that panics, then resumes it.
#[test]
fn an_interrupted_run_ends_in_the_same_bits() {
    struct Stop(usize);
    impl Observer for Stop {
        fn step(&mut self, record: &StepRecord) {
            assert!(record.step != self.0, "stopped on purpose");
        }
    }
    let (train, dev) = (data(0, 50), data(100, 20));
    let options = TrainOptions { epochs: 3, optimiser: OptimiserConfig::adamw(0.05), ..options() };
    let start = |path: &Path| {
        Trainer::new(model(&base()), &train, Some(&dev), options.clone())
            .expect("fits")
            .with_checkpoint(path.to_owned(), 2)
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let whole = start(&folder.path().join("whole")).run(&mut ()).expect("trains");
    for stop in [1, 2, 3, 5, 6, 9, 11, 15] {
        let path = folder.path().join(format!("stopped-{stop}"));
        let stopped = std::panic::AssertUnwindSafe(|| start(&path).run(&mut Stop(stop)).map(drop));
        let interrupted = std::panic::catch_unwind(stopped);
        assert!(interrupted.is_err(), "the run was stopped at step {stop}");
        let mut trainer = start(&path);
        assert_eq!(trainer.resume().expect("a whole checkpoint"), stop > 2);
        let resumed = trainer.run(&mut ()).expect("trains");
        assert_eq!(resumed.history, whole.history, "stopped at step {stop}");
        assert_eq!(values(&resumed.model), values(&whole.model), "stopped at step {stop}");
    }
}

#[test]
fn a_checkpoint_of_another_run_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("checkpoint");
    let (train, dev) = (data(0, 50), data(100, 20));
    let trainer = |train: &Dataset, options: TrainOptions| -> String {
        let mut trainer =
            Trainer::new(model(&base()), train, Some(&dev), options).expect("fits").with_checkpoint(path.clone(), 2);
        trainer.resume().err().map(|e| e.to_string()).unwrap_or_default()
    };
    Trainer::new(model(&base()), &train, Some(&dev), options())
        .expect("fits")
        .with_checkpoint(path.clone(), 2)
        .run(&mut ())
        .expect("trains");
    assert_eq!(trainer(&train, options()), "", "the very run goes on");
    assert!(trainer(&train, TrainOptions { learning_rate: 2e-2, ..options() }).contains("the learning rate was"));
    assert!(trainer(&data(1, 50), options()).contains("the training data's fingerprint was"));
    std::fs::write(&path, b"no checkpoint").expect("written");
    assert!(!trainer(&train, options()).is_empty(), "a damaged one is refused");
}

/// Micro-batches add up to the batch, but for rounding and for dropout, which is off here.
#[test]
fn accumulation_is_the_whole_batch() {
    let base = Arc::new(Encoder::<f32>::random(base().config().clone().with_dropout(0.0, 0.0), 0.15, Seed::new(1)));
    let losses = |accumulate| {
        let method: Method = "seq_bn[reduction_factor=4]".parse().expect("a known method");
        let adapter = Adapter::new("odd", &method, base.config(), Seed::new(2)).expect("fits");
        let head = HeadConfig::new(Task::CLASSIFICATION, vec!["even".into(), "odd".into()]);
        let model =
            AdapterModel::new(base.clone(), Some(adapter), Head::new("odd", &head, &base, Seed::new(3)).expect("fits"));
        let train = data(0, 55);
        let trained = Trainer::new(model, &train, None, TrainOptions { accumulate, ..options() })
            .expect("fits")
            .run(&mut ())
            .expect("trains");
        trained.history.iter().map(|r| if let Record::Step(s) = r { s.loss } else { 0.0 }).collect::<Vec<_>>()
    };
    let (whole, parts) = (losses(1), losses(5));
    assert_eq!(whole.len(), 20);
    assert!(whole.iter().zip(&parts).all(|(a, b)| (a - b).abs() < 1e-4), "{whole:?} {parts:?}");
}

#[test]
fn patience_ends_a_run_that_no_longer_improves() {
    let trained = run(TrainOptions { epochs: 60, patience: Some(3), ..options() });
    let evaluations = evaluations(&trained.history);
    let last = evaluations.last().expect("evaluated").epoch;
    let best = evaluations.iter().rfind(|e| e.best).expect("some epoch is best").epoch;
    assert!(last < 60 && last == best + 3, "best {best}, last {last}");
}

#[test]
fn a_loss_that_is_no_number_ends_the_run_with_advice() {
    let train = data(0, 50);
    let options = TrainOptions { learning_rate: 1e30, clip: None, warmup: Warmup::Steps(0), ..options() };
    let error = Trainer::new(model(&base()), &train, None, options).expect("fits").run(&mut ()).expect_err("diverges");
    assert!(matches!(error, TrainError::Diverged { .. }), "{error}");
    assert!(error.to_string().contains("Try a lower learning rate"));
}

#[test]
fn what_does_not_fit_is_refused_before_training() {
    let train = data(0, 50);
    let fails = |data: &Dataset, options: TrainOptions| {
        Trainer::new(model(&base()), data, None, options).err().expect("refused").to_string()
    };
    assert!(fails(&train, TrainOptions { epochs: 0, ..options() }).contains("epochs is 0"));
    assert!(fails(&train, TrainOptions { learning_rate: -1.0, ..options() }).contains("learning rate is -1"));
    assert!(fails(&train, TrainOptions { accumulate: 13, ..options() }).contains("cannot be cut into 13 parts"));
    let number = Example::single(vec![1], Target::Value(0.5));
    let numbers = Dataset::new(Task::REGRESSION, 1, vec![number]).expect("sound examples");
    assert!(
        fails(&numbers, options())
            .contains("the head predicts classification, but the training data is for regression")
    );
    let long = Example::single(vec![1; 17], Target::Class(0));
    let long = Dataset::new(Task::CLASSIFICATION, 2, vec![long]).expect("sound examples");
    assert!(fails(&long, options()).contains("it has 17 tokens, but the base has positions for 16"));
}

/// An adapter in the upper block alone: the lower one is constant.
fn upper_model(base: &Arc<Encoder<f32>>) -> AdapterModel<f32> {
    let method: Method = "seq_bn[reduction_factor=4,leave_out=[0]]".parse().expect("a known method");
    let adapter = Adapter::new("odd", &method, base.config(), Seed::new(2)).expect("fits");
    let head = HeadConfig::new(Task::CLASSIFICATION, vec!["even".into(), "odd".into()]);
    AdapterModel::new(base.clone(), Some(adapter), Head::new("odd", &head, base, Seed::new(3)).expect("fits"))
}

fn cached(base: &Arc<Encoder<f32>>, memory: u64, disk: u64) -> Trained<f32> {
    let (train, dev) = (data(0, 100), data(100, 40));
    let options = TrainOptions { cache: Some(CacheLimits { memory, disk }), accumulate: 2, ..options() };
    let trainer = Trainer::new(upper_model(base), &train, Some(&dev), options).expect("fits");
    assert_eq!(trainer.cached_blocks(), Some(1));
    trainer.run(&mut ()).expect("trains")
}

/// All in memory, a part in memory, a part in a file, nothing anywhere.
#[test]
fn the_room_for_constant_blocks_changes_no_bit() {
    let base = base();
    let all = cached(&base, 1 << 20, 0);
    for (memory, disk) in [(2000, 0), (2000, 3000), (0, 1 << 20), (0, 0)] {
        let other = cached(&base, memory, disk);
        assert_eq!((values(&other.model), &other.history), (values(&all.model), &all.history), "{memory}, {disk}");
    }
}

/// Without dropout in the base, what is kept is what would have been computed.
#[test]
fn what_is_kept_is_what_would_have_been_computed() {
    let base = Arc::new(Arc::into_inner(base()).expect("alone").with_dropout(0.0, 0.0));
    let (train, dev) = (data(0, 100), data(100, 40));
    let options = TrainOptions { accumulate: 2, ..options() };
    let trainer = Trainer::new(upper_model(&base), &train, Some(&dev), options).expect("fits");
    let (plain, kept) = (trainer.run(&mut ()).expect("trains"), cached(&base, 1 << 20, 0));
    assert_eq!((values(&kept.model), kept.history), (values(&plain.model), plain.history));
}

#[test]
fn where_nothing_is_constant_a_cache_is_refused() {
    let (train, base) = (data(0, 100), base());
    let options = TrainOptions { cache: Some(CacheLimits { memory: 1, disk: 0 }), ..options() };
    let error = Trainer::new(model(&base), &train, None, options).err().expect("refused").to_string();
    assert!(error.contains("lowest block") && error.contains("leave_out"), "{error}");
}

#[test]
fn gradient_checkpointing_changes_no_bit() {
    let (plain, again) = (run(options()), run(TrainOptions { gradient_checkpointing: true, ..options() }));
    assert_eq!((values(&again.model), again.history), (values(&plain.model), plain.history));
}
