//! How the vectors of an adapter are computed.

use super::python::{loading, python_text};
use super::shell::shell;
use crate::run_file::{EmbeddingRun, RunFile};
use crate::sentence_transformers::TokenPooling;

/// What a vector is made of.
pub(super) fn vectors(run: &EmbeddingRun) -> String {
    let EmbeddingRun { pooling, prompt, loss, beginnings, .. } = run;
    let mut said = format!(
        "A text becomes one vector by the pooling `{pooling}` over the last hidden state, and vectors are compared by the cosine: they are made \
         as long as 1. They were trained by `{loss}`."
    );
    if !beginnings.is_empty() {
        let sizes: Vec<String> = beginnings.iter().map(usize::to_string).collect();
        said += &format!(
            " Their first {} numbers are vectors by themselves, to be made as long as 1 again.",
            sizes.join(", ")
        );
    }
    if !prompt.is_empty() {
        said += &format!(" Before every text stands {}.", python_text(prompt));
    }
    said
}

/// The section of a card.
pub(super) fn usage(run: &RunFile, setup: Option<&str>) -> String {
    let base = &run.model;
    let here = format!(
        "## Use\n\n```sh\nadaptune embed --model {} --adapter FOLDER --input texts.txt --out vectors.npy\n```\n\n```rust\nlet model = \
         adaptune::text::TextModel::open({base:?})?.embedder_with(\"FOLDER\")?;\nlet vectors = model.embed(&[\"A text.\"])?;\n```\n",
        shell(base),
    );
    let Some(embedding) = run.embedding.as_ref().filter(|_| base != crate::shipped::BUILTIN) else { return here };
    // Tokens of a prompt stand among those of the text, where the mask does not tell them apart.
    if run.method.starts_with("prompt_tuning") {
        return here;
    }
    format!("{here}{}", python(run, embedding, setup))
}

/// The lines that compute vectors in Python.
fn python(run: &RunFile, embedding: &EmbeddingRun, setup: Option<&str>) -> String {
    let (base, length) = (python_text(&run.model), run.max_length);
    let lower = if embedding.lower_case { ".lower()" } else { "" };
    let text = python_text(&format!("{}A text.", embedding.prompt));
    let read = match embedding.pooling {
        TokenPooling::First => "hidden[:, 0]",
        TokenPooling::Max => "hidden.masked_fill(mask == 0, float(\"-inf\")).max(1).values",
        TokenPooling::Last => "hidden[torch.arange(len(hidden)), batch[\"attention_mask\"].sum(1) - 1]",
        _ => "(hidden * mask).sum(1) / mask.sum(1)",
    };
    format!(
        r#"
In Python, where the adapter is in the files of AdapterHub (`pip install adapters`):

```python
import torch
from adapters import AutoAdapterModel
from transformers import AutoTokenizer

model = AutoAdapterModel.from_pretrained({base})
model.{}
model.eval()
tokenizer = AutoTokenizer.from_pretrained({base})
batch = tokenizer([{text}{lower}], truncation=True, max_length={length}, padding=True, return_tensors="pt")
with torch.no_grad():
    hidden = model(**batch).last_hidden_state
    mask = batch["attention_mask"].unsqueeze(-1)
    vectors = torch.nn.functional.normalize({read}, dim=1)
```
"#,
        loading(setup, false)
    )
}
