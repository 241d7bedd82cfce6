//! Sentence embeddings: in which forms they are written, and what they are made of.

use crate::common::{Bench, json, json_lines, numbers, ok};
use safetensors::SafeTensors;
use std::fs;

const TEXTS: &str = "the film was good\nanna saw it\n\nthe plot\n";

/// The numbers of a file in NumPy's format, row by row.
fn npy(bytes: &[u8]) -> (String, Vec<f32>) {
    assert_eq!(bytes[..8], *b"\x93NUMPY\x01\x00");
    let end = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    (String::from_utf8(bytes[10..end].to_vec()).expect("a header of text"), floats(&bytes[end..]))
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.chunks(4).map(|four| f32::from_le_bytes(four.try_into().expect("four bytes"))).collect()
}

#[test]
fn every_form_holds_the_same_numbers() {
    let bench = Bench::new();
    bench.write("texts.txt", TEXTS);
    let output = bench.command("embed --model model --input texts.txt --json").output().unwrap();
    let (out, said) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success(), "{said}");
    assert_eq!(said.matches("the mean over all tokens is taken").count(), 1, "{said}");
    let records = json_lines(&out);
    assert_eq!(records.len(), 4);
    assert_eq!((&records[2]["text"], &records[2]["embedding"]), (&"".into(), &serde_json::Value::Null));
    assert_eq!(records[0]["text"], "the film was good");

    bench.write("full.tsv", "id\ttext\n1\tthe film was good\n2\tanna saw it\n3\tthe plot\n");
    for out in ["x.npy", "x.safetensors", "x.jsonl"] {
        ok(&mut bench.command(&format!("embed --model model --input full.tsv --out {out} --batch-size 2")));
    }
    let (header, found) = npy(&fs::read(bench.path("x.npy")).unwrap());
    let bytes = fs::read(bench.path("x.safetensors")).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let tensor = file.tensor("embeddings").unwrap();
    let lines = json_lines(&fs::read_to_string(bench.path("x.jsonl")).unwrap());
    let d = numbers(&lines[0]["embedding"]).len();
    assert!(header.contains(&format!("'shape': (3, {d})")), "{header}");
    assert_eq!((tensor.shape(), floats(tensor.data())), (&[3, d][..], found.clone()));
    for (i, record) in [0, 1, 3].into_iter().enumerate() {
        let expected: Vec<f32> = numbers(&records[record]["embedding"]).iter().map(|x| *x as f32).collect();
        assert_eq!(found[i * d..(i + 1) * d], expected, "{i}");
        assert_eq!(lines[i]["embedding"], records[record]["embedding"]);
    }
}

