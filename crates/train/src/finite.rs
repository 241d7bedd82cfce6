//! Logits that are not finite are an error, which names the example and the place where it began.

use crate::activations::Numbered;
use crate::error::TrainError;
use crate::model::Model;
use adaptune_tensor::{Scalar, Seed};
use adaptune_transformer::{Base, Batch, Pass};
use ndarray::ArrayView2;

/// Checks the logits `[N, C]` of these examples of a data set, of which `hidden` says which tokens are hidden. Only where some are
/// not finite the examples are computed again, one by one.
pub(crate) fn check_logits<S: Scalar>(
    model: &impl Model<S>,
    of: Numbered<'_>,
    examples: &[usize],
    logits: ArrayView2<'_, S>,
    hidden: Seed,
) -> Result<(), TrainError> {
    let Some((row, value)) = first(logits) else { return Ok(()) };
    let again = |example: usize| {
        let batch = of.data.batch(&[example], hidden).batch;
        let found = first(model.logits(of.task, (&batch).into()).ok()?.view())?;
        Some(TrainError::NotFinite { example, value: found.1, place: place(model, of.task, &batch) })
    };
    // A model that chooses its adapters by sequence does not take an example alone.
    let row = if logits.nrows() == examples.len() { row } else { 0 };
    let place = "where it began cannot be told".to_owned();
    let unknown = || TrainError::NotFinite { example: examples[row], value, place };
    Err(examples.iter().find_map(|example| again(*example)).unwrap_or_else(unknown))
}

/// The first number that is not finite, and its row.
pub(crate) fn first<S: Scalar>(numbers: ArrayView2<'_, S>) -> Option<(usize, f64)> {
    let broken = |(_, value): &(_, f64)| !value.is_finite();
    numbers.indexed_iter().map(|((row, _), value)| (row, value.to_f64())).find(broken)
}

/// Where the numbers of one example stop being finite, in words.
fn place<S: Scalar>(model: &impl Model<S>, task: usize, batch: &Batch) -> String {
    let layers = model.base().config().layers;
    let broken = |blocks: &usize| model.lower(task, batch, *blocks).is_ok_and(|state| first(state.hidden()).is_some());
    let place = match (0..=layers).find(broken) {
        None => return "it began in the head".to_owned(),
        Some(0) => "at the embeddings".to_owned(),
        Some(blocks) => format!("in block {} of the blocks 0 to {}", blocks - 1, layers - 1),
    };
    let alone = Base::from(&**model.base()).forward(batch, &(), Pass::evaluate());
    match alone.is_ok_and(|encoded| first(encoded.hidden.view()).is_none()) {
        true => format!("it began {place}, in what is plugged in there, or thawed: the base alone stays finite"),
        false => format!("it began {place}, and the base alone does not stay finite either"),
    }
}
