//! How well a decoder with an adapter foresees texts.

use super::super::args::{AdapterArg, EvalArgs};
use super::super::finished::Finished;
use super::super::folder::{RunFolder, TRAINED};
use super::super::loaded::{check_adapters, check_others, parts};
use super::super::misused::{AN_ADAPTER, missing};
use super::super::report::{self, Cell, Report, notes, thousands};
use adaptune_adapters::{AdapterModel, Head, HeadConfig, Task};
use adaptune_tensor::Seed;
use adaptune_text::{ChatTemplate, Corpus, LanguageForm, Packed};
use adaptune_train::{Evaluation, evaluate, json};
use anyhow::Result;
use serde_json::json;

/// Examples of full length that are computed together.
const MOST_EXAMPLES: usize = 8;

/// True if the adapter is a language model's.
pub(super) fn is_meant(args: &EvalArgs) -> Result<bool> {
    let leading = args.model.adapter.as_ref().map(AdapterArg::leading);
    let run = leading.filter(|folder| folder.is_dir()).map(|folder| RunFolder::new(&folder, TRAINED).run_file());
    Ok(args.model.head.is_none() && run.transpose()?.flatten().is_some_and(|run| run.language.is_some()))
}

/// Evaluates and prints loss and perplexity.
pub(super) fn run(args: &EvalArgs) -> Result<()> {
    let adapter = args.model.adapter.as_ref().ok_or_else(|| missing("--adapter", AN_ADAPTER))?;
    let leading = adapter.leading();
    check_adapters(adapter)?;
    let finished = Finished::open(args.model.model.as_deref(), args.model.base_dtype, &leading)?;
    let tokenizer = finished.tokenizer(args.model.max_length)?;
    check_others(adapter, &leading, &tokenizer)?;
    let language = finished.run.as_ref().and_then(|run| run.language.clone()).unwrap_or_default();
    let template = match &language.chat_template {
        Some(text) => Some(finished.model.with_own_tokens(ChatTemplate::new("the template of training", text)?)?),
        None => finished.model.chat_template()?,
    };
    let end = finished.model.end_tokens()?.first().copied();
    let corpus = Corpus::read_with(args.named_data()?, &args.table.options())?;
    let packed = tokenizer.pack(&corpus, &LanguageForm { template: template.as_ref(), end })?;
    notes(&corpus.name, &packed.notes);
    let parts = parts(adapter, &finished.base)?;
    let head = HeadConfig::new(Task::CAUSAL_LANGUAGE, Vec::new());
    let head = Head::new("language", &head, &finished.base, Seed::new(0))?;
    let model = AdapterModel::new(finished.base, None, head).with_thawed(parts.thawed).with_setup(parts.setup)?;
    let evaluation = evaluate(&model, &packed.dataset, args.model.batch_size().min(MOST_EXAMPLES))?;
    if args.json { print_json(args, &packed, &evaluation) } else { print(&packed, &evaluation) }
}

fn print(packed: &Packed, evaluation: &Evaluation) -> Result<()> {
    let mut report = Report::new();
    let mut row = |name: &str, value: String| _ = report.row(vec![name.into(), Cell::number(value)]);
    row("sequences", thousands(packed.sequences as u64));
    row("tokens", thousands(packed.tokens as u64));
    row("  measured", thousands(packed.learnt as u64));
    row("loss", format!("{:.4}", evaluation.loss));
    for (name, value) in evaluation.metrics.iter() {
        row(name, format!("{value:.4}"));
    }
    Ok(report.print()?)
}

fn print_json(args: &EvalArgs, packed: &Packed, evaluation: &Evaluation) -> Result<()> {
    Ok(report::print_json(&json!({
        "data": args.data,
        "sequences": packed.sequences,
        "tokens": packed.tokens,
        "measured": packed.learnt,
        "loss": json::value(evaluation.loss),
        "metrics": json::scores(evaluation.metrics.iter()),
    }))?)
}
