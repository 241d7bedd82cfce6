//! Several tasks in one run, `train --tasks FILE`: MTL-LoRAs that share matrices, with a head for each task.

mod closing;
mod file;
mod sharing;

use super::super::args::TrainArgs;
use super::super::folder::{RunFolder, State, TRAINED};
use super::super::misused::{missing, misuse};
use super::super::plot::draw;
use super::super::report::note;
use super::choices::Choices;
use super::command;
use super::follow::follow_closely;
use super::outcome::Outcome;
use super::setting::Setting;
use adaptune_adapters::{MultiTaskModel, format};
use adaptune_tensor::{Parameters, Seed};
use adaptune_text::{DataFile, RunFile};
use adaptune_train::{EvaluationRecord, Record, TrainOptions, TrainedModel, Trainer, evaluate_by};
use anyhow::{Context, Result};
use closing::Closing;
use sharing::Sharing;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What is trained where nothing is said.
const METHOD: &str = "mtl_lora";

/// Trains, saves each task in a folder of its own, and prints the closing table.
pub(super) fn run(args: &TrainArgs, tasks: &Path) -> Result<()> {
    let begun = Instant::now();
    check(args)?;
    // The data of a task are read as if its adapter were trained alone.
    let written = args.method.as_deref().unwrap_or(METHOD);
    let sharing = Sharing::of(written)?;
    let args = TrainArgs { method: Some(sharing.of_each().unwrap_or(written).to_owned()), ..args.clone() };
    let out = args.out.clone().ok_or_else(|| missing("--out", "name a folder for the results of --tasks"))?;
    let folder = RunFolder::new(&out, TRAINED);
    if folder.check(args.resume, args.overwrite)? == State::Complete {
        note(format_args!("note: {}: the run is complete, there is nothing to resume", out.display()));
        return Ok(());
    }
    let named = file::read(tasks, &args)?;
    let run = Tasks::read(&named, sharing, out)?;
    let trainer = run.trainer()?;
    folder.prepare(args.resume, args.overwrite)?;
    let data: Vec<DataFile> = run.settings.iter().flat_map(|setting| setting.data.files.clone()).collect();
    command::begin(&folder, &args, &run.out, &data)?;
    let mut trainer =
        trainer.with_history(folder.metrics()).with_checkpoint(folder.checkpoint(), args.checkpoint_every);
    if args.resume && !trainer.resume()? {
        note(format_args!("note: {} holds no checkpoint yet; starting from the beginning", run.out.display()));
    }
    let trained = follow_closely(trainer, args.json, args.tensorboard.as_deref())?;
    let closing = run.save(&trained, &folder, begun.elapsed())?;
    if args.json { closing.print_json() } else { closing.print() }
}

/// Refuses options that are for one task.
fn check(args: &TrainArgs) -> Result<()> {
    let of_the_file = "belongs into the file of --tasks, to each task";
    let for_one = "is for one task";
    let given = [
        ("--train", !args.train.is_empty(), of_the_file),
        ("--dev", args.dev.is_some(), of_the_file),
        ("--test", args.test.is_some(), of_the_file),
        ("--head-layers", args.head_layers.is_some(), of_the_file),
        ("--pooling", args.pooling.is_some(), of_the_file),
        ("--folds", args.folds.is_some(), for_one),
        ("--baselines", args.baselines, for_one),
        ("--below", args.below.is_some(), for_one),
        ("--fusion", args.fusion.is_some(), for_one),
        ("--thaw", args.thaw.is_some(), for_one),
        ("--from", args.from.is_some(), for_one),
        ("--name", args.name.is_some(), "is for one task; those of the file are called as their tables"),
    ];
    match given.iter().find(|(_, given, _)| *given) {
        Some((option, _, why)) => misuse!("{option} {why}"),
        None => Ok(()),
    }
}

/// All tasks of a run, which share a base.
struct Tasks<'a> {
    settings: Vec<Setting<'a>>,
    sharing: Sharing,
    options: TrainOptions,
    out: PathBuf,
}

