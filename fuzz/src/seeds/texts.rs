//! What a run was trained with, methods and compositions.

use super::{Result, Seeds};
use adaptune_adapters::PRESETS;
use adaptune_text::{
    BaseIdentity, ChoiceLabels, DataFile, EmbeddingRun, InputForm, InputKind, RUN_FILE, RunFile, TokenPooling,
};
use serde_json::json;
use std::fs;

pub(super) fn run_files() -> Result<Seeds> {
    let folder = tempfile::tempdir()?;
    let run = RunFile {
        model: "bert-base-uncased".into(),
        method: "seq_bn[reduction_factor=16]".into(),
        max_length: 128,
        base: Some(BaseIdentity { fingerprint: "0123456789abcdef".into(), tokenizer: "ab".repeat(32) }),
        input: Some(InputForm {
            kind: InputKind::Pair,
            text_column: Some("text_a".into()),
            text_b_column: Some("text_b".into()),
            label_column: Some("label".into()),
            label_separator: Some('|'),
            decimal_comma: true,
            choice_columns: vec!["choice0".into(), "choice1".into()],
            negative_columns: vec!["negative".into()],
            choice_labels: Some(ChoiceLabels::Letter),
            unanswerable: true,
            label_columns: vec!["red".into(), "round".into()],
            label_names: vec!["no".into(), "yes".into()],
            punctuation_apart: true,
            domains: None,
        }),
        data: vec![DataFile {
            part: "train".into(),
            path: "a.tsv".into(),
            examples: 8,
            sha256: Some("0".repeat(64)),
            aside: None,
            examples_sha256: None,
        }],
        embedding: Some(EmbeddingRun {
            pooling: TokenPooling::Mean,
            normalize: true,
            prompt: "query: ".into(),
            lower_case: true,
            loss: "cosent[scale=20]".into(),
            beginnings: vec![64, 32],
        }),
        version: Some("0.1.0".into()),
        options: json!({ "epochs": 3, "learning_rate": 1e-4 }),
        ..RunFile::default()
    };
    let mut seeds = Seeds::new();
    for run in [RunFile { model: "m".into(), max_length: 7, ..RunFile::default() }, run] {
        run.write(folder.path())?;
        seeds.push(fs::read(folder.path().join(RUN_FILE))?);
    }
    Ok(seeds)
}

pub(super) fn methods() -> Seeds {
    let short = PRESETS.iter().map(|preset| preset.name.to_owned());
    // All fields of each, as they are shown.
    let whole = PRESETS.iter().map(|preset| {
        let fields = (preset.method)().fields();
        let fields = fields.iter().filter(|(name, _)| *name != "architecture");
        let fields: Vec<String> = fields.map(|(name, value)| format!("{name}={value}")).collect();
        format!("{}[{}]", preset.name, fields.join(","))
    });
    let others = [
        "seq_bn[reduction_factor=16]|lora[r=8,alpha=16]",
        "head",
        "full",
        "bitfit",
        "prompt_tuning[prompt_init_text='it is fine']",
        "seq_bn[reduction_factor={'0': 2, 'default': 4}]",
        "lora[leave_out=[0]]",
        " seq_bn [ non_linearity = gelu ] ",
    ];
    let all = short.chain(whole).chain(others.into_iter().map(str::to_owned));
    all.map(String::into_bytes).collect()
}

pub(super) fn compositions() -> Seeds {
    let all = [
        "none",
        "a",
        "stack(a, bb)",
        "stack(a, layer_drop(bb, layers=[0, 1]))",
        "per_sequence(none, \"two words\", part_of=[0, 1])",
        "per_sequence(a, stack(bb, ccc), part_of = [1, 0])",
        "stack(stack(stack(a)))",
        "average(a, bb)",
        "fuse(a, bb)",
        "layer_drop(per_sequence(a, bb, part_of=[0, 0]), layers=[1])",
        "\"\\u0041\\n\"",
    ];
    all.into_iter().map(|text| text.as_bytes().to_vec()).collect()
}
