//! Options of `adaptune chat`.

use super::decoder::DecoderArgs;
use super::generate::WritingArgs;
use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct ChatArgs {
    #[command(flatten)]
    pub(crate) decoder: DecoderArgs,
    /// How the conversation becomes text: a template of Jinja, or chatml [default: as the adapter was trained, or the model's own]
    #[arg(long, value_name = "FILE|chatml")]
    pub(crate) chat_template: Option<String>,
    /// Instructions before the first turn
    #[arg(long, value_name = "TEXT")]
    pub(crate) system: Option<String>,
    #[command(flatten)]
    pub(crate) writing: WritingArgs,
    /// Print one JSON object a line: prompt, tokens (new ids, without the end token), text
    #[arg(long)]
    pub(crate) json: bool,
}
