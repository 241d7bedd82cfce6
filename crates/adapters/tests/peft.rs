//! PEFT directories: what Python computed with them, in f64, and what comes back of them.

mod common;

use adaptune_adapters::{Adapter, AdapterModel, Head, HeadConfig, Method, Task, format};
use adaptune_tensor::{Gradients, Parameters, Seed};
use adaptune_transformer::{Encoder, Pass};
use common::{Fixture, Recorder, base, difference, files, folder, size};
use std::path::Path;

fn adapter(directory: &Path, base: &Encoder<f64>) -> Adapter<f64> {
    let mut adapter = format::load_adapter(directory, base).unwrap_or_else(|e| panic!("{e}"));
    adapter.train_from(0);
    adapter
}

/// Hidden states, and gradients of the weighed sum of the last one: DoRA's norm is a constant in both libraries.
#[test]
fn numbers_are_pythons() {
    for directory in files("peft") {
        let fixture = Fixture::open(&directory.join("expected.safetensors"));
        let (base, title) = (base::<f64>("bert"), directory.display());
        let adapter = adapter(&directory, &base);
        let (batch, recorder) = (fixture.batch("input."), Recorder::new(&adapter));
        drop(base.forward(&batch, &recorder, Pass::evaluate()).unwrap_or_else(|e| panic!("{e}")));
        for (i, state) in recorder.states().into_iter().enumerate() {
            let off = difference(state, &fixture.floats(&format!("hidden.{i}")));
            assert!(off < 1e-9, "{title}: hidden state {i} is off by {off:.1e}");
        }
        let encoded = base.forward(&batch, &adapter, Pass::differentiate()).unwrap_or_else(|e| panic!("{e}"));
        let weights = fixture.floats("weights").into_dimensionality().expect("[T, D]");
        let mut gradients = Gradients::new();
        encoded.trace.backward(weights, &mut gradients);
        check_gradients(&fixture, &adapter, &base, &gradients);
    }
}

fn check_gradients(fixture: &Fixture, adapter: &Adapter<f64>, base: &Encoder<f64>, gradients: &Gradients<f64>) {
    let Some(Method::Lora(config)) = adapter.method() else { panic!("PEFT has LoRA's kin alone") };
    let expected = fixture.file.names_with("grad:");
    assert_eq!(adapter.parameters().len(), expected.len(), "as many trainable tensors as in Python");
    for (name, parameter) in adapter.parameters() {
        let names = format::peft_names(config, base.config().family, &name);
        let name = expected.iter().find(|e| names.iter().any(|n| **e == format!("grad:{n}"))).expect("Python has it");
        let expected = fixture.floats(name);
        let gradient = gradients.get(parameter.slot().expect("everything trains")).expect("it has a gradient");
        let off = difference(gradient.iter().copied(), &expected) / size(&expected);
        assert!(off < 1e-9, "{}: the gradient of {name} is off by {off:.1e}", fixture.name);
    }
}

trait NamesWith {
    fn names_with(&self, prefix: &str) -> Vec<String>;
}

impl NamesWith for adaptune_transformer::weights::TensorFile {
    fn names_with(&self, prefix: &str) -> Vec<String> {
        use adaptune_transformer::weights::TensorSource;
        self.names().into_iter().filter(|name| name.starts_with(prefix)).map(str::to_owned).collect()
    }
}

