//! Adapters put together on the command line: fused, stacked, averaged, with heads from elsewhere; and what is wrong with expressions.

use crate::common::model::{self, Sizes};
use crate::common::{Bench, contents, json, ok, refused};
use serde_json::Value;
use std::fs;

/// Two adapters of one kind, `a` and `b`, and one of another, `wide`.
fn bench() -> Bench {
    let bench = Bench::new();
    for (name, more) in [
        ("a", "--seed 1"),
        ("b", "--seed 2 --epochs 2"),
        ("wide", "--method double_seq_bn[reduction_factor=2] --epochs 1"),
    ] {
        bench.trained(name, &format!("--name {name} {more}"));
    }
    bench
}

fn evaluated(bench: &Bench, line: &str) -> Value {
    json(&ok(&mut bench.command(&format!("eval {line} --data dev.tsv --json"))))
}

fn loss(value: &Value) -> f64 {
    value["loss"].as_f64().expect("a number")
}

#[test]
fn adapters_are_fused_and_the_folder_can_be_moved() {
    let bench = bench();
    let before = contents(&bench.path("a"));
    let closing = json(&ok(&mut bench.train("fused", "--name both --method 'fuse( a,b )' --json")));
    // Two layers: queries and keys with biases, value matrices without.
    let hidden = json(&fs::read_to_string(bench.path("model/config.json")).expect("a file"));
    let hidden = hidden["hidden_size"].as_u64().expect("a number");
    assert_eq!(closing["parameters"]["adapter"].as_u64(), Some(2 * (3 * hidden * hidden + 2 * hidden)), "{closing}");
    assert!(contents(&bench.path("a")) == before, "what is fused is not changed");
    for file in
        ["a/adapter_config.json", "b/adapter.safetensors", "a,b/adapter_fusion_config.json", "both/head_config.json"]
    {
        assert!(bench.path("fused").join(file).is_file(), "{file}");
    }
    let found = evaluated(&bench, "--adapter fused");
    assert!((loss(&found) - loss(&evaluated(&bench, "--adapter a"))).abs() > 1e-6);
    fs::create_dir(bench.path("elsewhere")).expect("a folder");
    fs::rename(bench.path("fused"), bench.path("elsewhere/moved")).expect("it can be moved");
    assert_eq!(evaluated(&bench, "--adapter elsewhere/moved"), found);
    let shown = ok(&mut bench.command("inspect elsewhere/moved"));
    assert!(shown.contains("fuse") && shown.contains("  a\n") && shown.contains("fusion"), "{shown}");
    let shown = json(&ok(&mut bench.command("inspect elsewhere/moved --json")));
    assert_eq!(shown["setup"], "fuse(a, b)");
    assert!(
        ["adapter a", "adapter b", "fusion", "head"].iter().all(|part| shown["parts"][part].is_object()),
        "{shown}"
    );
    let card = fs::read_to_string(bench.path("elsewhere/moved/README.md")).expect("a card");
    assert!(card.contains("load_adapter_setup") && card.contains("`fuse(a, b)`"), "{card}");
}

/// What replaces another result brings all of its folders with it.
#[test]
fn a_composition_takes_the_place_of_another_result() {
    let bench = bench();
    bench.trained("fused", "--name both --method 'fuse(a, b)' --epochs 1");
    let expected = evaluated(&bench, "--adapter fused");
    bench.trained("other", "--name other --epochs 1");
    ok(&mut bench.train("other", "--name both --method 'fuse(a, b)' --epochs 1 --overwrite"));
    assert_eq!(evaluated(&bench, "--adapter other"), expected);
    // And the other way round: what is left of the composition is not read.
    bench.trained("plain", "--name other --epochs 1");
    ok(&mut bench.train("other", "--name other --epochs 1 --overwrite"));
    assert_eq!(evaluated(&bench, "--adapter other"), evaluated(&bench, "--adapter plain"));
}

