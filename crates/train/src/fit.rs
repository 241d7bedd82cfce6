//! Whether a data set fits the model that is to learn from it, or to be measured on it.

use crate::data::Dataset;
use crate::data_error::DataError;
use crate::error::TrainError;
use crate::supervision::Supervision;
use adaptune_adapters::HeadConfig;
use adaptune_tensor::{Scalar, Seed};
use adaptune_transformer::Config;

/// Checks all that a pass over the data set relies on: its task is the head's, the base can take every token, and the loss is
/// defined for every target. `which` names the data set in messages.
pub(crate) fn check_fit<S: Scalar>(
    which: &'static str,
    data: &Dataset,
    head: &HeadConfig,
    base: &Config,
    supervision: &dyn Supervision<S>,
) -> Result<(), TrainError> {
    if data.task() != head.task {
        return Err(TrainError::Task { which, head: head.task.name().into(), data: data.task().name().into() });
    }
    let fits = data.check_tokens(base).and_then(|()| check_targets(data, head, base.vocabulary, supervision));
    fits.map_err(|source| TrainError::Data { which, source })
}

/// Checks that a head can be held to every target.
fn check_targets<S: Scalar>(
    data: &Dataset,
    head: &HeadConfig,
    vocabulary: usize,
    supervision: &dyn Supervision<S>,
) -> Result<(), DataError> {
    check_masking(data, vocabulary)?;
    (0..data.len()).try_for_each(|example| {
        let objective = supervision.objective(&data.batch(&[example], Seed::new(0)));
        objective.check(head, vocabulary).map_err(|source| DataError::Target { example, source })
    })
}

/// Hidden tokens come from the texts, which the base can take; what is put in their place must be its own too.
fn check_masking(data: &Dataset, vocabulary: usize) -> Result<(), DataError> {
    let Some(masking) = data.masking() else {
        return if data.task().predicts_tokens() { Err(DataError::NothingHidden) } else { Ok(()) };
    };
    let beyond = |what: String| Err(DataError::Vocabulary { what, vocabulary });
    if masking.mask as usize >= vocabulary {
        return beyond(format!("the mask token {}", masking.mask));
    }
    if masking.vocabulary as usize > vocabulary {
        return beyond(format!("drawing random tokens below {}", masking.vocabulary));
    }
    Ok(())
}
