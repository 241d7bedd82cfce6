//! The model card: a README for whoever finds an adapter.

mod embedding;
mod language;
mod python;
mod shell;

use crate::data_file::DataFile;
use crate::input_form::InputKind;
use crate::run_file::RunFile;
use adaptune_adapters::HeadConfig;
use adaptune_transformer::Family;
use embedding::vectors;
pub use shell::shell;
use std::fmt::Write as _;

/// The name of the file.
pub const MODEL_CARD: &str = "README.md";

/// The line by which a card of ours is known; a README of anybody else is left alone.
const MARK: &str = "# written by adaptune";

/// What a model card says.
#[derive(Clone, Debug)]
pub struct ModelCard<'a> {
    /// The name of adapter and head.
    pub name: &'a str,
    /// What it was trained with.
    pub run: &'a RunFile,
    /// What the head predicts, and its labels.
    pub head: &'a HeadConfig,
    /// Scores with what they were measured on, such as `dev accuracy`.
    pub scores: &'a [(String, f64)],
    /// The command that trained it, word by word; empty if a program did.
    pub command: &'a [String],
    /// How several adapters are put together, if it is not one by itself.
    pub setup: Option<&'a str>,
    /// The base's family, on which it depends what Python can load.
    pub family: Family,
}

/// True if the text is a card of ours.
#[must_use]
pub fn is_model_card(text: &str) -> bool {
    text.lines().take(3).any(|line| line == MARK)
}

/// What labels that are paths are.
const PATHS: &str = "They are a tree: each path is below the one before its last `/`. The softmax over those with the same parent is their \
                     probability given that parent, and the product down a path that of its label; AdapterHub loads all of them as one \
                     classification, with these logits.\n\n";

impl ModelCard<'_> {
    /// Returns the card as Markdown, with the metadata that the Hugging Face hub reads.
    #[must_use]
    pub fn markdown(&self) -> String {
        let Self { name, run, head, .. } = self;
        let base = &run.model;
        let mut card = format!(
            "---\n{MARK}\nlibrary_name: adapters\nbase_model: {}\ntags:\n- adapter-transformers\n---\n\n# {}\n\n{} \
             {} for {}, trained with adaptune. The base is not changed and not part of these files.\n\n",
            quoted(base),
            escaped(name),
            self.what(),
            self.head_or_vectors(),
            code(base),
        );
        if let Some(embedding) = &run.embedding {
            let _ = writeln!(card, "{}\n", vectors(embedding));
        } else if head.task.predicts_a_choice() {
            card.push_str(
                "It gives one logit for each choice of an example, a sequence of its own; the largest is the answer. Examples may have \
                 other numbers of choices.\n\n",
            );
        } else if !head.labels.is_empty() {
            let labels: Vec<String> = head.labels.iter().map(|label| code(label)).collect();
            let _ = writeln!(card, "Labels, in the order of the logits: {}.\n", labels.join(", "));
        }
        if head.task.predicts_a_path() {
            card.push_str(PATHS);
        }
        if head.task.predicts_any_labels() {
            card.push_str(
                "Any number of them may hold: each one by itself, where its probability, the logistic function of its logit, is \
                 above 0.5.\n\n",
            );
        }
        self.data(&mut card);
        self.scores(&mut card);
        self.usage(&mut card);
        card
    }

    /// What is computed of the last hidden state.
    fn head_or_vectors(&self) -> String {
        match self.run.embedding {
            Some(_) => "for sentence embeddings, without a head,".to_owned(),
            None if self.head.task.predicts_next_tokens() => "for a language model, without a head,".to_owned(),
            None => format!("and a head ({})", self.head.task.name()),
        }
    }

    /// What the folder holds besides the head.
    fn what(&self) -> String {
        let method = code(&self.run.method);
        match self.setup {
            Some(setup) => format!("Several adapters, put together as {} (made by {method}),", code(setup)),
            None => format!("An adapter ({method})"),
        }
    }

    fn data(&self, card: &mut String) {
        if self.run.data.is_empty() {
            return;
        }
        card.push_str("## Data\n\n| part | file | examples | SHA-256 |\n|---|---|---|---|\n");
        for DataFile { part, path, examples, sha256, .. } in &self.run.data {
            let hash = sha256.as_deref().map_or("none".into(), |hash| format!("`{}…`", &hash[..hash.len().min(12)]));
            let _ = writeln!(card, "| {part} | {} | {examples} | {hash} |", code(path));
        }
        let _ = writeln!(card, "\nOf a text the first {} tokens are read.\n", self.run.max_length);
    }

    fn scores(&self, card: &mut String) {
        if !self.scores.is_empty() {
            card.push_str("## Scores\n\n| | |\n|---|---|\n");
            for (name, value) in self.scores {
                let _ = writeln!(card, "| {name} | {value:.4} |");
            }
            card.push('\n');
        }
        if !self.command.is_empty() {
            let command = self.command.iter().map(|word| shell(word)).collect::<Vec<_>>().join(" ");
            let _ = writeln!(card, "Trained by\n\n```sh\n{command}\n```\n");
        }
    }

    /// What stands for a file of texts that are not single ones: these come from a table.
    fn table(&self) -> Option<&'static str> {
        let pairs = self.run.input.as_ref().is_some_and(|input| input.kind == InputKind::Pair);
        match self.head.task {
            task if task.predicts_a_choice() || task.predicts_a_span() => Some("questions.jsonl"),
            _ => pairs.then_some("pairs.tsv"),
        }
    }

    fn usage(&self, card: &mut String) {
        let base = &self.run.model;
        let builtin = crate::shipped::Shipped::called(base).is_some();
        if let Some(language) = &self.run.language {
            return card.push_str(&language::usage(self.run, language, self.family, self.setup));
        }
        if self.run.embedding.is_some() {
            return card.push_str(&embedding::usage(self.run, self.setup));
        }
        let (before, input, predict) = match self.table() {
            Some(table) => (
                "",
                table,
                format!(
                    "let table = adaptune::text::Table::read_texts({table:?}, &Default::default())?;\nmodel.predict_rows(&table, 64, \
                     |_, prediction| Ok(println!(\"{{}}\", prediction.label())))?;"
                ),
            ),
            None => ("echo 'A text.' | ", "-", "let predictions = model.predict(&[\"A text.\"])?;".to_owned()),
        };
        let _ = write!(
            card,
            "## Use\n\n```sh\n{before}adaptune predict --model {} --adapter FOLDER --input {input}\n```\n\n```rust\nlet model = \
             adaptune::text::TextModel::open({base:?})?.with_adapter(\"FOLDER\")?;\n{predict}\n```\n",
            shell(base),
        );
        if !builtin {
            card.push_str(&python::usage(self.family, self.name, self.run, self.head, self.setup));
        }
    }
}