/// What is saved is loaded, with the same configuration, numbers and name; and saved again it gives the same bytes.
#[test]
fn what_is_saved_loads_unchanged() {
    for directory in files("peft") {
        let base = base::<f64>("bert");
        let (adapter, title) = (adapter(&directory, &base), directory.display());
        let folders = [tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder")];
        format::save_peft(&adapter, &base, folders[0].path()).unwrap_or_else(|e| panic!("{title}: {e}"));
        let copy = format::load_adapter(folders[0].path(), &base).unwrap_or_else(|e| panic!("{title}: {e}"));
        assert_eq!((copy.name(), copy.method()), (adapter.name(), adapter.method()), "{title}");
        for ((name, a), (_, b)) in copy.parameters().into_iter().zip(adapter.parameters()) {
            assert_eq!(a.values(), b.values(), "{title}: {name}");
        }
        format::save_peft(&copy, &base, folders[1].path()).unwrap_or_else(|e| panic!("{title}: {e}"));
        for file in ["adapter_config.json", "adapter_model.safetensors"] {
            let [first, second] = folders.each_ref().map(|f| std::fs::read(f.path().join(file)).expect("saved"));
            assert_eq!(first, second, "{title}: {file}");
        }
    }
}

/// A model whose adapter AdapterHub does not have is saved with PEFT's files, its name in them; nothing of another
/// adapter stays beside it.
#[test]
fn models_are_saved_for_the_library_that_has_their_method() {
    let base = base::<f32>("bert");
    let directory = tempfile::tempdir().expect("a folder");
    for (text, file, other) in [
        ("lora[r=2]", "adapter.safetensors", "adapter_model.safetensors"),
        ("dora[r=2,leave_out=[1]]", "adapter_model.safetensors", "adapter.safetensors"),
        ("ia3", "adapter.safetensors", "adapter_model.safetensors"),
        ("lora[attn_matrices=[o],use_rslora=True]", "adapter_model.safetensors", "adapter.safetensors"),
        ("vera[intermediate_lora=True]", "adapter_model.safetensors", "adapter.safetensors"),
    ] {
        let adapter = Adapter::on("mine", &text.parse().expect("a method"), &base, Seed::new(1)).expect("it fits");
        let config = HeadConfig::new(Task::Classification, vec!["a".into(), "b".into()]);
        let head = Head::new("mine", &config, &base, Seed::new(2)).expect("it fits");
        let model = AdapterModel::new(base.clone(), Some(adapter), head);
        format::save(&model, directory.path()).unwrap_or_else(|e| panic!("{text}: {e}"));
        assert!(directory.path().join(file).exists() && !directory.path().join(other).exists(), "{text}");
        let copy = format::load(directory.path(), base.clone()).unwrap_or_else(|e| panic!("{text}: {e}"));
        let described = format::describe(directory.path()).unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!((described[0].name.as_str(), described[0].file.as_str()), ("mine", file), "{text}");
        assert_eq!(copy.adapter().expect("there").name(), "mine", "{text}");
        let batch = adaptune_transformer::Batch::from_ids(&[&[7, 8, 9], &[10]]);
        assert_eq!(copy.logits(&batch).expect("good"), model.logits(&batch).expect("good"), "{text}");
    }
}

#[test]
fn what_neither_library_has_is_refused() {
    let base = base::<f32>("bert");
    for (text, words) in [
        ("lora[attn_matrices=[o],use_gating=True]", "nor has PEFT: it has no gates"),
        ("ia3[scale_inputs=[k],alpha=2]", "nor has PEFT: its IA3 has no alpha"),
        ("mtl_lora[use_rslora=True]", "nor has PEFT: it has no adapters of kind mtl_lora"),
        ("dora|par_bn", "nor has PEFT: it has no adapters of kind union"),
    ] {
        let adapter = Adapter::on("mine", &text.parse().expect("a method"), &base, Seed::new(1)).expect("it fits");
        let config = HeadConfig::new(Task::Classification, vec!["a".into(), "b".into()]);
        let head = Head::new("mine", &config, &base, Seed::new(2)).expect("it fits");
        let directory = tempfile::tempdir().expect("a folder");
        let saved = format::save(&AdapterModel::new(base.clone(), Some(adapter), head), directory.path());
        let error = saved.expect_err(text).to_string();
        assert!(error.contains(words), "{text}: {error}");
    }
}

/// The classifier that PEFT saves beside an adapter is the head of the model that is loaded.
#[test]
fn heads_come_along() {
    for directory in files("peft-heads") {
        let fixture = Fixture::open(&directory.join("expected.safetensors"));
        let base = base::<f64>(fixture.metadata("model"));
        let model = format::load(&directory, base).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(model.head().config().labels, ["LABEL_0", "LABEL_1", "LABEL_2"]);
        let off = difference(model.logits(&fixture.batch("input.")).expect("good"), &fixture.floats("logits"));
        assert!(off < 1e-9, "{}: logits are off by {off:.1e}", directory.display());
    }
    let error = format::load(&folder("peft/dora"), base::<f64>("bert")).expect_err("it has no head").to_string();
    assert!(error.contains("task_type is null"), "{error}");
}

/// Files of the same adapter with one field changed, and the reason for which each is refused.
#[test]
fn what_cannot_be_computed_is_refused() {
    let base = base::<f64>("bert");
    for (case, field, value, words) in [
        ("dora", "peft_type", "\"LOHA\"", "peft_type LOHA are not supported"),
        ("dora", "rank_pattern", "{\"query\": 4}", "rank_pattern={\"query\":4} is not supported"),
        ("dora", "modules_to_save", "[\"embeddings\"]", "modules_to_save holds \"embeddings\", which is no head"),
        ("dora", "bias", "\"all\"", "bias=\"all\" is not supported"),
        ("dora", "init_lora_weights", "\"pissa\"", "changes the base too"),
        ("dora", "target_modules", "[\"query\"]", "the weights differ about layer.0.attention_output"),
        ("dora", "r", "0", "r is 0"),
        ("dora", "r", "4", "has shape [3, 12], but [4, 12] was expected"),
        ("dora", "use_dora", "false", "lora_magnitude_vector"),
        ("vera", "save_projection", "false", "save_projection is false"),
        ("ia3", "feedforward_modules", "[\"encoder.layer.1.output.dense\"]", "otherwise than other blocks"),
    ] {
        let (from, to) = (folder("peft").join(case), tempfile::tempdir().expect("a folder"));
        std::fs::copy(from.join("adapter_model.safetensors"), to.path().join("adapter_model.safetensors"))
            .expect("copied");
        let text = std::fs::read_to_string(from.join("adapter_config.json")).expect("there");
        let mut file: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        file[field] = serde_json::from_str(value).expect("JSON");
        std::fs::write(to.path().join("adapter_config.json"), file.to_string()).expect("written");
        let error = format::load_adapter(to.path(), &base).expect_err(field).to_string();
        assert!(error.contains(words), "{case} {field}: {error}");
    }
}