#[test]
fn a_folder_of_sentence_transformers_says_how() {
    let bench = Bench::new();
    bench.write("texts.txt", "the film was good\nanna saw it\n");
    let lengths = |command: &str| -> Vec<f64> {
        let of = |record: &serde_json::Value| numbers(&record["embedding"]).iter().map(|x| x * x).sum::<f64>().sqrt();
        json_lines(&ok(&mut bench.command(&format!("embed --model model --input texts.txt --json {command}"))))
            .iter()
            .map(of)
            .collect()
    };
    let is_one = |lengths: &[f64]| lengths.iter().all(|length| (length - 1.0).abs() < 1e-5);
    assert!(!is_one(&lengths("")) && is_one(&lengths("--normalize")));
    let modules = ["Transformer", "Pooling", "Normalize"].map(|name| {
        let path = if name == "Transformer" { "" } else { name };
        format!(r#"{{"idx": 0, "name": "0", "path": "{path}", "type": "sentence_transformers.models.{name}"}}"#)
    });
    bench.write("model/modules.json", format!("[{}]", modules.join(",")));
    fs::create_dir(bench.path("model/Pooling")).unwrap();
    bench.write("model/Pooling/config.json", r#"{"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": true}"#);
    bench.write("model/sentence_bert_config.json", r#"{"max_seq_length": 4, "do_lower_case": false}"#);
    let prompts = r#"{"prompts": {"query": "the ", "none": ""}, "default_prompt_name": null}"#;
    bench.write("model/config_sentence_transformers.json", prompts);
    assert!(is_one(&lengths("")) && !is_one(&lengths("--no-normalize")));
    let line = "embed --model model --input texts.txt --json";
    let output = bench.command(line).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("2 of 2 texts have more than 4 tokens"), "{said}");
    let (named, written) = (format!("{line} --prompt-name query"), format!("{line} --prompt 'the '"));
    assert_eq!(ok(&mut bench.command(&named)), ok(&mut bench.command(&written)));
    assert_ne!(ok(&mut bench.command(&named)), ok(&mut bench.command(line)));
    bench.refuses(&format!("{line} --prompt-name qury"), &["there is no prompt \"qury\"", "did you mean `query`"]);
}

#[test]
fn adapters_are_taken_with_or_without_a_head() {
    let bench = Bench::new();
    bench.trained("a", "");
    bench.write("texts.txt", "the film was good\nanna saw it\n");
    let plain = ok(&mut bench.command("embed --model model --input texts.txt --json"));
    let adapted = ok(&mut bench.command("embed --adapter a --input texts.txt --json"));
    assert_ne!(plain, adapted);
    for name in ["head_config.json", "model_head.safetensors"] {
        fs::remove_file(bench.path("a").join(name)).unwrap();
    }
    assert_eq!(ok(&mut bench.command("embed --model model --adapter a --input texts.txt --json")), adapted);
    let composed = ok(&mut bench.command("embed --adapter 'average(1*a, 0*a)' --input texts.txt --json"));
    assert_eq!(json_lines(&composed).len(), 2);
}

#[test]
fn what_cannot_be_is_refused_before_anything_is_computed() {
    let bench = Bench::new();
    bench.write("texts.txt", TEXTS);
    let line = "embed --model model --input texts.txt";
    bench.refuses(line, &["--out", "--json"]);
    bench.refuses("embed --input texts.txt --json", &["--model"]);
    bench
        .refuses(&format!("{line} --out x.csv"), &["x.csv: expected a name that ends in .safetensors, .npy or .jsonl"]);
    bench.refuses(&format!("{line} --out x.npy"), &["texts.txt, line 3: the text is blank"]);
    bench.refuses(&format!("{line} --out nowhere/x.npy"), &["there is no folder nowhere"]);
    bench.refuses(&format!("{line} --json --pooling mena"), &["no pooling is called mena", "did you mean `mean`"]);
    bench.refuses(&format!("{line} --json --adapter nowhere"), &["nowhere is no folder"]);
    bench.write("pairs.tsv", "text_a\ttext_b\nthe film\tthe plot\n");
    bench.refuses("embed --model model --input pairs.tsv --json", &["pairs of texts", "--text-column"]);
    ok(&mut bench.command("embed --model model --input pairs.tsv --json --text-column text_b"));
    assert!(!bench.path("x.npy").exists());
}

/// The vectors of texts, of length 1.
fn unit(bench: &Bench, texts: &[&str]) -> Vec<Vec<f64>> {
    bench.write("some.txt", texts.join("\n"));
    let found = ok(&mut bench.command("embed --model model --input some.txt --json --normalize"));
    json_lines(&found).iter().map(|record| numbers(&record["embedding"])).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[test]
fn documents_are_found_and_scored_by_hand() {
    let bench = Bench::new();
    let documents = ["the film was good", "anna saw the plot", "ben is cold", "to the film of the plot"];
    let queries = ["the plot was good", "is it cold"];
    fs::create_dir_all(bench.path("beir/qrels")).unwrap();
    let line = |name: String, text: &str| format!("{{\"_id\": \"{name}\", \"title\": \"\", \"text\": \"{text}\"}}\n");
    let corpus: String = documents.iter().enumerate().map(|(i, text)| line(format!("d{i}"), text)).collect();
    let asked: String = queries.iter().enumerate().map(|(i, text)| line(format!("q{i}"), text)).collect();
    // The grades of the documents for both queries; the first query's third document is not judged.
    let grades = [[2.0_f64, 0.0, 0.0, 1.0], [0.0, 1.0, 0.0, 1.0]];
    let judged = "query-id\tcorpus-id\tscore\nq0\td0\t2\nq0\td1\t0\nq0\td3\t1\nq1\td1\t1\nq1\td3\t1\n";
    for (name, content) in [("corpus.jsonl", corpus.as_str()), ("queries.jsonl", &asked), ("qrels/test.tsv", judged)] {
        bench.write(&format!("beir/{name}"), content);
    }
    let found = json(&ok(&mut bench.command("eval --model model --data beir --json")));
    assert_eq!((&found["queries"], &found["documents"]), (&2.into(), &4.into()));
    let (of_documents, of_queries) = (unit(&bench, &documents), unit(&bench, &queries));
    let [mut gain, mut precision, mut first] = [0.0; 3];
    for (query, grades) in of_queries.iter().zip(grades) {
        let mut order: Vec<usize> = (0..4).collect();
        order.sort_by(|a, b| dot(query, &of_documents[*b]).total_cmp(&dot(query, &of_documents[*a])));
        let (mut best, mut relevant) = (grades.to_vec(), 0.0);
        best.sort_by(|a, b| b.total_cmp(a));
        let discount = |i: usize| (i as f64 + 2.0).log2();
        let most: f64 = best.iter().enumerate().map(|(i, grade)| grade / discount(i)).sum();
        for (i, document) in order.into_iter().enumerate().filter(|(_, document)| grades[*document] > 0.0) {
            gain += grades[document] / discount(i) / most / 2.0;
            first += if relevant == 0.0 { 1.0 / (i as f64 + 1.0) / 2.0 } else { 0.0 };
            relevant += 1.0;
            precision += relevant / (i as f64 + 1.0) / 2.0 / 2.0;
        }
    }
    for (name, expected) in [("ndcg@10", gain), ("map", precision), ("mrr@10", first), ("recall@10", 1.0)] {
        let found = found["metrics"][name].as_f64().unwrap();
        assert!((found - expected).abs() < 1e-9, "{name}: {found} and {expected}");
    }
    let shown = ok(&mut bench.command("eval --model model --data beir"));
    assert!(shown.contains("ndcg@10") && shown.contains("documents"), "{shown}");
}

#[test]
fn pairs_are_measured_with_and_without_scores() {
    let bench = Bench::new();
    let (a, b) =
        (["the film", "anna saw", "it is cold", "ben"], ["the plot", "ben saw it", "cold", "the film was good"]);
    let row = |i: usize| format!("{}\t{}\t{}\n", a[i], b[i], [0.5, 4.0, 3.0, 1.0][i]);
    bench.write("scores.tsv", "sentence1\tsentence2\tscore\n".to_owned() + &(0..4).map(row).collect::<String>());
    let found = json(&ok(&mut bench.command("eval --model model --embeddings --data scores.tsv --json")));
    let (of_a, of_b) = (unit(&bench, &a), unit(&bench, &b));
    let cosines: Vec<f64> = (0..4).map(|i| dot(&of_a[i], &of_b[i])).collect();
    let pearson = adaptune_train::metrics::pearson(&[0.5, 4.0, 3.0, 1.0], &cosines);
    assert!((found["metrics"]["pearson"].as_f64().unwrap() - pearson).abs() < 1e-6, "{found} and {pearson}");
    let line = |i: usize| format!("{}\t{}\n", a[i], b[i]);
    bench.write("pairs.tsv", "anchor\tpositive\n".to_owned() + &(0..4).map(line).collect::<String>());
    let found = json(&ok(&mut bench.command("eval --model model --embeddings --data pairs.tsv --json")));
    let first = |i: usize| (0..4).all(|k| k == i || dot(&of_a[i], &of_b[k]) < dot(&of_a[i], &of_b[i]));
    let expected = (0..4).filter(|i| first(*i)).count() as f64 / 4.0;
    assert_eq!(found["metrics"]["recall@1"].as_f64(), Some(expected));
    bench.refuses("eval --model model --data scores.tsv", &["--adapter is missing"]);
    bench.refuses("predict --model model --input scores.tsv", &["--adapter is missing"]);
}
