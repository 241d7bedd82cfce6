//! Trees of adapters under the ordinary trainer: what trains of them changes, what is frozen stays, and a run that was
//! interrupted ends in the same bytes.

use adaptune_adapters::{Adapter, AdapterModel, Head, HeadConfig, LayerDrop, Setup, Stack, Task};
use adaptune_tensor::{Parameters, Seed};
use adaptune_train::*;
use adaptune_transformer::{Config, Encoder};
use std::sync::Arc;

/// Is the second token odd? Sequences of several lengths.
pub(crate) fn data() -> Dataset {
    let example = |i: u32| {
        let mut token_ids = vec![1, 10 + i % 30];
        token_ids.extend((0..i % 4).map(|j| 5 + j));
        Example::single(token_ids, Target::Class((i % 2) as usize))
    };
    Dataset::new(Task::CLASSIFICATION, 2, (0..60).map(example).collect()).expect("sound examples")
}

fn base() -> Arc<Encoder<f32>> {
    let config = Config { vocabulary: 64, positions: 16, ..Config::bert(16, 2, 2, 32) };
    Arc::new(Encoder::random(config, 0.15, Seed::new(1)).with_dropout(0.1, 0.1))
}

fn adapter(name: &str, method: &str, base: &Encoder<f32>) -> Adapter<f32> {
    let mut adapter = Adapter::on(name, &method.parse().expect("a method"), base, Seed::new(2)).expect("it fits");
    for (parameter, values) in adapter.parameters_mut() {
        let seed = Seed::new(7).named(name).named(&parameter);
        values.values_mut().iter_mut().enumerate().for_each(|(i, v)| *v += 0.2 * seed.unit(i as u64) as f32 - 0.1);
    }
    adapter
}

/// A bottleneck and a LoRA that train, upon a frozen adapter.
fn model(base: &Arc<Encoder<f32>>, frozen: &Arc<Adapter<f32>>) -> AdapterModel<f32> {
    let parts: Vec<Setup<f32>> = vec![
        frozen.clone().into(),
        adapter("style", "lora[r=2,dropout=0.1]", base).into(),
        adapter("odd", "double_seq_bn[reduction_factor=4,dropout=0.1]", base).into(),
    ];
    let head = HeadConfig::new(Task::CLASSIFICATION, vec!["even".into(), "odd".into()]);
    let head = Head::new("odd", &head, base, Seed::new(3)).expect("it fits");
    let stack = Stack::new(base.config(), parts).expect("a stack");
    AdapterModel::new(base.clone(), None, head).with_setup(stack).expect("two of them train")
}

pub(crate) fn values(of: &impl Parameters<f32>) -> Vec<(String, Vec<f32>)> {
    of.parameters().into_iter().map(|(name, parameter)| (name, parameter.values().to_vec())).collect()
}

fn options() -> TrainOptions {
    TrainOptions { epochs: 4, batch_size: 12, learning_rate: 1e-2, seed: 5, ..Default::default() }
}

fn losses(history: &[Record]) -> Vec<f64> {
    history.iter().filter_map(|record| if let Record::Step(step) = record { Some(step.loss) } else { None }).collect()
}

#[test]
fn both_adapters_of_a_stack_learn_and_the_frozen_one_stays() {
    let (base, data) = (base(), data());
    let frozen = Arc::new(adapter("german", "seq_bn_inv[reduction_factor=4]", &base));
    let (before, begun) = (values(&*frozen), values(&model(&base, &frozen)));
    let options = TrainOptions { epochs: 24, ..options() };
    let trained = Trainer::new(model(&base, &frozen), &data, None, options).expect("it fits");
    let trained = trained.run(&mut ()).expect("it trains");
    assert_eq!(values(&*frozen), before);
    assert_eq!(trained.model.setup().to_string(), "stack(german, style, odd)");
    let ended = values(&trained.model);
    for ((name, begun), (ended_name, ended)) in begun.iter().zip(&ended) {
        assert_eq!(name, ended_name);
        assert_ne!(begun, ended, "{name}");
    }
    let losses = losses(&trained.history);
    let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
    assert!(mean(&losses[losses.len() - 5..]) < 0.8 * mean(&losses[..5]), "{losses:?}");
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
fn an_interrupted_run_of_a_stack_ends_in_the_same_bytes() {
    let (base, data) = (base(), data());
    let frozen = Arc::new(adapter("german", "seq_bn[reduction_factor=4]", &base));
    let whole = Trainer::new(model(&base, &frozen), &data, None, options()).expect("it fits");
    let whole = values(&whole.run(&mut ()).expect("it trains").model);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("checkpoint.safetensors");
    let killed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let run = Trainer::new(model(&base, &frozen), &data, None, options()).expect("it fits");
        run.with_checkpoint(path.clone(), 3).run(&mut Killed(8))
    }));
    assert!(killed.is_err() && path.exists());
    let mut again = Trainer::new(model(&base, &frozen), &data, None, options()).expect("it fits");
    again = again.with_checkpoint(path, 3);
    assert!(again.resume().expect("it is its own"));
    assert_eq!(values(&again.run(&mut ()).expect("it trains").model), whole);
}

/// Parameters of the same names and shapes, put together otherwise or with another rate of dropout.
#[test]
fn a_run_of_another_setup_is_refused() {
    let (base, data) = (base(), data());
    let frozen = Arc::new(adapter("german", "seq_bn[reduction_factor=4]", &base));
    let stack = |dropout: &str, dropped: bool| {
        let style = Setup::from(adapter("style", &format!("lora[r=2,dropout={dropout}]"), &base));
        let style = if dropped { LayerDrop::new(style, [0]).into() } else { style };
        let odd = adapter("odd", "double_seq_bn[reduction_factor=4,dropout=0.1]", &base).into();
        let parts: Vec<Setup<f32>> = vec![frozen.clone().into(), style, odd];
        model(&base, &frozen).with_setup(Stack::new(base.config(), parts).expect("a stack")).expect("two train")
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let trainer = |model| {
        let run = Trainer::new(model, &data, None, options()).expect("it fits");
        run.with_checkpoint(folder.path().join("checkpoint.safetensors"), 3)
    };
    trainer(stack("0.1", false)).run(&mut ()).expect("it trains");
    assert!(trainer(stack("0.1", false)).resume().expect("the very run goes on"));
    for (other, words) in [
        (stack("0.2", false), "style: adapter's dropout was 0.1, but now is 0.2"),
        (
            stack("0.1", true),
            "setup was stack(german, style, odd), but now is stack(german, layer_drop(style, layers=[0]), odd)",
        ),
    ] {
        let error = trainer(other).resume().expect_err("another setup").to_string();
        assert!(error.contains(words), "{words}: {error}");
    }
}
