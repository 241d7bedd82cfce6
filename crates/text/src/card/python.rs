//! How Python loads an adapter, and computes a head that its libraries do not have.

use crate::input_form::InputKind;
use crate::run_file::RunFile;
use adaptune_adapters::{Expression, HeadConfig, Pooling};
use adaptune_transformer::Family;
use std::fmt::Write as _;

/// The section of a card.
pub(super) fn usage(family: Family, name: &str, run: &RunFile, head: &HeadConfig, setup: Option<&str>) -> String {
    if let Some(node) = setup.and_then(|setup| ours_alone(&setup.parse().ok()?)) {
        return format!(
            "\nPython's libraries have nothing like `{node}(…)`: they can load the adapters in it, each by itself.\n"
        );
    }
    let (family, paths) = (family.model_type(), &family.python().adapters);
    if !paths.known {
        return format!(
            "\nAdapterHub has no such adapters on models of the family {family}: these files are adaptune's alone. `adaptune convert \
             --to peft` writes those of LoRA and related methods for PEFT.\n"
        );
    }
    let mut usage = with_adapterhub(name, run, head, setup);
    if !paths.differ.is_empty() {
        let _ = writeln!(
            usage,
            "\nBottlenecks behind the attention of models of the family {family} would be others there: AdapterHub calls them with \
             their arguments in the wrong order."
        );
    }
    usage
}

fn with_adapterhub(name: &str, run: &RunFile, head: &HeadConfig, setup: Option<&str>) -> String {
    let base = python_text(&run.model);
    let begin = "\nIn Python, where the adapter is in the files of AdapterHub (`pip install adapters`)";
    let batch = batch(run, head);
    let Some(pooling) = head.pooling.filter(|pooling| !pooling.is_known_in_python()) else {
        return format!("{begin}:\n\n```python\n{}```\n", asking(name, [&base, &loading(setup, true)], head, &batch));
    };
    if pooling == Pooling::MeanPooler {
        return "\nIts head reads the base's pooler over the mean of the text, which AdapterHub has no head for.\n"
            .into();
    }
    // Tokens of a prompt stand among those of the text, where the mask does not tell them apart.
    if run.method.starts_with("prompt_tuning") {
        return format!("\nIts head reads the {} of the text, which AdapterHub has no head for.\n", pooling.name());
    }
    format!(
        "{begin}. Its heads read the first token; this one reads the {} over the tokens, which these lines compute:\n\n\
         ```python\n{}```\n",
        pooling.name(),
        program([&base, &loading(setup, false), &head_folder(name, setup)], &batch, read(pooling), &layers(name, head))
    )
}

/// The first node of a setup that Python's libraries do not have.
fn ours_alone(setup: &Expression) -> Option<String> {
    let Expression::Node(node) = setup else { return None };
    let here = ["route", "layer_drop", "tree"].contains(&node.name.as_str());
    here.then(|| node.name.clone()).or_else(|| node.parts.iter().find_map(ours_alone))
}

/// The lines that make a batch: of one text, or of what is read of each choice of an example.
fn batch(run: &RunFile, head: &HeadConfig) -> String {
    let pairs = run.input.as_ref().is_some_and(|input| input.kind == InputKind::Pair);
    let words = head.task.reads_every_token();
    let (given, texts) = match head.task.predicts_a_choice() {
        true => (
            "context, question, choices = \"A context.\", \"A question?\", [\"One.\", \"Another.\"]\n",
            "[context] * len(choices), [f\"{question} {choice}\" for choice in choices]",
        ),
        false if head.task.predicts_a_span() => ("", "[\"A question?\"], [\"A context.\"]"),
        false if pairs => ("", "[\"A text.\"], [\"Another.\"]"),
        false if words => ("", "[[\"Some\", \"words\"]], is_split_into_words=True"),
        false => ("", "[\"A text.\"]"),
    };
    let length = run.max_length;
    format!(
        "{given}batch = tokenizer({texts}, truncation=True, max_length={length}, padding=True, return_tensors=\"pt\")\n"
    )
}

