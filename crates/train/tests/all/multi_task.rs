//! Several tasks under the ordinary trainer.

use adaptune_adapters::{
    AdapterModel, Head, HeadConfig, Method, MtlLoraConfig, MultiTask, MultiTaskModel, Task, format,
};
use adaptune_tensor::{Parameters, Scalar, Seed};
use adaptune_train::*;
use adaptune_transformer::{Config, Encoder};
use std::path::Path;
use std::sync::Arc;

/// Sequences of several lengths that end with the token `number`.
fn tokens(i: u32, number: u32) -> Vec<u32> {
    (0..i % 4).map(|j| 5 + j).chain([1, 10 + number]).rev().collect()
}

fn dataset(task: Task, examples: std::ops::Range<u32>, target: impl Fn(u32, usize) -> Target) -> Dataset {
    let example = |i: u32| {
        let token_ids = tokens(i, i % 30);
        let target = target(i % 30, token_ids.len());
        Example::single(token_ids, target)
    };
    Dataset::new(task, 2, examples.map(example).collect()).expect("sound examples")
}

/// Is the first token odd? How large is it? Which tokens are above 9?
struct Data {
    odd: Dataset,
    size: Dataset,
    high: Dataset,
}

fn data(from: u32, scale: u32) -> Data {
    let range = |n: u32| from..from + n * scale;
    let tag = |i: usize| (i != 1).then_some(usize::from(i == 0));
    let tags = |_: u32, length: usize| Target::Tags((0..length).map(tag).collect());
    Data {
        odd: dataset(Task::CLASSIFICATION, range(11), |number, _| Target::Class(number as usize % 2)),
        size: dataset(Task::REGRESSION, range(7), |number, _| Target::Value(f64::from(number) / 15.0 - 0.9)),
        high: dataset(Task::TAGGING, range(5), tags),
    }
}

impl Data {
    fn tasks<'a, S: Scalar>(&'a self, dev: Option<&'a Self>) -> Vec<TaskData<'a, S>> {
        vec![
            TaskData::new(&self.odd, dev.map(|dev| &dev.odd)),
            TaskData::new(&self.size, dev.map(|dev| &dev.size)),
            TaskData::new(&self.high, dev.map(|dev| &dev.high)),
        ]
    }
}

const NAMES: [&str; 3] = ["odd", "size", "high"];
const FIELDS: &str = "r=3,alpha=5,n_up_projection=2,weights_sharpness=0.6,intermediate_lora=True,output_lora=True";

fn base<S: Scalar>(dropout: f64) -> Arc<Encoder<S>> {
    let config = Config { vocabulary: 64, positions: 16, ..Config::bert(18, 2, 3, 30) };
    Arc::new(Encoder::random(config, 0.15, Seed::new(1)).with_dropout(dropout, dropout))
}

fn config(fields: &str) -> MtlLoraConfig {
    match format!("mtl_lora[{fields}]").parse().expect("a configuration") {
        Method::MtlLora(config) => config,
        other => panic!("{other:?}"),
    }
}

fn head<S: Scalar>(name: &str, base: &Encoder<S>) -> Head<S> {
    let labels = |labels: [&str; 2]| labels.map(str::to_owned).to_vec();
    let config = match name {
        "size" => HeadConfig::new(Task::REGRESSION, Vec::new()),
        "high" => HeadConfig::new(Task::TAGGING, labels(["low", "high"])),
        _ => HeadConfig::new(Task::CLASSIFICATION, labels(["even", "odd"])),
    };
    Head::new(name, &config, base, Seed::new(3).named(name)).expect("it fits")
}

fn model_of<S: Scalar>(names: &[&str], dropout: f64, fields: &str) -> MultiTaskModel<S> {
    let base = base(dropout);
    let tasks = MultiTask::new(names, &config(fields), base.config(), Seed::new(2)).expect("it fits");
    let heads = names.iter().map(|name| head(name, &base)).collect();
    MultiTaskModel::new(base, tasks, heads).expect("heads of the tasks")
}

fn model(dropout: f64) -> MultiTaskModel<f32> {
    model_of(&NAMES, dropout, &format!("{FIELDS},dropout={dropout}"))
}

fn options() -> TrainOptions {
    TrainOptions { epochs: 3, batch_size: 6, learning_rate: 1e-2, seed: 5, ..Default::default() }
}

