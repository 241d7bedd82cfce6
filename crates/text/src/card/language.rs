//! How a decoder with an adapter goes on with texts.

use super::python::{loading, python_text};
use super::shell::shell;
use crate::run_file::{LanguageRun, RunFile};
use adaptune_transformer::Family;

/// The section of a card.
pub(super) fn usage(run: &RunFile, of: &LanguageRun, family: Family, setup: Option<&str>) -> String {
    let base = &run.model;
    let command = match of.chat_template {
        Some(_) => format!("adaptune chat --model {} --adapter FOLDER", shell(base)),
        None => format!("adaptune generate --model {} --adapter FOLDER --prompt 'Once upon a time'", shell(base)),
    };
    let here = format!(
        "## Use\n\n```sh\n{command}\n```\n\n```rust\nlet model = adaptune::text::TextModel::open({base:?})?;\nlet generator = \
         model.generator_with(\"FOLDER\")?;\nlet written = generator.generate(&[\"Once upon a time\"], &Default::default())?;\n```\n"
    );
    if !family.python().adapters.known || setup.is_some() {
        return here;
    }
    format!("{here}{}", python(base))
}

/// The lines that load it in Python.
fn python(base: &str) -> String {
    let base = python_text(base);
    format!(
        r#"
In Python, where the adapter is in the files of AdapterHub (`pip install adapters`; `adaptune convert --to peft` writes those of PEFT
where it has such an adapter):

```python
import adapters
from transformers import AutoModelForCausalLM, AutoTokenizer

model = AutoModelForCausalLM.from_pretrained({base})
adapters.init(model)
model.{}
model.eval()
tokenizer = AutoTokenizer.from_pretrained({base})
batch = tokenizer("Once upon a time", return_tensors="pt", return_token_type_ids=False)
print(tokenizer.decode(model.generate(**batch, max_new_tokens=64, do_sample=False)[0]))
```
"#,
        loading(None, false)
    )
}
