//! Models and data that are too large for the repository.

use std::path::PathBuf;

/// The folder that the variable `ADAPTUNE_ASSETS` names; without it `None`, after a line that says so.
#[must_use]
pub fn assets() -> Option<PathBuf> {
    let assets = std::env::var_os("ADAPTUNE_ASSETS").map(PathBuf::from);
    if assets.is_none() {
        println!("skipped: ADAPTUNE_ASSETS is not set");
    }
    assets
}