fn values<S: Scalar>(of: &impl Parameters<S>) -> Vec<u64> {
    let bits = |value: &S| value.to_f64().to_bits();
    of.parameters().iter().flat_map(|(_, p)| p.values().iter().map(bits).collect::<Vec<_>>()).collect()
}

fn losses(history: &[Record]) -> Vec<f64> {
    history.iter().filter_map(|record| if let Record::Step(step) = record { Some(step.loss) } else { None }).collect()
}

#[test]
fn all_tasks_learn_and_each_can_be_saved() {
    let (train, dev, begun) = (data(0, 6), data(3, 5), model(0.1));
    let before = begun.base().fingerprint();
    let options = TrainOptions { epochs: 14, ..options() };
    let trained = Trainer::of_tasks(begun, train.tasks(Some(&dev)), options).expect("it fits");
    let TrainedModel { model, history } = trained.run(&mut ()).expect("it trains");
    assert_eq!(model.base().fingerprint(), before);
    let evaluations: Vec<_> =
        history.iter().filter_map(|r| if let Record::Evaluation(e) = r { Some(e) } else { None }).collect();
    let best = evaluations.iter().rfind(|evaluation| evaluation.best).expect("some epoch is best");
    assert!(best.primary() > 0.85 && evaluations[0].primary() < 0.7, "{} {}", evaluations[0].primary(), best.primary());
    let (mut primary, mut loss) = (0.0, 0.0);
    for (task, (name, dev)) in NAMES.into_iter().zip([&dev.odd, &dev.size, &dev.high]).enumerate() {
        let single = model.task(task);
        let evaluation = evaluate(&single, dev, 7).expect("it fits");
        for (score, value) in evaluation.metrics.iter() {
            let found = best.scores().find(|(known, _)| *known == format!("{name}.{score}")).expect("it is there").1;
            assert!((found - value).abs() < 1e-5, "{name}: {score} is {value}, but the run says {found}");
        }
        (primary, loss) = (primary + evaluation.metrics.primary().1 / 3.0, loss + evaluation.loss / 3.0);
        let folder = tempfile::tempdir().expect("a temporary folder");
        format::save(&single, folder.path()).expect("AdapterHub has it");
        let loaded: AdapterModel<f32> = format::load(folder.path(), model.base().clone()).expect("it was saved");
        assert_eq!(values(&loaded), values(&single), "{name}");
    }
    assert!((best.primary() - primary).abs() < 1e-6 && (best.loss - loss).abs() < 1e-5, "they are means");
    assert_eq!(best.scores().next().expect("there are some").0, "mean");
}

/// The loss of a batch is the mean of the tasks' mean losses, each by its share of the examples, however it is cut.
#[test]
fn the_loss_of_a_batch_is_the_mean_over_its_examples_tasks() {
    let (train, model) = (data(0, 1), || model_of::<f64>(&NAMES, 0.0, FIELDS));
    let mean = |task: usize, data: &Dataset| {
        data.len() as f64 * evaluate(&model().task(task), data, 64).expect("it fits").loss
    };
    let expected = (mean(0, &train.odd) + mean(1, &train.size) + mean(2, &train.high)) / (11 + 7 + 5) as f64;
    let run = |accumulate| {
        let options = TrainOptions { batch_size: 23, accumulate, ..options() };
        let run = Trainer::of_tasks(model(), train.tasks(None), options).expect("it fits");
        losses(&run.run(&mut ()).expect("it trains").history)
    };
    let whole = run(1);
    assert!((whole[0] - expected).abs() < 1e-12, "{} and {expected}", whole[0]);
    for parts in [2, 5, 23] {
        assert!(whole.iter().zip(run(parts)).all(|(whole, cut)| (whole - cut).abs() < 1e-9), "{parts} parts");
    }
}

/// One task of a model of several is what the model of one task is.
#[test]
fn one_task_alone_trains_as_an_adapter_does() {
    let (train, several) = (data(0, 3), model_of::<f64>(&["odd"], 0.0, FIELDS));
    let mut single = several.task(0);
    single.train_from(0);
    let single = Trainer::new(single, &train.odd, Some(&train.odd), options()).expect("it fits");
    let single = single.run(&mut ()).expect("it trains");
    let data = vec![TaskData::new(&train.odd, Some(&train.odd))];
    let several = Trainer::of_tasks(several, data, options()).expect("it fits").run(&mut ()).expect("it trains");
    let (single, several) = (losses(&single.history), losses(&several.history));
    assert_eq!(single.len(), 3 * 6);
    assert!(single.iter().zip(&several).all(|(a, b)| (a - b).abs() < 1e-9), "{single:?} {several:?}");
}

