//! What is told of files that can be read, and adapters without heads.

use super::files::{Files, labels, model};
use crate::common::{base, files, folder};
use adaptune_adapters::format::{self, Note};
use adaptune_adapters::{HeadConfig, Setup, Task};
use adaptune_transformer::{Batch, Pass};
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;

/// Files that Python or this library wrote have nothing unknown in them.
#[test]
fn unknown_fields_are_named_and_known_ones_are_not() {
    for directory in files("peft").into_iter().chain(files("peft-prompts")).chain(files("peft-heads")) {
        assert_eq!(format::notes(&directory).unwrap_or_else(|e| panic!("{e}")), [], "{}", directory.display());
    }
    let files = Files::classifier();
    files.change("adapter_config.json", |file| {
        for (name, value) in
            [("of_next_year", json!(2.0)), ("idle", json!(null)), ("off", json!(false)), ("no", json!({}))]
        {
            file[name] = value;
        }
    });
    let path = files.path().join("adapter_config.json");
    let unknown = |path: PathBuf, value: Value| Note::UnknownField { path, field: "of_next_year".into(), value };
    assert_eq!(files.notes(), [unknown(path, json!(2.0))]);
    assert!(files.notes()[0].to_string().contains("of_next_year=2.0"));
    let files = Files::saved(&model("seq_bn", &HeadConfig::new(Task::CLASSIFICATION, labels())));
    assert_eq!(files.notes(), []);
    files.change("head_config.json", |file| file["config"]["of_next_year"] = "much".into());
    files.change("adapter_config.json", |file| file["of_next_year"] = true.into());
    let paths = ["adapter_config.json", "head_config.json"].map(|name| files.path().join(name));
    let [adapter, head] = paths;
    assert_eq!(files.notes(), [unknown(adapter, json!(true)), unknown(head, json!("much"))]);
}

/// AdapterHub writes NoReFT and DiReFT alike; files that were written here tell them apart.
#[test]
fn a_file_of_either_reft_is_told() {
    let head = HeadConfig::new(Task::CLASSIFICATION, labels());
    for (method, told) in [("noreft", true), ("direft", false), ("loreft", false)] {
        let files = Files::saved(&model(&format!("{method}[r=2]"), &head));
        assert_eq!(files.notes(), [], "{method}: ours");
        files.rename("adapter.safetensors", str::to_owned);
        let found = files.notes();
        assert_eq!(found.len(), usize::from(told), "{method}: {found:?}");
        if let [note] = &found[..] {
            let said = note.to_string();
            assert!(said.contains("DiReFT") && said.contains("computed as NoReFT"), "{said}");
        }
    }
}

#[test]
fn adapters_load_without_heads() {
    let base = base::<f64>("bert");
    let files = Files::copy_of(&folder("peft/rslora"));
    let parts = format::load_parts(files.path(), &base).unwrap_or_else(|e| panic!("{e}"));
    assert!(parts.head.is_none() && parts.thawed.is_none() && parts.notes.is_empty());
    let adapter = format::load_adapter(files.path(), &base).unwrap_or_else(|e| panic!("{e}"));
    let batch = Batch::from_ids(&[&[2, 7, 8]]);
    let hidden = base.forward(&batch, &parts.setup, Pass::evaluate()).expect("good").hidden;
    assert_eq!(hidden, base.forward(&batch, &adapter, Pass::evaluate()).expect("good").hidden);
    let error = files.refusal(&base);
    assert!(error.contains("hold no head") && error.contains("task_type is"), "{error}");
    let headless = Files::new();
    format::save_headless(&adapter, &base, headless.path()).unwrap_or_else(|e| panic!("{e}"));
    let again = format::load_parts(headless.path(), &base).unwrap_or_else(|e| panic!("{e}"));
    assert!(matches!(again.setup, Setup::Adapter(_)) && again.head.is_none());
}

/// A head's configuration without weights is no head where none is needed, and named where one is.
#[test]
fn a_head_without_weights_is_none() {
    let model = model("seq_bn", &HeadConfig::new(Task::CLASSIFICATION, labels()));
    let files = Files::saved(&model);
    fs::remove_file(files.path().join("model_head.safetensors")).expect("removed");
    let parts = format::load_parts(files.path(), model.base()).unwrap_or_else(|e| panic!("{e}"));
    assert!(parts.head.is_none());
    let path = files.path().join("head_config.json");
    assert_eq!(parts.notes, [Note::HeadWithoutWeights { path }]);
    assert_eq!(format::describe(files.path()).expect("readable").len(), 1);
    let error = files.refusal(model.base());
    assert!(error.contains("head_config.json is there without its weights"), "{error}");
}

#[test]
fn a_setup_loads_without_its_head() {
    let model = model("seq_bn", &HeadConfig::new(Task::CLASSIFICATION, labels()));
    let files = Files::new();
    format::save_setup(&model, files.path()).unwrap_or_else(|e| panic!("{e}"));
    let whole = format::load_parts(files.path(), model.base()).unwrap_or_else(|e| panic!("{e}"));
    assert!(whole.head.is_some());
    files.change("adapter_setup.json", |file| file["head_setup"] = Value::Null);
    let parts = format::load_parts(files.path(), model.base()).unwrap_or_else(|e| panic!("{e}"));
    assert!(parts.head.is_none() && matches!(parts.setup, Setup::Adapter(_)));
    assert!(files.refusal(model.base()).contains("head_setup"));
}
