//! `adaptune compare`: methods side by side.

mod columns;
mod contestant;
mod overhead;
mod page;
mod picture;
mod row;
mod trial;

use super::args::CompareArgs;
use super::download::find_base;
use super::interrupted;
use super::misused::{missing, misuse};
use super::report::{print_json, print_line};
use super::task::TaskArg;
use super::train::{self, DEFAULT_TASK};
use adaptune_adapters::Adapter;
use adaptune_tensor::Seed;
use adaptune_text::BUILTIN;
use adaptune_transformer::weights::replace_files;
use anyhow::{Context, Result, bail};
use columns::table;
use contestant::Contestant;
use overhead::{Overhead, judged_by};
use row::Row;
use serde_json::json;
use trial::{Trial, write};

/// Compares, writes and prints.
pub(crate) fn run(args: &CompareArgs) -> Result<()> {
    let contestants = Contestant::read_all(&args.methods)?;
    check(args, &contestants)?;
    rehearse(args, &contestants)?;
    prepare(args)?;
    let mut rows: Vec<Row> = contestants.iter().map(|contestant| Row::new(&contestant.text)).collect();
    // Seed by seed, so that a machine that slows down does so for all methods alike.
    for seed in 0..args.seeds.get() {
        for (row, contestant) in rows.iter_mut().zip(&contestants) {
            row.trials.push(Trial::new(args, contestant, seed).outcome(args)?);
        }
    }
    let overhead = Overhead::open(args, &Trial::new(args, &contestants[0], 0).folder)?;
    for (row, contestant) in rows.iter_mut().zip(&contestants) {
        overhead.measure(&Trial::new(args, contestant, 0).folder, row)?;
    }
    close(args, &rows)
}

/// What can be said of options and methods by themselves.
fn check(args: &CompareArgs, contestants: &[Contestant]) -> Result<()> {
    if matches!(args.task, Some(TaskArg::Kind(_))) {
        misuse!("--task names a built-in task, such as builtin:topic@B; what files hold is seen in them");
    }
    let model = find_base(args.model.as_deref().unwrap_or(BUILTIN))?;
    for Contestant { text, tuning, .. } in contestants {
        let Some(method) = &tuning.adapter else { continue };
        Adapter::<f32>::blank("trial", method, model.config(), Seed::new(0))
            .with_context(|| format!("--method {text}"))?;
    }
    if args.train.is_none() && args.model.as_deref().is_some_and(|model| model != BUILTIN) && args.task.is_none() {
        let advice = "name files with labelled data (--train, --dev, --test), or a built-in task with --task";
        return Err(missing("--train", advice).into());
    }
    Ok(())
}

/// What would only be found out after other methods have been trained: reads every training's options as it will itself, and puts
/// its model, data and optimiser together.
fn rehearse(args: &CompareArgs, contestants: &[Contestant]) -> Result<()> {
    let trials = contestants.iter().map(|contestant| Trial::new(args, contestant, 0));
    let read =
        trials.map(|trial| Ok((trial.contestant.text.as_str(), trial.read(args)?))).collect::<Result<Vec<_>>>()?;
    train::rehearse(&read)
}

fn prepare(args: &CompareArgs) -> Result<()> {
    let (out, shown) = (&args.out, args.out.display());
    let holds_something = out.exists() && out.read_dir().map_or(true, |mut entries| entries.next().is_some());
    if holds_something && !args.resume && !args.overwrite {
        bail!(
            "{shown} is not empty: go on with --resume, replace it with --overwrite, or name another folder with --out"
        );
    }
    std::fs::create_dir_all(out).with_context(|| format!("cannot make the folder {shown}"))?;
    interrupted::tell_how_to_go_on(format!(
        "to go on, add --resume to the same command; what is in {shown} is not trained again"
    ))
}

fn close(args: &CompareArgs, rows: &[Row]) -> Result<()> {
    let picture = picture::draw(rows)?;
    let how = json!({
        "model": args.model.as_deref().unwrap_or(BUILTIN),
        "judged_by": judged_by(args),
        "metric": rows.first().map(Row::metric),
        "trained_on": trained_on(args),
        "options": options(args),
        "seeds": args.seeds,
        "version": env!("CARGO_PKG_VERSION"),
    });
    let all = json!({ "conditions": how, "methods": rows.iter().map(Row::json).collect::<Vec<_>>() });
    let page = page::page(rows, &picture, &how);
    replace_files(&args.out, &["compare.json", "compare.svg", "compare.html"], |folder| {
        write(&folder.join("compare.json"), &format!("{all:#}\n"))?;
        write(&folder.join("compare.svg"), &picture)?;
        write(&folder.join("compare.html"), &page)
    })?;
    if args.json {
        return Ok(print_json(&all)?);
    }
    table(rows).print()?;
    let shown = args.out.display();
    Ok(print_line(format_args!(
        "saved in {shown}:\ncompare.html for the browser, compare.svg, compare.json, and every run"
    ))?)
}

/// The training data as they were named.
fn trained_on(args: &CompareArgs) -> String {
    let task = args.task.as_ref().and_then(|task| task.split("train"));
    let data = args.train.clone().or(task);
    data.map_or_else(|| format!("{DEFAULT_TASK}:train"), |data| data.display().to_string())
}

/// What was said of all trainings alike. A rate of its own stands behind the name of a method.
fn options(args: &CompareArgs) -> String {
    let epochs = args.epochs.map(|epochs| format!("--epochs {epochs}"));
    let all: Vec<String> = epochs.into_iter().chain(args.more.iter().cloned()).collect();
    if all.is_empty() { "the defaults of train".to_owned() } else { all.join(" ") }
}
