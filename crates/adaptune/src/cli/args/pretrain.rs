//! Options of `pretrain`.

use super::numbers::PrecisionArg;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct PretrainArgs {
    /// Texts, one a line; or builtin:corpus@A, builtin:corpus@B. For a decoder as for train: .txt is one running text
    #[arg(long, value_name = "FILE", num_args = 1.., required = true)]
    pub(crate) corpus: Vec<PathBuf>,
    /// Texts for measuring perplexity [default: a fiftieth of the corpus]
    #[arg(long, value_name = "FILE")]
    pub(crate) dev: Option<PathBuf>,
    /// Folder for the result
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,

    /// Model family
    #[arg(long, value_enum, default_value = "bert", help_heading = "Model")]
    pub(crate) arch: ArchitectureArg,
    /// Hidden size
    #[arg(long, default_value_t = 128, value_name = "N", help_heading = "Model")]
    pub(crate) hidden: usize,
    /// Blocks
    #[arg(long, default_value_t = 4, value_name = "N", help_heading = "Model")]
    pub(crate) layers: usize,
    /// Heads of attention, which divide the hidden size
    #[arg(long, default_value_t = 4, value_name = "N", help_heading = "Model")]
    pub(crate) heads: usize,
    /// Width of the feed-forward networks [default: four times the hidden size; of a decoder, whose are gated, 8/3 of it]
    #[arg(long, value_name = "N", help_heading = "Model")]
    pub(crate) feed_forward: Option<usize>,
    /// Most tokens of a sequence that the model will ever take
    #[arg(long, default_value_t = 128, value_name = "N", help_heading = "Model")]
    pub(crate) positions: usize,
    /// Entries of the vocabulary at most
    #[arg(long, default_value_t = 8000, value_name = "N", help_heading = "Model")]
    pub(crate) vocabulary: usize,
    /// How often a word piece must occur to be in the vocabulary
    #[arg(long, default_value_t = 2, value_name = "N", help_heading = "Model")]
    pub(crate) min_frequency: u64,
    /// Numbers of the saved weights
    #[arg(long, value_enum, default_value = "f32", help_heading = "Model")]
    pub(crate) precision: PrecisionArg,

    /// Passes over the corpus
    #[arg(long, default_value_t = 10, value_name = "N", help_heading = "Training")]
    pub(crate) epochs: usize,
    /// Texts of a step
    #[arg(long, default_value_t = 64, value_name = "N", help_heading = "Training")]
    pub(crate) batch_size: usize,
    /// Cut each batch into this many parts, to need less memory
    #[arg(long, default_value_t = 1, value_name = "N", help_heading = "Training")]
    pub(crate) accumulate: usize,
    /// Peak learning rate
    #[arg(long, default_value_t = 1e-3, value_name = "RATE", help_heading = "Training")]
    pub(crate) lr: f64,
    /// Steps of rising learning rate, or their share of all steps if below 1
    #[arg(long, default_value = "0.06", value_name = "N|SHARE", help_heading = "Training")]
    pub(crate) warmup: String,
    /// Weight decay; biases and norms never decay
    #[arg(long, default_value_t = 0.01, value_name = "RATE", help_heading = "Training")]
    pub(crate) weight_decay: f64,
    /// Dropout, of an encoder; a decoder has none [default: 0.1]
    #[arg(long, value_name = "RATE", help_heading = "Training")]
    pub(crate) dropout: Option<f64>,
    /// Share of the tokens that is hidden from an encoder [default: 0.15]
    #[arg(long, value_name = "SHARE", help_heading = "Training")]
    pub(crate) hide: Option<f64>,
    /// Also ask the first token, which heads read, for one of the hidden tokens
    #[arg(long, help_heading = "Training")]
    pub(crate) summarise: bool,
    /// Longest text in tokens; more is cut into several [default: as --positions allow]
    #[arg(long, value_name = "TOKENS", help_heading = "Training")]
    pub(crate) max_length: Option<usize>,
    /// Seed of initial values, order, dropout and of what is hidden
    #[arg(long, default_value_t = 0, value_name = "N", help_heading = "Training")]
    pub(crate) seed: u64,

    /// Go on with the run in --out that was interrupted
    #[arg(long, help_heading = "Run")]
    pub(crate) resume: bool,
    /// Replace the run in --out
    #[arg(long, conflicts_with = "resume", help_heading = "Run")]
    pub(crate) overwrite: bool,
    /// Steps between checkpoints; there is one after each epoch too
    #[arg(long, default_value_t = 500, value_name = "STEPS", help_heading = "Run")]
    pub(crate) checkpoint_every: usize,
    /// Print the closing table as JSON, and no progress
    #[arg(long, help_heading = "Run")]
    pub(crate) json: bool,
}

impl PretrainArgs {
    /// The share of the tokens that is hidden from an encoder.
    pub(crate) fn hidden_share(&self) -> f64 {
        self.hide.unwrap_or(0.15)
    }

    /// The dropout of an encoder.
    pub(crate) fn dropout_rate(&self) -> f64 {
        self.dropout.unwrap_or(0.1)
    }

    /// The gated networks of a decoder have three layers in the place of two, which are as many parameters at two thirds of the width.
    pub(crate) fn feed_forward_width(&self) -> usize {
        let usual = match self.arch {
            ArchitectureArg::Llama => (8 * self.hidden / 3).next_multiple_of(8),
            ArchitectureArg::Bert | ArchitectureArg::Roberta => 4 * self.hidden,
        };
        self.feed_forward.unwrap_or(usual)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ArchitectureArg {
    /// With a WordPiece tokeniser that does not tell upper from lower case
    Bert,
    /// With a tokeniser that merges pairs of bytes
    Roberta,
    /// A decoder, which goes on with texts; its tokeniser merges pairs of bytes too
    Llama,
}
