//! Sentence embeddings: in which forms they are written, and what they are made of.

use crate::common::{Bench, json_lines, numbers, ok};
use safetensors::SafeTensors;
use std::fs;

const TEXTS: &str = "the film was good\nanna saw it\n\nthe plot\n";

/// The numbers of a file in NumPy's format, row by row.
fn npy(bytes: &[u8]) -> (String, Vec<f32>) {
    assert_eq!(bytes[..8], *b"\x93NUMPY\x01\x00");
    let end = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    (String::from_utf8(bytes[10..end].to_vec()).unwrap(), floats(&bytes[end..]))
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.chunks(4).map(|four| f32::from_le_bytes(four.try_into().unwrap())).collect()
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
