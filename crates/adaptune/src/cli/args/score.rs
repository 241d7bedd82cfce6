//! Options of `adaptune score`.

use super::columns::TableArgs;
use super::composition::AdapterArg;
use super::numbers::{BaseDtype, BatchArgs};
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct ScoreArgs {
    /// The decoder: a folder, or a name on the Hugging Face hub [default: what --adapter was trained on]
    #[arg(long, value_name = "DIR|NAME", required_unless_present = "adapter")]
    pub(crate) model: Option<String>,
    /// An adapter directory; or several, put together as for predict
    #[arg(long, value_name = "DIR|EXPRESSION")]
    pub(crate) adapter: Option<AdapterArg>,
    /// Longest text in tokens [default: as the adapter or the model was trained]
    #[arg(long, value_name = "TOKENS")]
    pub(crate) max_length: Option<usize>,
    /// Numbers of the base's linear layers [default: as in training]
    #[arg(long, value_enum, value_name = "TYPE")]
    pub(crate) base_dtype: Option<BaseDtype>,
    #[command(flatten)]
    pub(crate) batch: BatchArgs,
    /// Texts, one a line (.txt, or - for standard input), or a table
    #[arg(long, value_name = "FILE|-")]
    pub(crate) input: PathBuf,
    #[command(flatten)]
    pub(crate) table: TableArgs,
    /// Print one JSON object a line: text, tokens (ids), logprobs (of each token but the first), perplexity
    #[arg(long)]
    pub(crate) json: bool,
}
