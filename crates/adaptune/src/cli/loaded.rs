//! A trained model, loaded to be measured or to predict, and how its texts are to be read.

use super::args::{ModelArgs, TableArgs};
use super::finished::Finished;
use adaptune_adapters::format;
use adaptune_text::{InputForm, TableOptions, TextPredictor};
use anyhow::{Context, Result, bail};

/// A trained model with what is known of its training.
pub(crate) struct Loaded {
    pub(crate) predictor: TextPredictor,
}

impl Loaded {
    /// Loads base, adapter and head.
    pub(crate) fn open(args: &ModelArgs, table: &TableArgs) -> Result<Self> {
        let finished = Finished::open(args.model.as_deref(), args.base_dtype, &args.adapter)?;
        let tokenizer = finished.tokenizer(args.max_length)?.with_overlap(table.overlap());
        let model = format::load(&args.adapter, finished.base).with_context(|| args.adapter.display().to_string())?;
        let input = finished.run.and_then(|run| run.input);
        let predictor = TextPredictor::new(model, tokenizer, input);
        let Some(threshold) = args.threshold else { return Ok(Self { predictor }) };
        if !predictor.model().head().config().task.predicts_any_labels() {
            bail!(
                "--threshold is for heads of which any number of labels hold (--task multi-label); this one has one answer"
            );
        }
        Ok(Self { predictor: predictor.with_threshold(threshold) })
    }

    /// How a table is read: as the options say, and where they name no columns, with those of training, if it has them.
    pub(crate) fn table_options(&self, args: &TableArgs) -> TableOptions {
        let preferred = self.predictor.input().map(InputForm::columns).unwrap_or_default();
        TableOptions { preferred, ..args.options() }
    }
}
