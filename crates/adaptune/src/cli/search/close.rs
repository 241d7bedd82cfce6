//! The end of a search: the best adapter in its place, a summary, a picture, a page.

use super::super::folder::TRAINED;
use super::super::report::{print_json, print_line, score};
use super::folder::{BEST, PAGE, PICTURE, SUMMARY, SearchFolder};
use super::plan_file::limit_words;
use super::show;
use super::standing::{Row, Standing, is_better};
use super::training::Options;
use crate::cli::args::SearchArgs;
use adaptune_text::MODEL_CARD;
use adaptune_train::json;
use adaptune_transformer::weights::{replace_file, replace_files};
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::io::Write;
use std::path::Path;

/// The best adapter and the best preset, and what they are on the test data.
struct Found<'a> {
    best: Row<'a>,
    preset: Option<Row<'a>>,
    tests: [Option<f64>; 2],
}

/// Measures on the test data, writes everything, and prints.
///
/// # Errors
/// Nothing came to a result, or something cannot be measured or written.
pub(super) fn close(args: &SearchArgs, standing: &Standing<'_>, folder: &SearchFolder) -> Result<()> {
    let nothing = "the loss of every training stopped being a number: name lower rates with --space";
    let best = standing.best(false).context(nothing)?;
    let preset = standing.best(true);
    let options = Options::of(args);
    let test = |row: &Row<'_>| options.test(&folder.of(&row.training), standing.metric());
    let of_best = test(&best)?;
    let of_preset = preset.as_ref().map_or(Ok(None), test)?;
    let found = Found { best, preset, tests: [of_best, of_preset] };
    let all = found.json(args, standing);
    write(standing, folder, &found.best, &all)?;
    folder.end()?;
    if args.json {
        return Ok(print_json(&all)?);
    }
    show::table(standing).print()?;
    print_line("")?;
    found.print(standing)?;
    let shown = folder.path().display();
    Ok(print_line(format_args!(
        "saved in {shown}: {BEST} (an adapter as train leaves it), {PAGE} for the browser, {PICTURE}, {SUMMARY}, and every training"
    ))?)
}

impl Found<'_> {
    fn print(&self, standing: &Standing<'_>) -> Result<()> {
        let metric = standing.metric();
        let line = |what: &str, row: &Row<'_>, test: Option<f64>| {
            let test = test.map_or(String::new(), |value| format!(", on test data {}", score(metric, value)));
            format!("{what}: {} {metric}{test}: {}", score(metric, row.value()), row.text())
        };
        print_line(line("best", &self.best, self.tests[0]))?;
        if let Some(preset) = &self.preset {
            print_line(line("best preset", preset, self.tests[1]))?;
        }
        if self.best_is_preset() {
            print_line("Nothing that was found is better than the best preset.")?;
        }
        Ok(())
    }

    fn best_is_preset(&self) -> bool {
        self.preset.as_ref().is_some_and(|preset| preset.number == self.best.number)
    }

    fn json(&self, args: &SearchArgs, standing: &Standing<'_>) -> Value {
        let metric = standing.metric();
        let with_test = |row: &Row<'_>, test: Option<f64>| {
            let (dev, test) = (json::value(row.value()), test.map(json::value));
            json!({ "trial": row.number, "method": row.trial.method, "learning_rate": row.trial.rate,
                    "parameters": row.trial.parameters, "epochs": row.training.epochs, "dev": dev, "test": test })
        };
        let [best, preset] = self.tests;
        let better = |one, other| is_better(metric, one, other);
        json!({
            "conditions": conditions(args, standing),
            "metric": metric,
            "best": with_test(&self.best, best),
            "best_preset": self.preset.as_ref().map(|row| with_test(row, preset)),
            "better_than_best_preset": {
                "dev": self.preset.as_ref().map(|row| better(self.best.value(), row.value())),
                "test": best.zip(preset).map(|(best, preset)| better(best, preset)),
            },
            "front": standing.front().iter().map(|row| row.number).collect::<Vec<_>>(),
            "trials": standing.rows().iter().map(|row| standing.json(row)).collect::<Vec<_>>(),
        })
    }
}

/// How it was made, in words and numbers.
fn conditions(args: &SearchArgs, standing: &Standing<'_>) -> Value {
    let plan = standing.plan;
    let data = |part: &str| Options::of(args).data(part).map(|path| path.display().to_string());
    json!({
        "model": plan.model,
        "trained_on": data("train"),
        "chosen_by": data("dev"),
        "tested_on": data("test"),
        "limit": limit_words(args.limit, plan.most),
        "strategy": args.strategy.name(),
        "epochs_to_the_end": plan.epochs,
        "steps_of_an_epoch": plan.steps_per_epoch,
        "trainings": standing.ended(),
        "cost_in_trainings_to_the_end": (100.0 * standing.cost()).round() / 100.0,
        "seed": plan.seed,
        "options": if args.more.is_empty() { "the defaults of train".to_owned() } else { args.more.join(" ") },
        "version": env!("CARGO_PKG_VERSION"),
    })
}

/// Writes what comes of the search, all of it together.
fn write(standing: &Standing<'_>, folder: &SearchFolder, best: &Row<'_>, all: &Value) -> Result<()> {
    let trained = folder.of(&best.training);
    let picture = show::picture(standing)?;
    let page = show::page(standing, &picture, &all["conditions"]);
    let of_best: Vec<String> = TRAINED.iter().chain(&[MODEL_CARD]).map(|name| format!("{BEST}/{name}")).collect();
    let names: Vec<&str> = of_best.iter().map(String::as_str).chain([SUMMARY, PICTURE, PAGE]).collect();
    replace_files(folder.work(), &names, |staged| {
        let target = staged.join(BEST);
        std::fs::create_dir(&target).with_context(|| format!("cannot make the folder {}", target.display()))?;
        for name in TRAINED.iter().chain(&[MODEL_CARD]).filter(|name| trained.join(name).is_file()) {
            let copied = std::fs::copy(trained.join(name), target.join(name));
            copied.with_context(|| format!("cannot write {}", target.join(name).display()))?;
        }
        text(&staged.join(SUMMARY), &format!("{all:#}\n"))?;
        text(&staged.join(PICTURE), &picture)?;
        text(&staged.join(PAGE), &page)
    })
}

fn text(path: &Path, text: &str) -> Result<()> {
    Ok(replace_file(path, |file| file.write_all(text.as_bytes()))?)
}
