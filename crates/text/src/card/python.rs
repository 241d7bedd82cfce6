//! How Python loads an adapter, and computes a head that its libraries do not have.

use super::ModelCard;
use adaptune_adapters::{HeadConfig, Pooling};
use std::fmt::Write as _;

/// The section of a card.
pub(super) fn usage(card: &ModelCard<'_>) -> String {
    let base = python_text(&card.run.model);
    let begin = "\nIn Python, where the adapter is in the files of AdapterHub (`pip install adapters`)";
    let Some(pooling) = card.head.pooling.filter(|pooling| !pooling.is_known_in_python()) else {
        return format!(
            "{begin}:\n\n```python\nfrom adapters import AutoAdapterModel\n\nmodel = AutoAdapterModel.from_pretrained({base})\n\
             model.load_adapter(\"FOLDER\", with_head=True, use_safetensors=True, set_active=True)\n```\n"
        );
    };
    // Tokens of a prompt stand among those of the text, where the mask does not tell them apart.
    if card.run.method.starts_with("prompt_tuning") {
        return format!("\nIts head reads the {} of the text, which AdapterHub has no head for.\n", pooling.name());
    }
    format!(
        "{begin}. Its heads read the first token; this one reads the {} over the tokens, which these lines compute:\n\n\
         ```python\n{}```\n",
        pooling.name(),
        program(card, &base, pooling)
    )
}

/// The lines that compute the logits.
fn program(card: &ModelCard<'_>, base: &str, pooling: Pooling) -> String {
    let (length, read, layers) = (card.run.max_length, read(pooling), layers(card.name, card.head));
    format!(
        r#"import torch
from adapters import AutoAdapterModel
from safetensors.torch import load_file
from transformers import AutoTokenizer

model = AutoAdapterModel.from_pretrained({base})
model.load_adapter("FOLDER", with_head=False, use_safetensors=True, set_active=True)
model.eval()
head = load_file("FOLDER/model_head.safetensors")
tokenizer = AutoTokenizer.from_pretrained({base})
batch = tokenizer(["A text."], truncation=True, max_length={length}, padding=True, return_tensors="pt")
with torch.no_grad():
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
        Pooling::First | Pooling::Pooler => "hidden[:, 0]",
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
fn python_text(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
