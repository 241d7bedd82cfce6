//! Training with a depth by chance (AdapterDrop): which layers train in a step, the same bits however the run goes, and what cannot be.

use crate::setups::{data, values};
use adaptune_adapters::{Adapter, AdapterModel, Head, HeadConfig, MtlLoraConfig, MultiTask, MultiTaskModel, Task};
use adaptune_tensor::{Gradients, Parameters, Seed};
use adaptune_test_support::on_threads;
use adaptune_train::*;
use adaptune_transformer::{Config, Encoder};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

fn base() -> Arc<Encoder<f32>> {
    let config = Config { vocabulary: 64, positions: 16, ..Config::bert(16, 3, 2, 32) };
    Arc::new(Encoder::random(config, 0.15, Seed::new(1)).with_dropout(0.1, 0.1))
}

fn head(name: &str, base: &Encoder<f32>) -> Head<f32> {
    let head = HeadConfig::new(Task::CLASSIFICATION, vec!["even".into(), "odd".into()]);
    Head::new(name, &head, base, Seed::new(3)).expect("it fits")
}

fn model(method: &str) -> AdapterModel<f32> {
    let base = base();
    let adapter = Adapter::on("odd", &method.parse().expect("a method"), &base, Seed::new(2)).expect("it fits");
    AdapterModel::new(base.clone(), Some(adapter), head("odd", &base))
}

const METHOD: &str = "double_seq_bn[reduction_factor=4,dropout=0.1]";

fn options(layer_drop: usize) -> TrainOptions {
    TrainOptions { epochs: 3, batch_size: 12, learning_rate: 1e-2, seed: 5, layer_drop, ..Default::default() }
}

fn trained(options: TrainOptions) -> TrainedModel<AdapterModel<f32>> {
    Trainer::new(model(METHOD), &data(), None, options).expect("it fits").run(&mut ()).expect("it trains")
}

/// Stops the run after some steps by a panic, as a kill would.
struct Killed(usize);
impl Observer for Killed {
    fn step(&mut self, _: &StepRecord) {
        self.0 -= 1;
        assert!(self.0 > 0, "killed");
    }
}

#[test]
fn a_run_is_the_same_on_any_number_of_threads_and_after_a_kill() {
    let whole = values(&trained(options(2)).model);
    assert_ne!(whole, values(&trained(options(0)).model), "other layers train");
    for threads in 1..=3 {
        assert_eq!(on_threads(threads, || values(&trained(options(2)).model)), whole, "{threads} threads");
    }
    let (folder, data) = (tempfile::tempdir().expect("a temporary folder"), data());
    let path = folder.path().join("checkpoint.safetensors");
    let run =
        || Trainer::new(model(METHOD), &data, None, options(2)).expect("it fits").with_checkpoint(path.clone(), 3);
    assert!(catch_unwind(AssertUnwindSafe(|| run().run(&mut Killed(8)))).is_err() && path.exists());
    let mut again = run();
    assert!(again.resume().expect("it is its own"));
    assert_eq!(values(&again.run(&mut ()).expect("it trains").model), whole);
    let mut other = Trainer::new(model(METHOD), &data, None, options(1)).expect("it fits").with_checkpoint(path, 3);
    let error = other.resume().expect_err("another depth").to_string();
    assert!(error.contains("layers without adapters was 2, but now is 1"), "{error}");
}

