//! Decoders as `score` and `generate` open them.

use super::args::DecoderArgs;
use super::download::find_base;
use super::finished::Finished;
use super::loaded::{check_adapters, check_others, parts};
use adaptune_adapters::Setup;
use adaptune_text::Tokenizer;
use adaptune_transformer::{Encoder, Thawed};
use anyhow::{Context, Result};
use std::sync::Arc;

/// A base with what is plugged in.
pub(crate) struct Decoder {
    pub(crate) base: Arc<Encoder<f32>>,
    pub(crate) tokenizer: Tokenizer,
    pub(crate) adapters: Option<(Setup<f32>, Option<Thawed<f32>>)>,
    /// The tokens that end a text.
    pub(crate) ends: Vec<u32>,
}

/// Opens a base, or what an adapter was trained on with that in it.
pub(crate) fn open(DecoderArgs { model, adapter, max_length, base_dtype }: &DecoderArgs) -> Result<Decoder> {
    let (model, dtype) = (model.as_deref(), *base_dtype);
    let Some(adapter) = adapter else {
        let model = find_base(model.unwrap_or_default()).context("--model")?;
        let (tokenizer, ends) = (model.tokenizer(*max_length)?, model.end_tokens()?);
        let base = Arc::new(model.load(dtype.map(adaptune_text::BaseDtype::from).unwrap_or_default().into())?);
        return Ok(Decoder { base, tokenizer, adapters: None, ends });
    };
    let leading = adapter.leading();
    check_adapters(adapter)?;
    let finished = Finished::open(model, dtype, &leading)?;
    let tokenizer = finished.tokenizer(*max_length)?;
    check_others(adapter, &leading, &tokenizer)?;
    let parts = parts(adapter, &finished.base)?;
    let ends = finished.model.end_tokens()?;
    Ok(Decoder { base: finished.base, tokenizer, adapters: Some((parts.setup, parts.thawed)), ends })
}
