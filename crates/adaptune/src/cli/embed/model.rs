//! The model that embeds texts, and how these are read.

use super::super::args::{self, AdapterArg, FormArgs, TableArgs};
use super::super::download::find_base;
use super::super::finished::Finished;
use super::super::loaded::{check_adapters, check_others, parts};
use super::super::misused::missing;
use super::super::report::note;
use adaptune_text::{BaseDtype, Embedder, EmbeddingForm, InputKind, TableOptions};
use anyhow::{Context, Result};
use std::sync::Arc;

/// What says which model embeds texts, and how these are read.
pub(crate) struct Source<'a> {
    pub(crate) model: Option<&'a str>,
    pub(crate) adapter: Option<&'a AdapterArg>,
    pub(crate) max_length: Option<usize>,
    pub(crate) base_dtype: Option<args::BaseDtype>,
    pub(crate) form: &'a FormArgs,
    pub(crate) table: &'a TableArgs,
    /// Tables hold texts that are compared.
    pub(crate) compared: bool,
}

impl Source<'_> {
    /// The model, and how tables are read: as the options say, and where they name no columns, with those of training.
    pub(crate) fn open(&self) -> Result<(Embedder, TableOptions)> {
        let options = TableOptions { compared: self.compared, ..self.table.options() };
        match self.adapter {
            Some(adapter) => self.adapted(adapter, options),
            None => Ok((self.plain()?, options)),
        }
    }

    /// The base by itself.
    fn plain(&self) -> Result<Embedder> {
        let name = self.model.ok_or_else(|| missing("--model", "name a model, or an adapter with --adapter"))?;
        let model = find_base(name).context("--model")?;
        let form = EmbeddingForm::of(&model)?;
        let limit = model.config().max_tokens();
        let length = self.max_length.or(form.max_length().map(|length| length.min(limit)));
        let form = chosen(form, self.form)?;
        let tokenizer = model.tokenizer(length)?;
        let base = Arc::new(model.load(self.base_dtype.map(BaseDtype::from).unwrap_or_default().into())?);
        Ok(Embedder::new(base, tokenizer, form)?)
    }

    /// The base with adapters.
    fn adapted(&self, adapter: &AdapterArg, options: TableOptions) -> Result<(Embedder, TableOptions)> {
        let leading = adapter.leading();
        check_adapters(adapter)?;
        let finished = Finished::open(self.model, self.base_dtype, &leading)?;
        let form = EmbeddingForm::of(&finished.model)?;
        let of_model = form.max_length().filter(|_| finished.run.is_none());
        let length = self.max_length.or(of_model.map(|length| length.min(finished.max_length)));
        let trained = finished.run.as_ref().and_then(|run| run.embedding.as_ref());
        let form = if let Some(run) = trained { form.with_run(run) } else { form };
        let form = chosen(form, self.form)?;
        let tokenizer = finished.tokenizer(length)?;
        check_others(adapter, &leading, &tokenizer)?;
        let parts = parts(adapter, &finished.base)?;
        let kinds = if options.compared { InputKind::Compared } else { InputKind::Single };
        let input = finished.run.and_then(|run| run.input).filter(|input| input.kind == kinds);
        let preferred = input.map(|input| input.columns()).unwrap_or_default();
        let embedder = Embedder::new(finished.base, tokenizer, form)?.with_adapters(parts.setup, parts.thawed);
        Ok((embedder, TableOptions { preferred, ..options }))
    }
}

/// The form with what the options say otherwise.
fn chosen(mut form: EmbeddingForm, args: &FormArgs) -> Result<EmbeddingForm> {
    if !args.pooling.is_empty() {
        form = form.with_pooling(args.pooling.clone());
    }
    for text in form.notes() {
        note(format_args!("note: {text}"));
    }
    if args.normalize || args.no_normalize {
        form = form.with_normalization(args.normalize);
    }
    match (&args.prompt, &args.prompt_name) {
        (Some(prompt), _) => Ok(form.with_prompt(prompt)),
        (None, Some(name)) => Ok(form.with_prompt_named(name)?),
        (None, None) => Ok(form),
    }
}
