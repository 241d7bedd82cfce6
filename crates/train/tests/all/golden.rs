//! Twenty steps of AdamW with warm-up, clipping and decay follow PyTorch: losses, gradient norms,
//! learning rates, and where every tensor ends.

use adaptune_adapters::objective::{Classification, Objective};
use adaptune_adapters::{AdapterModel, format};
use adaptune_tensor::Parameters;
use adaptune_tensor::{Gradients, Layout, Scalar};
use adaptune_test_support::largest_difference;
use adaptune_train::{LearningRate, Optimiser, OptimiserConfig, Schedule, Trainable, Warmup, clip_by_global_norm};
use adaptune_transformer::weights::{TensorFile, TensorSource, write_safetensors};
use adaptune_transformer::{Batch, Encoder, Pass};
use ndarray::ArrayD;
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../adapters/tests/fixtures").join(name)
}

/// The fixture; its integers are read through the `safetensors` crate.
struct Fixture {
    file: TensorFile,
    bytes: Vec<u8>,
}

impl Fixture {
    fn open(path: &Path) -> Self {
        let file = TensorFile::open(path).unwrap_or_else(|e| panic!("{e}"));
        Self { file, bytes: std::fs::read(path).expect("it was opened") }
    }

    fn text(&self, key: &str) -> &str {
        self.file.metadata().and_then(|m| m.get(key)).unwrap_or_else(|| panic!("no metadata {key}"))
    }

    fn floats(&self, name: &str) -> ArrayD<f64> {
        self.file.read(name).unwrap_or_else(|e| panic!("{e}"))
    }

    fn integers(&self, name: &str) -> Vec<usize> {
        let tensors = safetensors::SafeTensors::deserialize(&self.bytes).expect("it was read before");
        let data = tensors.tensor(name).unwrap_or_else(|e| panic!("{name}: {e}")).data().to_vec();
        data.chunks_exact(8).map(|b| i64::from_le_bytes(b.try_into().expect("eight bytes")) as usize).collect()
    }

    fn batch(&self, i: usize) -> (Batch, Classification) {
        let read = |part: &str| self.integers(&format!("batch.{i}.{part}"));
        let narrow = |part: &str| read(part).into_iter().map(|v| v as u32).collect::<Vec<_>>();
        let (ids, types, layout) = (narrow("token_ids"), narrow("token_types"), Layout::from_lengths(&read("lengths")));
        let batch = Batch::new(layout.ranges().map(|r| (&ids[r.clone()], &types[r]))).expect("as many types as ids");
        (batch, Classification(read("labels")))
    }

    fn model<S: Scalar>(&self) -> AdapterModel<S> {
        let directory = tempfile::tempdir().expect("a temporary folder");
        for (prefix, name) in [("adapter:", "adapter.safetensors"), ("head:", "model_head.safetensors")] {
            let names = self.file.names().into_iter().filter_map(|n| n.strip_prefix(prefix).map(str::to_owned));
            let tensors: Vec<_> = names.map(|n| (n.clone(), self.floats(&format!("{prefix}{n}")))).collect();
            let views: Vec<_> = tensors.iter().map(|(n, t)| (n.clone(), t.view())).collect();
            write_safetensors(&directory.path().join(name), &views, &Default::default()).expect("written");
        }
        for part in ["adapter_config", "head_config"] {
            std::fs::write(directory.path().join(part).with_extension("json"), self.text(part)).expect("written");
        }
        let base = Encoder::load(&folder("models").join(self.text("model"))).unwrap_or_else(|e| panic!("{e}"));
        format::load(directory.path(), Arc::new(base)).unwrap_or_else(|e| panic!("{e}"))
    }
}

const STEPS: usize = 20;
const CONFIG: OptimiserConfig = OptimiserConfig::AdamW { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.01 };

fn follow<S: Scalar>(losses: f64, values: f64) {
    let fixture = Fixture::open(&folder("train/bert-double_seq_bn.safetensors"));
    let mut model = fixture.model::<S>();
    let rate = LearningRate::new(Schedule::Linear, Warmup::Steps(5), STEPS);
    let mut optimiser = Optimiser::new(CONFIG, &model.parameters()).expect("sound settings");
    let expected = |name: &str| fixture.floats(name).iter().copied().collect::<Vec<_>>();
    let (loss_of, norm_of, rate_of) = (expected("losses"), expected("gradient_norms"), expected("learning_rates"));
    for step in 0..STEPS {
        let (batch, targets) = fixture.batch(step % 4);
        let mut gradients = Gradients::new();
        let weight = S::from_f64(1.0 / Objective::<f64>::count(&targets) as f64);
        let loss = model.loss_and_gradients(&batch, &targets, weight, Pass::differentiate(), &mut gradients);
        let loss = loss.unwrap_or_else(|e| panic!("{e}")).to_f64();
        let norm = clip_by_global_norm(&mut gradients, 1.0);
        let learning_rate = 5e-3 * rate.factor(step);
        for (what, found, expected) in [
            ("loss", loss, loss_of[step]),
            ("gradient norm", norm, norm_of[step]),
            ("learning rate", learning_rate, rate_of[step]),
        ] {
            let off = (found - expected).abs() / expected.abs().max(1e-12);
            assert!(off < losses, "step {step}: {what} is {found}, not {expected} (off by {off:.1e})");
        }
        let mut trainables: Vec<_> =
            model.trainable_mut().into_iter().map(|(name, p)| Trainable::new(name, p, learning_rate)).collect();
        optimiser.step(&mut trainables, &gradients);
    }
    check_end(&fixture, &model, values);
}

fn check_end<S: Scalar>(fixture: &Fixture, model: &AdapterModel<S>, tolerance: f64) {
    for (names, parameter) in format::named_parameters(model) {
        let part = if names[0].starts_with("heads.") { "head" } else { "adapter" };
        let expected = fixture.floats(&format!("final:{part}:{}", names[0]));
        let off = largest_difference(parameter.values().iter().map(|v| v.to_f64()), expected);
        assert!(off < tolerance, "{} ends off by {off:.1e}", names[0]);
    }
}

#[test]
fn twenty_steps_in_single_precision() {
    follow::<f32>(1e-4, 1e-4);
}

#[test]
fn twenty_steps_in_double_precision() {
    follow::<f64>(1e-9, 1e-9);
}
