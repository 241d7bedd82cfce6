//! `adaptune budget` counts the model that is there, as training would, without reading its numbers.

use crate::common::model::{self, Sizes};
use crate::common::{Bench, json, ok};
use serde_json::json;
use std::fs;

fn counted(bench: &Bench, name: &str) -> u64 {
    let budget = json(&ok(&mut bench.command(&format!("budget --model {name} --json"))));
    budget["base"].as_u64().expect("a count")
}

fn trained(bench: &Bench, name: &str) -> u64 {
    let closing = ok(&mut bench.train(&format!("{name}-run"), &format!("--model {name} --epochs 1 --json")));
    json(&closing)["parameters"]["base"].as_u64().expect("a count")
}

#[test]
fn a_pooler_counts_where_there_is_one() {
    let bench = Bench::new();
    let sizes = Sizes::tiny();
    let pooler = (sizes.hidden * sizes.hidden + sizes.hidden) as u64;
    let with = counted(&bench, "model");
    assert_eq!(with, trained(&bench, "model"));

    model::write(&bench.path("bare"), &sizes, 1);
    let mut tensors = model::tensors(&sizes, 1);
    tensors.retain(|name, _| !name.starts_with("pooler"));
    model::write_tensors(&bench.path("bare/model.safetensors"), &tensors);
    assert_eq!(counted(&bench, "bare"), with - pooler);
    assert_eq!(counted(&bench, "bare"), trained(&bench, "bare"));

    // The same in shards, below a head, and with numbers that nobody could load.
    for (folder, pooler) in [("shards", true), ("bare-shards", false)] {
        model::write(&bench.path(folder), &sizes, 1);
        fs::remove_file(bench.path(folder).join("model.safetensors")).expect("it was written");
        let mut parts = [model::Tensors::new(), model::Tensors::new()];
        for (i, (name, mut tensor)) in model::tensors(&sizes, 1).into_iter().enumerate() {
            if pooler || !name.starts_with("pooler") {
                tensor.fill(7.0);
                parts[i % 2].insert(format!("bert.{name}"), tensor);
            }
        }
        let shard = |i: usize| format!("model-{i}.safetensors");
        let mut places = serde_json::Map::new();
        for (i, part) in parts.iter().enumerate() {
            model::write_tensors(&bench.path(folder).join(shard(i)), part);
            places.extend(part.keys().map(|name| (name.clone(), shard(i).into())));
        }
        model::write_json(&bench.path(folder).join("model.safetensors.index.json"), &json!({ "weight_map": places }));
    }
    assert_eq!((counted(&bench, "shards"), counted(&bench, "bare-shards")), (with, with - pooler));
}

#[test]
fn without_weights_it_is_what_is_usual() {
    let bench = Bench::new();
    let with = counted(&bench, "model");
    fs::remove_file(bench.path("model/model.safetensors")).expect("it was written");
    assert_eq!(counted(&bench, "model"), with);
    bench.write("model/pytorch_model.bin", "PK");
    bench.refuses("budget --model model", &["pytorch_model.bin is no file of torch.save"]);
    bench.write("model/model.safetensors", "no weights");
    bench.refuses("budget --model model", &["model.safetensors"]);
}

#[test]
fn the_model_that_is_part_of_the_program_is_counted_as_it_is() {
    let bench = Bench::new();
    let closing = ok(&mut bench.command("train --task builtin:topic@A --method head --epochs 1 --out b --json"));
    assert_eq!(json(&closing)["parameters"]["base"].as_u64(), Some(counted(&bench, "builtin")));
}

/// What is counted is what a training would train, whatever it is.
#[test]
fn every_way_of_tuning_is_counted() {
    let bench = Bench::new();
    for method in
        ["seq_bn[reduction_factor=4]", "lora[r=3]", "prefix_tuning[prefix_length=5]", "full", "bitfit", "head"]
    {
        let budget = json(&ok(&mut bench.command(&format!("budget --model model --method {method} --json"))));
        let run = json(&ok(
            &mut bench.train(&format!("run-{}", &method[..4]), &format!("--method {method} --epochs 1 --json"))
        ));
        for part in ["base", "adapter", "thawed", "head"] {
            assert_eq!(budget[part], run["parameters"][part], "{method}: {part}");
        }
    }
}

#[test]
fn a_model_beyond_all_memory_is_counted_at_once() {
    let bench = Bench::new();
    let mut config = model::config(&Sizes::tiny());
    config["num_hidden_layers"] = 65_536.into();
    model::write_json(&bench.path("model/config.json"), &config);
    fs::remove_file(bench.path("model/model.safetensors")).expect("it was written");
    let prefix = "prefix_tuning[prefix_length=65536,bottleneck_size=65536]";
    for method in ["seq_bn", "vera[r=65536]", "prompt_tuning[prompt_length=65536]", prefix] {
        let budget = json(&ok(&mut bench.command(&format!("budget --model model --method {method} --json"))));
        assert!(budget["base"].as_u64().expect("a count") > 65_536 * 1_000, "{budget}");
    }
}
