//! Arguments, as `--help` explains them.

mod compare;
mod finished;

pub(crate) use compare::CompareArgs;
pub(crate) use finished::{CombinationArg, CombineArgs, ConvertArgs, FormatArg, MergeArgs};

use super::table::Columns;
use super::task::TaskArg;
use adaptune_transformer::Thaw;
use adaptune_transformer::weights::FloatFormat;
use bytesize::ByteSize;
use clap::{Args, Parser, Subcommand, ValueEnum};
use serde::{Deserialize, Serialize};
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// Adapter tuning: small trainable modules inside a frozen pretrained transformer.
#[derive(Debug, Parser)]
#[command(name = "adaptune", version, max_term_width = 100, after_help = EXAMPLES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Threads for the numbers; all cores by default. Results do not depend on it.
    #[arg(long, global = true, value_name = "N")]
    pub(crate) threads: Option<NonZeroUsize>,
}

const EXAMPLES: &str = "\
Examples:
  adaptune train        (needs nothing: a built-in model learns a task of a built-in small world)
  adaptune train --model sentence-transformers/all-MiniLM-L6-v2 --train train.tsv --dev dev.tsv --out runs/mine
  adaptune eval --model sentence-transformers/all-MiniLM-L6-v2 --adapter runs/mine --data test.tsv
  echo 'A quiet delight.' | adaptune predict --model sentence-transformers/all-MiniLM-L6-v2 --adapter runs/mine --input -

A model is a folder with config.json, model.safetensors and tokenizer.json, a name on the Hugging Face hub, or `builtin`.
Data are files, or tasks of a built-in small world in two languages, which `adaptune tasks` lists.";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Train an adapter and a head on your data, and save them as an AdapterHub directory
    Train(Box<TrainArgs>),
    /// Train a tokeniser and a masked language model from text, and save them as a Hugging Face directory
    Pretrain(Box<PretrainArgs>),
    /// Evaluate a trained adapter on labelled data
    Eval(EvalArgs),
    /// Predict labels for texts
    Predict(PredictArgs),
    /// Show what an adapter directory holds
    Inspect(InspectArgs),
    /// Count what a method would train in a model, without training
    Budget(BudgetArgs),
    /// Make an adapter a part of a copy of its base, at no cost in use
    Merge(MergeArgs),
    /// Make one adapter of several, by weights
    Combine(CombineArgs),
    /// Write an adapter in the files of the other Python library
    Convert(ConvertArgs),
    /// Train several methods on one task, and show them side by side
    Compare(CompareArgs),
    /// List the tasks of the built-in micro-world, or write them as files
    Tasks(TasksArgs),
}

/// The columns of a table.
#[derive(Debug, Args)]
pub(crate) struct ColumnArgs {
    /// Column of the text, or of the first of two [default: text, or text_a]
    #[arg(long, value_name = "NAME")]
    text_column: Option<String>,
    /// Column of the second text of a pair [default: text_b]
    #[arg(long, value_name = "NAME")]
    text_b_column: Option<String>,
    /// Column of the labels [default: label]
    #[arg(long, value_name = "NAME")]
    label_column: Option<String>,
}

impl ColumnArgs {
    pub(crate) fn columns(&self) -> Columns {
        let Self { text_column, text_b_column, label_column } = self;
        Columns { text: text_column.clone(), text_b: text_b_column.clone(), label: label_column.clone() }
    }

