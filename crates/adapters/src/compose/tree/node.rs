//! Which adapters are whose parents.

use crate::compose::error::CompositionError;
use crate::compose::mixing::Mixing;
use crate::compose::node::{Given, Node, Numbers};
use crate::compose::points::{check_batches, never_mixed};
use crate::compose::shares::Share;
use adaptune_tensor::{Layout, Scalar};
use adaptune_transformer::{Config, Insertions, LinearModule, LinearPoint, SublayerModule, SublayerPoint};

/// Adapters that are the nodes of a tree: every sequence passes through those on the path from the root to its own node, so that a parent
/// is shared, and trained, by all below it (A. Chronopoulou et al., NAACL 2022,
/// [arXiv:2112.08786](https://arxiv.org/abs/2112.08786): domains as leaves).
///
/// | point | for a sequence whose path has the `d` parts `P` |
/// |---|---|
/// | linear layer | `y = y_0 + 1/d Σ_{i ∈ P} (y_i − y_0)`: `y_0` is the output of the layer, `y_i` that with part `i` |
/// | end of a sublayer | `z = o + 1/d Σ_{i ∈ P} c_i`, where part `i` would go on with `z_i = o + c_i`; the base's last norm comes once, behind |
///
/// It is the average over the path, as in the paper, and not the sum: paths of different depths then change the state alike, and a new
/// leaf, which begins with nearly nothing, does not push what its parents have learnt out of the range that they have learnt it in.
///
/// The node of a sequence is its [group](Layout::with_groups): the number of a part, a leaf or, where no more is known, an inner one. A
/// sequence may belong to several in part, as one outside of the tree does: it gets the average of their paths by its weights. A batch that does
/// not say is an error of the pass. A part that is its own parent is a root; there may be several, and adapters that all are roots
/// share nothing. Each part is computed once, for the tokens of all sequences whose paths it is on.
///
/// ```
/// use adaptune_adapters::{Adapter, Setup, Tree};
/// use adaptune_tensor::Seed;
/// use adaptune_transformer::{Batch, Config, Encoder, Pass};
/// let base = Encoder::<f32>::random(Config { vocabulary: 11, positions: 9, ..Config::bert(8, 2, 2, 12) }, 0.1, Seed::new(1));
/// let adapter = |name| Adapter::on(name, &"seq_bn".parse().expect("a method"), &base, Seed::new(2)).map(Setup::from);
/// let parts = vec![adapter("all")?, adapter("news")?, adapter("sport")?, adapter("books")?];
/// let tree = Tree::new(base.config(), parts, vec![0, 0, 1, 0])?;
/// assert_eq!((tree.path(2), tree.leaves()), (vec![0, 1, 2], vec![2, 3]));
/// let setup = Setup::from(tree);
/// assert_eq!(setup.to_string(), "tree(all, news, sport, books, parents=[0, 0, 1, 0])");
/// let batch = Batch::from_ids(&[&[1, 2], &[4]]).with_groups(vec![vec![(2, 1.0)], vec![(2, 0.4), (3, 0.6)]])?;
/// base.forward(&batch, &setup, Pass::evaluate())?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Tree<P> {
    parts: Vec<P>,
    parents: Vec<usize>,
}

impl<P> Tree<P> {
    /// These parts, of which number `i` has number `parents[i]` for its parent, from 0; a root itself.
    ///
    /// # Errors
    /// If there are no parts, the parents are not as many, one is not there, a part is its own ancestor, a part has a module that cannot
    /// be averaged or is a tree itself, or they were put together for batches of different numbers of sequences.
    pub fn new<S: Scalar>(model: &Config, parts: Vec<P>, parents: Vec<usize>) -> Result<Self, CompositionError>
    where
        P: Insertions<S>,
    {
        if parts.is_empty() {
            return Err(CompositionError::Nothing);
        }
        if parts.len() != parents.len() {
            return Err(CompositionError::ParentCount { found: parents.len(), parts: parts.len() });
        }
        check_parents(&parents)?;
        check_batches(&parts)?;
        for (part, p) in parts.iter().enumerate() {
            if p.groups().is_some() {
                return Err(CompositionError::TreeInTree { part });
            }
            if let Some(point) = never_mixed(model, p) {
                return Err(CompositionError::NotInTree { point: point.to_string(), part });
            }
        }
        Ok(Self { parts, parents })
    }

    /// The parts.
    #[must_use]
    pub fn parts(&self) -> &[P] {
        &self.parts
    }

