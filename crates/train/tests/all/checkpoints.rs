//! What a checkpoint holds, which runs may go on from it, and that a refused one changes nothing.

use adaptune_adapters::{Adapter, AdapterModel, Head, HeadConfig, Method, Task};
use adaptune_tensor::{Activation, Parameters, Seed};
use adaptune_train::*;
use adaptune_transformer::weights::{TensorFile, TensorSource, write_safetensors};
use adaptune_transformer::{Config, Encoder, Family};
use ndarray::ArrayD;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn data(from: u32, n: u32) -> Dataset {
    let example =
        |i: u32| Example::new(vec![1, 10 + i % 30, 5 + i % 4], vec![0, 0, 1], Target::Class((i % 2) as usize));
    Dataset::new(Task::CLASSIFICATION, 2, (from..from + n).map(example).collect()).expect("sound examples")
}

fn base() -> Arc<Encoder<f32>> {
    let config = Config { vocabulary: 64, positions: 16, ..Config::bert(16, 2, 2, 32) };
    Arc::new(Encoder::random(config, 0.15, Seed::new(1)))
}

fn adapter(name: &str, method: &str, seed: u64) -> Adapter<f32> {
    let method: Method = method.parse().expect("a known method");
    Adapter::on(name, &method, &base(), Seed::new(seed)).expect("fits")
}

fn model(adapter: Adapter<f32>, below: Vec<Adapter<f32>>) -> AdapterModel<f32> {
    let base = base();
    let head = HeadConfig::new(Task::CLASSIFICATION, vec!["even".into(), "odd".into()]);
    let head = Head::new("odd", &head, &base, Seed::new(3)).expect("fits");
    let frozen = |mut adapter: Adapter<f32>| {
        adapter.freeze();
        Arc::new(adapter)
    };
    AdapterModel::new(base, Some(adapter), head).upon(below.into_iter().map(frozen).collect()).expect("they stack")
}

fn plain() -> AdapterModel<f32> {
    model(adapter("odd", "seq_bn[reduction_factor=4]", 2), Vec::new())
}

fn options() -> TrainOptions {
    TrainOptions { epochs: 2, batch_size: 12, learning_rate: 1e-2, seed: 5, ..Default::default() }
}

/// A folder, and data to train on.
struct Bench {
    folder: tempfile::TempDir,
    train: Dataset,
    dev: Dataset,
}

impl Bench {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder"), train: data(0, 50), dev: data(100, 20) }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("checkpoint")
    }

    fn trainer(&self, model: AdapterModel<f32>, options: TrainOptions) -> Trainer<'_, f32> {
        let trainer = Trainer::new(model, &self.train, Some(&self.dev), options).expect("fits");
        trainer.with_checkpoint(self.path(), 2)
    }

    /// Runs a model to its end, which leaves a checkpoint of that.
    fn run(&self, model: AdapterModel<f32>, options: TrainOptions) -> Trained<f32> {
        self.trainer(model, options).run(&mut ()).expect("trains")
    }

    /// Why a run of this model may not go on from the checkpoint; nothing if it may.
    fn refusal(&self, model: AdapterModel<f32>) -> String {
        self.trainer(model, options()).resume().err().map(|e| e.to_string()).unwrap_or_default()
    }
}

const LANGUAGE: &str = "seq_bn[reduction_factor=8]";

