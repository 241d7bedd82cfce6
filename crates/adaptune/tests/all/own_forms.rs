//! Forms in which people have their data: lists in JSON, words with tags in a table, a column for each label, pairs through a pipe, prices;
//! and where they have them.

use crate::common::{Bench, data, json_lines, ok, text};
use std::fs;

/// Reviews as one list, as pandas, Label Studio and many others write it.
fn list(bench: &Bench, in_list: bool) -> String {
    let rows = fs::read_to_string(bench.path("train.tsv")).expect("the table was written");
    let object = |line: &str| {
        let (text, label) = line.split_once('\t').expect("a tab parts text and label");
        let label = if in_list { format!("[{label:?}]") } else { format!("{label:?}") };
        format!("{{\"text\": {text:?}, \"label\": {label}}}")
    };
    let objects: Vec<String> = rows.lines().skip(1).map(object).collect();
    format!("[\n  {}\n]\n", objects.join(",\n  "))
}

#[test]
fn a_list_of_objects_is_what_its_objects_are() {
    let bench = Bench::new();
    bench.write("list.json", list(&bench, false));
    bench.trained("a", "--epochs 1");
    bench.trained("b", "--epochs 1 --train list.json");
    let weights = |name: &str| fs::read(bench.path(name).join("adapter.safetensors")).unwrap();
    assert_eq!(weights("a"), weights("b"));
    let whole = list(&bench, false);
    bench.write("broken.json", whole.replacen("\"label\"", "label", 2).replacen("label", "\"label\"", 1));
    bench.refuses_to_train("--train broken.json", &["broken.json, line 3", "object 2 of the list"]);
}

#[test]
fn words_with_tags_in_a_table_are_told_their_forms() {
    let bench = Bench::new();
    let forms = &["words with tags come as .conll", "{\"words\": [\"Ada\", \"wrote\"], \"tags\": [\"B-PER\", \"O\"]}"];
    for content in [
        "text,label\nAda wrote,B-PER O\nBen was here,B-PER O O\n",
        "text,label\n\"['Ada', 'wrote']\",\"['B-PER', 'O']\"\n\"['Ben']\",\"['B-PER']\"\n",
        "Sentence #,Word,POS,Tag\n1,Ada,NNP,B-PER\n1,wrote,VBD,O\n",
        "text,label\nAda,B-PER\nwrote,O\n",
    ] {
        bench.write("ner.csv", content);
        bench.refuses_to_train("--train ner.csv", forms);
    }
    bench.write("plain.csv", "text,label\nAda wrote,good\nBen was here,bad\n");
    bench.refuses_to_train("--train plain.csv --task tagging", forms);
    bench.write("spans.jsonl", "{\"text\": \"Ada wrote\", \"label\": [[0, 3, \"PER\"]]}\n");
    bench.refuses_to_train("--train spans.jsonl", forms);
}

/// What predict writes for words without a tag is read again, and does not count.
#[test]
fn words_without_a_tag_are_read_back() {
    let bench = Bench::new();
    let sentence = |i: usize| {
        let name = ["anna", "ben"][i % 2];
        format!("{name}\tB-PER\nwas\tO\n\n")
    };
    bench.write("train.conll", (0..12).map(sentence).collect::<String>());
    ok(&mut bench.command("train --model model --train train.conll --epochs 8 --lr 1e-2 --batch-size 4 --out a"));
    bench.write("new.conll", "anna\nwas\n\nben\nwas\nfine\n");
    ok(&mut bench.command("predict --adapter a --input new.conll --max-length 4 --out judged.conll"));
    let judged = fs::read_to_string(bench.path("judged.conll")).unwrap();
    assert!(judged.contains("fine\t?\n"), "{judged}");
    let measured = bench.command("eval --adapter a --data judged.conll --json").assert().success();
    let said = text(&measured.get_output().stderr);
    assert!(said.contains("1 word has `?` for a tag"), "{said}");
    let trained = bench.command("train --model model --train judged.conll --train train.conll --epochs 1 --out b");
    let said = text(&{ trained }.assert().success().get_output().stderr);
    assert!(said.contains("2 tags: B-PER, O"), "{said}");
    ok(&mut bench.command("predict --adapter a --input new.conll --max-length 4 --json --out judged.jsonl"));
    let line = "eval --adapter a --data judged.jsonl --text-column text --label-column label --json";
    ok(&mut bench.command(line));
}

