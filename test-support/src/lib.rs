//! What the tests of several crates need: arrays, comparisons, threads, folders and assets.
//!
//! A development dependency by path alone, so that no published manifest names it. It is built with the library of
//! `adaptune-tensor`, whose types are not those that the unit tests of `adaptune-tensor` itself see; so only [`random`] knows a
//! type of ours.

mod arrays;
mod assets;
mod compare;
mod folder;
mod threads;

pub use arrays::random;
pub use assets::assets;
pub use compare::largest_difference;
pub use folder::Folder;
pub use threads::on_threads;
