//! All tests of the command line, as one program: each file takes up one subject. Apart they would all compile and link the same
//! code again, which took longer than running them. The recipes, which need no program, are another.

#![cfg(feature = "cli")]

mod bad_input;
mod bad_weights;
mod bounds;
mod broken;
mod budget;
mod builtin;
mod cases;
mod cases_data;
mod commands;
mod common;
mod compare;
mod composed;
mod economy;
mod embed;
mod embedding_training;
mod finished;
mod language;
mod layer_drop;
mod many_tasks;
mod multi_label;
mod multiple_choice;
mod own_data;
mod own_forms;
mod own_labels;
mod parallel;
mod pretrain;
mod questions;
mod same_bits;
mod score;
mod search;
mod spreadsheets;
mod tasks;
mod thaw;
mod thresholds;
mod training;
mod tree;
mod width;
mod wrong_turns;