/// Stops a run by a panic, as a kill would.
struct Killed(usize);
impl Observer for Killed {
    fn step(&mut self, record: &StepRecord) {
        assert!(record.step != self.0, "killed");
    }
}

#[test]
fn an_interrupted_run_ends_in_the_same_bytes() {
    let (train, dev) = (data(0, 1), data(40, 1));
    let options = TrainOptions { accumulate: 2, batching: Batching::ByLength, ..options() };
    let start = |path: &Path| {
        let run = Trainer::of_tasks(model(0.1), train.tasks(Some(&dev)), options.clone()).expect("it fits");
        run.with_checkpoint(path.to_owned(), 3)
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("whole");
    let whole = start(&path).run(&mut ()).expect("it trains");
    for step in [2, 4, 7, 10] {
        let killed = folder.path().join(format!("killed-{step}"));
        let run = std::panic::AssertUnwindSafe(|| start(&killed).run(&mut Killed(step)).map(drop));
        assert!(std::panic::catch_unwind(run).is_err());
        let mut again = start(&killed);
        assert_eq!(again.resume().expect("it is its own"), step > 3);
        let again = again.run(&mut ()).expect("it trains");
        assert_eq!((values(&again.model), &again.history), (values(&whole.model), &whole.history), "step {step}");
        assert!(std::fs::read(&killed).expect("written") == std::fs::read(&path).expect("written"), "step {step}");
    }
}

#[test]
fn a_checkpoint_of_other_tasks_is_refused() {
    let (train, other, folder) = (data(0, 1), data(1, 1), tempfile::tempdir().expect("a temporary folder"));
    let trainer = |model: MultiTaskModel<f32>, tasks| {
        let run = Trainer::of_tasks(model, tasks, options()).expect("it fits");
        run.with_checkpoint(folder.path().join("checkpoint"), 2)
    };
    trainer(model(0.1), train.tasks(None)).run(&mut ()).expect("it trains");
    assert!(trainer(model(0.1), train.tasks(None)).resume().expect("the very run goes on"));
    let refused = |model, tasks, words: &str| {
        let error = trainer(model, tasks).resume().expect_err(words).to_string();
        assert!(error.contains(words) && error.contains("belongs to another run"), "{words}: {error}");
    };
    let mut tasks = train.tasks(None);
    tasks[1] = TaskData::new(&other.size, None);
    refused(model(0.1), tasks, "the size: training data's fingerprint was");
    let fields = format!("{},dropout=0.1", FIELDS.replace("alpha=5", "alpha=7"));
    refused(model_of(&NAMES, 0.1, &fields), train.tasks(None), "the adapter's alpha was 5");
    let renamed = model_of(&["even", "size", "high"], 0.1, &format!("{FIELDS},dropout=0.1"));
    refused(renamed, train.tasks(None), "the list of tasks was odd, size, high, but now is even, size, high");
}

#[test]
fn what_does_not_fit_is_refused_before_training() {
    let (train, dev) = (data(0, 1), data(9, 1));
    let refused = |tasks, words: &[&str]| {
        let error = Trainer::of_tasks(model(0.1), tasks, options()).err().expect("it is refused").to_string();
        words.iter().for_each(|word| assert!(error.contains(word), "{word:?} is missing in {error}"));
    };
    refused(train.tasks(None)[..2].to_vec(), &["the model has 3 tasks (odd, size, high), but there is data for 2"]);
    refused([train.tasks(None), train.tasks(None)].concat(), &["data for 6"]);
    refused(Vec::new(), &["data for 0"]);
    let mut swapped = train.tasks(None);
    swapped.swap(0, 1);
    refused(swapped, &["task odd: ", "the head predicts classification, but the training data is for regression"]);
    let some = [&train.tasks(Some(&dev))[..1], &train.tasks(None)[1..]].concat();
    refused(some, &["1 of 3 tasks have development data", "give it to all"]);
    let example = |class| Example::single(vec![1], Target::Class(class));
    let three = Dataset::new(Task::CLASSIFICATION, 3, vec![example(1), example(2)]).expect("sound examples");
    let with = |data| [&[data], &train.tasks(None)[1..]].concat();
    refused(with(TaskData::new(&three, None)), &["task odd: training data: example 1 has class 2", "(even, odd)"]);
    let developed = [vec![TaskData::new(&train.odd, Some(&three))], train.tasks(Some(&dev))[1..].to_vec()].concat();
    refused(developed, &["task odd: development data: example 1 has class 2"]);
}

#[test]
fn heads_may_learn_at_another_rate() {
    let (train, begun) = (data(0, 1), model(0.0));
    let before: Vec<(String, Vec<f32>)> = named(&begun);
    let options = TrainOptions { head_learning_rate: Some(1e-30), ..options() };
    let run = Trainer::of_tasks(begun, train.tasks(None), options).expect("it fits");
    let after = named(&run.run(&mut ()).expect("it trains").model);
    for ((name, before), (_, after)) in before.iter().zip(&after) {
        let moved = before.iter().zip(after).any(|(before, after)| (before - after).abs() > 1e-20);
        assert_eq!(moved, !name.starts_with("head."), "{name}");
    }
}

fn named(of: &impl Parameters<f32>) -> Vec<(String, Vec<f32>)> {
    of.parameters().into_iter().map(|(name, parameter)| (name, parameter.values().to_vec())).collect()
}

/// Constant blocks that are kept, and blocks that run again in backward, change no bit.
#[test]
fn economy_changes_no_bit() {
    let (train, dev) = (data(0, 1), data(40, 1));
    let run = |options: TrainOptions| {
        let model = model_of::<f32>(&NAMES, 0.0, &format!("{FIELDS},leave_out=[0]"));
        let run = Trainer::of_tasks(model, train.tasks(Some(&dev)), options).expect("it fits");
        let trained = run.run(&mut ()).expect("it trains");
        (values(&trained.model), trained.history)
    };
    let plain = run(options());
    for memory in [1 << 20, 3000, 0] {
        let cache = Some(CacheLimits { memory, disk: 2000 });
        assert_eq!(run(TrainOptions { cache, ..options() }), plain, "{memory} bytes");
    }
    assert_eq!(run(TrainOptions { gradient_checkpointing: true, ..options() }), plain);
}

/// A user-defined supervision for one of several tasks.
#[test]
fn a_task_may_have_a_supervision_that_the_user_defines() {
    struct Whole;
    impl<S: Scalar> Supervision<S> for Whole {
        fn name(&self) -> String {
            "whole batches".into()
        }
        fn objective(&self, batch: &ExampleBatch<'_>) -> Box<dyn adaptune_adapters::Objective<S>> {
            let inner = supervision::of::<S>(Task::CLASSIFICATION).objective(batch);
            Box::new(Uncut(inner))
        }
        fn metrics(
            &self,
            _: &ExampleBatch<'_>,
            _: adaptune_adapters::ndarray::ArrayView2<'_, S>,
            loss: f64,
            _: &[String],
        ) -> Metrics {
            Metrics::new("likelihood", (-loss).exp())
        }
    }
    #[derive(Debug)]
    struct Uncut<S: Scalar>(Box<dyn adaptune_adapters::Objective<S>>);
    impl<S: Scalar> adaptune_adapters::Objective<S> for Uncut<S> {
        fn count(&self) -> usize {
            self.0.count()
        }
        fn loss(&self, logits: adaptune_adapters::ndarray::ArrayView2<'_, S>, weight: S) -> S {
            self.0.loss(logits, weight)
        }
        fn loss_backward(
            &self,
            logits: adaptune_adapters::ndarray::Array2<S>,
            weight: S,
        ) -> adaptune_adapters::ndarray::Array2<S> {
            self.0.loss_backward(logits, weight)
        }
        fn may_be_cut(&self) -> bool {
            false
        }
        fn check(&self, head: &HeadConfig, vocabulary: usize) -> Result<(), adaptune_adapters::TargetError> {
            self.0.check(head, vocabulary)
        }
    }
    let train = data(0, 1);
    let tasks =
        || [vec![TaskData::supervised(&Whole, &train.odd, Some(&train.odd))], train.tasks(Some(&train))[1..].to_vec()];
    let new = |accumulate| Trainer::of_tasks(model(0.1), tasks().concat(), TrainOptions { accumulate, ..options() });
    let history = new(1).expect("it fits").run(&mut ()).expect("it trains").history;
    let Some(Record::Evaluation(last)) = history.last() else { panic!("a run ends with an evaluation") };
    assert!(last.scores().any(|(name, score)| name == "odd.likelihood" && score > 0.0));
    assert!(new(2).err().expect("refused").to_string().contains("cannot be accumulated in parts"));
}
