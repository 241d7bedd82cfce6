//! Arguments of the commands that change finished adapters.

use super::numbers::PrecisionArg;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Where a result goes, and what is said of it.
#[derive(Debug, Args)]
pub(crate) struct OutArgs {
    /// Folder for the result
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Replace what an earlier command left in --out
    #[arg(long)]
    pub(crate) overwrite: bool,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// The base computes alone what it computes with the adapter, as fast as without it. It works for what only changes the
/// weights of linear layers: LoRA, DoRA, IA3, VeRA, MTL-LoRA. The head of the adapter is put into OUT/head, and evaluated with
/// `adaptune eval --adapter OUT/head`.
#[derive(Debug, Args)]
pub(crate) struct MergeArgs {
    /// The base model that the adapter was trained on [default: as in training]
    #[arg(long, value_name = "DIR|NAME")]
    pub(crate) model: Option<String>,
    /// The adapter directory
    #[arg(long, value_name = "DIR")]
    pub(crate) adapter: PathBuf,
    /// Numbers of the saved weights
    #[arg(long, value_enum, default_value = "f32")]
    pub(crate) precision: PrecisionArg,
    #[command(flatten)]
    pub(crate) out: OutArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CombinationArg {
    /// Parameters averaged, for any method (AdapterSoup)
    Average,
    /// What LoRAs add to the layers, summed exactly by putting their matrices side by side; ranks add up (task arithmetic)
    #[value(alias = "cat", alias = "task-arithmetic")]
    Linear,
    /// That sum, at the rank --rank
    Svd,
    /// Small numbers dropped, signs elected, the rest averaged (TIES)
    Ties,
    /// Small numbers dropped, the rest summed
    #[value(alias = "magnitude-prune", alias = "magnitude_prune")]
    Prune,
    /// Numbers dropped at random and the others scaled up, then summed (DARE)
    #[value(alias = "dare-linear", alias = "dare_linear")]
    Dare,
    /// Dropped and scaled up as in dare, then signs elected and the rest averaged as in ties
    #[value(alias = "dare_ties")]
    DareTies,
}

/// One adapter of several for the same base, without training.
#[derive(Debug, Args)]
pub(crate) struct CombineArgs {
    /// The base model of all of them [default: as in training]
    #[arg(long, value_name = "DIR|NAME")]
    pub(crate) model: Option<String>,
    /// An adapter directory and its weight; without one all share equally. Given several times
    #[arg(long, value_name = "DIR[=WEIGHT]", required = true)]
    pub(crate) adapter: Vec<String>,
    /// How they become one
    #[arg(long, value_enum, default_value = "average")]
    pub(crate) how: CombinationArg,
    /// Rank of the result, for svd, ties, prune, dare and dare-ties [default: the largest of theirs]
    #[arg(long, value_name = "N")]
    pub(crate) rank: Option<usize>,
    /// Share of the numbers that ties, prune, dare and dare-ties keep
    #[arg(long, default_value_t = 0.5, value_name = "SHARE")]
    pub(crate) density: f64,
    /// Which numbers dare and dare-ties keep
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub(crate) seed: u64,
    /// With average: take the weights as they are, not divided by their sum
    #[arg(long)]
    pub(crate) no_normalise: bool,
    /// Take the head of this adapter, counted from 1 [default: the average of all heads, which must have the same labels]
    #[arg(long, value_name = "N")]
    pub(crate) head_of: Option<usize>,
    /// Name of the result in its files
    #[arg(long, default_value = "combined")]
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) out: OutArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum FormatArg {
    /// Python's `adapters`
    Adapterhub,
    /// Python's `peft`
    Peft,
}

/// Another library's files for the same adapter. What the other library does not have, or computes differently, is
/// refused with the reason. The head stays in AdapterHub's form beside it.
#[derive(Debug, Args)]
pub(crate) struct ConvertArgs {
    /// The base model that the adapter was trained on [default: as in training]
    #[arg(long, value_name = "DIR|NAME")]
    pub(crate) model: Option<String>,
    /// The adapter directory, of either library
    #[arg(long, value_name = "DIR")]
    pub(crate) adapter: PathBuf,
    /// The library whose files are wanted
    #[arg(long, value_enum)]
    pub(crate) to: FormatArg,
    #[command(flatten)]
    pub(crate) out: OutArgs,
}