    /// The parent of each part; of a root itself.
    #[must_use]
    pub fn parents(&self) -> &[usize] {
        &self.parents
    }

    /// The parts from the root down to this one.
    ///
    /// # Panics
    /// If there is no such part.
    #[must_use]
    pub fn path(&self, part: usize) -> Vec<usize> {
        let mut path: Vec<usize> = upwards(&self.parents, part).collect();
        path.reverse();
        path
    }

    /// The parts that are nobody's parent.
    #[must_use]
    pub fn leaves(&self) -> Vec<usize> {
        let is_parent = |part: usize| self.parents.iter().enumerate().any(|(child, p)| *p == part && child != part);
        (0..self.parts.len()).filter(|part| !is_parent(*part)).collect()
    }

    /// Each part's tokens of those that lie so, and what it weighs for them.
    pub(super) fn shares<S: Scalar>(&self, layout: &Layout) -> Vec<Share<S>> {
        let mut shares = vec![(Vec::new(), Vec::new()); self.parts.len()];
        for (sequence, range) in layout.ranges().enumerate() {
            for (part, weight) in self.weights(layout.groups(sequence)).into_iter().enumerate() {
                if weight > 0.0 {
                    shares[part].0.extend(range.clone().map(|token| token as u32));
                    shares[part].1.extend(range.clone().map(|_| S::from_f64(weight)));
                }
            }
        }
        shares.into_iter().map(|(tokens, weights)| Share::new(tokens, weights, layout)).collect()
    }

    /// What each part weighs for a sequence of these groups.
    fn weights(&self, groups: &[(usize, f64)]) -> Vec<f64> {
        let mut weights = vec![0.0; self.parts.len()];
        for (group, weight) in groups {
            let depth = upwards(&self.parents, *group).count() as f64;
            upwards(&self.parents, *group).for_each(|part| weights[part] += weight / depth);
        }
        weights
    }
}

/// From a part to its root.
fn upwards(parents: &[usize], part: usize) -> impl Iterator<Item = usize> + '_ {
    std::iter::successors(Some(part), |part| Some(parents[*part]).filter(|parent| parent != part))
}

/// Every parent is there, and no part is its own ancestor.
fn check_parents(parents: &[usize]) -> Result<(), CompositionError> {
    let parts = parents.len();
    if let Some((part, &parent)) = parents.iter().enumerate().find(|(_, parent)| **parent >= parts) {
        return Err(CompositionError::NoParent { part, parent, parts });
    }
    // A path has no part twice, so it ends within as many steps as there are parts.
    let ancestors = |part: usize| upwards(parents, part).skip(1).take(parts);
    match (0..parts).find(|part| ancestors(*part).any(|above| above == *part)) {
        Some(part) => {
            let between = ancestors(part).take_while(|above| *above != part);
            let path: Vec<String> = [part].into_iter().chain(between).chain([part]).map(|p| p.to_string()).collect();
            Err(CompositionError::Cycle { part, path: path.join(" → ") })
        }
        None => Ok(()),
    }
}

/// No part has modules between blocks or at keys and values: [`Tree::new`].
impl<S: Scalar, P: Insertions<S> + Send> Insertions<S> for Tree<P> {
    fn linear(&self, point: LinearPoint) -> Option<&dyn LinearModule<S>> {
        self.parts.iter().any(|part| part.linear(point).is_some()).then_some(self as _)
    }
    fn sublayer(&self, point: SublayerPoint) -> Option<&dyn SublayerModule<S>> {
        self.parts.iter().any(|part| part.sublayer(point).is_some()).then_some(self as _)
    }
    fn sequences(&self) -> Option<usize> {
        self.parts.iter().find_map(Insertions::sequences)
    }
    fn groups(&self) -> Option<usize> {
        Some(self.parts.len())
    }
}

impl<S: Scalar, P: Insertions<S>> Node<S, P> for Tree<P> {
    const NAME: &'static str = "tree";
    const OPTIONS: &'static [&'static str] = &["parents"];

    fn parts(&self) -> &[P] {
        &self.parts
    }
    fn parts_and_mixing_mut(&mut self) -> (&mut [P], Option<&mut dyn Mixing<S>>) {
        (&mut self.parts, None)
    }
    fn numbers(&self) -> Numbers {
        Numbers { lists: vec![self.parents.clone()], weights: Vec::new() }
    }
    fn make(model: &Config, parts: Vec<P>, given: Given<S>) -> Result<Self, CompositionError> {
        Self::new(model, parts, given.numbers.lists.concat())
    }
}
