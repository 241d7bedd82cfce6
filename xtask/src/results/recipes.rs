//! Tables of runs: which commands make which numbers.

/// Where results lie.
pub(super) const FOLDER: &str = "docs/results";

/// A file in `docs/results` and how its numbers are made. Columns that no measure names stay as they are.
pub(super) struct Recipe {
    /// Of the file, without `.tsv`.
    pub(super) name: &'static str,
    /// What is said behind `adaptune`, apart from the row's own, the seed and where the run goes.
    pub(super) command: &'static str,
    /// What each row of the table adds to the command, in their order.
    pub(super) rows: &'static [&'static str],
    /// Columns by their titles.
    pub(super) measures: &'static [(&'static str, Measure)],
}

/// Where the number of a column comes from.
#[derive(Clone, Copy)]
pub(super) enum Measure {
    /// A score on the model card of the run with this seed.
    Score(u32, &'static str),
    /// The mean of such a score over the seeds 0, 1 and 2.
    Mean(&'static str),
}

const ACCURACY: &str = "test accuracy";

/// The seeds one by one, and their mean.
const EACH_SEED: [(&str, Measure); 4] = [
    ("seed 0", Measure::Score(0, ACCURACY)),
    ("seed 1", Measure::Score(1, ACCURACY)),
    ("seed 2", Measure::Score(2, ACCURACY)),
    ("mean test accuracy", Measure::Mean(ACCURACY)),
];

pub(super) const RECIPES: [Recipe; 5] = [
    Recipe {
        name: "builtin-sentiment",
        command: "train --task builtin:sentiment@A",
        rows: &["--method head", "", "--method full"],
        measures: &EACH_SEED,
    },
    Recipe {
        name: "builtin-stories",
        command: "train --task builtin:story",
        rows: &[
            "",
            "--method lora[r=8,alpha=16,attn_matrices=[q,k,v,o],intermediate_lora=True,output_lora=True,gate_lora=True]",
        ],
        measures: &[("dev after", Measure::Score(0, "dev perplexity")), ("test", Measure::Score(0, "test perplexity"))],
    },
    Recipe {
        name: "pitfall-rates",
        command: "train --task builtin:sentiment@A --epochs 4",
        rows: &["--lr 1e-6", "--lr 1e-5", "--lr 1e-4", "--lr 1e-3", "--lr 1e-2", "--lr 1e-1", "--lr 1"],
        measures: &EACH_SEED,
    },
    Recipe {
        name: "pitfall-steps",
        command: "train --task builtin:sentiment@A",
        rows: &["--epochs 1", "--epochs 2", "--epochs 4", "--epochs 8"],
        measures: &EACH_SEED,
    },
    Recipe {
        name: "pitfall-pooling",
        command: "train --task builtin:sentiment@A",
        rows: &["--method head --pooling first", "--method head --pooling mean", "--pooling first", "--pooling mean"],
        measures: &EACH_SEED,
    },
];
