//! What is trained on what, after every default has been filled in.

use super::super::args::{BatchingArg, DevArg, OptimiserArg, ScheduleArg, TrainArgs};
use super::super::folder::{RunFolder, TRAINED};
use super::super::misused::{missing, misuse, unreadable};
use super::super::report::{counted, note};
use super::super::task::TaskArg;
use super::composed::Composed;
use super::start::{Start, tuning_of};
use adaptune_adapters::{AdapterModel, Tuning};
use adaptune_text::builtin::Builtin;
use adaptune_text::{BUILTIN, BUILTIN_DECODER, Domains, RunFile, Sizing, TaskChoice};
use adaptune_train::{Batching, CacheLimits, OptimiserConfig, Schedule, TrainOptions};
use adaptune_transformer::Thaw;
use anyhow::Result;
use std::path::{Path, PathBuf};

/// Everything that was asked for, or goes without saying.
pub(super) struct Choices {
    pub(super) model: String,
    pub(super) train: Vec<PathBuf>,
    pub(super) dev: Option<DevArg>,
    pub(super) test: Option<PathBuf>,
    pub(super) out: PathBuf,
    /// The name of adapter and head.
    pub(super) name: String,
    /// The method as it was written.
    pub(super) method: String,
    pub(super) tuning: Tuning,
    /// What is put together, if anything is.
    pub(super) composed: Option<Composed>,
    pub(super) baselines: bool,
    pub(super) options: TrainOptions,
    /// What it goes on from, if not from nothing.
    pub(super) start: Option<Start>,
    /// The learning rate of full fine-tuning.
    rate_for_all: f64,
}

/// What goes without saying. It depends on the base: a small one wants a larger share of trained parameters, larger
/// steps and more of them.
struct Defaults {
    method: &'static str,
    epochs: usize,
    learning_rate: f64,
    rate_for_all: f64,
}

impl Defaults {
    fn of(model: &str) -> Self {
        match model {
            BUILTIN => {
                let method = "seq_bn[reduction_factor=4]";
                Self { method, epochs: 8, learning_rate: 3e-3, rate_for_all: 5e-4 }
            }
            BUILTIN_DECODER => {
                Self { method: "lora[r=8,alpha=16]", epochs: 4, learning_rate: 5e-3, rate_for_all: 5e-4 }
            }
            _ => Self { method: "seq_bn", epochs: 3, learning_rate: 1e-3, rate_for_all: 5e-5 },
        }
    }
}

impl Choices {
    pub(super) fn of(args: &TrainArgs) -> Result<Self> {
        let task = builtin_task(args)?;
        let part = |given: &Option<PathBuf>, split| given.clone().or_else(|| task.as_ref()?.split(split));
        let own: Vec<PathBuf> = task.iter().filter_map(|task| task.split("train")).collect();
        let train = if args.train.is_empty() { own } else { args.train.clone() };
        let first = train.first().ok_or_else(|| missing("--train", A_FILE))?;
        let dev = args.dev.clone().or_else(|| Some(DevArg::File(task.as_ref()?.split("dev")?)));
        let dev = dev.filter(|_| args.folds.is_none());
        let start = args.from.as_deref().map(Start::open).transpose()?;
        if dev.is_none() {
            let needs = [
                ("--patience", args.patience.is_some_and(|patience| patience > 0)),
                ("--metric", args.metric.is_some()),
            ];
            if let Some((option, _)) = needs.iter().find(|(_, given)| *given && args.folds.is_none()) {
                misuse!("{option} needs development data to look at: give --dev");
            }
        }
        let model = model(args, first, start.as_ref())?;
        let defaults = Defaults::of(&model);
        let method = args.method.clone().or(start.as_ref().map(Start::method));
        let method = method.unwrap_or_else(|| defaults.method.into());
        let composed = Composed::of(args.method.as_deref(), args.below.as_ref(), args.fusion.as_deref())?;
        composed.as_ref().map_or(Ok(()), Composed::check)?;
        let out = args.out.clone().unwrap_or_else(|| free_folder(first, &method));
        Ok(Self {
            test: part(&args.test, "test"),
            name: name(args, &out)?,
            baselines: args.baselines || nothing_named(args),
            // What an adapter is that is trained already, its files say.
            tuning: if start.is_some() { Tuning::default() } else { tuning(&method, composed.as_ref(), args.thaw)? },
            composed,
            options: options(args, &defaults)?,
            rate_for_all: defaults.rate_for_all,
            start,
            model,
            method,
            train,
            dev,
            out,
        })
    }

