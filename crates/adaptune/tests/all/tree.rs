//! Trees of adapters on the command line: by a column of domains, without one, with new leaves; and labels that are a tree.

use crate::common::{Bench, contents, data, json, json_lines, listing, ok};
use serde_json::Value;
use std::fs;

const DATA: &str = "--train domains.tsv --dev dev-domains.tsv --domain-column domain";

fn bench() -> Bench {
    let bench = Bench::new();
    bench.write("domains.tsv", data::with_domains(&data::reviews(96, 1)));
    bench.write("dev-domains.tsv", data::with_domains(&data::reviews(36, 2)));
    bench
}

fn evaluated(bench: &Bench, line: &str) -> Value {
    json(&ok(&mut bench.command(&format!("eval {line} --json"))))
}

#[test]
fn every_domain_and_all_above_it_become_adapters_that_one_folder_holds() {
    let bench = bench();
    let method = "--method tree(seq_bn[reduction_factor=4])";
    let closing = json(&ok(&mut bench.train("tree", &format!("{DATA} {method} --epochs 6 --json"))));
    assert!(closing["after"]["accuracy"].as_f64() > Some(0.9), "{closing}");
    let folders = ["books", "film", "film-drama", "film-farce", "root"];
    let files = listing(&bench.path("tree"));
    assert!(folders.iter().all(|folder| files.iter().any(|file| file == folder)), "{files:?}");
    let shown = ok(&mut bench.command("inspect tree"));
    for line in ["setup               tree", "  root", "    books", "    film\n", "      film-drama"] {
        assert!(shown.contains(line), "{line:?} in {shown}");
    }
    let known = evaluated(&bench, "--adapter tree --data dev-domains.tsv");
    assert_eq!(known["metrics"]["accuracy"], closing["after"]["accuracy"]);
    // A folder that is moved is the same.
    fs::create_dir(bench.path("elsewhere")).expect("a folder");
    fs::rename(bench.path("tree"), bench.path("elsewhere/moved")).expect("it can be moved");
    assert_eq!(evaluated(&bench, "--adapter elsewhere/moved --data dev-domains.tsv"), known);
    let card = fs::read_to_string(bench.path("elsewhere/moved/README.md")).expect("a card");
    assert!(card.contains("nothing like `tree(") && card.contains("--domain-column"), "{card}");
}

/// Without a column every text is the average of likely paths, and so is one that is blank in it.
#[test]
fn texts_outside_of_the_tree_are_answered_too() {
    let bench = bench();
    bench.trained("tree", &format!("{DATA} --method tree(lora[r=4])"));
    let (known, unknown) = (
        evaluated(&bench, "--adapter tree --data dev-domains.tsv"),
        evaluated(&bench, "--adapter tree --data dev.tsv"),
    );
    assert!(known["loss"].is_number() && unknown["metrics"]["accuracy"].as_f64() > Some(0.8), "{unknown}");
    bench.write(
        "some.tsv",
        "text\tdomain\na fine film\tfilm/drama\na fine film\t\na fine film\tbooks\na fine film\tfilm\n",
    );
    let answers = json_lines(&ok(&mut bench.command("predict --adapter tree --input some.tsv --json")));
    let logits: Vec<String> = answers.iter().map(|answer| answer["logits"].to_string()).collect();
    assert!((1..4).all(|i| !logits[..i].contains(&logits[i])), "each has another path: {logits:?}");
    bench.write("other.tsv", "text\tplace\na fine film\tfilm/drama\n");
    let other =
        json_lines(&ok(&mut bench.command("predict --adapter tree --input other.tsv --domain-column place --json")));
    assert_eq!(other[0]["logits"], answers[0]["logits"]);
    bench.write("bad.tsv", "text\tdomain\na fine film\tfilm/drama\na fine film\tfilm/drana\n");
    bench.refuses(
        "predict --adapter tree --input bad.tsv",
        &["bad.tsv, line 3", "`film/drana` in column domain is not in the tree", "did you mean `film/drama`"],
    );
    fs::remove_file(bench.path("tree/domains.safetensors")).expect("it is there");
    bench.refuses("predict --adapter tree --input some.tsv", &["line 3", "domains.safetensors"]);
    bench.refuses("predict --adapter 'parallel(tree, tree)' --input some.tsv", &["tree of adapters"]);
}

#[test]
fn a_new_leaf_learns_below_parents_that_stay_as_they_are() {
    let bench = bench();
    bench.trained("tree", &format!("{DATA} --method tree(seq_bn[reduction_factor=4])"));
    let new = data::with_domains(&data::reviews(48, 3)).replace("books", "film/noir");
    bench.write("new.tsv", new);
    let closing =
        json(&ok(&mut bench.train("grown", "--train new.tsv --dev new.tsv --method 'tree(tree, lora[r=2])' --json")));
    let files = listing(&bench.path("grown"));
    assert!(["root", "books", "film-noir"].iter().all(|name| files.iter().any(|file| file == name)), "{files:?}");
    assert!(closing["after"]["accuracy"].as_f64() > Some(0.8), "{closing}");
    for name in ["root", "film", "film-drama", "books"] {
        let [before, after] = ["tree", "grown"].map(|folder| contents(&bench.path(folder).join(name)));
        assert!(before["adapter.safetensors"] == after["adapter.safetensors"], "{name} has changed");
    }
    evaluated(&bench, "--adapter grown --data new.tsv");
    evaluated(&bench, "--adapter grown --data dev-domains.tsv");
    // And all of it goes on.
    ok(&mut bench.train("further", "--train domains.tsv --dev dev-domains.tsv --from tree --epochs 1"));
    assert_eq!(
        evaluated(&bench, "--adapter further --data dev-domains.tsv")["examples"],
        evaluated(&bench, "--adapter tree --data dev-domains.tsv")["examples"]
    );
    bench.refuses_to_train(
        &format!("{DATA} --method 'tree(tree, lora[r=2])'"),
        &["name no domain that is not in the tree already"],
    );
    bench.trained("flat", "");
    bench.refuses_to_train(&format!("{DATA} --method 'tree(flat, lora)'"), &["flat holds no tree of adapters"]);
}