#[test]
fn a_column_for_each_label_is_read() {
    let bench = Bench::new();
    let row = |i: usize| {
        let (red, round) = (i % 2, i / 2 % 2);
        format!("{i},{} {},{red},{round}\n", ["dull", "fine"][red], ["film", "plot"][round])
    };
    bench.write("t.csv", format!("id,text,red,round\n{}", (0..40).map(row).collect::<String>()));
    bench.refuses_to_train(
        "--train t.csv --dev 20%",
        &["found no labels", "--label-columns 'red,round'", "--label-column"],
    );
    let said = bench.train("a", "--train t.csv --dev 20% --label-columns red,round --epochs 12").assert().success();
    let said = text(&said.get_output().stderr);
    assert!(said.contains("2 labels, of which any number may hold: red, round"), "{said}");
    ok(&mut bench.command("eval --adapter a --data t.csv --per-class"));
    ok(&mut bench.command("eval --adapter a --kept-aside"));
    ok(&mut bench.command("train --from a --train t.csv --dev 20% --epochs 1 --out b"));
    ok(&mut bench.command("predict --adapter a --input t.csv --out judged.csv"));
    let judged = fs::read_to_string(bench.path("judged.csv")).unwrap();
    assert!(
        judged.starts_with("id,text,red,round,predicted,probability,predicted_red,predicted_round\n0,"),
        "{judged}"
    );
    let wrong = fs::read_to_string(bench.path("t.csv")).unwrap().replace("3,fine plot,1,1", "3,fine plot,2,1");
    bench.write("wrong.csv", wrong);
    bench.refuses("eval --adapter a --data wrong.csv", &["line 5", "expected 1 or 0", "`red`, found `2`"]);
}

/// Programs with which people label texts write lists of one.
#[test]
fn lists_of_one_label_each_are_classes_if_it_is_said() {
    let bench = Bench::new();
    bench.write("lists.json", list(&bench, true));
    let said = |more: &str| {
        let output = bench.train("a", &format!("--train lists.json --dev 20% --overwrite {more}")).assert().success();
        text(&output.get_output().stderr)
    };
    assert!(said("--epochs 1").contains("every example has one: --task classification"));
    assert!(said("--task classification").contains("2 classes: bad, good"));
    ok(&mut bench.command("eval --adapter a --data lists.json"));
    ok(&mut bench.command("eval --adapter a --kept-aside"));
}

#[test]
fn pairs_come_through_a_pipe_as_a_table() {
    let bench = Bench::new();
    let row = |i: usize| format!("the film was {0}\tit is {0}\t{1}\n", ["fine", "dull"][i % 2], i % 2);
    bench.write("pairs.tsv", format!("text_a\ttext_b\tlabel\n{}", (0..16).map(row).collect::<String>()));
    bench.trained("a", "--train pairs.tsv --dev 25% --epochs 1");
    let predict = |more: &str, input: &str| {
        let mut command = bench.command(&format!("predict --adapter a --input - {more}"));
        command.write_stdin(input.to_owned());
        command
    };
    let refused = crate::common::refused(&mut predict("", "the film was fine\tit is fine\n"));
    let example = "printf 'text_a\\ttext_b\\nfirst text\\tsecond text\\n' | adaptune predict --adapter DIR --input - --format tsv";
    assert!(refused.contains("trained on pairs") && refused.contains(example), "{refused}");
    let records = json_lines(&ok(&mut predict("--format tsv --json", "text_a\ttext_b\nfirst text\tsecond text\n")));
    assert_eq!(records[0]["text"][1], "second text");
}

