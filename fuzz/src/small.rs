//! A base, adapters and a run, as small as can be.

use adaptune_adapters::{Adapter, AdapterModel, Head, HeadConfig, Method, Task};
use adaptune_tensor::Seed;
use adaptune_train::{Dataset, Example, Target, TrainOptions, Trainer};
use adaptune_transformer::{Batch, Config, Encoder};
use std::path::Path;
use std::sync::{Arc, LazyLock};

/// The configuration of [`base`].
pub fn config() -> Config {
    Config { vocabulary: 20, positions: 16, ..Config::bert(8, 2, 2, 12) }
}

/// A base that adapters and heads are loaded for.
pub fn base() -> &'static Arc<Encoder<f32>> {
    static BASE: LazyLock<Arc<Encoder<f32>>> = LazyLock::new(|| Arc::new(Encoder::random(config(), 0.3, Seed::new(1))));
    &BASE
}

/// An adapter for it.
pub fn adapter(name: &str, method: &Method) -> Option<Adapter<f32>> {
    Adapter::on(name, method, base(), Seed::new(2)).ok()
}

/// A head for it.
pub fn head(name: &str, task: Task) -> Head<f32> {
    let labels = if task.predicts_a_number() { Vec::new() } else { vec!["bad".into(), "good".into()] };
    let config = HeadConfig::new(task, labels);
    Head::new(name, &config, base(), Seed::new(3)).expect("a usual head fits")
}

/// Two short sequences.
pub fn batch() -> Batch {
    Batch::from_ids(&[&[2, 5, 3], &[4]])
}

/// Has a model that was loaded compute.
pub fn run_once(model: &AdapterModel<f32>) {
    // Numbers that a file chose may make anything of the logits, and adapters may make the sequences too long.
    let _ = model.logits(&batch());
}

/// A run of four steps that writes its checkpoint and its records into a folder.
pub fn checkpointed(folder: &Path) -> Trainer<'static, f32> {
    static DATA: LazyLock<Dataset> = LazyLock::new(|| {
        let example = |id: u32| Example::single(vec![2, id], Target::Class(id as usize % 2));
        Dataset::new(Task::CLASSIFICATION, 2, (0..4).map(example).collect()).expect("the examples fit")
    });
    let method = "seq_bn[reduction_factor=4]".parse().expect("a method");
    let model = AdapterModel::new(base().clone(), adapter("a", &method), head("a", Task::CLASSIFICATION));
    let options = TrainOptions { epochs: 2, batch_size: 2, learning_rate: 1e-3, ..TrainOptions::default() };
    let trainer = Trainer::new(model, &DATA, Some(&DATA), options).expect("the data fit");
    trainer.with_history(folder.join("metrics.jsonl")).with_checkpoint(folder.join("checkpoint.safetensors"), 1)
}
