//! Options of commands on decoders.

use super::composition::AdapterArg;
use super::numbers::BaseDtype;
use clap::Args;

/// A decoder, and what is plugged into it.
#[derive(Debug, Args)]
pub(crate) struct DecoderArgs {
    /// The decoder: a folder, or a name on the Hugging Face hub [default: what --adapter was trained on]
    #[arg(long, value_name = "DIR|NAME", required_unless_present = "adapter")]
    pub(crate) model: Option<String>,
    /// An adapter directory; or several, put together as for predict
    #[arg(long, value_name = "DIR|EXPRESSION")]
    pub(crate) adapter: Option<AdapterArg>,
    /// Longest text in tokens, prompt and what is written together [default: as the adapter or the model was trained]
    #[arg(long, value_name = "TOKENS")]
    pub(crate) max_length: Option<usize>,
    /// Numbers of the base's linear layers [default: as in training]
    #[arg(long, value_enum, value_name = "TYPE")]
    pub(crate) base_dtype: Option<BaseDtype>,
}