/// Tags of spans are entities for whoever reads them, and texts are cut into words as those of training were.
#[test]
fn entities_are_named_in_every_form() {
    let bench = Bench::new();
    let with_points = |sentences: Vec<Vec<(&'static str, &'static str)>>| -> Vec<Vec<(&'static str, &'static str)>> {
        sentences.into_iter().map(|words| words.into_iter().chain([(".", "O")]).collect()).collect()
    };
    bench.write("train.conll", data::conll(&with_points(data::sentences(120, 1))));
    bench.write("dev.conll", data::conll(&with_points(data::sentences(30, 2))));
    bench.trained("a", "--train train.conll --dev dev.conll --epochs 6");
    bench.write("new.csv", "id,text\n7,\"the film is of anna smith.\"\n8,it was\n");
    let line = "predict --model model --adapter a --input new.csv";
    let command = bench.command(&format!("{line} --out judged.csv")).assert().success();
    let said = text(&command.get_output().stderr);
    assert!(said.contains("punctuation stands apart from them, as in the training data"), "{said}");
    let judged = std::fs::read_to_string(bench.path("judged.csv")).unwrap();
    assert!(judged.starts_with("id,text,predicted,entities\n"), "{judged}");
    assert!(judged.contains("O O O O B-PER I-PER O,anna smith [PER]\n"), "{judged}");
    let records = json_lines(&ok(&mut bench.command(&format!("{line} --json"))));
    let entities = serde_json::json!([{ "kind": "PER", "text": "anna smith", "start": 4, "end": 6 }]);
    assert_eq!((&records[0]["entities"], records[1]["entities"].as_array().map(Vec::len)), (&entities, Some(0)));
    bench.write("new.txt", "the film is of anna smith.\n");
    ok(&mut bench.command("predict --model model --adapter a --input new.txt --out plain.csv"));
    let plain = std::fs::read_to_string(bench.path("plain.csv")).unwrap();
    assert!(
        plain.starts_with("text,predicted,entities\nthe film is of anna smith.,O"),
        "a text stays as it is: {plain}"
    );
    let lost = bench.command(&format!("{line} --out judged.conll")).assert().success();
    assert!(text(&lost.get_output().stderr).contains("not in a .conll file: id; --keep id"), "the id is lost");
    ok(&mut bench.command(&format!("{line} --out ids.conll --keep id")));
    let kept = std::fs::read_to_string(bench.path("ids.conll")).unwrap();
    assert!(kept.starts_with("# id = 7\nthe\tO\n"), "{kept}");
}

/// Rows can be sorted by any label, and labels with a column each have one again.
#[test]
fn every_label_can_have_a_column() {
    let bench = Bench::new();
    bench.trained("a", "--epochs 1");
    let line = "predict --model model --adapter a --input dev.tsv";
    bench.refuses(&format!("{line} --probabilities"), &["--out"]);
    bench.refuses(&format!("{line} --probabilities --out j.jsonl"), &["--probabilities adds columns to a table"]);
    ok(&mut bench.command(&format!("{line} --out judged.tsv --keep text --probabilities")));
    let judged = std::fs::read_to_string(bench.path("judged.tsv")).unwrap();
    assert!(judged.starts_with("text\tpredicted\tprobability\tprobability_bad\tprobability_good\n"), "{judged}");
    let numbers: Vec<f64> = judged.lines().nth(1).unwrap().split('\t').skip(3).map(|p| p.parse().unwrap()).collect();
    assert!((numbers.iter().sum::<f64>() - 1.0).abs() < 2e-4, "{numbers:?}");
    let rows: String = data::reviews(96, 1)
        .iter()
        .map(|(text, label)| format!("{text},{},{}\n", u8::from(label == "good"), u8::from(label == "bad")))
        .collect();
    bench.write("marked.csv", format!("text,praise,blame\n{rows}"));
    bench.trained("b", "--train marked.csv --dev 25% --label-columns praise,blame");
    bench.write("new.csv", "id,text\n1,the film was fine\n2,\n");
    ok(&mut bench.command("predict --model model --adapter b --input new.csv --out new-judged.csv"));
    let judged = std::fs::read_to_string(bench.path("new-judged.csv")).unwrap();
    assert!(judged.starts_with("id,text,predicted,probability,predicted_blame,predicted_praise\n"), "{judged}");
    assert!(judged.lines().nth(1).unwrap().ends_with(",0,1") && judged.lines().nth(2).unwrap() == "2,,,,,", "{judged}");
}

