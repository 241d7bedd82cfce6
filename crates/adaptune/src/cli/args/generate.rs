//! Options of `adaptune generate`.

use super::columns::TableArgs;
use super::decoder::DecoderArgs;
use super::numbers::BatchArgs;
use adaptune_text::GenerateOptions;
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct GenerateArgs {
    #[command(flatten)]
    pub(crate) decoder: DecoderArgs,
    /// What to go on with; what is written is shown word by word
    #[arg(long, value_name = "TEXT", required_unless_present = "input", conflicts_with = "input")]
    pub(crate) prompt: Option<String>,
    /// Prompts, one a line (.txt, or - for standard input), or a table
    #[arg(long, alias = "data", value_name = "FILE|-")]
    pub(crate) input: Option<PathBuf>,
    /// Prompts are questions, which the model's chat template turns into text; only answers are shown
    #[arg(long)]
    pub(crate) chat: bool,
    /// How questions become text: a template of Jinja, or chatml [default: as the adapter was trained, or the model's own]
    #[arg(long, value_name = "FILE|chatml", requires = "chat")]
    pub(crate) chat_template: Option<String>,
    /// Instructions before each question
    #[arg(long, value_name = "TEXT", requires = "chat")]
    pub(crate) system: Option<String>,
    #[command(flatten)]
    pub(crate) batch: BatchArgs,
    #[command(flatten)]
    pub(crate) table: TableArgs,
    #[command(flatten)]
    pub(crate) writing: WritingArgs,
    /// Print one JSON object a line: prompt, tokens (new ids, without the end token), text
    #[arg(long)]
    pub(crate) json: bool,
}

/// How the decoder writes.
#[derive(Debug, Args)]
pub(crate) struct WritingArgs {
    /// Most tokens behind a prompt
    #[arg(long, value_name = "N", default_value_t = 64, help_heading = "Writing")]
    pub(crate) max_new_tokens: usize,
    /// What logits are divided by before a token is drawn; 0 takes the most probable one each time
    #[arg(long, value_name = "T", default_value_t = 0.0, allow_negative_numbers = true, help_heading = "Writing")]
    pub(crate) temperature: f64,
    /// Draw among so many of the most probable tokens
    #[arg(long, value_name = "K", help_heading = "Writing")]
    pub(crate) top_k: Option<usize>,
    /// Draw among the most probable tokens whose probabilities sum to so much
    #[arg(long, value_name = "P", default_value_t = 1.0, allow_negative_numbers = true, help_heading = "Writing")]
    pub(crate) top_p: f64,
    /// Draw among tokens that are so probable, relative to the most probable one
    #[arg(long, value_name = "P", default_value_t = 0.0, allow_negative_numbers = true, help_heading = "Writing")]
    pub(crate) min_p: f64,
    /// Make tokens less probable that are there already; 1 changes nothing
    #[arg(long, value_name = "X", default_value_t = 1.0, allow_negative_numbers = true, help_heading = "Writing")]
    pub(crate) repetition_penalty: f64,
    /// Write nothing behind this text, which is left out; may be given several times
    #[arg(long, value_name = "TEXT", help_heading = "Writing")]
    pub(crate) stop: Vec<String>,
    /// Where draws come from: the same seed writes the same
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = "Writing")]
    pub(crate) seed: u64,
}

impl WritingArgs {
    pub(crate) fn options(&self) -> GenerateOptions {
        let Self { max_new_tokens, temperature, top_k, top_p, min_p, repetition_penalty, stop, seed } = self;
        GenerateOptions {
            max_new_tokens: *max_new_tokens,
            temperature: *temperature,
            top_k: *top_k,
            top_p: *top_p,
            min_p: *min_p,
            repetition_penalty: *repetition_penalty,
            stop: stop.clone(),
            seed: *seed,
        }
    }
}
