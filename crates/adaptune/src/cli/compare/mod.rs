//! `adaptune compare`: methods side by side.

mod overhead;
mod page;
mod picture;
mod row;
mod trial;

use super::args::CompareArgs;
use super::base_model::{BUILTIN, BaseModel};
use super::report::{Cell, Report, bytes, note, percent, print_line, thousands};
use super::task::TaskArg;
use super::train::DEFAULT_TASK;
use adaptune_adapters::{Adapter, Tuning};
use adaptune_tensor::Seed;
use adaptune_transformer::weights::replace_file;
use anyhow::{Context, Result, bail};
use overhead::Overhead;
use row::Row;
use serde_json::json;
use std::io::Write;
use std::path::{Path, PathBuf};
use trial::Trial;

/// Compares, writes and prints.
pub(crate) fn run(args: &CompareArgs) -> Result<()> {
    let contestants = args.methods.iter().map(|text| Contestant::read(text)).collect::<Result<Vec<_>>>()?;
    check(args, &contestants)?;
    prepare(args)?;
    let mut rows: Vec<Row> = contestants.iter().map(|contestant| Row::new(&contestant.text)).collect();
    // Seed by seed, so that a machine that slows down does so for all methods alike.
    for seed in 0..args.seeds.get() {
        for (row, contestant) in rows.iter_mut().zip(&contestants) {
            let trial = Trial { contestant, seed, folder: folder(args, contestant, seed) };
            row.trials.push(trial.outcome(args)?);
        }
    }
    let overhead = Overhead::open(args, &folder(args, &contestants[0], 0))?;
    for (row, contestant) in rows.iter_mut().zip(&contestants) {
        overhead.measure(&folder(args, contestant, 0), row)?;
    }
    close(args, &rows)
}

/// A method, and what it is called in files.
struct Contestant {
    text: String,
    method: String,
    rate: Option<String>,
    tuning: Tuning,
}

impl Contestant {
    /// Reads `method` or `method@rate`.
    fn read(text: &str) -> Result<Self> {
        // A sign within brackets belongs to a field.
        let brackets = text.rfind(']').map_or(0, |end| end + 1);
        let (method, rate) = match text[brackets..].find('@') {
            Some(sign) => (&text[..brackets + sign], Some(&text[brackets + sign + 1..])),
            None => (text, None),
        };
        if let Some(rate) = rate.filter(|rate| !rate.parse().is_ok_and(|rate: f64| rate > 0.0 && rate.is_finite())) {
            bail!("--method {text}: the learning rate is {rate:?}, but must be a number above 0, as in ia3@1e-2");
        }
        let tuning = method.parse().with_context(|| format!("--method {text}"))?;
        Ok(Self { text: text.to_owned(), method: method.to_owned(), rate: rate.map(str::to_owned), tuning })
    }

    /// Letters and digits alone, since it names a folder.
    fn slug(&self) -> String {
        self.text.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
    }
}

fn folder(args: &CompareArgs, contestant: &Contestant, seed: u64) -> PathBuf {
    args.out.join(format!("{}-{seed}", contestant.slug()))
}

/// What would only be found out after other methods have been trained.
fn check(args: &CompareArgs, contestants: &[Contestant]) -> Result<()> {
    for (i, contestant) in contestants.iter().enumerate() {
        if contestants[..i].iter().any(|other| other.slug() == contestant.slug()) {
            bail!("--method {} is named twice", contestant.text);
        }
    }
    if matches!(args.task, Some(TaskArg::Kind(_))) {
        bail!("--task names a built-in task, such as builtin:topic@B; what files hold is seen in them");
    }
    let model = BaseModel::find(args.model.as_deref().unwrap_or(BUILTIN))?;
    for Contestant { text, tuning, .. } in contestants {
        let Some(method) = &tuning.adapter else { continue };
        Adapter::<f32>::blank("trial", method, model.config(), Seed::new(0))
            .with_context(|| format!("--method {text}"))?;
    }
    if args.train.is_none() && args.model.as_deref().is_some_and(|model| model != BUILTIN) && args.task.is_none() {
        bail!(
            "--train is missing: name files with labelled data (--train, --dev, --test), or a built-in task with --task"
        );
    }
    Ok(())
}

fn prepare(args: &CompareArgs) -> Result<()> {
    let (out, shown) = (&args.out, args.out.display());
    let holds_something = out.exists() && out.read_dir().map_or(true, |mut entries| entries.next().is_some());
    if holds_something && !args.resume && !args.overwrite {
        bail!(
            "{shown} is not empty: go on with --resume, replace it with --overwrite, or name another folder with --out"
        );
    }
    std::fs::create_dir_all(out).with_context(|| format!("cannot make the folder {shown}"))
}

/// The data by which methods are compared, as `eval` names them.
fn judged_by(args: &CompareArgs) -> PathBuf {
    let of_task = |task: &TaskArg| task.split("test");
    let builtin = || args.task.as_ref().and_then(of_task).unwrap_or_else(|| format!("{DEFAULT_TASK}:test").into());
    args.test.clone().or(args.dev.clone()).unwrap_or_else(builtin)
}

fn close(args: &CompareArgs, rows: &[Row]) -> Result<()> {
    let picture = picture::draw(rows)?;
    let how = json!({
        "model": args.model.as_deref().unwrap_or(BUILTIN),
        "judged_by": judged_by(args),
        "seeds": args.seeds,
        "version": env!("CARGO_PKG_VERSION"),
    });
    let all = json!({ "conditions": how, "methods": rows.iter().map(Row::json).collect::<Vec<_>>() });
    write(&args.out.join("compare.json"), &format!("{all:#}\n"))?;
    write(&args.out.join("compare.svg"), &picture)?;
    write(&args.out.join("compare.html"), &page::page(rows, &picture, &how))?;
    if args.json {
        return Ok(print_line(all)?);
    }
    table(rows).print()?;
    let shown = args.out.display();
    Ok(print_line(format_args!(
        "saved in {shown}: compare.html for the browser, compare.svg, compare.json, and every run"
    ))?)
}

fn write(path: &Path, text: &str) -> Result<()> {
    Ok(replace_file(path, |file| file.write_all(text.as_bytes()))?)
}

/// The headings of the table and of the page.
const COLUMNS: [&str; 8] = ["method", "trained", "of all", "score", "± seeds", "training", "peak memory", "prediction"];

fn cells(row: &Row) -> [String; 8] {
    let (mean, deviation) = row.score();
    [
        row.method.clone(),
        thousands(row.trained() as u64),
        percent(row.share()),
        percent(mean),
        deviation.map_or_else(|| "–".into(), |deviation| format!("{:.1}", 100.0 * deviation)),
        format!("{:.1} s", row.seconds()),
        row.peak().map_or_else(|| "–".into(), bytes),
        row.overhead.map_or_else(|| "–".into(), |ratio| format!("× {ratio:.2}")),
    ]
}

fn table(rows: &[Row]) -> Report {
    let names: Vec<&str> = COLUMNS.into_iter().chain(["mergeable"]).collect();
    let mut report = Report::with_header(&names);
    for row in rows {
        let [method, numbers @ ..] = cells(row);
        let numbers = numbers.into_iter().map(Cell::number);
        report.row(std::iter::once(method.into()).chain(numbers).chain([row.mergeable().into()]).collect());
    }
    report
}

/// Says what is trained now, unless it would disturb a program.
fn tell(args: &CompareArgs, text: std::fmt::Arguments<'_>) {
    if !args.json {
        note(text);
    }
}