    /// The same as they are written, to be handed on.
    pub(crate) fn options(&self) -> Vec<String> {
        let all = [
            ("--text-column", &self.text_column),
            ("--text-b-column", &self.text_b_column),
            ("--label-column", &self.label_column),
        ];
        let given = all.into_iter().filter_map(|(name, column)| Some([name.to_owned(), column.clone()?]));
        given.flatten().collect()
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum ScheduleArg {
    Constant,
    Linear,
    Cosine,
}

/// Numbers of the base's large weights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum BaseDtype {
    /// As exact as products are
    #[default]
    F32,
    /// Half the memory and less time where the processor has AVX-512 for bf16, elsewhere neither; what is trained stays in
    /// f32
    Bf16,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum OptimiserArg {
    Adamw,
    Sgd,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum BatchingArg {
    /// In random order
    Shuffled,
    /// Texts of similar length together
    ByLength,
}

#[derive(Debug, Args)]
pub(crate) struct TrainArgs {
    /// The base model: a folder, a name on the Hugging Face hub, or `builtin` [default: builtin, for built-in tasks]
    #[arg(long, value_name = "DIR|NAME")]
    pub(crate) model: Option<String>,
    /// Training data: .tsv, .csv or .jsonl with `text` (or `text_a`, `text_b`) and `label`; or .conll
    #[arg(long, value_name = "FILE")]
    pub(crate) train: Option<PathBuf>,
    /// Development data, evaluated after each epoch to keep the best one
    #[arg(long, value_name = "FILE")]
    pub(crate) dev: Option<PathBuf>,
    /// Test data, evaluated once at the end
    #[arg(long, value_name = "FILE")]
    pub(crate) test: Option<PathBuf>,
    /// Folder for the result [default: runs/TASK-METHOD, with a number if that is taken]
    #[arg(long, value_name = "DIR", required_if_eq("resume", "true"))]
    pub(crate) out: Option<PathBuf>,
    /// Adapter method: seq_bn, double_seq_bn, par_bn, scaled_par_bn, adapter_plus, with options as in
    /// 'seq_bn[reduction_factor=8,non_linearity=gelu]'; or without an adapter: head (the head alone), bitfit (the base's
    /// biases), full (all of the base) [default: seq_bn; for the built-in model seq_bn[reduction_factor=4]]
    #[arg(long, value_name = "METHOD")]
    pub(crate) method: Option<String>,
    /// Also train tensors of the base, in copies saved with the adapter: layer-norms, biases, all, or several of them
    /// with commas between
    #[arg(long, value_name = "WHAT")]
    pub(crate) thaw: Option<Thaw>,
    /// Also train the head alone and the whole base, and show them beside; so it is where neither model nor data are
    /// named
    #[arg(long)]
    pub(crate) baselines: bool,
    /// Name of adapter and head in the files [default: the name of the output folder]
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// What to predict: auto, classification, regression or tagging; or a built-in task such as builtin:topic@B
    #[arg(long, default_value = "auto", value_name = "TASK")]
    pub(crate) task: TaskArg,
    #[command(flatten)]
    pub(crate) columns: ColumnArgs,

    /// Passes over the training data [default: 3; for the built-in model 8]
    #[arg(long, value_name = "N", help_heading = "Training")]
    pub(crate) epochs: Option<usize>,
    /// Examples of a step
    #[arg(long, default_value_t = 32, value_name = "N", help_heading = "Training")]
    pub(crate) batch_size: usize,
    /// Cut each batch into this many parts, to need less memory
    #[arg(long, default_value_t = 1, value_name = "N", help_heading = "Training")]
    pub(crate) accumulate: usize,
    /// Peak learning rate [default: 1e-3; for the built-in model 3e-3]
    #[arg(long, value_name = "RATE", help_heading = "Training")]
    pub(crate) lr: Option<f64>,
    /// Peak learning rate of the head [default: as --lr]
    #[arg(long, value_name = "RATE", help_heading = "Training")]
    pub(crate) head_lr: Option<f64>,
    /// Peak learning rate of what is thawed [default: 1e-3 for biases, 2e-4 for layer norms, 5e-5 for all; 5e-4 for all
    /// of the built-in model]
    #[arg(long, value_name = "RATE", help_heading = "Training")]
    pub(crate) thaw_lr: Option<f64>,
    /// How the learning rate falls
    #[arg(long, value_enum, default_value = "linear", help_heading = "Training")]
    pub(crate) schedule: ScheduleArg,
    /// Steps of rising learning rate, or their share of all steps if below 1
    #[arg(long, default_value = "0.06", value_name = "N|SHARE", help_heading = "Training")]
    pub(crate) warmup: String,
    /// Update rule
    #[arg(long, value_enum, default_value = "adamw", help_heading = "Training")]
    pub(crate) optimiser: OptimiserArg,
    /// Weight decay; biases and norms never decay
    #[arg(long, default_value_t = 0.01, value_name = "RATE", help_heading = "Training")]
    pub(crate) weight_decay: f64,
    /// Momentum of SGD
    #[arg(long, default_value_t = 0.9, value_name = "RATE", help_heading = "Training")]
    pub(crate) momentum: f64,
    /// Largest norm of all gradients together; 0 for no limit
    #[arg(long, default_value_t = 1.0, value_name = "NORM", help_heading = "Training")]
    pub(crate) clip: f64,
    /// Dropout of base and head in training [default: the model's own rates]
    #[arg(long, value_name = "RATE", help_heading = "Training")]
    pub(crate) dropout: Option<f64>,
    /// How examples come together in batches
    #[arg(long, value_enum, default_value = "shuffled", help_heading = "Training")]
    pub(crate) batching: BatchingArg,
    /// Stop after this many epochs without improvement on the development data
    #[arg(long, value_name = "EPOCHS", help_heading = "Training")]
    pub(crate) patience: Option<usize>,
    /// Longest text in tokens; more is cut off [default: what the model can take]
    #[arg(long, value_name = "TOKENS", help_heading = "Training")]
    pub(crate) max_length: Option<usize>,
    /// Keep only the inputs of the base's blocks for the backward pass, and run each block again: less memory, more time,
    /// the same adapter
    #[arg(long, help_heading = "Training")]
    pub(crate) gradient_checkpointing: bool,
    /// Keep what the blocks below the lowest point that trains make of each text, in this much memory, and begin there in
    /// later epochs; those blocks then run without dropout. Worth it for --method head, and where an adapter leaves lower
    /// layers out, as seq_bn[leave_out=[0,1,2,3]]
    #[arg(long, value_name = "SIZE", num_args = 0..=1, default_missing_value = "1GB", help_heading = "Training")]
    pub(crate) cache: Option<ByteSize>,
    /// Go on in a temporary file of at most this size when that memory is full
    #[arg(long, value_name = "SIZE", default_value = "0B", requires = "cache", help_heading = "Training")]
    pub(crate) cache_disk: ByteSize,
    /// Seed of initial values, order and dropout
    #[arg(long, default_value_t = 0, value_name = "N", help_heading = "Training")]
    pub(crate) seed: u64,

    /// Linear layers of the head [default: 2, or 1 for tagging]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=64), help_heading = "Head")]
    pub(crate) head_layers: Option<u8>,
    /// Let the head read the base's pooler
    #[arg(long, help_heading = "Head")]
    pub(crate) use_pooler: bool,

    /// Numbers of the base's linear layers
    #[arg(long, value_enum, default_value = "f32", value_name = "TYPE", help_heading = "Run")]
    pub(crate) base_dtype: BaseDtype,
    /// Go on with the run in --out that was interrupted
    #[arg(long, help_heading = "Run")]
    pub(crate) resume: bool,
    /// Replace the run in --out
    #[arg(long, conflicts_with = "resume", help_heading = "Run")]
    pub(crate) overwrite: bool,
    /// Steps between checkpoints; there is one after each epoch too
    #[arg(long, default_value_t = 100, value_name = "STEPS", help_heading = "Run")]
    pub(crate) checkpoint_every: usize,
    /// Print the closing table as JSON, and no progress
    #[arg(long, help_heading = "Run")]
    pub(crate) json: bool,
}

/// A base and an adapter for it.
#[derive(Debug, Args)]
pub(crate) struct ModelArgs {
    /// The base model that the adapter was trained on: a folder, or a name on the Hugging Face hub [default: as in
    /// training]
    #[arg(long, value_name = "DIR|NAME")]
    pub(crate) model: Option<String>,
    /// The adapter directory
    #[arg(long, value_name = "DIR")]
    pub(crate) adapter: PathBuf,
    /// Longest text in tokens [default: as in training]
    #[arg(long, value_name = "TOKENS")]
    pub(crate) max_length: Option<usize>,
    /// Numbers of the base's linear layers [default: as in training]
    #[arg(long, value_enum, value_name = "TYPE")]
    pub(crate) base_dtype: Option<BaseDtype>,
    /// Texts of a batch
    #[arg(long, default_value_t = NonZeroUsize::new(64).expect("not zero"), value_name = "N")]
    pub(crate) batch_size: NonZeroUsize,
}

#[derive(Debug, Args)]
pub(crate) struct EvalArgs {
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    /// Labelled data, as for training
    #[arg(long, value_name = "FILE")]
    pub(crate) data: PathBuf,
    #[command(flatten)]
    pub(crate) columns: ColumnArgs,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PredictArgs {
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    /// Texts, one a line (.txt, or - for standard input), or a table as for training
    #[arg(long, value_name = "FILE|-")]
    pub(crate) input: PathBuf,
    #[command(flatten)]
    pub(crate) columns: ColumnArgs,
    /// Print one JSON object a line: text, label, logits, probabilities
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct InspectArgs {
    /// The adapter directory
    #[arg(value_name = "DIR")]
    pub(crate) adapter: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct BudgetArgs {
    /// The base model: a folder, or a name on the Hugging Face hub
    #[arg(long, value_name = "DIR|NAME")]
    pub(crate) model: String,
    /// Adapter method, as for train
    #[arg(long, default_value = "seq_bn", value_name = "METHOD")]
    pub(crate) method: String,
    /// Classes that the head tells apart
    #[arg(long, default_value_t = NonZeroUsize::new(2).expect("not zero"), value_name = "N")]
    pub(crate) labels: NonZeroUsize,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum ArchitectureArg {
    /// With a WordPiece tokeniser that does not tell upper from lower case
    Bert,
    /// With a tokeniser that merges pairs of bytes
    Roberta,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum PrecisionArg {
    F32,
    F16,
    Bf16,
}

impl PrecisionArg {
    pub(crate) fn format(self) -> FloatFormat {
        match self {
            Self::F32 => FloatFormat::F32,
            Self::F16 => FloatFormat::F16,
            Self::Bf16 => FloatFormat::BF16,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct PretrainArgs {
    /// Texts, one a line; or builtin:corpus@A, builtin:corpus@B
    #[arg(long, value_name = "FILE", num_args = 1.., required = true)]
    pub(crate) corpus: Vec<PathBuf>,
    /// Texts for measuring perplexity [default: one in fifty lines of the corpus]
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
    /// Width of the feed-forward networks [default: four times the hidden size]
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
    /// Dropout
    #[arg(long, default_value_t = 0.1, value_name = "RATE", help_heading = "Training")]
    pub(crate) dropout: f64,
    /// Share of the tokens that is hidden
    #[arg(long, default_value_t = 0.15, value_name = "SHARE", help_heading = "Training")]
    pub(crate) hide: f64,
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

#[derive(Debug, Args)]
pub(crate) struct TasksArgs {
    /// Write every task, language and split into this folder as .tsv or .conll, and the corpora as .txt
    #[arg(long, value_name = "DIR", conflicts_with = "json")]
    pub(crate) export: Option<PathBuf>,
    /// Write into --export even if it is not empty; files of the same names are replaced
    #[arg(long, requires = "export")]
    pub(crate) overwrite: bool,
    /// Print one JSON array
    #[arg(long)]
    pub(crate) json: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }
}
