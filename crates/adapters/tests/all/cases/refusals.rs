//! The true cause of what cannot be read.

use super::files::{Files, WEIGHTS, labels, model, numbers};
use crate::common::{base, folder};
use adaptune_adapters::format;
use adaptune_adapters::{HeadConfig, Task};
use std::fs;
use std::path::Path;

#[test]
fn a_folder_without_an_adapter_says_where_the_nearest_is() {
    let base = base::<f64>("bert");
    let files = Files::new();
    let said = |folder: &Path| {
        let error = format::load_parts(folder, &base).expect_err("nothing there").to_string();
        let described = format::describe(folder).expect_err("nothing there").to_string();
        assert_eq!(error, described);
        assert!(error.contains("holds no adapter: expected adapter_config.json or head_config.json"), "{error}");
        error
    };
    assert!(said(files.path()).contains("nor is there one in the folders within it"));
    assert!(said(&files.path().join("gone")).contains("there is no such folder"));
    fs::write(files.path().join("adapter_model.safetensors"), "").expect("written");
    assert!(said(files.path()).contains("adapter_model.safetensors is there without the configuration"));
    fs::remove_file(files.path().join("adapter_model.safetensors")).expect("removed");
    let deep = files.path().join("checkpoint-7/mine");
    fs::create_dir_all(deep.join("logs")).expect("made");
    fs::write(deep.join("adapter_config.json"), "{}").expect("written");
    let error = said(files.path());
    assert!(error.contains(&format!("there is one in {}: name that folder", deep.display())), "{error}");
    assert!(said(&deep.join("logs")).contains(&format!("there is one above, in {}", deep.display())));
    let other = files.path().join("checkpoint-9");
    fs::create_dir_all(&other).expect("made");
    fs::write(other.join("head_config.json"), "{}").expect("written");
    let error = said(files.path());
    assert!(error.contains("checkpoint-9, and 1 more folders have one"), "the nearest one first: {error}");
    assert!(said(&folder("models/bert")).contains("it is a base model"));
}

#[test]
fn pointers_of_lfs_are_named() {
    let base = base::<f64>("bert");
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 7\n";
    for name in ["adapter_config.json", "head_config.json", "adapter.safetensors", "model_head.safetensors"] {
        let files = Files::saved(&model("seq_bn", &HeadConfig::new(Task::CLASSIFICATION, labels())));
        fs::write(files.path().join(name), pointer).expect("written");
        let error = files.refusal(&base);
        assert!(error.contains(name) && error.contains("git lfs pull"), "{error}");
    }
    let files = Files::classifier();
    fs::rename(files.path().join(WEIGHTS), files.path().join("adapter_model.bin")).expect("renamed");
    fs::write(files.path().join("adapter_model.bin"), pointer).expect("written");
    assert!(files.refusal(&base).contains("git lfs pull"));
}

/// Tensors that nothing asks for are of a block that the base lacks, or of something that is not read; neither is said of the other.
#[test]
fn tensors_too_many_are_explained() {
    let base = base::<f64>("bert");
    for (name, words) in [
        ("base_model.model.bert.encoder.layer.3.attention.self.query.lora_A.weight", "the weights change block 3"),
        ("base_model.model.bert.encoder.layer.3.adapters.weight", "has the base fewer layers"),
        ("base_model.model.bert.embeddings.word_embeddings.lora_embedding_A", "that is not read here"),
        ("base_model.model.classifier.lora_A.weight", "that is not read here"),
    ] {
        let files = Files::classifier();
        let mut tensors = files.tensors(WEIGHTS);
        tensors.insert(name.into(), numbers((2, 12), 0.5).into_dyn());
        files.write(WEIGHTS, &tensors);
        let error = files.refusal(&base);
        assert!(error.contains(words), "{name}: {error}");
    }
}
