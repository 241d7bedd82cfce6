//! A training, and who follows it.

use super::super::observers::{Bar, Both};
use super::super::report::note;
use super::super::tensorboard::Events;
use adaptune_train::{Model, TrainedModel, Trainer};
use anyhow::Result;
use std::path::Path;

/// Trains with a progress bar.
pub(in crate::cli) fn follow<M: Model<f32>>(trainer: Trainer<'_, f32, M>, quiet: bool) -> Result<TrainedModel<M>> {
    let mut bar = Bar::new(quiet);
    let trained = trainer.run(&mut bar);
    bar.finish();
    Ok(trained?)
}

/// The same with TensorBoard's events in a folder, if one is named.
pub(super) fn follow_closely<M: Model<f32>>(
    trainer: Trainer<'_, f32, M>,
    quiet: bool,
    folder: Option<&Path>,
) -> Result<TrainedModel<M>> {
    let Some(folder) = folder else { return follow(trainer, quiet) };
    let (mut bar, mut events) = (Bar::new(quiet), Events::begin(folder)?);
    let trained = trainer.run(&mut Both(&mut bar, &mut events));
    bar.finish();
    if let Some(error) = events.failure() {
        note(format_args!("note: not all events could be written into {}: {error}", folder.display()));
    }
    Ok(trained?)
}