#[test]
fn a_run_upon_other_adapters_is_refused() {
    let bench = Bench::new();
    let task = || adapter("odd", "seq_bn[reduction_factor=4]", 2);
    let upon = |below: Vec<Adapter<f32>>| model(task(), below);
    let (a, b) = (|seed| adapter("language", LANGUAGE, seed), || adapter("other", LANGUAGE, 8));
    bench.run(upon(vec![a(7), b()]), options());
    assert_eq!(bench.refusal(upon(vec![a(7), b()])), "", "the very run goes on");
    for (below, words) in [
        (vec![a(9), b()], "the fingerprint of adapter 1 below was"),
        (vec![b(), a(7)], "the name of adapter 1 below was language, but now is other"),
        (vec![a(7)], "the number of adapters below was 2, but now is 1"),
        (vec![], "the number of adapters below was 2, but now is 0"),
        (
            vec![a(7), adapter("other", "seq_bn[reduction_factor=8,non_linearity=gelu]", 8)],
            "the non_linearity of adapter 2 below was \"relu\", but now is \"gelu\"",
        ),
    ] {
        let message = bench.refusal(upon(below));
        assert!(message.contains(words) && message.contains("belongs to another run"), "{words}: {message}");
    }
}

/// VeRA's projections are drawn and never train, so all that trains may be the same where they are not.
#[test]
fn a_run_with_other_constants_is_refused() {
    let bench = Bench::new();
    let vera = |name, seed| adapter(name, "vera[r=3]", seed);
    let values = |adapter: &Adapter<f32>| -> Vec<f32> {
        adapter.parameters().iter().flat_map(|(_, p)| p.values().to_vec()).collect()
    };
    assert_eq!(values(&vera("odd", 2)), values(&vera("odd", 4)), "the test is about nothing otherwise");
    bench.run(model(vera("odd", 2), vec![vera("below", 6)]), options());
    assert_eq!(bench.refusal(model(vera("odd", 2), vec![vera("below", 6)])), "", "the very run goes on");
    let own = bench.refusal(model(vera("odd", 4), vec![vera("below", 6)]));
    assert!(own.contains("the fingerprint of the adapter's constants was"), "{own}");
    let below = bench.refusal(model(vera("odd", 2), vec![vera("below", 7)]));
    assert!(below.contains("the fingerprint of adapter 1 below was"), "{below}");
}

