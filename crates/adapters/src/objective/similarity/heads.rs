//! Which heads vectors come from.

use super::super::error::TargetError;
use crate::head::HeadConfig;

/// Refuses heads that give anything but vectors.
pub(super) fn check_head(head: &HeadConfig) -> Result<(), TargetError> {
    match head.task.predicts_a_vector() {
        true => Ok(()),
        false => Err(TargetError::head("vectors that are compared", head)),
    }
}
