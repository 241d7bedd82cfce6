//! The file of `--tasks`: a table for each task, whose keys are options of `train` that say what its data are.

use super::super::super::args::{ClassWeightsArg, DevArg, PoolingArg, TableArgs, TrainArgs};
use super::super::super::task::TaskArg;
use adaptune_adapters::did_you_mean;
use anyhow::{Context, Result, anyhow, bail};
use clap::{Args, Parser};
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// What a task of the file says, as the options of `train` do.
#[derive(Debug, Parser)]
#[command(no_binary_name = true, disable_help_flag = true)]
struct Line {
    #[command(flatten)]
    task: TaskData,
}

#[derive(Debug, Args)]
struct TaskData {
    #[arg(long)]
    train: Vec<PathBuf>,
    #[arg(long)]
    dev: Option<DevArg>,
    #[arg(long)]
    test: Option<PathBuf>,
    #[arg(long, default_value = "auto")]
    task: TaskArg,
    #[arg(long, value_enum, default_value = "even")]
    class_weights: ClassWeightsArg,
    #[arg(long)]
    head_layers: Option<u8>,
    #[arg(long, value_enum)]
    pooling: Option<PoolingArg>,
    #[command(flatten)]
    table: TableArgs,
}

/// The keys of a task.
const KEYS: [&str; 20] = [
    "train",
    "dev",
    "test",
    "task",
    "class-weights",
    "head-layers",
    "pooling",
    "text-column",
    "text-b-column",
    "label-column",
    "label-columns",
    "label-names",
    "label-separator",
    "choice-columns",
    "choice-labels",
    "doc-stride",
    "format",
    "delimiter",
    "quotes",
    "header",
];
/// Those whose values are files, meant from the folder of the file of tasks.
const FILES: [&str; 3] = ["train", "dev", "test"];

/// The tasks of a file, in its order: their names, and all options of a training on one of them alone.
///
/// # Errors
/// The file cannot be read, is no TOML, names fewer than two tasks, or says something of one that is no option for its data.
pub(super) fn read(path: &Path, args: &TrainArgs) -> Result<Vec<(String, TrainArgs)>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("--tasks: cannot read {}", path.display()))?;
    let file: Table = text.parse().map_err(|error| anyhow!("{}: {error}", path.display()))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let tasks = file.iter().map(|(name, value)| {
        let found = task(value, folder, args).with_context(|| format!("{}, task {name}", path.display()))?;
        check_name(name).with_context(|| path.display().to_string())?;
        Ok((name.clone(), found))
    });
    let tasks: Vec<_> = tasks.collect::<Result<_>>()?;
    if tasks.len() < 2 {
        let found = tasks.len();
        bail!("{}: expected two tasks or more, found {found}; write a table for each, [mood]", path.display());
    }
    Ok(tasks)
}

/// A name is that of a folder and of an adapter.
fn check_name(name: &str) -> Result<()> {
    let good = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_');
    if good { Ok(()) } else { bail!("a task called {name:?}: expected letters, digits, - and _ alone") }
}

/// The options of a training on one task.
fn task(value: &Value, folder: &Path, args: &TrainArgs) -> Result<TrainArgs> {
    let Value::Table(table) = value else { bail!("expected a table, [NAME] with lines such as train = \"train.tsv\"") };
    let mut line = Vec::new();
    for (key, value) in table {
        if !KEYS.contains(&key.as_str()) {
            bail!("{key} is no option of a task{} (there are: {})", did_you_mean(key, KEYS), KEYS.join(", "));
        }
        line.extend(options(key, value, folder)?);
    }
    let found = Line::try_parse_from(line).map_err(|error| anyhow!(first_line(&error.to_string())))?.task;
    let named = matches!(found.task, TaskArg::Builtin(_));
    if found.train.is_empty() && !named {
        bail!("train is missing: name its training data");
    }
    let TaskData { train, dev, test, task, class_weights, head_layers, pooling, table } = found;
    Ok(TrainArgs { train, dev, test, task, class_weights, head_layers, pooling, table, ..args.clone() })
}

/// `--key=value`, as often as there are values.
fn options(key: &str, value: &Value, folder: &Path) -> Result<Vec<String>> {
    let values = match value {
        Value::Array(values) if FILES.contains(&key) => values.as_slice(),
        Value::Array(values) => return Ok(vec![format!("--{key}={}", texts(values)?.join(","))]),
        Value::Boolean(true) if key == "quotes" => return Ok(vec!["--quotes".to_owned()]),
        Value::Boolean(false) if key == "quotes" => return Ok(Vec::new()),
        one => std::slice::from_ref(one),
    };
    let located = |text: String| match FILES.contains(&key) && is_file_name(&text) {
        true => folder.join(text).display().to_string(),
        false => text,
    };
    Ok(texts(values)?.into_iter().map(|text| format!("--{key}={}", located(text))).collect())
}

/// False for a share of the data, and for what is built in.
fn is_file_name(text: &str) -> bool {
    !text.trim_end().ends_with('%') && !text.starts_with("builtin:")
}

fn texts(values: &[Value]) -> Result<Vec<String>> {
    let text = |value: &Value| match value {
        Value::String(text) => Ok(text.clone()),
        Value::Integer(number) => Ok(number.to_string()),
        other => bail!("found a {}, expected a text or a whole number", other.type_str()),
    };
    values.iter().map(text).collect()
}

/// What an option's parser says, without how the command line is written.
fn first_line(message: &str) -> String {
    let line = message.lines().next().unwrap_or_default().trim_start_matches("error: ");
    line.replace("'--", "'")
}
