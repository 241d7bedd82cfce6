//! Options of `adaptune embed`.

use super::columns::TableArgs;
use super::composition::AdapterArg;
use super::numbers::{BaseDtype, BatchArgs};
use adaptune_text::TokenPooling;
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct EmbedArgs {
    /// The model: a folder, or a name on the Hugging Face hub [default: what --adapter was trained on]
    #[arg(long, value_name = "DIR|NAME", required_unless_present = "adapter")]
    pub(crate) model: Option<String>,
    /// An adapter directory, with or without a head, which is not used; or several, put together as for predict
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
    #[command(flatten)]
    pub(crate) form: FormArgs,
    /// Texts, one a line (.txt, or - for standard input), or a table
    #[arg(long, alias = "data", value_name = "FILE|-")]
    pub(crate) input: PathBuf,
    #[command(flatten)]
    pub(crate) table: TableArgs,
    /// Write into this file: .safetensors (a tensor `embeddings`) or .npy, a row for each text; or .jsonl
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Replace the file of --out
    #[arg(long, requires = "out")]
    pub(crate) overwrite: bool,
    /// Print one JSON object a line: text, embedding
    #[arg(long, conflicts_with = "out")]
    pub(crate) json: bool,
}

/// What is made of the tokens of a text.
#[derive(Debug, Args)]
pub(crate) struct FormArgs {
    /// How tokens become one vector: cls, mean, max, mean_sqrt_len, weightedmean or lasttoken; several, with commas between, are
    /// put one behind the other [default: as modules.json says, or mean]
    #[arg(long, value_name = "NAMES", value_delimiter = ',', help_heading = "Embedding")]
    pub(crate) pooling: Vec<TokenPooling>,
    /// Make vectors of length 1 [default: as modules.json says, or not]
    #[arg(long, conflicts_with = "no_normalize", help_heading = "Embedding")]
    pub(crate) normalize: bool,
    /// Leave vectors as long as they are
    #[arg(long, help_heading = "Embedding")]
    pub(crate) no_normalize: bool,
    /// What stands before every text, such as 'query: '
    #[arg(long, value_name = "TEXT", conflicts_with = "prompt_name", help_heading = "Embedding")]
    pub(crate) prompt: Option<String>,
    /// The same by a name that the model gives it (config_sentence_transformers.json)
    #[arg(long, value_name = "NAME", help_heading = "Embedding")]
    pub(crate) prompt_name: Option<String>,
}