/// A German table has German numbers in what is predicted too, whatever its labels are.
#[test]
fn probabilities_are_written_as_the_numbers_of_the_input() {
    let bench = Bench::new();
    bench.trained("a", "--epochs 1");
    bench.write("neu.csv", "Nr;text;Preis\n1;the film was fine;1.306,98\n2;the plot was dull;12\n");
    ok(&mut bench.command("predict --model model --adapter a --input neu.csv --out judged.csv"));
    let judged = std::fs::read_to_string(bench.path("judged.csv")).unwrap();
    assert!(judged.lines().skip(1).all(|line| line.rsplit(';').next().unwrap().starts_with("0,")), "{judged}");
}

/// How the training data were written is not to be said again where they are read again.
#[test]
fn a_table_without_names_is_measured_as_it_was_trained_on() {
    let bench = Bench::new();
    let reviews = fs::read_to_string(bench.path("train.tsv")).expect("the table was written");
    let (_, rows) = reviews.split_once('\n').expect("a header and rows");
    bench.write("bare.txt", rows.replace('\t', "^"));
    let form = "--format csv --delimiter ^ --header text,label";
    let said = bench.train("a", &format!("--train bare.txt --dev 25% --epochs 1 {form}")).assert().success();
    let said = text(&said.get_output().stderr);
    assert!(said.contains("the first line is an example, as --header says: text `"), "{said}");
    ok(&mut bench.command("eval --adapter a --kept-aside"));
    bench.refuses("eval --adapter a --kept-aside --format tsv", &["as in training"]);
    bench.refuses_to_train("--train bare.txt --format csv", &["--delimiter"]);
}

/// A program that puts quotes around every field puts them around names too.
#[test]
fn quotes_around_all_names_are_no_part_of_them() {
    let bench = Bench::new();
    let reviews = fs::read_to_string(bench.path("train.tsv")).expect("the table was written");
    let quoted = |line: &str| format!("\"{}\"\n", line.replace('\t', "\"\t\""));
    bench.write("quoted.tsv", reviews.lines().map(quoted).collect::<String>());
    bench.trained("a", "--epochs 1");
    let said = bench.train("b", "--epochs 1 --train quoted.tsv").assert().success();
    assert!(text(&said.get_output().stderr).contains("all names of columns stand in quotes"));
    let weights = |name: &str| fs::read(bench.path(name).join("adapter.safetensors")).unwrap();
    assert_eq!(weights("a"), weights("b"));
}

/// Relative names in a run are of the folder that it was started in, wherever a later command is.
#[test]
fn a_run_is_used_from_another_folder() {
    let bench = Bench::new();
    bench.trained("runs/a", "--dev 25% --epochs 1");
    fs::create_dir(bench.path("elsewhere")).expect("a new folder");
    let from = |folder: &str, line: &str| {
        let mut command = bench.command(line);
        command.current_dir(bench.path(folder));
        ok(&mut command)
    };
    from("runs", "eval --adapter a --kept-aside");
    from("elsewhere", "eval --adapter ../runs/a --data ../dev.tsv");
    from("elsewhere", "train --from ../runs/a --train ../train.tsv --epochs 1 --out b");
}

/// A training that goes on has the scale of the new prices: three times as high, they would be out of reach of small steps.
#[test]
fn numbers_far_from_zero_are_learnt_further() {
    let bench = Bench::new();
    let prices = |times: usize| {
        let row = |i: usize| (["anna", "ben", "carla"][i % 3], times * ([20, 600, 2400][i % 3] + i));
        let rows = (0..48).map(row).map(|(thing, price)| format!("{thing} was sold\t{price}\n"));
        format!("text\tprice\n{}", rows.collect::<String>())
    };
    bench.write("old.tsv", prices(1));
    bench.write("new.tsv", prices(3));
    let options = "--label-column price --batch-size 8 --epochs 20 --lr 1e-2";
    ok(&mut bench.command(&format!("train --model model --name mine --train old.tsv --out a {options}")));
    let further = bench.command(&format!("train --from a --train new.tsv --out b {options}")).assert().success();
    let said = text(&further.get_output().stderr);
    assert!(said.contains("far from zero"), "{said}");
    let error = |folder: &str| {
        let measured = ok(&mut bench.command(&format!("eval --adapter {folder} --data new.tsv --json")));
        json_lines(&measured)[0]["metrics"]["mean_absolute_error"].as_f64().expect("a number")
    };
    let (before, after) = (error("a"), error("b"));
    assert!(after < 0.5 * before, "{before} {after}");
}
