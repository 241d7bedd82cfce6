//! How probable decoders find texts, and what they write.

use crate::common::{Bench, json_lines, numbers, ok};
use adaptune_test_support::assets;

#[test]
fn an_encoder_has_no_next_token() {
    let bench = Bench::new();
    bench.write("texts.txt", "the film was good\n");
    bench.refuses("score --model model --input texts.txt", &["this is an encoder (bert)", "expected a decoder"]);
    bench.refuses("score --input texts.txt", &["--model"]);
}

#[test]
fn every_text_has_a_number_for_each_token_but_the_first() {
    let Some(assets) = assets() else { return };
    let (bench, model) = (Bench::new(), assets.join("models/stories260k"));
    let model = model.display();
    bench.write("texts.txt", "The dog\n\nOnce upon a time there was a little girl.\n");
    let records = json_lines(&ok(&mut bench.command(&format!("score --model {model} --input texts.txt --json"))));
    assert_eq!(records.len(), 3);
    assert_eq!(
        (&records[0]["text"], &records[0]["tokens"]),
        (&"The dog".into(), &serde_json::json!([1, 291, 400, 428]))
    );
    let found = numbers(&records[0]["logprobs"]);
    assert!((found[0] + 6.6011667).abs() < 1e-4 && found.len() == 3, "{found:?}");
    assert!(records[1]["tokens"].is_null() && records[1]["logprobs"].is_null());
    assert_eq!(numbers(&records[2]["logprobs"]).len(), 12);
    let table = ok(&mut bench.command(&format!("score --model {model} --input texts.txt --batch-size 1")));
    assert!(table.contains("perplexity of 2 texts: ") && table.contains("(15 tokens)"), "{table}");
    bench.refuses(&format!("score --model {model} --input texts.txt --max-length 513"), &["513", "512"]);
}

/// A few steps on a real decoder: the head reads the last token, and says so; what would see the future is refused.
#[test]
fn a_decoder_learns_to_classify_by_its_last_tokens() {
    let Some(assets) = assets() else { return };
    let (bench, model) = (Bench::new(), assets.join("models/stories260k"));
    let model = model.display();
    let train = format!("train --model {model} --train train.tsv --dev dev.tsv --epochs 1 --max-length 32");
    let output = bench.command(&format!("{train} --out a --method lora")).output().expect("it runs");
    let said = String::from_utf8(output.stderr).expect("text");
    assert!(output.status.success() && said.contains("last token of each text"), "{said}");
    ok(&mut bench.command("eval --adapter a --data dev.tsv"));
    bench.refuses(
        &format!("{train} --out b --pooling first"),
        &["in a decoder sees nothing but itself", "pooling last"],
    );
    bench.refuses(&format!("{train} --out b --method lora[use_gating=True]"), &["looks at a whole sequence"]);
}

#[test]
fn a_decoder_goes_on_with_prompts() {
    let Some(assets) = assets() else { return };
    let (bench, model) = (Bench::new(), assets.join("models/stories260k"));
    let model = model.display();
    bench.write("prompts.txt", "Once upon a time\nThe dog\n");
    let line = format!("generate --model {model} --max-new-tokens 12");
    let written = ok(&mut bench.command(&format!("{line} --prompt 'Once upon a time'")));
    assert!(written.starts_with(", there was a little girl named"), "{written}");
    let records = json_lines(&ok(&mut bench.command(&format!("{line} --input prompts.txt --json --batch-size 1"))));
    assert_eq!((records.len(), &records[1]["prompt"]), (2, &"The dog".into()));
    assert_eq!(records[0]["text"].as_str().map(str::trim_end), Some(written.trim_end()));
    assert_eq!(numbers(&records[0]["tokens"]).len(), 12);
    let drawn = |size: usize| {
        let more = format!("--temperature 0.9 --top-p 0.9 --seed 4 --batch-size {size} --json --input prompts.txt");
        ok(&mut bench.command(&format!("{line} {more}")))
    };
    assert_eq!(drawn(1), drawn(2), "what is beside a prompt does not count");
    bench.refuses(&format!("{line} --prompt A --temperature -1"), &["temperature"]);
    bench.refuses("generate --model model --prompt A", &["this is an encoder (bert)"]);
    bench.refuses(&line, &["--prompt"]);
}
