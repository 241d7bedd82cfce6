//! `adaptune train`.

use super::args::{BatchingArg, OptimiserArg, ScheduleArg, TrainArgs};
use super::folder::{RunFile, RunFolder, State};
use super::observers::{All, Bar, MetricsFile};
use super::report::{Cell, Report, bytes, duration, note, percent, print_line, thousands};
use super::table::{self, Labels, Table};
use super::tokenise::Tokeniser;
use super::{data, memory, model_path, plot};
use adaptune_adapters::{Adapter, AdapterModel, Counts, Head, HeadConfig, Method, format};
use adaptune_tensor::Seed;
use adaptune_train::{
    Batching, Dataset, EvaluationRecord, OptimiserConfig, Record, Schedule, TrainOptions, Trained, Trainer,
};
use adaptune_transformer::{Config, Encoder};
use anyhow::{Context, Result, bail};
use serde_json::json;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Trains, saves, and prints the closing table.
pub(crate) fn run(args: &TrainArgs) -> Result<()> {
    let begun = Instant::now();
    let options = options(args)?;
    let method = method(&args.method)?;
    let name = name(args)?;
    let folder = RunFolder::new(&args.out);
    folder.check(args.resume, args.overwrite)?;
    let directory = model_path::resolve(&args.model)?;
    let config = Config::read(&directory)?;
    let max_length = max_length(args, &config)?;
    let tokeniser = Tokeniser::from_dir(&directory, max_length)?;
    tokeniser.check_vocabulary(config.vocabulary)?;
    let Data { train, dev, labels } = read_data(args, &tokeniser)?;
    let base = load_base(args, &directory)?;
    let model = model(args, &name, method.as_ref(), base, &labels)?;
    let counts = model.counts();
    let trainer = Trainer::new(model, &train, dev.as_ref(), options.clone())?;
    if folder.prepare(args.resume, args.overwrite)? == State::Complete {
        note(format_args!("note: {}: the run is complete, there is nothing to resume", args.out.display()));
        return Ok(());
    }
    let mut trainer = trainer.with_checkpoint(folder.checkpoint(), args.checkpoint_every);
    if args.resume && !trainer.resume()? {
        note(format_args!("note: {} holds no checkpoint yet; starting from the beginning", args.out.display()));
    }
    let trained = follow(trainer, &folder, args.json)?;
    save(&trained, &folder, args, max_length, &options)?;
    let closing = Closing { counts, elapsed: begun.elapsed(), history: &trained.history };
    if args.json { closing.print_json(args) } else { closing.print(args) }
}

struct Data {
    train: Dataset,
    dev: Option<Dataset>,
    labels: Labels,
}

fn read_data(args: &TrainArgs, tokeniser: &Tokeniser) -> Result<Data> {
    let columns = args.columns.columns();
    let table = table::read(&args.train, &columns)?;
    let (labels, decision) = Labels::decide(&table, args.task.into())?;
    if !args.json {
        note(format_args!("{} examples, {decision}", thousands(table.rows.len() as u64)));
    }
    let train = data::dataset(&table, &labels, tokeniser)?;
    let dev = match &args.dev {
        Some(path) => Some(data::dataset(&same_kind(table::read(path, &columns)?, &table)?, &labels, tokeniser)?),
        None => None,
    };
    Ok(Data { train, dev, labels })
}

/// Development data that says something else of a model than training data would, is refused.
fn same_kind(dev: Table, train: &Table) -> Result<Table> {
    if dev.kind != train.kind {
        bail!(
            "{} holds {}, but {} holds {}; both must have the same columns",
            dev.name,
            dev.kind,
            train.name,
            train.kind
        );
    }
    Ok(dev)
}

fn load_base(args: &TrainArgs, directory: &Path) -> Result<Arc<Encoder<f32>>> {
    let base = Encoder::load(directory)?;
    Ok(Arc::new(match args.dropout {
        Some(rate) if !(0.0..1.0).contains(&rate) => bail!("--dropout is {rate}, but must be from 0 up to, but not, 1"),
        Some(rate) => base.with_dropout(rate, rate),
        None => base,
    }))
}

fn model(
    args: &TrainArgs,
    name: &str,
    method: Option<&Method>,
    base: Arc<Encoder<f32>>,
    labels: &Labels,
) -> Result<AdapterModel<f32>> {
    let seed = Seed::new(args.seed);
    let adapter = match method {
        Some(method) => Some(Adapter::new(name, method, base.config(), seed.named("adapter")).context("--method")?),
        None => None,
    };
    let default = HeadConfig::new(data::task(labels), labels.names().to_vec());
    let layers = args.head_layers.map_or(default.layers, usize::from);
    let config = HeadConfig { layers, use_pooler: args.use_pooler, ..default };
    let head = Head::new(name, &config, &base, seed.named("head"))?;
    Ok(AdapterModel::new(base, adapter, head))
}

/// The method, or nothing for `head`.
fn method(text: &str) -> Result<Option<Method>> {
    if text == "head" {
        return Ok(None);
    }
    Ok(Some(text.parse().context("--method")?))
}

/// The name of adapter and head: as given, or that of the output folder.
fn name(args: &TrainArgs) -> Result<String> {
    if let Some(name) = &args.name {
        if name.is_empty() || name.contains(['.', '/', '\\']) {
            bail!("--name {name:?} is empty or holds a point or a slash, which names of adapters cannot");
        }
        return Ok(name.clone());
    }
    let folder =
        std::path::absolute(&args.out).ok().and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned()));
    Ok(folder.unwrap_or_else(|| "adapter".into()).replace(['.', ' ', '\\'], "_"))
}

