//! What the program says fits 80 columns where there is no terminal, as in a log file.

use crate::common::{Bench, data};
use assert_cmd::Command;

/// Columns where there is no terminal.
const COLUMNS: usize = 80;

const COMMANDS: [&str; 16] = [
    "train", "pretrain", "eval", "predict", "embed", "chat", "generate", "score", "inspect", "budget", "merge",
    "combine", "convert", "compare", "search", "tasks",
];

/// The command without anything that says how wide lines are.
fn command(bench: &Bench, line: &str) -> Command {
    let mut command = bench.command(line);
    command.env_remove("COLUMNS");
    command
}

/// Runs a command that succeeds or is refused, and checks every line of both streams.
#[track_caller]
fn says(bench: &Bench, line: &str, succeeds: bool) -> String {
    let output = command(bench, line).output().expect("it runs");
    assert_eq!(output.status.success(), succeeds, "{line}:\n{}", String::from_utf8_lossy(&output.stderr));
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).expect("UTF-8")).concat();
    for shown in said.lines().filter(|shown| !may_be_long(shown)) {
        assert!(shown.chars().count() <= COLUMNS, "{line}: {} columns:\n{shown}", shown.chars().count());
    }
    said
}

#[track_caller]
fn fits(bench: &Bench, line: &str) -> String {
    says(bench, line, true)
}

/// A JSON record, a command to copy, which stands on a line of its own, or a path that takes the line for itself.
fn may_be_long(line: &str) -> bool {
    let is_json = line.starts_with('{') || line.starts_with('[');
    let is_command =
        line.starts_with("    ") && ["adaptune", "iconv", "python", "echo"].iter().any(|c| line.contains(c));
    is_json || is_command || (line.contains('/') && line.split_whitespace().count() == 1)
}

fn trained(options: &str) -> Bench {
    let bench = Bench::new();
    bench.trained("a", options);
    bench
}

#[test]
fn help_fits() {
    let bench = Bench::new();
    let all = fits(&bench, "--help");
    for name in COMMANDS {
        assert!(all.contains(name), "{name} is not in --help");
        let help = fits(&bench, &format!("{name} --help"));
        assert!(help.contains("Options:") && help.lines().count() > 5, "{help}");
    }
    let listed = all.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let commands = listed.filter(|line| line.starts_with("  ") && !line.starts_with("   ")).count();
    assert_eq!(commands, COMMANDS.len() + 1, "those above and `help`:\n{all}");
}

/// Notes, tables and log lines of a training, of a long method and of long names.
#[test]
fn trainings_fit() {
    let bench = Bench::new();
    let long = "a quite long name of a class that goes on and on until it is wider than any line should be";
    let rows = data::reviews(40, 3).into_iter().enumerate().map(|(i, (text, label))| {
        let label = if i == 7 { String::new() } else { label.replace("bad", long) };
        (text, label)
    });
    bench.write("long.csv", data::csv(&rows.collect()).replace("text,", "\"text\";").replace(',', ";"));
    let method = "--method seq_bn[reduction_factor=2,non_linearity=gelu]|lora[r=2,alpha=5]";
    let common = "--model model --epochs 2 --batch-size 8";
    let said = fits(&bench, &format!("train {common} --train train.tsv --dev dev.tsv --out a {method} --baselines"));
    assert!(said.contains("step 24/24") && said.contains("epoch 2: dev loss") && said.contains("head alone"), "{said}");
    let doubted =
        fits(&bench, &format!("train {common} --train train.tsv --train dev.tsv --folds 3 --out b --lr 1e-30"));
    assert!(doubted.contains("part 3 of 3"), "{doubted}");
    fits(&bench, "train --resume --out a");
    fits(&bench, &format!("train {common} --train long.csv --dev 20% --out c --metric macro_f1"));
    fits(&bench, "inspect a");
    fits(&bench, "eval --adapter a --data dev.tsv --per-class");
}

#[test]
fn other_commands_fit() {
    let bench = trained("--method lora[r=2,alpha=5]");
    for line in [
        "eval --adapter a --data dev.tsv --per-class",
        "inspect a",
        "budget --model model",
        "budget --model model --method seq_bn|lora|prefix_tuning",
        "budget --model model --threads 5000",
        "tasks",
        "merge --adapter a --out merged",
        "combine --adapter a=0.5 --adapter a=0.5 --how linear --out mean",
        "convert --to peft --adapter a --out peft",
        "predict --adapter a --input dev.tsv --out predictions.tsv",
    ] {
        fits(&bench, line);
    }
    let compare = "compare --method lora[r=2,alpha=5,leave_out=[1]] --method head --method full \
                   --method seq_bn[reduction_factor=2]@1e-2 --model model \
                   --train train.tsv --dev dev.tsv --epochs 1 --seeds 2 --out side -- --batch-size 16";
    let said = fits(&bench, compare);
    assert!(said.contains("saved in side"), "{said}");
    let search = "search --space seq_bn[reduction_factor=each(2|4|none),non_linearity=relu|gelu]@1e-2|3e-2 --model model \
                  --train train.tsv --dev dev.tsv --limit 20% --trials 6 --epochs 3 --out found -- --batch-size 16";
    let said = fits(&bench, search);
    assert!(said.contains("saved in found") && said.contains("best preset: "), "{said}");
}

/// Errors of every origin: of clap, of a table, of a label, of an encoding.
#[test]
fn errors_fit() {
    let bench = Bench::new();
    bench.write("latin.csv", b"text,label\ncaf\xE9,good\n");
    bench.write(
        "wide.csv",
        format!(
            "{}\n{}\n",
            (0..40).map(|i| format!("column {i}")).collect::<Vec<_>>().join(","),
            vec!["x"; 40].join(",")
        ),
    );
    for (line, words) in [
        ("train --train latin.csv --model model --out a", "iconv -f WINDOWS-1252 -t UTF-8 'latin.csv'"),
        ("train --train wide.csv --model model --out a", "expected columns `text` and `label`"),
        ("train --train train.tsv --model model --method seq_bm --out a", "seq_bn"),
        ("train --train train.tsv --model model --out a --dev 0.2", "is written 20%"),
        ("train --nothing", "--nothing"),
        ("train --train train.tsv --out a", "--model is missing"),
        ("eval --adapter nowhere --data dev.tsv", "nowhere is no folder"),
    ] {
        let said = says(&bench, line, false);
        assert!(said.contains("error: ") && said.contains(words), "{line}:\n{said}");
    }
}

/// Who names a width gets it.
#[test]
fn columns_can_be_named() {
    let bench = Bench::new();
    let lines = |columns: &str| {
        let mut command = command(&bench, "train --train train.tsv --out a");
        let output = command.env("COLUMNS", columns).output().expect("it runs");
        String::from_utf8(output.stderr).expect("UTF-8").lines().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(lines("10000").len(), 1);
    assert!(lines("40").iter().all(|line| line.chars().count() <= 40) && lines("40").len() > 3);
    assert_eq!(lines("no number"), lines("80"));
}