/// All micro-batches of a step have one depth: cut otherwise, the losses are the same but for rounding.
#[test]
fn micro_batches_share_the_depth_of_their_step() {
    let losses = |accumulate: usize| {
        let base = Arc::new(Encoder::<f32>::random(base().config().clone(), 0.15, Seed::new(1)).with_dropout(0.0, 0.0));
        let method = "double_seq_bn[reduction_factor=4]".parse().expect("a method");
        let adapter = Adapter::on("odd", &method, &base, Seed::new(2)).expect("it fits");
        let head = HeadConfig::new(Task::CLASSIFICATION, vec!["even".into(), "odd".into()]);
        let head = HeadConfig { dropout: Some(0.0), ..head };
        let head = Head::new("odd", &head, &base, Seed::new(3)).expect("it fits");
        let model = AdapterModel::new(base.clone(), Some(adapter), head);
        let optimiser = OptimiserConfig::Sgd { momentum: 0.9, weight_decay: 0.0 };
        let options = TrainOptions { accumulate, optimiser, learning_rate: 0.1, ..options(2) };
        let trained = Trainer::new(model, &data(), None, options).expect("it fits").run(&mut ()).expect("it trains");
        let loss = |record: &Record| if let Record::Step(step) = record { Some(step.loss) } else { None };
        trained.history.iter().filter_map(loss).collect::<Vec<f64>>()
    };
    let (whole, cut) = (losses(1), losses(3));
    let most = whole.iter().zip(&cut).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(whole.len() == 15 && most < 1e-4, "{most:.1e}: {whole:?} {cut:?}");
}

/// Which adapters have gradients where the lowest layers are without theirs, in models of one task and of several.
#[test]
fn layers_without_adapters_have_no_gradients() {
    let data = data();
    let all = data.batch(&(0..data.len()).collect::<Vec<_>>(), Seed::new(0));
    let supervision: &dyn Supervision<f32> = supervision::of(data.task());
    let objective = supervision.objective(&all);
    let lowest = |names: Vec<String>| {
        let layer = |name: &String| name.strip_prefix("adapter.layer.")?.split('.').next()?.parse::<usize>().ok();
        names.iter().filter_map(layer).min()
    };
    fn with_gradients(model: &dyn Parameters<f32>, gradients: &Gradients<f32>) -> Vec<String> {
        let has = |parameter: &dyn adaptune_tensor::AnyParameter<f32>| {
            parameter.slot().is_some_and(|slot| gradients.get(slot).is_some())
        };
        model.parameters().into_iter().filter(|(_, p)| has(*p)).map(|(name, _)| name).collect()
    }
    let base = base();
    let tasks = MultiTask::new(&["odd"], &MtlLoraConfig::mtl_lora(), base.config(), Seed::new(2)).expect("they fit");
    let mut several = MultiTaskModel::new(base.clone(), tasks, vec![head("odd", &base)]).expect("it fits");
    let mut one = model(METHOD);
    for layers in [2, 0, 1] {
        one.leave_out_lowest(layers).expect("some are left");
        several.leave_out_lowest(layers).expect("some are left");
        let part = || adaptune_adapters::TaskBatch {
            task: 0,
            entry: (&all.batch).into(),
            objective: &*objective,
            weight: 1.0,
        };
        let pass = adaptune_transformer::Pass::differentiate();
        let mut gradients = Gradients::new();
        Model::loss_and_gradients(&one, vec![part()], pass, &mut gradients).expect("a good batch");
        assert_eq!(lowest(with_gradients(&one, &gradients)), Some(layers));
        let mut gradients = Gradients::new();
        Model::loss_and_gradients(&several, vec![part()], pass, &mut gradients).expect("a good batch");
        assert_eq!(lowest(with_gradients(&several, &gradients)), Some(layers));
    }
}

#[test]
fn what_cannot_be_left_out_is_said_before_the_run() {
    let refused = |method: &str, options: TrainOptions| {
        let data = data();
        let error = Trainer::new(model(method), &data, None, options).err().map(|error| error.to_string());
        error.unwrap_or_else(|| panic!("{method} is not refused"))
    };
    let error = refused(METHOD, options(3));
    assert!(
        error.contains("layer drop: without the modules of the lowest 3 layers") && error.contains("at most 2"),
        "{error}"
    );
    let error = refused("seq_bn[leave_out=[1,2]]", options(1));
    assert!(error.contains("at most 0"), "{error}");
    let error = refused("prompt_tuning", options(1));
    assert!(error.contains("nothing is plugged into any layer"), "{error}");
    let cache = Some(CacheLimits { memory: 1 << 20, disk: 0 });
    let error = refused("seq_bn[leave_out=[0]]", TrainOptions { cache, ..options(1) });
    assert!(error.contains("choose layer drop or the cache"), "{error}");
}
