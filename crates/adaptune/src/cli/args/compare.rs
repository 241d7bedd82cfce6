//! Arguments of `compare`.

use super::columns::TableArgs;
use crate::cli::task::TaskArg;
use clap::Args;
use std::num::NonZeroU64;
use std::path::PathBuf;

/// Trains every method with every seed under the same conditions, each in a process of its own, and shows what came of it
/// as a table, a picture (compare.svg) and a page for the browser (compare.html). Without model and data it compares on the
/// built-in ones.
#[derive(Debug, Args)]
pub(crate) struct CompareArgs {
    /// A method, as for train, and perhaps its learning rate: 'ia3@1e-2'. Given several times
    #[arg(long = "method", value_name = "METHOD[@RATE]", default_values = ["head", "seq_bn", "par_bn", "lora", "ia3@1e-2", "full"])]
    pub(crate) methods: Vec<String>,
    /// Seeds from 0 on
    #[arg(long, default_value = "3", value_name = "N")]
    pub(crate) seeds: NonZeroU64,
    /// The base model: a folder, a name on the Hugging Face hub, or `builtin`
    #[arg(long, value_name = "DIR|NAME")]
    pub(crate) model: Option<String>,
    /// Training data, as for train
    #[arg(long, value_name = "FILE", requires = "dev")]
    pub(crate) train: Option<PathBuf>,
    /// Development data: the best epoch on it is kept
    #[arg(long, value_name = "FILE")]
    pub(crate) dev: Option<PathBuf>,
    /// Test data, by which methods are compared [default: the development data]
    #[arg(long, value_name = "FILE")]
    pub(crate) test: Option<PathBuf>,
    /// A built-in task in place of files
    #[arg(long, value_name = "TASK", conflicts_with = "train")]
    pub(crate) task: Option<TaskArg>,
    #[command(flatten)]
    pub(crate) table: TableArgs,
    /// Passes over the training data [default: as for train]
    #[arg(long, value_name = "N")]
    pub(crate) epochs: Option<usize>,
    /// Folder for the results
    #[arg(long, default_value = "runs/compare", value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Go on with the comparison in --out: what is trained already is not trained again
    #[arg(long)]
    pub(crate) resume: bool,
    /// Replace the comparison in --out
    #[arg(long, conflicts_with = "resume")]
    pub(crate) overwrite: bool,
    /// Print one JSON object, and no progress
    #[arg(long)]
    pub(crate) json: bool,
    /// Any other option of train, for all methods alike
    #[arg(last = true, value_name = "OPTIONS OF TRAIN")]
    pub(crate) more: Vec<String>,
}