impl<'a> Tasks<'a> {
    /// Reads the data of all tasks, and the base once.
    fn read(named: &'a [(String, TrainArgs)], sharing: Sharing, out: PathBuf) -> Result<Self> {
        let mut settings: Vec<Setting<'a>> = Vec::new();
        for (name, args) in named {
            if !args.json {
                note(format_args!("task {name}:"));
            }
            let choices = Choices::of(args).with_context(|| format!("task {name}"))?.called(name);
            let base = settings.first().map(|first| first.base.clone());
            settings.push(Setting::of_task(args, choices, base).with_context(|| format!("task {name}"))?);
        }
        let examples = settings.iter().map(|setting| setting.data.train.len()).sum();
        let first = settings.remove(0).sized(examples)?;
        let options = first.choices.options_for(&first.choices.tuning);
        settings.insert(0, first);
        Ok(Self { settings, sharing, options, out })
    }

    fn trainer(&self) -> Result<Trainer<'_, f32, MultiTaskModel<f32>>> {
        let first = &self.settings[0];
        let (base, seed) = (&first.base, Seed::new(first.args.seed));
        let names: Vec<&str> = self.settings.iter().map(|setting| setting.choices.name.as_str()).collect();
        let tasks = self.sharing.tasks(&names, base.config(), seed.named("adapter"))?;
        let head = |setting: &Setting<'_>| {
            let name = &setting.choices.name;
            setting.new_head(name, seed.named("head").named(name))
        };
        let heads = self.settings.iter().map(head).collect::<Result<Vec<_>>>()?;
        let model = MultiTaskModel::new(base.clone(), tasks, heads)?;
        let data = self.settings.iter().map(Setting::task_data).collect();
        Ok(Trainer::of_tasks(model, data, self.options.clone())?)
    }

    /// Saves each task as an adapter with its head, in a folder of its name, and then says that the run is complete.
    fn save(
        &self,
        trained: &TrainedModel<MultiTaskModel<f32>>,
        folder: &RunFolder,
        elapsed: Duration,
    ) -> Result<Closing> {
        draw(&trained.history, &folder.loss_curve());
        let mut outcomes = Vec::new();
        for (task, setting) in self.settings.iter().enumerate() {
            let outcome = self.save_task(trained, task, folder, elapsed);
            outcomes.push(outcome.with_context(|| format!("task {}", setting.choices.name))?);
        }
        let files = self.settings.iter().flat_map(|setting| setting.data.files.clone()).collect();
        folder.complete(&RunFile { input: None, data: files, ..self.run_file(&self.settings[0]) })?;
        let tasks = trained.model.tasks();
        let shared = tasks.shared_count();
        let own = (tasks.parameter_count() - shared) / outcomes.len().max(1);
        Ok(Closing { out: self.out.clone(), outcomes, shared, own, elapsed })
    }

    fn save_task(
        &self,
        trained: &TrainedModel<MultiTaskModel<f32>>,
        task: usize,
        run: &RunFolder,
        time: Duration,
    ) -> Result<Outcome> {
        let (model, setting) = (trained.model.task(task), &self.settings[task]);
        let name = &setting.choices.name;
        let folder = RunFolder::at_once(&self.out.join(name), TRAINED);
        folder.prepare(false, true)?;
        format::save(&model, folder.work())?;
        let size = self.options.eval_batch_size;
        let test = setting.data.test.as_ref().map(|data| evaluate_by(&model, setting.supervision(), data, size));
        let history = of_task(&trained.history, name);
        let outcome = Outcome { name: name.clone(), counts: model.counts(), history, test: test.transpose()?, time };
        setting.write_card(&outcome, model.head().config(), None, None, &folder, run)?;
        folder.complete(&self.run_file(setting))?;
        Ok(outcome)
    }

    fn run_file(&self, setting: &Setting<'_>) -> RunFile {
        let options = serde_json::to_value(&self.options).unwrap_or_default();
        RunFile { options, ..setting.run_file(&setting.choices.tuning) }
    }
}

/// The records of a run as one task's alone would have them, but for its losses, which are of all.
fn of_task(history: &[Record], name: &str) -> Vec<Record> {
    let own = |(metric, value): &(String, f64)| {
        let (of, metric) = metric.split_once('.')?;
        (of == name).then(|| (metric.to_owned(), *value))
    };
    let record = |record: &Record| match record {
        Record::Evaluation(all) => {
            let metrics = all.metrics.iter().filter_map(own).collect();
            Record::Evaluation(EvaluationRecord { metrics, ..all.clone() })
        }
        other => other.clone(),
    };
    history.iter().map(record).collect()
}
