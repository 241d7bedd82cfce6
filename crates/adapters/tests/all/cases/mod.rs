//! Adapters in all the ways that people save them, made here from files of which Python's numbers are known: each loads as
//! what it is, or is refused with the true cause. What Python computes with such files is compared in the command line's
//! tests of the same name.

mod files;
mod heads;
mod names;
mod notes;
mod refusals;
