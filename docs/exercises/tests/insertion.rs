//! Exercise 2: gradients of a module in a model against finite differences.

mod common;

use adaptune_exercises::insertion::Shifts;
use common::{check, vector};

#[test]
fn backward_belongs_to_forward() {
    let mut shifts = Shifts::new([vector(6, "first"), vector(6, "second")]);
    check(&mut shifts, "docs/exercises/src/blank/insertion.rs");
}
