//! The sources of a crate as the compiler sees them: its files, its modules, and which file uses what of which other.
//!
//! Only what is compiled without tests counts. `tree.rs` has the types, `collect.rs` reads, `resolve.rs` finds out what a path
//! leads to.

mod collect;
mod resolve;
mod syntax;
mod tokens;
mod tree;

#[cfg(test)]
pub(crate) use collect::load;
pub(crate) use collect::load_all;
pub(crate) use resolve::Tie;
pub(crate) use syntax::{head, is_test};
pub(crate) use tree::{File, Sources};