#[test]
fn a_fusion_by_itself_is_named_behind_a_semicolon() {
    let bench = bench();
    bench.trained("fused", "--name both --fusion static --method 'fuse(a, b)'");
    let expected = evaluated(&bench, "--adapter fused");
    let line = "--adapter 'fuse(fused/a, fused/b; fused/a,b)' --head fused";
    let message = refused(&mut bench.command(&format!("eval {line} --data dev.tsv")));
    assert!(message.contains("`)` was expected at `,b)`"), "a comma needs quotation marks: {message}");
    let line = "--adapter 'fuse(fused/a, fused/b; \"fused/a,b\")' --head fused --model model";
    assert!((loss(&evaluated(&bench, line)) - loss(&expected)).abs() < 1e-6);
}

#[test]
fn new_adapters_and_a_router_among_them_are_trained_together() {
    let bench = bench();
    let method = "route(3 x seq_bn[reduction_factor=4], top=2)";
    let closing = json(&ok(&mut bench.train("routed", &format!("--name mood --method '{method}' --json"))));
    let hidden = json(&fs::read_to_string(bench.path("model/config.json")).expect("a file"));
    let hidden = hidden["hidden_size"].as_u64().expect("a number");
    // Two layers, in each three bottlenecks with biases, and a row of the router for each.
    let (narrow, layers, parts) = (hidden / 4, 2, 3);
    let expected = layers * parts * (2 * hidden * narrow + narrow + hidden + hidden);
    assert_eq!(closing["parameters"]["adapter"].as_u64(), Some(expected), "{closing}");
    for file in [
        "seq_bn/adapter_config.json",
        "seq_bn-3/adapter.safetensors",
        "seq_bn,seq_bn-2,seq_bn-3/adapter_router_config.json",
    ] {
        assert!(bench.path("routed").join(file).is_file(), "{file}");
    }
    let found = evaluated(&bench, "--adapter routed");
    fs::rename(bench.path("routed"), bench.path("moved")).expect("it can be moved");
    assert_eq!(evaluated(&bench, "--adapter moved"), found);
    let shown = json(&ok(&mut bench.command("inspect moved --json")));
    assert_eq!(shown["setup"], "route(seq_bn, seq_bn-2, seq_bn-3)");
    assert!(shown["parts"]["router"].is_object(), "{shown}");
    let card = fs::read_to_string(bench.path("moved/README.md")).expect("a card");
    assert!(card.contains("Python's libraries have nothing like `route(…)`"), "{card}");
}

