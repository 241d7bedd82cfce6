//! Decoders as `score` and `generate` open them.

use super::args::DecoderArgs;
use super::download::find_base;
use super::finished::Finished;
use super::loaded::{check_adapters, check_others, parts};
use adaptune_adapters::Setup;
use adaptune_text::{BaseModel, ChatTemplate, Generator, TextError, Tokenizer};
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
    model: BaseModel,
    /// The template of conversations that the adapter was trained with.
    trained_template: Option<String>,
}

impl Decoder {
    /// What turns conversations into text: what is named, or the template of training, or the model's own.
    pub(crate) fn template(&self, named: Option<&str>) -> Result<ChatTemplate> {
        let template = match (named, &self.trained_template) {
            (Some(name), _) => Some(self.model.chat_template_called(name).context("--chat-template")?),
            (None, Some(text)) => {
                Some(self.model.with_own_tokens(ChatTemplate::new("the template of training", text)?)?)
            }
            (None, None) => self.model.chat_template()?,
        };
        Ok(template.ok_or_else(TextError::no_chat_template)?)
    }

    /// What writes on behind texts.
    pub(crate) fn generator(self) -> Result<Generator> {
        let generator = Generator::new(self.base, self.tokenizer, self.ends)?;
        Ok(match self.adapters {
            Some((setup, thawed)) => generator.with_adapters(setup, thawed)?,
            None => generator,
        })
    }
}

/// Opens a base, or what an adapter was trained on with that in it.
pub(crate) fn open(DecoderArgs { model, adapter, max_length, base_dtype }: &DecoderArgs) -> Result<Decoder> {
    let (model, dtype) = (model.as_deref(), *base_dtype);
    let Some(adapter) = adapter else {
        let model = find_base(model.unwrap_or_default()).context("--model")?;
        let (tokenizer, ends) = (model.tokenizer(*max_length)?, model.end_tokens()?);
        let base = Arc::new(model.load(dtype.map(adaptune_text::BaseDtype::from).unwrap_or_default().into())?);
        return Ok(Decoder { base, tokenizer, adapters: None, ends, model, trained_template: None });
    };
    let leading = adapter.leading();
    check_adapters(adapter)?;
    let finished = Finished::open(model, dtype, &leading)?;
    let language = finished.run.as_ref().and_then(|run| run.language.clone());
    // Sequences of training are as long as there is memory for; what is written may be as long as the model can take.
    let usual = language.is_some().then(|| finished.model.config().max_tokens());
    let tokenizer = finished.tokenizer(max_length.or(usual))?;
    check_others(adapter, &leading, &tokenizer)?;
    let parts = parts(adapter, &finished.base)?;
    let ends = finished.model.end_tokens()?;
    let (base, model, adapters) = (finished.base, finished.model, Some((parts.setup, parts.thawed)));
    let trained_template = language.and_then(|run| run.chat_template);
    Ok(Decoder { base, tokenizer, adapters, ends, model, trained_template })
}
