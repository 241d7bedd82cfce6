//! Names of tensors and fields.

use super::files::{Files, WEIGHTS, labels, logits, model, numbers};
use crate::common::base;
use adaptune_adapters::format;
use adaptune_adapters::{HeadConfig, Task};
use serde_json::{Value, json};

#[test]
fn names_of_wrappers_and_of_memory_are_those_of_files() {
    let base = base::<f64>("bert");
    let plain = logits(&Files::classifier().load(&base));
    let raw = |name: &str| name.replace("lora_A", "lora_A.default").replace("lora_B", "lora_B.default");
    let saved = |name: &str| raw(name).replace("classifier.", "classifier.modules_to_save.default.");
    let wrappers: [&dyn Fn(&str) -> String; 4] = [
        &|name| name.replace("base_model.model.", "base_model.model._orig_mod."),
        &|name| format!("_orig_mod.{name}"),
        &|name| format!("module.{}", saved(name)),
        &saved,
    ];
    for wrapped in wrappers {
        let files = Files::classifier();
        files.rename(WEIGHTS, wrapped);
        assert_eq!(logits(&files.load(&base)), plain);
        let kinds: Vec<_> =
            format::describe(files.path()).expect("readable").into_iter().map(|part| part.kind).collect();
        assert_eq!(kinds, ["adapter", "head"]);
    }
}

/// The classifier as it was before training is no part of what was trained, and two adapters are not one.
#[test]
fn what_was_replaced_is_left_out_and_two_adapters_are_refused() {
    let base = base::<f64>("bert");
    let (files, plain) = (Files::classifier(), logits(&Files::classifier().load(&base)));
    let mut tensors = files.tensors(WEIGHTS);
    tensors.insert("base_model.model.classifier.original_module.weight".into(), numbers((3, 12), 0.3).into_dyn());
    files.write(WEIGHTS, &tensors);
    assert_eq!(logits(&files.load(&base)), plain);
    let name = "base_model.model.bert.encoder.layer.0.attention.self.query.lora_A.";
    let array = tensors.remove(&format!("{name}weight")).expect("there");
    tensors.extend(["first", "second"].map(|adapter| (format!("{name}{adapter}.weight"), array.clone())));
    files.write(WEIGHTS, &tensors);
    assert!(files.refusal(&base).contains("several adapters"));
}

#[test]
fn names_and_fields_of_2020_are_read() {
    let head = HeadConfig::new(Task::CLASSIFICATION, labels());
    let model = model("double_seq_bn[reduction_factor=4,init_weights=bert]", &head);
    for (attention, feed_forward, kind) in [
        ("attention_text_task_adapters", "layer_text_task_adapters", "text_task"),
        ("attention_text_lang_adapters", "layer_text_lang_adapters", "text_lang"),
    ] {
        let files = Files::saved(&model);
        let old = |name: &str| match name.contains("attention.output") {
            true => name.replace(".adapters.", &format!(".{attention}.")),
            false => name.replace(".adapters.", &format!(".{feed_forward}.")),
        };
        files.rename("adapter.safetensors", old);
        files.change("adapter_config.json", |file| {
            file["type"] = kind.into();
            file["config_id"] = "9076f36a74755ac4".into();
            file["config"]["attention_type"] = "sent-lvl-dynamic".into();
            file["config"]["new_attention_norm"] = true.into();
            file["config"]["invertible_adapter"] = Value::Null;
        });
        assert_eq!(logits(&files.load(model.base())), logits(&model), "{kind}");
        assert_eq!(files.notes(), []);
    }
}

/// Adapters of tasks named an invertible adapter that they did not have; those of languages have it.
#[test]
fn an_invertible_adapter_of_2020_is_there_if_its_tensors_are() {
    let head = HeadConfig::new(Task::CLASSIFICATION, labels());
    let nested = json!({ "block_type": "nice", "non_linearity": "relu", "reduction_factor": 2 });
    let old = |files: &Files, kind: &str| {
        files.rename("adapter.safetensors", |name| name.replace("invertible_adapters", "invertible_lang_adapters"));
        files.change("adapter_config.json", |file| {
            file["type"] = kind.into();
            let config = file["config"].as_object_mut().expect("a map");
            config.retain(|name, _| !name.starts_with("inv_adapter"));
            config.insert("invertible_adapter".into(), nested.clone());
        });
    };
    let of_a_task = model("seq_bn[reduction_factor=4,init_weights=bert]", &head);
    let files = Files::saved(&of_a_task);
    old(&files, "text_task");
    assert_eq!(logits(&files.load(of_a_task.base())), logits(&of_a_task));
    let of_a_language = model("seq_bn_inv[reduction_factor=4,init_weights=bert]", &head);
    let files = Files::saved(&of_a_language);
    old(&files, "text_lang");
    assert_eq!(logits(&files.load(of_a_language.base())), logits(&of_a_language));
}