#[test]
fn what_each_layer_listens_to_is_shown_and_written() {
    let bench = bench();
    bench.trained("fused", "--name both --method 'fuse(a, b)'");
    let shown = ok(&mut bench.command("eval --adapter fused --data dev.tsv --mixing seen"));
    assert!(
        shown.contains("fusion a,b") && shown.contains("layer.1.feed_forward") && shown.contains("label "),
        "{shown}"
    );
    assert!(shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
    let written = json(&fs::read_to_string(bench.path("seen/mixing.json")).expect("a file"));
    let point = &written["points"][0];
    let weights: Vec<f64> = serde_json::from_value(point["weights"].clone()).expect("numbers");
    assert!(weights.len() == 2 && (weights.iter().sum::<f64>() - 1.0).abs() < 1e-5, "{written}");
    assert_eq!(point["adapters"], serde_json::json!(["a", "b"]));
    let first = &written["first"][0];
    let tokens = first["tokens"].as_array().expect("a list").len();
    assert_eq!(first["points"][0]["weights"].as_array().map(Vec::len), Some(tokens), "{first}");
    assert!(fs::read_to_string(bench.path("seen/mixing.svg")).expect("a file").starts_with("<svg"));
    bench.refuses("eval --adapter a --data dev.tsv --mixing none", &["nothing is mixed here", "fuse(…)"]);
    assert!(!bench.path("none").exists());
}

#[test]
fn a_router_learns_among_trained_adapters_and_new_ones() {
    let bench = bench();
    let before = contents(&bench.path("a"));
    bench.trained("routed", "--name mood --method 'route(a, b, lora[r=2], by=sequence)'");
    assert!(contents(&bench.path("a")) == before, "what is loaded is not changed");
    assert!(loss(&evaluated(&bench, "--adapter routed")) > 0.0);
    let line = "--adapter 'route(routed/a, routed/b, routed/lora; \"routed/a,b,lora\")' --head routed --model model";
    assert!((loss(&evaluated(&bench, line)) - loss(&evaluated(&bench, "--adapter routed"))).abs() < 1e-6);
    let line = "--adapter 'route(routed/a, routed/b; \"routed/a,b,lora\")' --head routed --model model --data dev.tsv";
    let message = refused(&mut bench.command(&format!("eval {line}")));
    assert!(message.contains("chooses among 3 adapters, and here are 2"), "{message}");
}

#[test]
fn an_adapter_is_trained_upon_a_frozen_one_and_used_upon_another() {
    let bench = bench();
    bench.trained("task", "--below a --name task");
    let saved = json(&fs::read_to_string(bench.path("task/adapter_setup.json")).expect("a file"));
    assert_eq!(saved["adapter_setup"]["type"], "Stack");
    let own = evaluated(&bench, "--adapter task");
    let again = evaluated(&bench, "--adapter 'stack(task/a, task/task)' --head task --model model");
    assert!((loss(&own) - loss(&again)).abs() < 1e-6);
    let other = evaluated(&bench, "--adapter 'stack(b, task/task)' --head task --model model");
    assert!((loss(&own) - loss(&other)).abs() > 1e-6, "another one is below");
    let predicted =
        ok(&mut bench
            .command("predict --adapter 'stack(b, task/task)' --head task --model model --input dev.tsv --json"));
    assert_eq!(predicted.lines().count(), 32);
}

#[test]
fn the_average_of_an_adapter_with_itself_is_that_one() {
    let bench = bench();
    let alone = evaluated(&bench, "--adapter a");
    let average = evaluated(&bench, "--adapter 'average(0.3*a, 0.7*a)'");
    assert!((loss(&alone) - loss(&average)).abs() < 1e-5, "{alone} {average}");
    let both = evaluated(&bench, "--adapter 'average(a,b)' --head a");
    assert!((loss(&alone) - loss(&both)).abs() > 1e-6, "{both}");
}

#[test]
fn a_mistake_in_an_expression_is_shown_with_its_place() {
    let bench = bench();
    for (expression, words) in [
        ("stack(a, nowhere)", &["nowhere is no folder"][..]),
        ("stack(a, b", &["`,` or `)` was expected"]),
        ("average(x*a, 0.5*b)", &["a number, as in 0.3*a,", "x*a"]),
        ("average(0.3*a, 0.6*b)", &["sum to 0.8999999999999999"]),
        ("stak(a, b)", &["there is no node `stak`", "stack"]),
        ("fuse(a, b; nowhere)", &["nowhere"]),
        ("fuse(a, b)", &["no fusion"]),
        ("stack(a, model)", &["model", "holds no adapter"]),
    ] {
        bench.refuses(&format!("eval --adapter '{expression}' --data dev.tsv --model model"), words);
    }
    for (options, words) in [
        ("--method 'fuse(a, nowhere)'", &["nowhere is no folder"][..]),
        ("--method 'fuse(a, wide)'", &["part 1 has a module there"]),
        ("--method 'fuse(a, b)' --fusion dynamik", &["did you mean `dynamic`"]),
        ("--method 'fuse(a, b)' --fusion dynamic[qery=False]", &["qery"]),
        ("--method 'stack(a, b)'", &["nothing in it would train"]),
        ("--method 'route(a, seq_bm)'", &["seq_bm is no folder, nor a method", "did you mean `seq_bn`"]),
        ("--method 'route(a, b, top=3)'", &["top", "from 1 to the number of adapters"]),
        ("--method 'route(a, b, tpo=1)'", &["did you mean `top`"]),
        ("--method 'route(a, two x b)'", &["how many, as in 4 x seq_bn"]),
        ("--method 'route(a, seq_bn[reduction_factor=0])'", &["reduction_factor"]),
        ("--method 'route(a, prefix_tuning)'", &["part 1 has a module there that a router cannot choose"]),
        ("--method 'fuse(a, b, qery=True)'", &["did you mean `query`"]),
        ("--method 'fuse(a, b)' --below a", &["--below a", "--method"]),
        ("--fusion static", &["--fusion", "nothing is fused"]),
        ("--below a --name a", &["called a", "--name"]),
        ("--below a --method head", &["--below needs an adapter"]),
    ] {
        bench.refuses_to_train(options, words);
    }
}

#[test]
fn adapters_of_different_bases_are_not_put_together() {
    let bench = bench();
    model::write(&bench.path("other-base"), &Sizes::tiny(), 2);
    bench.trained("other", "--model other-base --name other --epochs 1");
    bench.refuses(
        "eval --adapter 'stack(a, other)' --data dev.tsv --model model",
        &["other", "trained on a base with fingerprint"],
    );
    bench.refuses_to_train("--method 'fuse(a, other)'", &["base"]);
}

#[test]
fn loras_that_were_trained_apart_are_chosen_among_without_training() {
    let bench = Bench::new();
    bench.trained("law", "--name law --method lora[r=2] --seed 1");
    bench.trained("food", "--name food --method lora[r=3,alpha=5] --seed 2 --epochs 2");
    bench.trained("other", "--name other --method seq_bn --epochs 1");
    let routed = evaluated(&bench, "--adapter 'route(law, food, by=arrow, top=1)' --head law");
    for alone in ["law", "food"] {
        let line = format!("--adapter {alone} --head law");
        assert!((loss(&routed) - loss(&evaluated(&bench, &line))).abs() > 1e-9, "{alone}");
    }
    let among_itself = evaluated(&bench, "--adapter 'route(law, law, by=arrow)'");
    assert!((loss(&among_itself) - loss(&evaluated(&bench, "--adapter law"))).abs() < 1e-5);
    let predicted = ok(&mut bench.command("predict --adapter 'route(law, food, by=arrow)' --input dev.tsv --json"));
    assert_eq!(predicted.lines().count(), 32);
    let shown =
        ok(&mut bench.command("eval --adapter 'route(law, food, by=arrow, top=1)' --data dev.tsv --mixing seen"));
    assert!(shown.contains("router law,food") && shown.contains("layer.1.query"), "{shown}");
    bench.trained("upon", "--below 'route(law, food, by=arrow, top=1)' --name upon --epochs 1");
    let config = fs::read_to_string(bench.path("upon/law,food/adapter_router_config.json")).expect("a file");
    assert_eq!(json(&config)["config"]["by"], "arrow");
    assert!(loss(&evaluated(&bench, "--adapter upon")) > 0.0);
    for (expression, words) in [
        ("route(law, other, by=arrow)", &["part 1, other", "train the router"][..]),
        ("route(law, food, by=arrow, top=3)", &["top", "from 1 to the number of adapters"]),
        ("route(law, food, by=arow)", &["token, sequence, chance, arrow"]),
        ("route(law, stack(law, food), by=arrow)", &["part 1, stack(law", "train the router"]),
    ] {
        bench.refuses(&format!("eval --adapter '{expression}' --data dev.tsv"), words);
    }
    bench.refuses_to_train("--method 'route(law, lora[r=2], by=arrow)'", &["part 1 changes nothing", "trained"]);
    bench.refuses_to_train("--method 'route(law, food, by=arrow)'", &["nothing in it would train"]);
}
