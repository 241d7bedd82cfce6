//! All tests from outside the crate, as one program: each file takes up one subject. Apart they would all compile and link the same
//! generic code again, which took longer than running them.

mod checkpoints;
mod choices;
mod deciding;
mod fit;
mod golden;
mod layer_drop;
mod multi_task;
mod next_tokens;
mod not_finite;
mod search;
mod setups;
mod supervision;
mod trainer;
mod vectors;
