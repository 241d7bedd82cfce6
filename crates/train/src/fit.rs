//! Whether a data set fits the model that is to learn from it, or to be measured on it.

use crate::data::{DataError, Dataset, Target};
use crate::error::TrainError;
use adaptune_adapters::{AdapterModel, HeadConfig, Task};
use adaptune_tensor::Scalar;

/// Checks all that a pass over the data set relies on: its task is the head's, the base can take every token, and the loss is
/// defined for every target. `which` names the data set in messages.
pub(crate) fn check_fit<S: Scalar>(
    which: &'static str,
    data: &Dataset,
    model: &AdapterModel<S>,
) -> Result<(), TrainError> {
    let (head, base) = (model.head().config(), model.base().config());
    if data.task() != head.task {
        let name = |task: Task| format!("{task:?}").to_lowercase();
        return Err(TrainError::Task { which, head: name(head.task), data: name(data.task()) });
    }
    let fits = data.check_tokens(base).and_then(|()| check_targets::<S>(data, head, base.vocabulary));
    fits.map_err(|source| TrainError::Data { which, source })
}

/// Checks that a head can be held to every target.
fn check_targets<S: Scalar>(data: &Dataset, head: &HeadConfig, vocabulary: usize) -> Result<(), DataError> {
    if data.task() == Task::MaskedLanguage {
        return check_masking(data, vocabulary);
    }
    data.examples().iter().enumerate().try_for_each(|(example, e)| match &e.target {
        Target::Class(class) => check_class(example, Some(*class), head),
        Target::Tags(tags) => check_class(example, tags.iter().flatten().max().copied(), head),
        Target::Value(value) => check_value::<S>(example, *value),
        Target::Tokens => Ok(()),
    })
}

fn check_class(example: usize, highest: Option<usize>, head: &HeadConfig) -> Result<(), DataError> {
    match highest {
        Some(class) if class >= head.labels.len() => {
            Err(DataError::Label { example, class, labels: head.labels.clone() })
        }
        _ => Ok(()),
    }
}

fn check_value<S: Scalar>(example: usize, value: f64) -> Result<(), DataError> {
    if S::from_f64(value).to_f64().is_finite() {
        return Ok(());
    }
    Err(DataError::TooLarge { example, found: format!("{value:e}"), scalar: S::NAME })
}

/// Hidden tokens come from the texts, which the base can take; what is put in their place must be its own too.
fn check_masking(data: &Dataset, vocabulary: usize) -> Result<(), DataError> {
    let Some(masking) = data.masking() else { return Err(DataError::NothingHidden) };
    let beyond = |what: String| Err(DataError::Vocabulary { what, vocabulary });
    if masking.mask as usize >= vocabulary {
        return beyond(format!("the mask token {}", masking.mask));
    }
    if masking.vocabulary as usize > vocabulary {
        return beyond(format!("drawing random tokens below {}", masking.vocabulary));
    }
    Ok(())
}
