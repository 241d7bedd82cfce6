//! `--metric`, checked before the first step.

use adaptune_adapters::AdapterModel;
use adaptune_train::supervision::Supervision;
use adaptune_train::{Dataset, evaluate_by};
use anyhow::{Result, bail};

/// Refuses a metric that development data do not have. Which there are is seen from one example: the trainer would find out when
/// it has measured all of them.
pub(super) fn check(
    metric: Option<&str>,
    model: &AdapterModel<f32>,
    supervision: &dyn Supervision<f32>,
    dev: Option<&Dataset>,
) -> Result<()> {
    let (Some(metric), Some(dev)) = (metric.filter(|metric| *metric != "loss"), dev) else { return Ok(()) };
    let measured = evaluate_by(model, supervision, &dev.select(&[0])?, 1)?;
    let known: Vec<&str> = measured.metrics.iter().map(|(name, _)| name).chain(["loss"]).collect();
    if !known.contains(&metric) {
        bail!("--metric {metric}: the development data have {}", known.join(", "));
    }
    Ok(())
}
