//! What the targets share: an input as files in a folder, and what the files belong to.

mod folder;
pub mod seeds;
mod small;

pub use folder::{Folder, archive, joined, parts};
pub use small::{adapter, base, batch, checkpointed, config, head, run_once};
