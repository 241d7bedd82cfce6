//! `adaptune combine`.

use super::args::{CombinationArg, CombineArgs};
use super::finished::Finished;
use super::folder::{RunFolder, TRAINED};
use super::report::{Cell, Report, print_line, thousands};
use adaptune_adapters::{Adapter, AdapterModel, Combination, Head, average_heads, combine, format};
use adaptune_tensor::{Parameters, Seed};
use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use serde_json::json;
use std::path::PathBuf;

/// Combines and saves.
pub(crate) fn run(args: &CombineArgs) -> Result<()> {
    let folder = RunFolder::new(&args.out.out, TRAINED);
    folder.check(false, args.out.overwrite)?;
    let parts = parts(&args.adapter)?;
    let finished = Finished::open(args.model.as_deref(), None, &parts[0].0)?;
    let models = parts.iter().map(|(path, _)| finished.load(path)).collect::<Result<Vec<_>>>()?;
    let weighted = models.iter().zip(&parts).filter_map(|(model, (_, weight))| Some((model.adapter()?, *weight)));
    let weighted: Vec<(&Adapter<f32>, f64)> = weighted.collect();
    let adapter = combine(&args.name, &weighted, &combination(args), finished.base.config())?;
    let head = head(args, &models, &parts)?;
    let model = AdapterModel::new(finished.base.clone(), Some(adapter), head);
    folder.prepare(false, args.out.overwrite)?;
    format::save(&model, &args.out.out)?;
    let how = args.how.to_possible_value().map_or_else(String::new, |how| how.get_name().to_owned());
    finished.complete(&folder, &finished.name, format!("combined: {how}"))?;
    close(args, &parts, &model)
}

/// Folders with their weights.
fn parts(adapters: &[String]) -> Result<Vec<(PathBuf, f64)>> {
    let share = 1.0 / adapters.len() as f64;
    let split = |text: &String| match text.rsplit_once('=') {
        Some((path, weight)) => {
            let weight = weight.parse().ok().filter(|weight: &f64| weight.is_finite());
            let weight = weight
                .with_context(|| format!("--adapter {text}: expected DIR=WEIGHT with a number, as in runs/a=0.7"))?;
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

/// The head of one of them, or the average of all.
fn head(args: &CombineArgs, models: &[AdapterModel<f32>], parts: &[(PathBuf, f64)]) -> Result<Head<f32>> {
    if let Some(number) = args.head_of {
        let Some(model) = number.checked_sub(1).and_then(|i| models.get(i)) else {
            bail!("--head-of is {number}, but there are adapters 1 to {}", models.len());
        };
        return Ok(model.head().clone().named(&args.name));
    }
    let heads: Vec<_> = models.iter().zip(parts).map(|(model, (_, weight))| (model.head(), *weight)).collect();
    average_heads(&args.name, &heads, true).context("choose a head with --head-of")
}

fn close(args: &CombineArgs, parts: &[(PathBuf, f64)], model: &AdapterModel<f32>) -> Result<()> {
    let parameters = model.adapter().map_or(0, Parameters::parameter_count);
    if args.out.json {
        let parts: Vec<_> = parts.iter().map(|(path, weight)| json!({ "adapter": path, "weight": weight })).collect();
        return Ok(print_line(json!({ "out": args.out.out, "combined": parts, "parameters": parameters }))?);
    }
    let mut report = Report::with_header(&["adapter", "weight"]);
    for (path, weight) in parts {
        report.row(vec![path.display().to_string().into(), Cell::number(format!("{weight:.3}"))]);
    }
    report.print()?;
    let parameters = thousands(parameters as u64);
    Ok(print_line(format_args!("saved in {}: one adapter of {parameters} parameters", args.out.out.display()))?)
}
