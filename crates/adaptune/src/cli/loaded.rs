//! A trained model, loaded to be measured or to predict, and how its texts are to be read.

use super::args::{ModelArgs, TableArgs};
use super::finished::Finished;
use adaptune_adapters::format;
use adaptune_text::{InputForm, InputKind, Table, TableKind, TableOptions, TextPredictor};
use anyhow::{Context, Result, bail};

/// A trained model with what is known of its training.
pub(crate) struct Loaded {
    pub(crate) predictor: TextPredictor,
    /// The form of the texts in training, if `run.json` says it.
    input: Option<InputForm>,
}

impl Loaded {
    /// Loads base, adapter and head.
    pub(crate) fn open(args: &ModelArgs) -> Result<Self> {
        let finished = Finished::open(args.model.as_deref(), args.base_dtype, &args.adapter)?;
        let tokenizer = finished.tokenizer(args.max_length)?;
        let model = format::load(&args.adapter, finished.base).with_context(|| args.adapter.display().to_string())?;
        let input = finished.run.and_then(|run| run.input);
        Ok(Self { predictor: TextPredictor::new(model, tokenizer, &finished.name), input })
    }

    /// How a table is read: as the options say, and where they name no columns, with those of training, if it has them.
    pub(crate) fn table_options(&self, args: &TableArgs) -> TableOptions {
        let preferred = self.input.as_ref().map(InputForm::columns).unwrap_or_default();
        TableOptions { preferred, ..args.options() }
    }

    /// Refuses texts in another form than in training: a pair is not a single text.
    pub(crate) fn check_form(&self, table: &Table) -> Result<()> {
        let Some(input) = &self.input else { return Ok(()) };
        let fits = match (input.kind, table.kind) {
            (InputKind::Pair, kind) => kind == TableKind::Pair,
            (_, TableKind::Pair) => false,
            _ => true,
        };
        if !fits {
            let trained = match input.kind {
                InputKind::Pair => "pairs of texts",
                InputKind::Single => "single texts",
                InputKind::Words => "sentences split into words",
            };
            let columns = [&input.text_column, &input.text_b_column].into_iter().flatten().cloned();
            let columns = columns.collect::<Vec<_>>().join(" and ");
            let from = if columns.is_empty() { String::new() } else { format!(" (columns {columns})") };
            bail!(
                "{} holds {}, but the model was trained on {trained}{from}; choose columns with --text-column and --text-b-column",
                table.name,
                table.kind
            );
        }
        Ok(())
    }
}
