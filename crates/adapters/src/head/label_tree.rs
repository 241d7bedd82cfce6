//! Labels that are paths, `animal/dog`, as a tree.
//!
//! A head has a logit `x_n` for each node `n` of the tree: for every label, coarse or fine. Among siblings one holds, given that their parent does:
//!
//! ```text
//! P(n | parent(n)) = softmax over the siblings of n (x)_n
//! P(n)             = Π P(m | parent(m))           over m from the top down to n
//! ```
//!
//! so the probabilities of all leaves sum to 1, and that of a coarse label is the sum of those below it.

use adaptune_tensor::Scalar;
use ndarray::ArrayView1;
use std::collections::{BTreeMap, HashMap};
use thiserror::Error;

/// What stands between the names of a path.
const SEPARATOR: char = '/';

/// The tree of labels that are paths with `/` between their names.
///
/// ```
/// use adaptune_adapters::LabelTree;
/// let labels = ["animal", "animal/cat", "animal/dog", "plant"].map(str::to_owned);
/// let tree = LabelTree::of(&labels)?;
/// assert_eq!((tree.path(2), tree.leaves()), (vec![0, 2], vec![1, 2, 3]));
/// // Animal or plant by e : 1, and of animals dog by e : 1.
/// let logits = ndarray::array![1.0_f64, 0.0, 1.0, 0.0];
/// let p = tree.probabilities(logits.view());
/// assert!((p[0] - 0.731_058_578_63).abs() < 1e-10 && (p[2] - p[0] * p[0]).abs() < 1e-12);
/// assert_eq!(tree.most_probable(logits.view()), 2);
/// # Ok::<(), adaptune_adapters::NoParentLabel>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelTree {
    parents: Vec<Option<usize>>,
    /// The labels with one parent, and those with none.
    families: Vec<Vec<usize>>,
}

/// A label whose parent is not among the labels.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error(
    "the label {label:?} is below {parent:?}, which is not among the labels: a hierarchical head has one for each level"
)]
pub struct NoParentLabel {
    /// The label.
    pub label: String,
    /// Its parent.
    pub parent: String,
}

impl LabelTree {
    /// That of the labels of a head, each of which has its parent among them.
    ///
    /// # Errors
    /// If one has not.
    pub fn of(labels: &[String]) -> Result<Self, NoParentLabel> {
        let places: HashMap<&str, usize> = labels.iter().enumerate().map(|(i, label)| (label.as_str(), i)).collect();
        let mut families: BTreeMap<Option<usize>, Vec<usize>> = BTreeMap::new();
        let mut parents = Vec::with_capacity(labels.len());
        for (label, name) in labels.iter().enumerate() {
            let above = name.rsplit_once(SEPARATOR).map(|(above, _)| above);
            let missing = |above: &str| NoParentLabel { label: name.clone(), parent: above.to_owned() };
            let parent = above.map(|above| places.get(above).copied().ok_or_else(|| missing(above))).transpose()?;
            families.entry(parent).or_default().push(label);
            parents.push(parent);
        }
        Ok(Self { parents, families: families.into_values().collect() })
    }

    /// All labels that some paths need: each path and those above it, in order.
    #[must_use]
    pub fn labels_of<'p>(paths: impl IntoIterator<Item = &'p str>) -> Vec<String> {
        let above = |path: &'p str| {
            std::iter::successors(Some(path), |path| path.rsplit_once(SEPARATOR).map(|(above, _)| above))
        };
        let mut all: Vec<String> = paths.into_iter().flat_map(above).map(str::to_owned).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// How many labels there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.parents.len()
    }

    /// True if there are no labels.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parents.is_empty()
    }

    /// The labels from the top down to this one.
    ///
    /// # Panics
    /// If there is no such label.
    #[must_use]
    pub fn path(&self, label: usize) -> Vec<usize> {
        let mut path: Vec<usize> = std::iter::successors(Some(label), |label| self.parents[*label]).collect();
        path.reverse();
        path
    }

    /// The labels below which there are none.
    #[must_use]
    pub fn leaves(&self) -> Vec<usize> {
        (0..self.len()).filter(|label| !self.parents.contains(&Some(*label))).collect()
    }

    /// The labels with the same parent, this one among them.
    ///
    /// # Panics
    /// If there is no such label.
    pub(crate) fn siblings(&self, label: usize) -> &[usize] {
        self.families.iter().find(|family| family.contains(&label)).expect("every label is in a family")
    }

    /// The probability of every label, by logits `[C]`.
    ///
    /// # Panics
    /// If there is not a logit for each label.
    #[must_use]
    pub fn probabilities<S: Scalar>(&self, logits: ArrayView1<'_, S>) -> Vec<f64> {
        let mut given = vec![0.0; self.len()];
        for family in &self.families {
            let logit = |label: &usize| logits[*label].to_f64();
            let highest = family.iter().map(logit).fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = family.iter().map(|label| (logit(label) - highest).exp()).sum();
            family.iter().for_each(|label| given[*label] = (logit(label) - highest).exp() / sum);
        }
        (0..self.len()).map(|label| self.path(label).into_iter().map(|node| given[node]).product()).collect()
    }

    /// The leaf with the largest probability by logits `[C]`, the first of equals. It need not be below the most probable coarse label:
    /// where that has many leaves, each may be less probable than one of another.
    ///
    /// # Panics
    /// As [`LabelTree::probabilities`].
    #[must_use]
    pub fn most_probable<S: Scalar>(&self, logits: ArrayView1<'_, S>) -> usize {
        let probabilities = self.probabilities(logits);
        let leaves = self.leaves();
        let first = leaves.first().copied().unwrap_or(0);
        let better = |best: usize, leaf: usize| if probabilities[leaf] > probabilities[best] { leaf } else { best };
        leaves.into_iter().fold(first, better)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array1;

    fn labels(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn leaves_share_one_and_coarse_labels_have_what_is_below_them() {
        let labels = LabelTree::labels_of(["a/x/1", "a/x/2", "b", "a/y", "c/z"]);
        assert_eq!(labels, ["a", "a/x", "a/x/1", "a/x/2", "a/y", "b", "c", "c/z"]);
        let tree = LabelTree::of(&labels).expect("a tree");
        let logits: Array1<f64> = (0..8).map(|i| (f64::from(i) * 1.7).sin() * 3.0).collect();
        let p = tree.probabilities(logits.view());
        assert!((tree.leaves().iter().map(|leaf| p[*leaf]).sum::<f64>() - 1.0).abs() < 1e-12);
        assert!((p[0] - p[1] - p[4]).abs() < 1e-12 && (p[1] - p[2] - p[3]).abs() < 1e-12);
        assert!((p[6] - p[7]).abs() < 1e-15, "an only child is certain given its parent");
        assert_eq!(tree.siblings(1), [1, 4]);
    }

    /// Two leaves at 0.3 each against one at 0.4.
    #[test]
    fn the_most_probable_leaf_need_not_be_below_the_most_probable_coarse_label() {
        let tree = LabelTree::of(&labels(&["a", "a/1", "a/2", "b"])).expect("a tree");
        let logits = ndarray::array![0.6_f32.ln(), 0.0, 0.0, 0.4_f32.ln()];
        assert_eq!(tree.most_probable(logits.view()), 3);
    }

    #[test]
    fn a_label_without_its_parent_is_refused() {
        let error = LabelTree::of(&labels(&["a", "b/x"])).expect_err("no b").to_string();
        assert!(error.contains("\"b/x\"") && error.contains("\"b\""), "{error}");
    }
}
