//! All tests from outside the crate, as one program: each file takes up one subject. Apart they would all compile and link the same
//! generic code again, which took longer than running them.

mod common;

mod arrow;
mod cases;
mod causal_language;
mod closures;
mod combining;
mod composition;
mod compositions;
mod disentangled;
mod everything;
mod families;
mod first_tokens;
mod fusion;
mod golden;
mod gradients;
mod heads;
mod merging;
mod multi_task;
mod multi_task_model;
mod objectives;
mod other_base;
mod peft;
mod polytropon;
mod pooling;
mod precision;
mod promises;
mod replacing;
mod route;
mod setups;
mod similarity;
mod sizes;
mod split;
mod stirred;
#[cfg(unix)]
mod strange_files;
mod task_heads;
mod toy_family;
mod tree;
