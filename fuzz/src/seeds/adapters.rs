//! Adapters of every method, heads of every task, setups, a checkpoint.

use super::{Result, Seeds, read};
use crate::small::{adapter, base, checkpointed, head};
use adaptune_adapters::format::{save, save_head, save_peft, save_peft_with_head};
use adaptune_adapters::{AdapterModel, PRESETS, Task};
use std::fs;

const HEAD: [&str; 2] = ["head_config.json", "model_head.safetensors"];

/// Each preset with its own numbers, and with small ones.
fn methods() -> Vec<String> {
    let small = [
        "seq_bn[reduction_factor=4]",
        "lora[r=2,alpha=3]",
        "lora[r=2,use_gating=True]",
        "vera[r=3]",
        "dora[r=2]",
        "prefix_tuning[prefix_length=2,bottleneck_size=3]",
        "prefix_tuning_flat[prefix_length=2]",
        "prompt_tuning[prompt_length=2]",
        "loreft[r=1]",
        "compacter[phm_dim=2,reduction_factor=2]",
        "unipelt",
        "mam",
        "seq_bn[reduction_factor=4]|lora[r=2]",
        "mtl_lora[r=2]",
    ];
    small.into_iter().map(str::to_owned).chain(PRESETS.iter().map(|preset| preset.name.to_owned())).collect()
}

pub(super) fn adapters() -> Result<Seeds> {
    let mut seeds = Seeds::new();
    for method in methods() {
        let Some(adapter) = method.parse().ok().and_then(|method| adapter("a", &method)) else { continue };
        let folder = tempfile::tempdir()?;
        if save_peft(&adapter, base(), folder.path()).is_ok() {
            seeds.push(read(folder.path(), &["adapter_config.json", "adapter_model.safetensors"]));
        }
        let folder = tempfile::tempdir()?;
        let head = head("a", Task::TAGGING);
        if save_peft_with_head(&adapter, &head, base(), folder.path()).is_ok() {
            seeds.push(read(folder.path(), &["adapter_config.json", "adapter_model.safetensors", HEAD[0], HEAD[1]]));
        }
        let folder = tempfile::tempdir()?;
        let model = AdapterModel::new(base().clone(), Some(adapter), head);
        if save(&model, folder.path()).is_ok() {
            seeds.push(read(folder.path(), &["adapter_config.json", "adapter.safetensors", HEAD[0], HEAD[1]]));
        }
    }
    Ok(seeds)
}

pub(super) fn heads() -> Result<Seeds> {
    let mut seeds = Seeds::new();
    for task in [Task::CLASSIFICATION, Task::REGRESSION, Task::TAGGING, Task::MULTIPLE_CHOICE] {
        let folder = tempfile::tempdir()?;
        save_head(&head("a", task), base(), folder.path())?;
        seeds.push(read(folder.path(), &HEAD));
    }
    Ok(seeds)
}

pub(super) fn setups() -> Seeds {
    let setup = |adapters: &str, of_adaptune: &str| {
        format!(
            "{{\"adapter_setup\": {adapters}, \"head_setup\": \"c\", \"version\": \"adapters.1.0.0\"{of_adaptune}}}"
        )
    };
    let stack = r#"["Stack", ["a", "b"]]"#;
    let nested = r#"["Stack", [["Stack", ["a"]], "b", "a"]]"#;
    let mut seeds = vec![
        setup(stack, ""),
        setup(nested, ""),
        setup(r#"["Average", ["a", "b"]]"#, ""),
        setup("null", ""),
        setup(stack, r#", "expression": "layer_drop(stack(a, b), layers=[0])""#),
        r#"{"adapter_setup": "stack(a, layer_drop(b, layers=[0]))", "head_setup": "c"}"#.to_owned(),
    ];
    // As the project writes it.
    let folder = tempfile::tempdir().expect("a folder can be made");
    let named = |name: &str| adapter(name, &"lora[r=2]".parse().expect("a method")).map(Into::into);
    for text in ["stack(a, b)", "layer_drop(stack(a, b), layers=[0])"] {
        let expression = text.parse().expect("an expression");
        let setup = adaptune_adapters::Setup::of(&expression, base().config(), named).expect("a setup");
        let model = AdapterModel::new(base().clone(), None, head("c", Task::CLASSIFICATION));
        let model = model.with_setup(setup).expect("it fits");
        adaptune_adapters::format::save_setup(&model, folder.path()).expect("it can be saved");
        seeds.push(fs::read_to_string(folder.path().join("adapter_setup.json")).expect("it was written"));
    }
    seeds.into_iter().map(String::into_bytes).collect()
}

pub(super) fn checkpoints() -> Result<Seeds> {
    let folder = tempfile::tempdir()?;
    checkpointed(folder.path()).run(&mut ())?;
    Ok(vec![read(folder.path(), &["checkpoint.safetensors", "metrics.jsonl"])])
}
