//! Options of the commands that use a trained adapter.

use super::super::misused::misused;
use super::columns::TableArgs;
use super::composition::AdapterArg;
use super::embed::FormArgs;
use super::numbers::{BaseDtype, BatchArgs};
use super::threshold::{Threshold, threshold};
use anyhow::Result;
use clap::Args;
use std::path::{Path, PathBuf};

/// A base and an adapter for it.
#[derive(Debug, Args)]
pub(crate) struct ModelArgs {
    /// The base model that the adapter was trained on: a folder, or a name on the Hugging Face hub [default: as in
    /// training]
    #[arg(long, value_name = "DIR|NAME")]
    pub(crate) model: Option<String>,
    /// The adapter directory; or several, put together: 'stack(DIR, DIR)' (the first one below), 'average(0.3*DIR, 0.7*DIR)',
    /// 'fuse(DIR, DIR; FUSION)'. predict takes 'parallel(DIR, DIR)' too: an answer of each, with the head of its own
    #[arg(long, value_name = "DIR|EXPRESSION")]
    pub(crate) adapter: Option<AdapterArg>,
    /// The directory of the head [default: that of the adapter, of several the last that has one]
    #[arg(long, value_name = "DIR")]
    pub(crate) head: Option<PathBuf>,
    /// Longest text in tokens [default: as in training]
    #[arg(long, value_name = "TOKENS")]
    pub(crate) max_length: Option<usize>,
    /// Numbers of the base's linear layers [default: as in training]
    #[arg(long, value_enum, value_name = "TYPE")]
    pub(crate) base_dtype: Option<BaseDtype>,
    /// Predict a class wherever its probability is above this: 'rare=0.2'; of others the most probable. Where any number of
    /// labels hold, one threshold for all [default: 0.5], or the label's own; then it may be given several times
    #[arg(long, value_name = "[LABEL=]PROBABILITY", value_parser = threshold)]
    pub(crate) threshold: Vec<Threshold>,
    #[command(flatten)]
    pub(crate) batch: BatchArgs,
}

impl ModelArgs {
    /// How many texts are computed together.
    pub(crate) fn batch_size(&self) -> usize {
        self.batch.size()
    }
}

/// What has no place where data are read as in training: other data, and other columns of them.
const OF_OTHER_DATA: [&str; 11] = [
    "data",
    "embeddings",
    "text_column",
    "text_b_column",
    "label_column",
    "label_columns",
    "label_separator",
    "domain_column",
    "choice_columns",
    "choice_labels",
    "label_names",
];

#[derive(Debug, Args)]
pub(crate) struct EvalArgs {
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    /// Labelled data, as for training; for vectors pairs with a score, pairs, triplets, or a folder in BEIR's layout (corpus.jsonl,
    /// queries.jsonl, qrels/test.tsv)
    #[arg(long, alias = "input", value_name = "FILE|DIR", required_unless_present = "kept_aside")]
    pub(crate) data: Option<PathBuf>,
    /// Measure on the examples that train kept aside as development data (--dev 10%), in the place of --data: to choose thresholds on
    /// them, for instance. For heads that predict labels
    #[arg(long, conflicts_with_all = OF_OTHER_DATA)]
    pub(crate) kept_aside: bool,
    #[command(flatten)]
    pub(crate) table: TableArgs,
    /// Measure the vectors that embed makes, of an adapter or of --model alone. So it is for adapters that were trained for vectors, and
    /// for folders in BEIR's layout
    #[arg(long, conflicts_with = "per_class")]
    pub(crate) embeddings: bool,
    #[command(flatten)]
    pub(crate) form: FormArgs,
    /// Also show precision, recall and F1 of each class (and of each kind of entity, where tags mark spans), how the examples of
    /// each true class were predicted, and how far probabilities can be believed
    #[arg(long)]
    pub(crate) per_class: bool,
    /// Show which adapters each fusion and router listens to, at each of its points and for each label, and write it into this
    /// folder: mixing.json, with the weights of every token of the first examples, and mixing.svg, a heat map
    #[arg(long, value_name = "DIR")]
    pub(crate) mixing: Option<PathBuf>,
    /// Measure again without the adapters of the lowest layer, of the lowest two, and so on, and write it into this folder:
    /// layers.json, and layers.svg, the score by the number of layers without adapters
    #[arg(long, value_name = "DIR")]
    pub(crate) layers_left_out: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

impl EvalArgs {
    /// The data, where they must be named.
    pub(crate) fn named_data(&self) -> Result<&Path> {
        let data = self.data.as_deref();
        Ok(data.ok_or_else(|| misused("--kept-aside is for heads that predict labels; name the data with --data"))?)
    }
}

#[derive(Debug, Args)]
pub(crate) struct PredictArgs {
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    /// Texts, one a line (.txt, or - for standard input), or a table as for training
    #[arg(long, alias = "data", value_name = "FILE|-")]
    pub(crate) input: PathBuf,
    /// Write into this file: .tsv or .csv with every column of the input, `predicted` and `probability`, in the form of the input
    /// (delimiter, byte order mark, line ends, decimal comma) if that ends alike; within a field of .tsv a line end is written \n
    /// and a tab \t, .csv keeps them; .jsonl with logits and the probability of each label too (a column that is called as a field
    /// of these is `given_NAME`); .conll for tags. Of parallel(…) each adapter has a column of its name, and `NAME_probability`
    /// [default: standard output, for reading]
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Replace the file of --out
    #[arg(long, requires = "out")]
    pub(crate) overwrite: bool,
    /// Columns of the input to be kept, with commas between [default: all in a file, none otherwise]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub(crate) keep: Option<Vec<String>>,
    /// In a table also a column with the probability of each class or label: probability_LABEL
    #[arg(long, requires = "out")]
    pub(crate) probabilities: bool,
    #[command(flatten)]
    pub(crate) table: TableArgs,
    /// Print one JSON object a line: text, label, logits, probabilities; of parallel(…) these for each adapter, in `answers`
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct InspectArgs {
    /// The adapter directory; or several, put together as --adapter of predict does, which draws them as a tree
    #[arg(value_name = "DIR|EXPRESSION")]
    pub(crate) adapter: AdapterArg,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        model: ModelArgs,
    }

    #[test]
    fn the_work_of_a_batch_is_bounded() {
        for (said, computed) in [("1", 1), ("64", 64), ("256", 256), ("257", 256), ("50000", 256)] {
            let line = Line::try_parse_from(["eval", "--adapter", "a", "--batch-size", said]).expect("it is a number");
            assert_eq!(line.model.batch_size(), computed);
        }
        assert!(Line::try_parse_from(["eval", "--adapter", "a", "--batch-size", "0"]).is_err());
    }
}
