//! Arguments, as `--help` explains them.

mod chat;
mod columns;
mod compare;
mod composition;
mod decoder;
mod embed;
mod finished;
mod generate;
mod label_names;
mod numbers;
mod pretrain;
mod score;
mod search;
mod threshold;
mod train;
mod trained;

pub(crate) use chat::ChatArgs;
pub(crate) use columns::TableArgs;
pub(crate) use compare::CompareArgs;
pub(crate) use composition::{AdapterArg, is_composed};
pub(crate) use decoder::DecoderArgs;
pub(crate) use embed::{EmbedArgs, FormArgs};
pub(crate) use finished::{CombinationArg, CombineArgs, ConvertArgs, FormatArg, MergeArgs};
pub(crate) use generate::GenerateArgs;
pub(crate) use numbers::BaseDtype;
pub(crate) use pretrain::{ArchitectureArg, PretrainArgs};
pub(crate) use score::ScoreArgs;
pub(crate) use search::SearchArgs;
pub(crate) use threshold::Threshold;
pub(crate) use train::{BatchingArg, ClassWeightsArg, DevArg, OptimiserArg, PoolingArg, ScheduleArg, TrainArgs};
pub(crate) use trained::{EvalArgs, InspectArgs, ModelArgs, PredictArgs};

use clap::{Args, Parser, Subcommand};
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// Adapter tuning: small trainable modules inside a frozen pretrained transformer.
#[derive(Debug, Parser)]
#[command(name = "adaptune", version, after_help = EXAMPLES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Threads for the numbers; all cores by default. Results do not depend on it.
    #[arg(long, global = true, value_name = "N")]
    pub(crate) threads: Option<NonZeroUsize>,
}

const EXAMPLES: &str = "\
Examples:
  adaptune train
    (needs nothing: a built-in model learns a task of a built-in small world)
  adaptune train --model sentence-transformers/all-MiniLM-L6-v2 \\
    --train train.tsv --dev dev.tsv --out runs/mine
  adaptune eval --adapter runs/mine --data test.tsv
  echo 'A quiet delight.' | adaptune predict --adapter runs/mine --input -

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
    /// Make a vector of every text: sentence embeddings
    Embed(Box<EmbedArgs>),
    /// Talk to a decoder, a turn a line; /reset begins anew, /exit ends
    Chat(Box<ChatArgs>),
    /// Let a decoder go on with texts
    Generate(Box<GenerateArgs>),
    /// Say how probable a decoder finds texts, token by token
    Score(Box<ScoreArgs>),
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
    /// Find an adapter's architecture for a task, under a limit of parameters
    Search(Box<SearchArgs>),
    /// List the tasks of the built-in micro-world, or write them as files
    Tasks(TasksArgs),
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