    /// The same with another name of adapter and head.
    pub(super) fn called(self, name: &str) -> Self {
        Self { name: name.to_owned(), ..self }
    }

    /// The same with a tree of adapters for these domains, if one is trained.
    pub(super) fn in_domains(self, domains: Option<Domains>) -> Self {
        Self { composed: self.composed.map(|composed| composed.with_domains(domains)), ..self }
    }

    /// The same for going on from a trained model: what trains is what its files hold, and it keeps its name.
    pub(super) fn begun_with(self, start: Option<&AdapterModel<f32>>) -> Self {
        match start {
            Some(model) => Self { tuning: tuning_of(model), name: model.head().name().to_owned(), ..self },
            None => self,
        }
    }

    /// The same with as many epochs, and of such batches, as fit the number of examples, where nothing else was said. The
    /// built-in model has its own.
    pub(super) fn sized(mut self, args: &TrainArgs, examples: usize) -> Result<Self> {
        if [BUILTIN, BUILTIN_DECODER].contains(&self.model.as_str()) {
            return Ok(self);
        }
        let usual = Sizing::of(examples);
        let sizing = args.batch_size.map_or(usual, |size| Sizing::with_batches(examples, size));
        self.options.batch_size = sizing.batch_size;
        if args.epochs.is_none() {
            self.options.epochs = sizing.epochs;
            self.options.patience =
                self.options.patience.or(sizing.patience().filter(|_| self.dev.is_some() || args.folds.is_some()));
        }
        if args.patience == Some(0) {
            self.options.patience = None;
        }
        if !args.json && (args.epochs.is_none() || args.batch_size.is_none()) {
            note(self.sizing_note(examples));
        }
        Ok(self)
    }

    /// What was chosen, and why.
    fn sizing_note(&self, examples: usize) -> String {
        let TrainOptions { epochs, batch_size, learning_rate, patience, .. } = &self.options;
        let steps = examples.div_ceil((*batch_size).max(1)) * epochs;
        let end = patience.map_or(String::new(), |patience| format!(", fewer if {patience} bring nothing better"));
        format!(
            "{} of batches of {batch_size} ({}) at a learning rate of {learning_rate}{end}; --epochs, --batch-size, --lr \
             and --patience change that",
            counted(*epochs, "epoch"),
            counted(steps, "step")
        )
    }

    /// The options for tuning this; what is thawed learns at a rate of its own, and layers are left out of adapters alone.
    pub(super) fn options_for(&self, tuning: &Tuning) -> TrainOptions {
        let given = self.options.thaw_learning_rate;
        TrainOptions {
            thaw_learning_rate: tuning.thaw.map(|thaw| given.unwrap_or(self.rate_for(thaw))),
            layer_drop: if tuning.adapter.is_some() { self.options.layer_drop } else { 0 },
            ..self.options.clone()
        }
    }

    /// Learning rates at which thawed tensors do well: the more there are, the smaller.
    fn rate_for(&self, thaw: Thaw) -> f64 {
        match thaw {
            Thaw::BIASES => 1e-3,
            Thaw::LAYER_NORMS => 2e-4,
            _ if thaw == Thaw::ALL => self.rate_for_all,
            _ => 2e-4,
        }
    }
}

/// The learning rate of an adapter where none is named.
pub(in crate::cli) fn usual_rate(model: &str) -> f64 {
    Defaults::of(model).learning_rate
}

/// What is learnt where no data are named.
pub(in crate::cli) const DEFAULT_TASK: &str = "builtin:sentiment@A";

/// True if neither model nor data are named: the run that shows what adapters are.
fn nothing_named(args: &TrainArgs) -> bool {
    args.model.is_none() && args.train.is_empty() && args.from.is_none() && args.task == TaskArg::Kind(TaskChoice::Auto)
}

/// The built-in task, if the data come from one.
fn builtin_task(args: &TrainArgs) -> Result<Option<TaskArg>> {
    match (&args.task, args.train.first()) {
        (TaskArg::Builtin(name), Some(file)) => {
            misuse!(
                "--task {name} brings its own data, so --train {} has no place; leave one of them away",
                file.display()
            )
        }
        (TaskArg::Builtin(_), None) => Ok(Some(args.task.clone())),
        (TaskArg::Kind(_), Some(_)) => Ok(None),
        (TaskArg::Kind(TaskChoice::Auto), None)
            if args.model.as_deref().is_none_or(|model| model == BUILTIN) && begins_in_the_world(args)? =>
        {
            Ok(Some(TaskArg::Builtin(DEFAULT_TASK.into())))
        }
        (TaskArg::Kind(_), None) => {
            Err(missing("--train", format_args!("{A_FILE}, or a built-in task with --task {DEFAULT_TASK}")).into())
        }
    }
}

