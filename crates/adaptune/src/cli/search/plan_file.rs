//! `plan.json`: what a search was asked for and what was planned, written before the first training and never changed.

use super::super::args::SearchArgs;
use super::super::download::find_base;
use super::super::misused::{misuse, unreadable};
use super::super::report::{counted, duration, note, percent, thousands};
use super::super::train::Extent;
use super::space_file;
use super::training::Options;
use adaptune_text::{BUILTIN, DataFile};
use adaptune_train::search::{Limit, Plan, Search, SearchedMethod, Space, Strategy, Trial};
use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The file.
pub(super) const PLAN: &str = "plan.json";

/// What was asked for, and what was planned.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PlanFile {
    version: String,
    /// The folder that paths are meant from.
    pub(super) directory: PathBuf,
    pub(super) arguments: Vec<String>,
    data: Vec<DataFile>,
    pub(super) model: String,
    pub(super) limit: String,
    /// The largest adapter.
    pub(super) most: u64,
    /// Numbers of the base.
    pub(super) base: u64,
    methods: Vec<String>,
    rates: Vec<f64>,
    strategy: String,
    trials: usize,
    pub(super) epochs: usize,
    pub(super) steps_per_epoch: usize,
    pub(super) seed: u64,
    pub(super) budget: Option<Budget>,
    /// The trials of the first rung.
    first: Vec<First>,
}

/// How a time became a number of epochs, all of which are of the same data.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Budget {
    time: String,
    seconds_per_epoch: f64,
    pub(super) epochs: u64,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct First {
    method: String,
    rate: f64,
    parameters: u64,
}

/// Trials where neither their number nor a time is named.
const TRIALS: usize = 16;

impl PlanFile {
    /// Reads model and data, measures some steps if a time is to be kept to, and plans.
    ///
    /// # Errors
    /// Something is missing or does not fit, nothing is within the limit, or the time is too short for any search.
    pub(super) fn make(args: &SearchArgs, arguments: Vec<String>) -> Result<(Self, Search)> {
        let model_name = args.model.clone().unwrap_or_else(|| BUILTIN.into());
        let model = find_base(&model_name)?;
        let space = space_file::read(&args.space, &model_name, model.config())?;
        let base = model.parameter_count()? as u64;
        let most = args.limit.most(base);
        // What cannot be within the limit is told of before anything is measured.
        let presets = Search::presets_within(&space, model.config(), most)?;
        let search =
            |plan| Search::new(space.clone(), model.config(), most, plan, args.seed).map_err(unreadable("--limit"));
        search(Plan::new(args.strategy, 1, 1))?;
        let extent = Extent::of(&Options::of(args).reference()?, args.budget.is_some())?;
        let (plan, budget) = plan(args, presets, &extent)?;
        let search = search(plan)?;
        let file = Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            directory: std::env::current_dir().context("cannot tell the current folder")?,
            arguments,
            data: data(args, &extent)?,
            model: model_name,
            limit: args.limit.to_string(),
            most,
            base,
            methods: space.methods.iter().map(ToString::to_string).collect(),
            rates: space.rates.clone(),
            strategy: args.strategy.to_string(),
            trials: search.plan().trials(),
            epochs: extent.epochs,
            steps_per_epoch: extent.steps_per_epoch,
            seed: args.seed,
            budget,
            first: first(&search),
        };
        Ok((file, search))
    }

    /// Reads the plan in a folder.
    ///
    /// # Errors
    /// It cannot be read, or is of another version.
    pub(super) fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(PLAN);
        let text = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let damaged = || format!("{} is damaged: begin anew with --overwrite", path.display());
        let file: Self = serde_json::from_slice(&text).with_context(damaged)?;
        if file.version != env!("CARGO_PKG_VERSION") {
            let (found, ours) = (&file.version, env!("CARGO_PKG_VERSION"));
            bail!(
                "{}: adaptune {found} has begun this search, and this is {ours}: go on with that one",
                path.display()
            );
        }
        Ok(file)
    }

    /// The search, and that it is the one that was begun.
    ///
    /// # Errors
    /// Data have changed, or the trials would be others.
    pub(super) fn search(&self) -> Result<Search> {
        self.data.iter().try_for_each(|file| file.check(Path::new(&file.path))).context("--resume")?;
        let methods: Result<Vec<SearchedMethod>, _> = self.methods.iter().map(|text| text.parse()).collect();
        let space = Space { methods: methods?, rates: self.rates.clone() };
        let strategy = self.strategy.parse::<Strategy>().map_err(anyhow::Error::msg)?;
        let model = find_base(&self.model)?;
        let plan = Plan::new(strategy, self.trials, self.epochs);
        let search = Search::new(space, model.config(), self.most, plan, self.seed)?;
        if first(&search) != self.first {
            bail!("--resume: {PLAN} has other trials than this program would choose: begin anew with --overwrite");
        }
        Ok(search)
    }

    /// The adapter's share of base and adapter.
    pub(super) fn share(&self, parameters: u64) -> f64 {
        parameters as f64 / (self.base + parameters) as f64
    }

    /// Says what is planned, and why.
    pub(super) fn tell(&self, search: &Search) {
        if let Some(Budget { time, seconds_per_epoch, epochs }) = &self.budget {
            let epoch = duration(Duration::from_secs_f64(*seconds_per_epoch));
            note(format_args!(
                "an epoch with its evaluation takes {epoch} here, so {time} are {epochs} of them; from now on the plan counts, and \
                 not the time"
            ));
        }
        let (most, share) = (thousands(self.most), percent(self.share(self.most)));
        note(format_args!(
            "adapters of at most {most} parameters, {share} of base and adapter together; the head is not counted"
        ));
        let epochs = search.plan().epochs_at_most();
        note(format_args!(
            "{}: {}; at most {} of {}, as much as {:.1} trainings to the end",
            search.plan().strategy(),
            rungs(search.plan()),
            counted(epochs as usize, "epoch"),
            counted(self.steps_per_epoch, "step"),
            epochs as f64 / self.epochs as f64
        ));
    }
}

