//! The name of an adapter or head, which is a part of tensor names.

use crate::format::error::FormatError;

/// A name may not be empty, nor be taken for a path.
pub(crate) fn check_name(name: &str) -> Result<(), FormatError> {
    if name.is_empty() || name.contains(['.', '/', '\\']) {
        return Err(FormatError::Name { name: name.to_owned() });
    }
    Ok(())
}
