//! Names of files that are read from files.

use std::path::{Component, Path};

/// One component that is a name on every system: no separator, no drive, neither `.` nor `..`.
pub(super) fn is_plain(name: &str) -> bool {
    is_component(name) && !name.contains(':')
}

/// One component that is a name on this system: no separator of any, no drive, neither `.` nor `..`.
pub(super) fn is_component(name: &str) -> bool {
    let mut components = Path::new(name).components();
    let one = matches!(components.next(), Some(Component::Normal(part)) if part == name);
    one && components.next().is_none() && !name.contains(['/', '\\', '\0'])
}