fn max_length(args: &TrainArgs, config: &Config) -> Result<usize> {
    let limit = config.max_tokens();
    match args.max_length {
        Some(length) if length > limit => {
            bail!("--max-length is {length}, but the model has positions for {limit} tokens")
        }
        length => Ok(length.unwrap_or(limit)),
    }
}

fn options(args: &TrainArgs) -> Result<TrainOptions> {
    let optimiser = match args.optimiser {
        OptimiserArg::Adamw => OptimiserConfig::adamw(args.weight_decay),
        OptimiserArg::Sgd => OptimiserConfig::Sgd { momentum: args.momentum, weight_decay: args.weight_decay },
    };
    let schedule = match args.schedule {
        ScheduleArg::Constant => Schedule::Constant,
        ScheduleArg::Linear => Schedule::Linear,
        ScheduleArg::Cosine => Schedule::Cosine,
    };
    let batching = match args.batching {
        BatchingArg::Shuffled => Batching::Shuffled,
        BatchingArg::ByLength => Batching::ByLength,
    };
    Ok(TrainOptions {
        epochs: args.epochs,
        batch_size: args.batch_size,
        accumulate: args.accumulate,
        learning_rate: args.lr,
        head_learning_rate: args.head_lr,
        schedule,
        warmup: args.warmup.parse().context("--warmup")?,
        optimiser,
        clip: Some(args.clip).filter(|clip| *clip != 0.0),
        batching,
        patience: args.patience,
        seed: args.seed,
        ..TrainOptions::default()
    })
}

/// Trains with a progress bar and `metrics.jsonl`.
fn follow(trainer: Trainer<'_, f32>, folder: &RunFolder, quiet: bool) -> Result<Trained<f32>> {
    let (mut file, mut bar) = (MetricsFile::new(&folder.metrics()), Bar::new(quiet));
    let trained = trainer.run(&mut All(vec![&mut file, &mut bar]));
    bar.finish();
    let trained = trained?;
    file.finish().with_context(|| format!("cannot write {}", folder.metrics().display()))?;
    Ok(trained)
}

fn save(
    trained: &Trained<f32>,
    folder: &RunFolder,
    args: &TrainArgs,
    max_length: usize,
    options: &TrainOptions,
) -> Result<()> {
    format::save(&trained.model, &args.out)?;
    draw(&trained.history, &folder.loss_curve());
    let (model, method, options) = (args.model.clone(), args.method.clone(), options.describe());
    folder.complete(&RunFile { model, method, max_length, options })
}

/// Draws the loss curve. It is an extra: without it the run is as good, so a failure is only told.
fn draw(history: &[Record], path: &Path) {
    let losses: Vec<_> =
        history.iter().filter_map(|r| if let Record::Step(s) = r { Some((s.step, s.loss)) } else { None }).collect();
    let dev: Vec<_> = evaluations(history).map(|e| (e.step, e.primary())).collect();
    let metric = evaluations(history).find_map(|e| Some(e.metrics.first()?.0.as_str()));
    if let Err(error) = plot::loss_curve(path, &losses, &dev, metric.unwrap_or("metric")) {
        note(format_args!("note: cannot draw {}: {error}; the numbers are in metrics.jsonl", path.display()));
    }
}

fn evaluations(history: &[Record]) -> impl Iterator<Item = &EvaluationRecord> {
    history.iter().filter_map(|r| if let Record::Evaluation(e) = r { Some(e) } else { None })
}

/// What is said at the end.
struct Closing<'a> {
    counts: Counts,
    elapsed: Duration,
    history: &'a [Record],
}

impl Closing<'_> {
    fn before(&self) -> Option<&EvaluationRecord> {
        evaluations(self.history).find(|e| e.epoch == 0)
    }

    fn best(&self) -> Option<&EvaluationRecord> {
        evaluations(self.history).filter(|e| e.best).last()
    }

    fn print(&self, args: &TrainArgs) -> Result<()> {
        let Counts { base, adapter, head } = self.counts;
        let share = self.counts.trainable() as f64 / self.counts.total() as f64;
        let mut report = Report::new();
        let mut row = |name: &str, value: String| _ = report.row(vec![name.into(), Cell::number(value)]);
        row("frozen parameters", thousands(base as u64));
        row("trained parameters", thousands(self.counts.trainable() as u64));
        row("  adapter", thousands(adapter as u64));
        row("  head", thousands(head as u64));
        row("  of all", percent(share));
        if let (Some(before), Some(best)) = (self.before(), self.best()) {
            let name = best.metrics.first().map_or("metric", |(name, _)| name);
            row(&format!("dev {name} before"), percent(before.primary()));
            row(&format!("dev {name} after (epoch {})", best.epoch), percent(best.primary()));
        }
        row("time", duration(self.elapsed));
        if let Some(peak) = memory::peak_bytes() {
            row("peak memory", bytes(peak));
        }
        report.print()?;
        Ok(print_line(format_args!("saved in {}", args.out.display()))?)
    }

    fn print_json(&self, args: &TrainArgs) -> Result<()> {
        let Counts { base, adapter, head } = self.counts;
        let metrics = |evaluation: Option<&EvaluationRecord>| {
            evaluation
                .map(|e| e.metrics.iter().map(|(name, v)| (name.clone(), json!(v))).collect::<serde_json::Map<_, _>>())
        };
        let closing = json!({
            "out": args.out,
            "parameters": { "base": base, "adapter": adapter, "head": head },
            "before": metrics(self.before()),
            "after": metrics(self.best()),
            "best_epoch": self.best().map(|e| e.epoch),
            "seconds": self.elapsed.as_secs_f64(),
            "peak_bytes": memory::peak_bytes(),
        });
        Ok(print_line(closing)?)
    }
}
