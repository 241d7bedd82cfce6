//! The commands, each so small that it takes less than a second.

/// A command, in two forms that give different results in the folder `out`.
pub(super) struct Command {
    pub(super) name: &'static str,
    /// Without `--out`, `--overwrite` and `--resume`.
    pub(super) new: &'static str,
    pub(super) old: &'static str,
    pub(super) goes_on: GoesOn,
    /// A command that reads what is in `out`.
    pub(super) reads: &'static str,
}

/// How a command that was interrupted comes to its end.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum GoesOn {
    /// By `--resume`.
    Resumed,
    /// By `--resume` where it replaced nothing, else from the beginning.
    ResumedIfNew,
    /// From the beginning.
    Anew,
}

/// What `train` and `pretrain` are given to make what the other commands read.
pub(super) const BASE: &str = "pretrain --corpus corpus.txt --hidden 16 --layers 1 --heads 2 --positions 16 --vocabulary 120 \
     --min-frequency 1 --epochs 2 --batch-size 16 --json --out base";
pub(super) const ADAPTERS: [&str; 2] = [
    "train --model base --train data.tsv --dev dev.tsv --method lora[r=2] --epochs 1 --name one --json --out a",
    "train --model base --train data.tsv --dev dev.tsv --method lora[r=2] --epochs 1 --name one --seed 1 --json --out b",
];

const PREDICT: &str = "predict --adapter out --input texts.txt";

pub(super) const COMMANDS: &[Command] = &[
    Command {
        name: "train",
        new: "train --model base --train data.tsv --dev dev.tsv --method lora[r=4] --epochs 3 --checkpoint-every 3 --json",
        old: "train --model base --train data.tsv --dev dev.tsv --method ia3 --epochs 1 --json",
        goes_on: GoesOn::Resumed,
        reads: PREDICT,
    },
    Command {
        name: "pretrain",
        new: "pretrain --corpus corpus.txt --hidden 16 --layers 2 --heads 2 --positions 16 --vocabulary 120 \
              --min-frequency 1 --epochs 3 --batch-size 16 --checkpoint-every 4 --json",
        old: "pretrain --corpus corpus.txt --hidden 8 --layers 1 --heads 2 --positions 16 --vocabulary 120 \
              --min-frequency 1 --epochs 1 --batch-size 16 --json",
        goes_on: GoesOn::Resumed,
        reads: "train --model out --train data.tsv --dev dev.tsv --method head --epochs 1 --overwrite --json --out probe",
    },
    Command {
        name: "compare",
        new: "compare --model base --train data.tsv --dev dev.tsv --method ia3 --method lora[r=2] --seeds 1 --epochs 1 --json",
        old: "compare --model base --train data.tsv --dev dev.tsv --method ia3 --method lora[r=2] --seeds 1 --epochs 2 --json",
        goes_on: GoesOn::ResumedIfNew,
        reads: "predict --adapter out/ia3-0 --input texts.txt",
    },
    Command {
        name: "search",
        new: "search --model base --train data.tsv --dev dev.tsv --space lora[r=1|2|3]@1e-3|1e-2 --limit 50% --trials 4 --epochs 3 --json",
        old: "search --model base --train data.tsv --dev dev.tsv --space lora[r=1|2|3]@1e-3|1e-2 --limit 50% --trials 3 --epochs 1 --json",
        goes_on: GoesOn::Resumed,
        reads: "predict --adapter out/best --input texts.txt",
    },
    Command {
        name: "merge",
        new: "merge --adapter a --json",
        old: "merge --adapter b --json",
        goes_on: GoesOn::Anew,
        reads: "predict --adapter out/head --input texts.txt",
    },
    Command {
        name: "combine",
        new: "combine --adapter a --adapter b --json",
        old: "combine --adapter a=0.9 --adapter b=0.1 --how linear --json",
        goes_on: GoesOn::Anew,
        reads: PREDICT,
    },
    Command {
        name: "convert",
        new: "convert --adapter a --to peft --json",
        old: "convert --adapter b --to adapterhub --json",
        goes_on: GoesOn::Anew,
        reads: PREDICT,
    },
];
