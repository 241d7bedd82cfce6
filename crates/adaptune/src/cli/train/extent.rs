//! How long a training is, in epochs, steps and seconds, before anything is trained.

use super::super::args::TrainArgs;
use super::choices::Choices;
use super::setting::Setting;
use adaptune_text::DataFile;
use adaptune_train::{Dataset, Observer, StepRecord, TrainOptions, Trainer, evaluate_by};
use anyhow::{Context, Result};
use std::time::Instant;

/// How long trainings are that may differ in method, rates and seed alone.
pub(in crate::cli) struct Extent {
    pub(in crate::cli) epochs: usize,
    pub(in crate::cli) steps_per_epoch: usize,
    /// Seconds of an epoch with its evaluation, if they were measured.
    pub(in crate::cli) seconds_per_epoch: Option<f64>,
    pub(in crate::cli) data: Vec<DataFile>,
}

/// Steps that are measured, after some that warm up.
const MEASURED: usize = 10;
const WARM_UP: usize = 2;
/// Development examples that are measured.
const EVALUATED: usize = 256;

impl Extent {
    /// Reads model and data, and takes some steps if times are to be measured; what they change is thrown away.
    pub(in crate::cli) fn of(args: &TrainArgs, measured: bool) -> Result<Self> {
        let setting = Setting::read(args, Choices::of(args)?)?;
        let TrainOptions { epochs, batch_size, .. } = setting.choices.options;
        let steps_per_epoch = setting.data.train.len().div_ceil(batch_size.max(1));
        let seconds = measured.then(|| -> Result<f64> {
            Ok(seconds_per_step(&setting)? * steps_per_epoch as f64 + seconds_of_evaluation(&setting)?)
        });
        Ok(Self { epochs, steps_per_epoch, seconds_per_epoch: seconds.transpose()?, data: setting.data.files.clone() })
    }
}

/// The median time of a step.
fn seconds_per_step(setting: &Setting<'_>) -> Result<f64> {
    let (train, options) = (&setting.data.train, setting.choices.options_for(&setting.choices.tuning));
    let some = spread(train, (WARM_UP + MEASURED) * options.batch_size)?;
    let options = TrainOptions {
        epochs: (WARM_UP + MEASURED).div_ceil(some.len().div_ceil(options.batch_size)),
        patience: None,
        cache: None,
        ..options
    };
    let model = setting.model(&setting.choices.tuning, setting.choices.composed.as_ref())?;
    let mut moments = Moments(Vec::new());
    Trainer::supervised(model, setting.supervision(), &some, None, options)?.run(&mut moments)?;
    let steps = moments.0.windows(2).skip(WARM_UP - 1).map(|pair| (pair[1] - pair[0]).as_secs_f64());
    let mut steps: Vec<f64> = steps.collect();
    steps.sort_by(f64::total_cmp);
    steps.get(steps.len() / 2).copied().context("no step could be measured")
}

/// The time in which the development data are evaluated, from that of some of them.
fn seconds_of_evaluation(setting: &Setting<'_>) -> Result<f64> {
    let Some(dev) = &setting.data.dev else { return Ok(0.0) };
    let some = spread(dev, EVALUATED)?;
    let model = setting.model(&setting.choices.tuning, setting.choices.composed.as_ref())?;
    let begun = Instant::now();
    evaluate_by(&model, setting.supervision(), &some, setting.choices.options.eval_batch_size)?;
    Ok(begun.elapsed().as_secs_f64() * dev.len() as f64 / some.len() as f64)
}

/// So many examples at equal distances, or all if there are fewer.
fn spread(data: &Dataset, count: usize) -> Result<Dataset> {
    let count = count.min(data.len());
    let rows: Vec<usize> = (0..count).map(|n| n * data.len() / count).collect();
    Ok(data.select(&rows)?)
}

/// When steps ended.
struct Moments(Vec<Instant>);

impl Observer for Moments {
    fn step(&mut self, _: &StepRecord) {
        self.0.push(Instant::now());
    }
}
