//! `adaptune combine`.

use super::args::{CombinationArg, CombineArgs};
use super::finished::{Finished, LoadedAdapter, tell_notes};
use super::folder::{RunFolder, TRAINED};
use super::misused::{misuse, misused};
use super::report::{Cell, Report, print_json, print_line, thousands};
use adaptune_adapters::{Adapter, AdapterModel, Combination, Head, average_heads, combine, format};
use adaptune_tensor::{Parameters, Seed};
use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use serde_json::json;
use std::path::PathBuf;

/// Combines and saves.
pub(crate) fn run(args: &CombineArgs) -> Result<()> {
    let folder = RunFolder::at_once(&args.out.out, TRAINED);
    folder.check(false, args.out.overwrite)?;
    let parts = parts(&args.adapter)?;
    let finished = Finished::open(args.model.as_deref(), None, &parts[0].0)?;
    for (path, _) in &parts[1..] {
        tell_notes(path)?;
    }
    let loaded = parts.iter().map(|(path, _)| finished.load(path)).collect::<Result<Vec<_>>>()?;
    let weighted = loaded.iter().zip(&parts).map(|(loaded, (_, weight))| (&loaded.adapter, *weight));
    let weighted: Vec<(&Adapter<f32>, f64)> = weighted.collect();
    let adapter = combine(&args.name, &weighted, &combination(args), finished.base.config())?;
    let (head, parameters) = (head(args, &loaded, &parts)?, adapter.parameter_count());
    folder.prepare(false, args.out.overwrite)?;
    match head {
        Some(head) => {
            format::save(&AdapterModel::new(finished.base.clone(), Some(adapter), head), folder.work())?;
        }
        None => format::save_headless(&adapter, &finished.base, folder.work())?,
    }
    let how = args.how.to_possible_value().map_or_else(String::new, |how| how.get_name().to_owned());
    finished.complete(&folder, &finished.name, format!("combined: {how}"))?;
    close(args, &parts, parameters)
}

/// Folders with their weights.
fn parts(adapters: &[String]) -> Result<Vec<(PathBuf, f64)>> {
    let share = 1.0 / adapters.len() as f64;
    let split = |text: &String| match text.rsplit_once('=') {
        Some((path, weight)) => {
            let weight = weight.parse().ok().filter(|weight: &f64| weight.is_finite());
            let expected =
                || misused(format_args!("--adapter {text}: expected DIR=WEIGHT with a number, as in runs/a=0.7"));
            let weight = weight.ok_or_else(expected)?;
            Ok((PathBuf::from(path), weight))
        }
        None => Ok((PathBuf::from(text), share)),
    };
    adapters.iter().map(split).collect()
}

fn combination(args: &CombineArgs) -> Combination {
    let CombineArgs { rank, density, .. } = *args;
    match args.how {
        CombinationArg::Average => Combination::Average { normalise: !args.no_normalise },
        CombinationArg::Linear => Combination::Linear,
        CombinationArg::Svd => Combination::Svd { rank },
        CombinationArg::Ties => Combination::Ties { density, rank },
        CombinationArg::Prune => Combination::Prune { density, rank },
        CombinationArg::Dare => Combination::Dare { density, rank, seed: Seed::new(args.seed) },
        CombinationArg::DareTies => Combination::DareTies { density, rank, seed: Seed::new(args.seed) },
    }
}

/// The head of one of them, or the average of all; none if none has one.
fn head(args: &CombineArgs, loaded: &[LoadedAdapter], parts: &[(PathBuf, f64)]) -> Result<Option<Head<f32>>> {
    if let Some(number) = args.head_of {
        let place = number.checked_sub(1).filter(|place| *place < loaded.len());
        let Some(place) = place else {
            misuse!("--head-of is {number}, but there are adapters 1 to {}", loaded.len());
        };
        let head = loaded[place].head.clone();
        let head =
            head.with_context(|| format!("--head-of is {number}, but {} has no head", parts[place].0.display()))?;
        return Ok(Some(head.named(&args.name)));
    }
    let with_head = |(loaded, (_, weight)): (_, &(PathBuf, f64))| Some((LoadedAdapter::head(loaded)?, *weight));
    let heads: Vec<_> = loaded.iter().zip(parts).filter_map(with_head).collect();
    match loaded.iter().position(|loaded| loaded.head.is_none()) {
        None => average_heads(&args.name, &heads, true).map(Some).context("choose a head with --head-of"),
        Some(_) if heads.is_empty() => Ok(None),
        Some(place) => bail!("{} has no head, and others have: choose one with --head-of", parts[place].0.display()),
    }
}

fn close(args: &CombineArgs, parts: &[(PathBuf, f64)], parameters: usize) -> Result<()> {
    if args.out.json {
        let parts: Vec<_> = parts.iter().map(|(path, weight)| json!({ "adapter": path, "weight": weight })).collect();
        return Ok(print_json(&json!({ "out": args.out.out, "combined": parts, "parameters": parameters }))?);
    }
    let mut report = Report::with_header(&["adapter", "weight"]);
    for (path, weight) in parts {
        report.row(vec![path.display().to_string().into(), Cell::number(format!("{weight:.3}"))]);
    }
    report.print()?;
    let parameters = thousands(parameters as u64);
    Ok(print_line(format_args!("saved in {}: one adapter of {parameters} parameters", args.out.out.display()))?)
}
