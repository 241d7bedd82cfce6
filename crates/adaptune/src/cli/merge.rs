//! `adaptune merge`.

use super::args::{BaseDtype, MergeArgs};
use super::finished::{Finished, LoadedAdapter};
use super::folder::{RunFolder, TRAINED};
use super::report::{Cell, Report, bytes, print_json, print_line, thousands};
use adaptune_adapters::{Adapter, Head, Method, format, merge};
use adaptune_tensor::Parameters;
use adaptune_transformer::Encoder;
use anyhow::{Context, Result};
use serde_json::json;
use std::path::Path;

/// Everything that a merged model consists of.
const MERGED: &[&str] = &[
    "run.json",
    "config.json",
    "model.safetensors",
    "generation_config.json",
    "chat_template.jinja",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "spm.model",
    "head/run.json",
    "head/head_config.json",
    "head/model_head.safetensors",
];

/// Merges and saves.
pub(crate) fn run(args: &MergeArgs) -> Result<()> {
    let (folder, out) = (RunFolder::at_once(&args.out.out, MERGED), &args.out.out);
    folder.check(false, args.out.overwrite)?;
    let finished = Finished::open(args.model.as_deref(), Some(BaseDtype::F32), &args.adapter)?;
    let LoadedAdapter { adapter, head } = finished.load(&args.adapter)?;
    let merged = merge(&finished.base, &adapter)?;
    folder.prepare(false, args.out.overwrite)?;
    finished.model.copy_tokenizer(folder.work())?;
    format::save_base(&merged, folder.work(), args.precision.format())?;
    let name = out.display().to_string();
    if let Some(head) = &head {
        save_head(head, &finished, folder.work(), &name)?;
    }
    finished.complete(&folder, &name, format!("merged: {}", adapter.method().map_or("", Method::kind)))?;
    close(args, &adapter, head.is_some(), out)
}

/// Saves the head for the base as it will be read, rounded or not.
fn save_head(head: &Head<f32>, finished: &Finished, out: &Path, name: &str) -> Result<()> {
    let (saved, folder) = (Encoder::load(out)?, out.join("head"));
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    format::save_head(head, &saved, &folder)?;
    finished.complete(&RunFolder::new(&folder, TRAINED), name, "head".into())
}

fn close(args: &MergeArgs, adapter: &Adapter<f32>, has_head: bool, out: &Path) -> Result<()> {
    let (layers, parameters) = (adapter.points().count(), adapter.parameter_count());
    let size = std::fs::metadata(out.join("model.safetensors")).map_or(0, |file| file.len());
    if args.out.json {
        return Ok(print_json(&json!({ "out": out, "layers": layers, "merged": parameters, "bytes": size }))?);
    }
    let mut report = Report::new();
    report.row(vec!["changed layers".into(), Cell::number(thousands(layers as u64))]);
    report.row(vec!["merged parameters".into(), Cell::number(thousands(parameters as u64))]);
    report.row(vec!["model".into(), Cell::number(bytes(size))]);
    report.print()?;
    let shown = out.display();
    let head = match has_head {
        true => format!("its head in {shown}/head, which eval and predict take as --adapter"),
        false => "the adapter had no head".to_owned(),
    };
    Ok(print_line(format_args!("saved in {shown}; {head}"))?)
}