/// The lines that ask AdapterHub's own head. That for choices is made for one number of choices, which its weights do not depend on.
fn asking(name: &str, [base, loading]: [&str; 2], head: &HeadConfig, batch: &str) -> String {
    let (before, answer) = match head.task {
        task if task.predicts_a_choice() => (
            format!("model.heads[{}].config[\"num_choices\"] = len(choices)\n", python_text(name)),
            "    logits = model(**batch).logits[0]\n",
        ),
        task if task.predicts_a_span() => {
            (String::new(), "    output = model(**batch)\nstart, end = output.start_logits, output.end_logits\n")
        }
        _ => (String::new(), "    logits = model(**batch).logits\n"),
    };
    format!(
        r#"import torch
from adapters import AutoAdapterModel
from transformers import AutoTokenizer

model = AutoAdapterModel.from_pretrained({base})
model.{loading}
model.eval()
tokenizer = AutoTokenizer.from_pretrained({base})
{batch}{before}with torch.no_grad():
{answer}"#
    )
}

/// The call that loads what the folder holds, with its head where Python has such.
pub(super) fn loading(setup: Option<&str>, with_head: bool) -> String {
    match (setup, with_head) {
        (Some(_), _) => "load_adapter_setup(\"FOLDER\", use_safetensors=True, set_active=True)".to_owned(),
        (None, true) => "load_adapter(\"FOLDER\", with_head=True, use_safetensors=True, set_active=True)".to_owned(),
        (None, false) => "load_adapter(\"FOLDER\", with_head=False, use_safetensors=True, set_active=True)".to_owned(),
    }
}

/// The folder of the head's files: of a setup one within it.
fn head_folder(name: &str, setup: Option<&str>) -> String {
    if setup.is_some() { format!("FOLDER/{name}") } else { "FOLDER".to_owned() }
}

/// The lines that compute the logits.
fn program([base, loading, folder]: [&str; 3], batch: &str, read: &str, layers: &str) -> String {
    format!(
        r#"import torch
from adapters import AutoAdapterModel
from safetensors.torch import load_file
from transformers import AutoTokenizer

model = AutoAdapterModel.from_pretrained({base})
model.{loading}
model.eval()
head = load_file("{folder}/model_head.safetensors")
tokenizer = AutoTokenizer.from_pretrained({base})
{batch}with torch.no_grad():
    hidden = model(**batch).last_hidden_state
    mask = batch["attention_mask"].unsqueeze(-1)
    x = {read}
{layers}"#
    )
}

fn read(pooling: Pooling) -> &'static str {
    match pooling {
        Pooling::Mean => "(hidden * mask).sum(1) / mask.sum(1)",
        Pooling::Max => "hidden.masked_fill(mask == 0, float(\"-inf\")).max(1).values",
        Pooling::Last => "hidden[torch.arange(len(hidden)), batch[\"attention_mask\"].sum(1) - 1]",
        Pooling::First | Pooling::Pooler | Pooling::MeanPooler => "hidden[:, 0]",
    }
}

/// The head's layers: AdapterHub counts dropouts and activations as modules too.
fn layers(name: &str, head: &HeadConfig) -> String {
    let (mut lines, step) = (String::new(), if head.activation.is_some() { 3 } else { 2 });
    for layer in 0..head.layers {
        let last = layer + 1 == head.layers;
        let tensor = |part: &str| python_text(&format!("heads.{name}.{}.{part}", 1 + layer * step));
        let bias = if !last || head.bias { format!(" + head[{}]", tensor("bias")) } else { String::new() };
        let linear = format!("x @ head[{}].T{bias}", tensor("weight"));
        let _ = match head.activation.filter(|_| !last) {
            Some(activation) => writeln!(lines, "    x = {}", applied(activation.name(), &linear)),
            None => writeln!(lines, "    {} = {linear}", if last { "logits" } else { "x" }),
        };
    }
    lines
}

/// An activation in Python, by its name in AdapterHub's files.
fn applied(activation: &str, to: &str) -> String {
    match activation {
        "tanh" => format!("torch.tanh({to})"),
        other => format!("ACT2FN[{}]({to})  # from transformers.activations import ACT2FN", python_text(other)),
    }
}

/// Text as Python writes it.
pub(super) fn python_text(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