#[test]
fn a_base_that_computes_otherwise_with_the_same_weights_is_refused() {
    let bench = Bench::new();
    let with = |change: fn(Config) -> Config| {
        let base = Arc::new(Encoder::random(change(base().config().clone()), 0.15, Seed::new(1)));
        let head = HeadConfig::new(Task::CLASSIFICATION, vec!["even".into(), "odd".into()]);
        AdapterModel::new(base.clone(), None, Head::new("odd", &head, &base, Seed::new(3)).expect("fits"))
    };
    bench.run(with(|config| config), options());
    assert_eq!(bench.refusal(with(|config| config)), "", "the very run goes on");
    type Change = (fn(Config) -> Config, &'static str);
    let changes: [Change; 4] = [
        (
            |config| Config { norm_epsilon: 1e-5, ..config },
            "the base model's layer_norm_eps was 1e-12, but now is 1e-5",
        ),
        (|config| Config { heads: 4, ..config }, "the base model's num_attention_heads was 2, but now is 4"),
        (
            |config| Config { activation: Activation::Relu, ..config },
            "the base model's activation was gelu, but now is relu",
        ),
        (
            |config| Config { family: Family::ROBERTA, ..config },
            "the base model's model_type was bert, but now is roberta",
        ),
    ];
    for (change, words) in changes {
        let message = bench.refusal(with(change));
        assert!(message.contains(words), "{words}: {message}");
    }
}

type Tensors = BTreeMap<String, ArrayD<f32>>;

/// A change to a checkpoint, and words of the message about it.
type Damage = (&'static str, fn(&mut Tensors), &'static str);

fn first(tensors: &Tensors, prefix: &str) -> String {
    tensors.keys().find(|name| name.starts_with(prefix)).expect("a checkpoint has it").clone()
}

fn cut(tensors: &mut Tensors, prefix: &str) {
    let name = first(tensors, prefix);
    tensors.insert(name, ArrayD::zeros(vec![1, 7]));
}

/// The numbers of a tensor in another order, as a transposition of a square matrix leaves them.
fn transpose(tensors: &mut Tensors, name: &str) {
    let array = tensors.get_mut(name).expect("a checkpoint has it");
    assert!(array.shape()[0] == array.shape()[1] && array.shape()[0] > 1, "the test is about nothing otherwise");
    *array = array.t().as_standard_layout().to_owned();
}

const DAMAGES: [Damage; 15] = [
    ("no best weights", |t| t.retain(|name, _| !name.starts_with("best.")), "best epoch: the values of"),
    (
        "a renamed best weight",
        |t| {
            let name = first(t, "best.adapter");
            let array = t.remove(&name).expect("it is there");
            t.insert(format!("{name}x"), array);
        },
        "are missing",
    ),
    ("a transposed weight", |t| transpose(t, "model.head.layer.0.weight"), "not those that were written"),
    ("a transposed best weight", |t| transpose(t, "best.head.layer.0.weight"), "not those that were written"),
    (
        "a square below zero",
        |t| {
            let name = first(t, "optimiser.exp_avg_sq.");
            t.get_mut(&name).expect("it is there").fill(-1.0);
        },
        "holds -1, expected squares",
    ),
    (
        "more steps than the run has",
        |t| {
            let name = first(t, "optimiser.step.");
            t.get_mut(&name).expect("it is there").fill(11.0);
        },
        "holds 11, expected at most the steps of the run",
    ),
    ("no moment", |t| drop(t.remove(&first(t, "optimiser.exp_avg."))), "optimiser state exp_avg"),
    (
        "a moment too many",
        |t| drop(t.insert("optimiser.exp_avg.99".into(), ArrayD::zeros(vec![2]))),
        "exp_avg.99 is unexpected",
    ),
    ("a cut moment", |t| cut(t, "optimiser.exp_avg_sq."), "has shape [1, 7]"),
    ("no weight", |t| drop(t.remove(&first(t, "model.head"))), "are missing"),
    ("a cut weight", |t| cut(t, "model.adapter"), "has shape [1, 7]"),
    (
        "a weight too many",
        |t| drop(t.insert("model.adapter.x".into(), ArrayD::zeros(vec![2]))),
        "adapter.x is unexpected",
    ),
    ("no best weight", |t| drop(t.remove(&first(t, "best.head"))), "are missing"),
    ("a cut best weight", |t| cut(t, "best.adapter"), "has shape [1, 7]"),
    ("something else", |t| drop(t.insert("x".into(), ArrayD::zeros(vec![2]))), "x is unexpected"),
];

fn damage(path: &Path, change: fn(&mut Tensors)) {
    rewrite(path, |tensors, _| change(tensors));
}

fn rewrite(path: &Path, change: impl FnOnce(&mut Tensors, &mut BTreeMap<String, String>)) {
    let file = TensorFile::open(path).expect("a whole checkpoint");
    let mut tensors: Tensors =
        file.names().into_iter().map(|name| (name.to_owned(), file.read(name).expect("sound numbers"))).collect();
    let mut metadata =
        file.metadata().expect("a checkpoint has some").iter().map(|(k, v)| (k.clone(), v.clone())).collect();
    change(&mut tensors, &mut metadata);
    let views: Vec<_> = tensors.iter().map(|(name, array)| (name.clone(), array.view())).collect();
    write_safetensors(path, &views, &metadata).expect("written");
}

fn bytes(model: &AdapterModel<f32>) -> Vec<u32> {
    model.parameters().iter().flat_map(|(_, p)| p.values().iter().map(|v| v.to_bits()).collect::<Vec<_>>()).collect()
}

/// Neither model nor optimiser nor position are touched: the trainer then runs as if it had never seen the checkpoint.
#[test]
fn a_refused_checkpoint_changes_nothing() {
    let bench = Bench::new();
    let fresh = bench.run(plain(), options());
    let whole = fs::read(bench.path()).expect("a checkpoint");
    for (what, change, words) in DAMAGES {
        damage(&bench.path(), change);
        let mut trainer = bench.trainer(plain(), options());
        let before = (bytes(trainer.model()), trainer.extent());
        let message = trainer.resume().expect_err(what).to_string();
        assert!(message.contains(words) && message.contains("damaged"), "{what}: {message}");
        assert!(before == (bytes(trainer.model()), trainer.extent()), "{what}: the model was changed");
        let trained = trainer.run(&mut ()).expect("trains");
        assert_eq!((bytes(&trained.model), &trained.history), (bytes(&fresh.model), &fresh.history), "{what}");
        assert!(fs::read(bench.path()).expect("a checkpoint") == whole, "{what}: another checkpoint at the end");
    }
}

/// The run takes 10 steps, 5 an epoch.
#[test]
fn a_position_that_the_records_do_not_bear_out_is_refused() {
    let bench = Bench::new();
    bench.run(plain(), options());
    let whole = fs::read(bench.path()).expect("a checkpoint");
    for (field, value, words) in [
        ("epoch", "1000", "it counts 1000 finished epochs, but its records 2"),
        ("epoch", "1", "it counts 1 finished epochs, but its records 2"),
        ("batch", "18446744073709551615", "18446744073709551615 batches"),
        ("batch", "18446744073709551616", "damaged"),
        ("batch", "5", "it counts 5 batches of the epoch under way, but its records 0"),
        ("step", "18446744073709551615", "it counts 18446744073709551615 steps, but its records 10"),
        ("step", "0", "it counts 0 steps"),
        ("step", "-1", "damaged"),
        ("stale", "7", "it counts 7 epochs since the best one"),
        ("stopped", "true", "patience"),
        ("stopped", "1", "damaged"),
        ("past", "{\"bytes\":0,\"fingerprint\":0}", "but its records 0"),
        ("past", "{\"bytes\":18446744073709551615,\"fingerprint\":0}", "are not the past"),
        ("more", "1", "damaged"),
    ] {
        fs::write(bench.path(), &whole).expect("written");
        rewrite(&bench.path(), |_, metadata| {
            let mut position: serde_json::Value = serde_json::from_str(&metadata["position"]).expect("JSON");
            position[field] = serde_json::from_str(value).expect("JSON");
            metadata.insert("position".into(), position.to_string());
        });
        let mut trainer = bench.trainer(plain(), options());
        let before = (bytes(trainer.model()), trainer.extent());
        let message = trainer.resume().expect_err(field).to_string();
        assert!(message.contains(words) && message.contains("damaged"), "{field} {value}: {message}");
        assert!(before == (bytes(trainer.model()), trainer.extent()), "{field} {value}: the model was changed");
    }
}

/// Epoch, batch and step of an earlier moment are consistent by themselves, and only the records tell.
#[test]
fn an_earlier_position_with_later_records_is_refused() {
    let bench = Bench::new();
    bench.run(plain(), options());
    rewrite(&bench.path(), |_, metadata| {
        let mut position: serde_json::Value = serde_json::from_str(&metadata["position"]).expect("JSON");
        (position["epoch"], position["batch"], position["step"]) = (1.into(), 2.into(), 7.into());
        metadata.insert("position".into(), position.to_string());
    });
    let message = bench.refusal(plain());
    assert!(message.contains("it counts 7 steps, but its records 10"), "{message}");
}

/// Length of the header of a safetensors file.
fn header(path: &Path) -> u64 {
    let bytes = fs::read(path).expect("a checkpoint");
    u64::from_le_bytes(bytes[..8].try_into().expect("eight bytes"))
}

#[test]
fn the_header_does_not_grow_with_the_run() {
    let [short, long] = [1, 40].map(|epochs| {
        let bench = Bench::new();
        let trained = bench.run(plain(), TrainOptions { epochs, ..options() });
        (header(&bench.path()), trained.history.len())
    });
    assert!(long.1 > 30 * short.1, "{short:?} {long:?}");
    assert!(
        long.0 < short.0 + 64,
        "the header has {} bytes after {} records, and {} after {}",
        long.0,
        long.1,
        short.0,
        short.1
    );
}

#[test]
fn the_past_is_in_a_file_of_its_own() {
    let bench = Bench::new();
    let records = bench.folder.path().join("records.jsonl");
    let whole = bench.trainer(plain(), options()).with_history(records.clone()).run(&mut ()).expect("trains");
    let text = fs::read_to_string(&records).expect("the run wrote it");
    let read: Vec<Record> = text.lines().map(|line| serde_json::from_str(line).expect("a record")).collect();
    assert_eq!(read, whole.history);
    let resumed = |text: Option<&str>| {
        match text {
            Some(text) => fs::write(&records, text).expect("written"),
            None => fs::remove_file(&records).expect("it was there"),
        }
        let mut trainer = bench.trainer(plain(), options()).with_history(records.clone());
        trainer.resume().map_err(|e| e.to_string())?;
        Ok::<_, String>(trainer.run(&mut ()).expect("it is at its end").history)
    };
    // What a killed run wrote beyond its checkpoint is cut off.
    assert_eq!(resumed(Some(&format!("{text}{{\"event\":\"st"))), Ok(whole.history.clone()));
    assert_eq!(fs::read_to_string(&records).expect("it is there"), text);
    for other in [&text[..text.len() - 1], &text.replacen("\"step\":1", "\"step\":7", 1), ""] {
        let message = resumed(Some(other)).expect_err("refused");
        assert!(message.contains("records.jsonl") && message.contains("are not the past"), "{message}");
        assert_eq!(fs::read_to_string(&records).expect("it is there"), other, "it was left as it was");
    }
    let message = resumed(None).expect_err("refused");
    assert!(message.contains("cannot read") && message.contains("records.jsonl"), "{message}");
}

/// Checkpoints had no version, and their history within.
#[test]
fn a_checkpoint_of_another_version_is_named_so() {
    let bench = Bench::new();
    bench.run(plain(), options());
    let file = TensorFile::open(bench.path()).expect("a whole checkpoint");
    let tensors: Vec<(String, ArrayD<f32>)> =
        file.names().into_iter().map(|name| (name.to_owned(), file.read(name).expect("sound numbers"))).collect();
    let mut metadata: BTreeMap<String, String> = file.metadata().expect("some").clone().into_iter().collect();
    for version in [None, Some("2".to_owned()), Some("4".to_owned())] {
        metadata.remove("version");
        metadata.extend(version.map(|version| ("version".to_owned(), version)));
        let views: Vec<_> = tensors.iter().map(|(name, array)| (name.clone(), array.view())).collect();
        write_safetensors(&bench.path(), &views, &metadata).expect("written");
        let message = bench.refusal(plain());
        assert!(message.contains("another version of adaptune") && message.contains("start anew"), "{message}");
    }
}

/// Neither is a new run, in which the checkpoint would be overwritten.
#[test]
#[cfg(unix)]
fn what_is_no_checkpoint_is_called_what_it_is() {
    let bench = Bench::new();
    std::os::unix::fs::symlink("nowhere", bench.path()).expect("linked");
    let message = bench.refusal(plain());
    assert!(message.contains("it is a link to nowhere, where nothing is"), "{message}");
    fs::remove_file(bench.path()).expect("removed");
    fs::create_dir(bench.path()).expect("made");
    let message = bench.refusal(plain());
    assert!(message.contains("it is a folder, not a file"), "{message}");
}

/// Opening a pipe to write into it would wait for a reader.
#[test]
#[cfg(unix)]
fn records_are_not_written_into_a_pipe() {
    let bench = Bench::new();
    let pipe = bench.folder.path().join("records.jsonl");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().expect("it is there").success());
    let trainer = bench.trainer(plain(), options()).with_history(pipe);
    let message = trainer.run(&mut ()).expect_err("refused").to_string();
    assert!(message.contains("it is a pipe (FIFO)") && message.contains("records.jsonl"), "{message}");
}
