//! What each class weighs in the loss.

use crate::error::{Result, TextError};
use adaptune_train::supervision::Weighted;
use adaptune_train::{Dataset, Example, Target};

/// What each class weighs in the loss.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClassWeights {
    /// All the same: a frequent class counts as often as it occurs.
    #[default]
    Even,
    /// The less the more frequent it is, so that all classes together count the same; see [`Weighted::balanced`].
    Balanced,
}

impl ClassWeights {
    /// Returns the supervision that weighs so many classes by the data; `None` where none does.
    ///
    /// # Errors
    /// The data have no classes to be weighed.
    pub fn of(self, data: &Dataset, classes: usize) -> Result<Option<Weighted>> {
        if self == Self::Even {
            return Ok(None);
        }
        let has_classes = |example: &Example| matches!(example.target, Target::Class(_) | Target::Tags(_));
        if !data.examples().iter().all(has_classes) {
            let task = data.task().name();
            let message =
                format!("class weights are for data with one class for each text or word; these are for {task}");
            return Err(TextError::Model(message));
        }
        Ok(Some(Weighted::balanced(data, classes)))
    }
}