/// True unless the training goes on from an adapter that was trained on other data than those of the built-in world.
fn begins_in_the_world(args: &TrainArgs) -> Result<bool> {
    let Some(from) = &args.from else { return Ok(true) };
    let run = RunFolder::new(from, TRAINED).run_file()?;
    let is_own = |run: RunFile| run.data.iter().all(|file| file.path.starts_with("builtin:"));
    Ok(run.is_none_or(is_own))
}

/// What `--train` names.
const A_FILE: &str = "name a file with labelled data";

/// The model as it was named. The built-in one goes without saying where the texts are of its own world.
fn model(args: &TrainArgs, train: &Path, start: Option<&Start>) -> Result<String> {
    let own_world = train.to_string_lossy().starts_with("builtin:");
    let own_model = if Builtin::is_story(train) { BUILTIN_DECODER } else { BUILTIN };
    let before = start.and_then(Start::model);
    let advice = "name a folder with config.json, model.safetensors and tokenizer.json, or a model on the Hugging Face hub (the \
                  built-in model knows no words but those of its own small world)";
    let named = args.model.clone().or(before).or(own_world.then(|| own_model.into()));
    Ok(named.ok_or_else(|| missing("--model", advice))?)
}

fn tuning(method: &str, composed: Option<&Composed>, thaw: Option<Thaw>) -> Result<Tuning> {
    let tuning: Tuning = match composed {
        Some(Composed::New { .. }) => Tuning::default(),
        _ => method.parse().map_err(unreadable("--method"))?,
    };
    Ok(match thaw {
        Some(thaw) => tuning.with_thawed(thaw),
        None => tuning,
    })
}

/// A folder below `runs`, named after data and method, that is not there yet.
fn free_folder(train: &Path, method: &str) -> PathBuf {
    let text = train.to_string_lossy();
    let data = match text.strip_prefix("builtin:") {
        Some(task) => task.split(':').next().unwrap_or(task).to_ascii_lowercase(),
        None => train.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
    };
    let method = method.split(['[', '(']).next().unwrap_or(method);
    let name = format!("{data}-{method}").replace(['@', '.', ' '], "-");
    let numbered = |n: usize| Path::new("runs").join(if n == 1 { name.clone() } else { format!("{name}-{n}") });
    (1..).map(numbered).find(|folder| !folder.exists()).unwrap_or_default()
}

/// The name of adapter and head: as given, or that of the output folder.
fn name(args: &TrainArgs, out: &Path) -> Result<String> {
    if let Some(name) = &args.name {
        if name.is_empty() || name.contains(['.', '/', '\\']) {
            misuse!("--name {name:?} is empty or holds a point or a slash, which names of adapters cannot");
        }
        return Ok(name.clone());
    }
    let folder = std::path::absolute(out).ok().and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned()));
    Ok(folder.unwrap_or_else(|| "adapter".into()).replace(['.', ' ', '\\'], "_"))
}

fn options(args: &TrainArgs, defaults: &Defaults) -> Result<TrainOptions> {
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
        epochs: args.epochs.unwrap_or(defaults.epochs),
        batch_size: args.batch_size.unwrap_or(32),
        accumulate: args.accumulate,
        learning_rate: args.lr.unwrap_or(defaults.learning_rate),
        head_learning_rate: args.head_lr,
        thaw_learning_rate: args.thaw_lr,
        schedule,
        warmup: args.warmup.parse().map_err(unreadable("--warmup"))?,
        optimiser,
        clip: Some(args.clip).filter(|clip| *clip != 0.0),
        batching,
        metric: args.metric.clone(),
        patience: args.patience.filter(|patience| *patience > 0),
        gradient_checkpointing: args.gradient_checkpointing,
        layer_drop: args.layer_drop,
        cache: args.cache.map(|memory| CacheLimits { memory: memory.as_u64(), disk: args.cache_disk.as_u64() }),
        seed: args.seed,
        ..TrainOptions::default()
    })
}