/// Who is trained for how long.
fn rungs(plan: &Plan) -> String {
    let mut epochs = plan.epochs().iter().map(|epochs| counted(*epochs, "epoch"));
    let first = epochs.next().unwrap_or_default();
    let mut words = format!("{} for {first}", counted(plan.first(), "trial"));
    for longer in epochs {
        words += &format!(", the better third of them and the best preset for {longer}");
    }
    match plan.children() {
        0 => words,
        1 => words + ", then a child of the best one",
        count => words + &format!(", then {count} children of the best ones"),
    }
}

fn first(search: &Search) -> Vec<First> {
    let trials = search.progress(&Default::default()).trials.into_iter();
    trials.map(|Trial { method, rate, parameters, .. }| First { method, rate, parameters }).collect()
}

/// All data, those of the test too, which no training reads.
fn data(args: &SearchArgs, extent: &Extent) -> Result<Vec<DataFile>> {
    let test = args.test.as_deref().map(|path| DataFile::of("test", path, 0)).transpose().context("--test")?;
    Ok(extent.data.iter().cloned().chain(test).collect())
}

/// So many trials as are named, or as the time allows.
fn plan(args: &SearchArgs, presets: usize, extent: &Extent) -> Result<(Plan, Option<Budget>)> {
    let (strategy, epochs) = (args.strategy, extent.epochs);
    let least = Plan::least(strategy, presets);
    let (Some(budget), Some(seconds)) = (&args.budget, extent.seconds_per_epoch) else {
        let trials = args.trials.unwrap_or(TRIALS.max(least));
        if trials < least {
            misuse!(
                "--trials is {trials}, but {} are among them: at least {least} are needed",
                counted(presets, "preset")
            );
        }
        return Ok((Plan::new(strategy, trials, epochs), None));
    };
    let affordable = (budget.time.as_secs_f64() / seconds) as u64;
    let Some(plan) = Plan::within(strategy, presets, epochs, affordable) else {
        let least = Plan::new(strategy, least, epochs).epochs_at_most();
        let needed = duration(Duration::from_secs_f64((least as f64 * seconds).ceil()));
        misuse!(
            "--budget {}: the smallest search by {strategy} is {} ({}), which take {needed} here; give more time, or fewer --epochs",
            budget.written,
            counted(least as usize, "epoch"),
            counted(Plan::least(strategy, presets), "trial")
        );
    };
    let budget = Budget { time: budget.written.clone(), seconds_per_epoch: seconds, epochs: affordable };
    Ok((plan, Some(budget)))
}

/// The limit as it was given, for the page.
pub(super) fn limit_words(limit: Limit, most: u64) -> String {
    match limit {
        Limit::Share(_) => format!("{limit} of base and adapter ({} parameters)", thousands(most)),
        Limit::Count(_) => format!("{} parameters", thousands(most)),
    }
}