#[test]
fn what_is_missing_for_a_tree_is_said() {
    let bench = bench();
    let refuses = |more: &str, words: &[&str]| bench.refuses_to_train(more, words);
    refuses("--method tree(seq_bn)", &["--domain-column"]);
    refuses("--method tree(seq_bn) --domain-column domain", &["train.tsv", "no column `domain`", "text, label"]);
    refuses(DATA, &["--domain-column domain is for a tree"]);
    refuses(&format!("{DATA} --method tree(seq_bn,lora)"), &["one method"]);
    refuses(&format!("{DATA} --method tree(seq_bnn)"), &["seq_bnn is no folder, nor a method"]);
    refuses(&format!("{DATA} --method tree(prefix_tuning)"), &["part 0 of the tree", "cannot be averaged"]);
    bench.write("domains.tsv", "text\tlabel\tdomain\na fine film\tgood\tfilm\na dull one\tbad\t\n");
    refuses(&format!("{DATA} --method tree(seq_bn)"), &["domains.tsv, line 3", "column domain is empty"]);
}

/// Labels that are paths, as a file with the words that they follow from.
fn paths(rows: usize) -> String {
    let label = |word: &str| match word {
        "fine" | "warm" => "praise/mild",
        "funny" | "joy" => "praise/strong",
        "dull" | "thin" => "blame/mild",
        _ => "blame/strong",
    };
    let words = ["fine", "warm", "funny", "joy", "dull", "thin", "cold", "boring"];
    let row = |i: usize| format!("the film was {} and it\t{}\n", words[i % 8], label(words[i % 8]));
    format!("text\tlabel\n{}", (0..rows).map(row).collect::<String>())
}

#[test]
fn labels_that_are_paths_are_learnt_coarse_to_fine() {
    let bench = Bench::new();
    bench.write("paths.tsv", paths(96) + "it was joy\tpraise\n");
    bench.write("dev-paths.tsv", paths(16));
    let data = "--train paths.tsv --dev dev-paths.tsv --task hierarchical";
    let closing = json(&ok(&mut bench.train("fine", &format!("{data} --epochs 20 --json"))));
    let after = &closing["after"];
    assert!(after["accuracy"].as_f64() > Some(0.8) && after["coarse_accuracy"].as_f64() > Some(0.9), "{closing}");
    let found = evaluated(&bench, "--adapter fine --data dev-paths.tsv");
    assert_eq!(found["metrics"]["coarse_accuracy"], after["coarse_accuracy"]);
    bench.write("texts.txt", "the film was joy and it\n");
    let answer = &json_lines(&ok(&mut bench.command("predict --adapter fine --input texts.txt --json")))[0];
    let p = |label: &str| answer["probabilities"][label].as_f64().expect("a number");
    assert_eq!(answer["label"], "praise/strong");
    assert!(
        (p("praise") - p("praise/mild") - p("praise/strong")).abs() < 1e-6
            && (p("praise") + p("blame") - 1.0).abs() < 1e-6
    );
    let head = json(&fs::read_to_string(bench.path("fine/head_config.json")).expect("a file"));
    assert!(head["hierarchical"] == true && head["config"]["head_type"] == "classification", "{head}");
    assert_eq!(head["config"]["num_labels"], 6);
    let card = fs::read_to_string(bench.path("fine/README.md")).expect("a card");
    assert!(card.contains("They are a tree"), "{card}");
    // What is not said is not done, but it is told of.
    let told = bench.train("flat", "--train paths.tsv --dev dev-paths.tsv --epochs 1").output().expect("it runs");
    let told = String::from_utf8_lossy(&told.stderr).into_owned();
    assert!(told.contains("--task hierarchical"), "{told}");
    bench.write("bad.tsv", "text\tlabel\na\tpraise/mld\n");
    bench.refuses("eval --adapter fine --data bad.tsv", &["line 2", "`praise/mld`", "did you mean `praise/mild`"]);
    bench.refuses("eval --adapter fine --data dev-paths.tsv --per-class", &["hierarchical"]);
    bench.refuses_to_train("--task hierarchical", &["train.tsv", "no label has a /"]);
    bench.write("empty.tsv", "text\tlabel\na\tpraise//mild\nb\tpraise/x\n");
    bench.refuses_to_train("--task hierarchical --train empty.tsv", &["line 2", "an empty name"]);
}
