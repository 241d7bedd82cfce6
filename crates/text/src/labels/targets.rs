//! The labels of rows as what training aims at.

use adaptune_adapters::LabelTree;
use std::sync::Arc;

/// The labels of a table's rows, in order.
#[derive(Clone, Debug, PartialEq)]
pub enum Targets {
    /// The index of each row's class.
    Classes(Vec<usize>),
    /// The tree of all labels, and the index of each row's.
    Nodes(Arc<LabelTree>, Vec<usize>),
    /// Whether each label holds for each row, a truth value for every label.
    Sets(Vec<Vec<bool>>),
    /// The number of each row's right choice, from 0.
    Choices(Vec<usize>),
    /// Each row's number, finite.
    Numbers(Vec<f64>),
    /// That the second text of each row belongs to the first one.
    Related,
    /// The index of the tag of each word of each row; nothing where it is [not known](crate::NO_TAG).
    Tags(Vec<Vec<Option<usize>>>),
}