/// Text in which no letter is Markdown.
fn escaped(text: &str) -> String {
    text.chars().fold(String::new(), |mut all, letter| {
        if letter.is_ascii_punctuation() && !matches!(letter, '-' | '.' | ',') {
            all.push('\\');
        }
        all.push(if letter.is_control() { ' ' } else { letter });
        all
    })
}

/// Text as code, in a table too.
fn code(text: &str) -> String {
    let plain: String = text.chars().map(|c| if c.is_control() || c == '`' { ' ' } else { c }).collect();
    format!("`{}`", plain.replace('|', "\\|"))
}

/// A value of YAML.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use adaptune_adapters::{Pooling, Task};

    fn card(model: &str, name: &str) -> String {
        let data = DataFile {
            part: "train".into(),
            path: "a|b.tsv".into(),
            examples: 3,
            sha256: Some("ab".repeat(32)),
            aside: None,
            examples_sha256: None,
        };
        let run = RunFile {
            model: model.into(),
            method: "lora[r=8]".into(),
            max_length: 9,
            data: vec![data],
            ..RunFile::default()
        };
        let head = HeadConfig::new(Task::CLASSIFICATION, vec!["good".into(), "`bad`".into()]);
        let scores = [("dev accuracy".to_owned(), 0.5)];
        ModelCard {
            name,
            run: &run,
            head: &head,
            scores: &scores,
            command: &["adaptune".into(), "a b".into()],
            setup: None,
            family: Family::BERT,
        }
        .markdown()
    }

    #[test]
    fn a_card_says_what_the_adapter_is_for_and_how_to_load_it() {
        let card = card("owner/mini", "mine");
        assert!(is_model_card(&card) && !is_model_card("# My project\n"));
        for part in [
            "base_model: \"owner/mini\"",
            "# mine\n",
            "`lora[r=8]`",
            "`good`, ` bad `",
            "| train | `a\\|b.tsv` | 3 | `abababababab…` |",
            "the first 9 tokens are read",
            "| dev accuracy | 0.5000 |",
            "adaptune 'a b'",
            "--model owner/mini",
            "from_pretrained(\"owner/mini\")",
        ] {
            assert!(card.contains(part), "{card}\n lacks {part}");
        }
    }

    /// The lines were run against AdapterHub 1.3.0 and gave the logits that `predict --json` gives.
    #[test]
    fn a_head_that_python_lacks_is_written_out() {
        let run = RunFile { model: "owner/mini".into(), method: "lora".into(), max_length: 9, ..RunFile::default() };
        let head = HeadConfig::new(Task::CLASSIFICATION, vec!["a".into(), "b".into()]);
        let card = |pooling| {
            let head = HeadConfig { pooling, ..head.clone() };
            ModelCard {
                name: "mine",
                run: &run,
                head: &head,
                scores: &[],
                command: &[],
                setup: None,
                family: Family::BERT,
            }
            .markdown()
        };
        let mean = card(Some(Pooling::Mean));
        for line in [
            "with_head=False",
            "    x = (hidden * mask).sum(1) / mask.sum(1)\n",
            "    x = torch.tanh(x @ head[\"heads.mine.1.weight\"].T + head[\"heads.mine.1.bias\"])\n",
            "    logits = x @ head[\"heads.mine.4.weight\"].T + head[\"heads.mine.4.bias\"]\n",
        ] {
            assert!(mean.contains(line), "{mean}\n lacks {line}");
        }
        assert!(card(Some(Pooling::Max)).contains(".max(1).values"));
        for known in [None, Some(Pooling::First), Some(Pooling::Pooler)] {
            assert!(card(known).contains("with_head=True"));
        }
    }

    #[test]
    fn python_is_promised_nothing_that_it_has_not() {
        let run = RunFile { model: "owner/mini".into(), method: "seq_bn".into(), max_length: 9, ..RunFile::default() };
        let head = HeadConfig::new(Task::CLASSIFICATION, vec!["a".into(), "b".into()]);
        let card = |family| {
            ModelCard { name: "mine", run: &run, head: &head, scores: &[], command: &[], setup: None, family }
                .markdown()
        };
        let (known, unknown, other) = (card(Family::ELECTRA), card(Family::MODERNBERT), card(Family::ALBERT));
        assert!(known.contains("AutoAdapterModel") && !known.contains("behind the attention"), "{known}");
        assert!(
            !unknown.contains("AutoAdapterModel") && unknown.contains("models of the family modernbert"),
            "{unknown}"
        );
        assert!(other.contains("AutoAdapterModel") && other.contains("behind the attention"), "{other}");
    }

    /// The lines were run against AdapterHub 1.3.0 and gave the logits that `predict --json` gives.
    #[test]
    fn a_choice_is_called_with_a_sequence_for_each() {
        let run = RunFile { model: "owner/mini".into(), method: "lora".into(), max_length: 9, ..RunFile::default() };
        let card = |pooling| {
            let head = HeadConfig { pooling, ..HeadConfig::new(Task::MULTIPLE_CHOICE, Vec::new()) };
            ModelCard {
                name: "mine",
                run: &run,
                head: &head,
                scores: &[],
                command: &[],
                setup: None,
                family: Family::BERT,
            }
            .markdown()
        };
        let (known, mean) = (card(None), card(Some(Pooling::Mean)));
        let pairs = "batch = tokenizer([context] * len(choices), [f\"{question} {choice}\" for choice in choices], truncation=True";
        for line in [
            pairs,
            "model.heads[\"mine\"].config[\"num_choices\"] = len(choices)\n",
            "    logits = model(**batch).logits[0]\n",
            "--input questions.jsonl",
        ] {
            assert!(known.contains(line), "{known}\n lacks {line}");
        }
        assert!(!known.contains("LABEL_0") && !known.contains("A text."), "{known}");
        for line in [pairs, "    logits = x @ head[\"heads.mine.4.weight\"].T + head[\"heads.mine.4.bias\"]\n"] {
            assert!(mean.contains(line), "{mean}\n lacks {line}");
        }
    }

    #[test]
    fn names_are_no_markup_and_no_commands() {
        let card = card("a'b; rm", "<b>\u{1b}[31m");
        assert!(card.contains("--model 'a'\\''b; rm'"), "{card}");
        assert!(!card.contains("<b>") && !card.contains('\u{1b}'), "{card}");
    }
}
