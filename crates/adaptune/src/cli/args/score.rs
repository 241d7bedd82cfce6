//! Options of `adaptune score`.

use super::columns::TableArgs;
use super::decoder::DecoderArgs;
use super::numbers::BatchArgs;
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct ScoreArgs {
    #[command(flatten)]
    pub(crate) decoder: DecoderArgs,
    #[command(flatten)]
    pub(crate) batch: BatchArgs,
    /// Texts, one a line (.txt, or - for standard input), or a table
    #[arg(long, alias = "data", value_name = "FILE|-")]
    pub(crate) input: PathBuf,
    #[command(flatten)]
    pub(crate) table: TableArgs,
    /// Print one JSON object a line: text, tokens (ids), logprobs (of each token but the first), perplexity
    #[arg(long)]
    pub(crate) json: bool,
}
