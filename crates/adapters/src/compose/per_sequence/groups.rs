//! How a batch is taken apart: the sequences of each part are a group, and groups are computed side by side.

use super::node::PerSequence;
use super::tokens::Tokens;
use adaptune_tensor::{Layout, Scalar};
use ndarray::Array2;
use rayon::prelude::*;

/// The sequences of one part, of which there is at least one, and its module if it has one at the point.
pub(super) struct Group<'a, M: ?Sized> {
    /// The number of the part, from 0.
    pub(super) part: u64,
    pub(super) sequences: &'a [usize],
    pub(super) module: Option<&'a M>,
}

/// The groups of a batch; `module` looks up that of a part.
pub(super) fn groups<'a, P, M: ?Sized>(
    of: &'a PerSequence<P>,
    module: impl Fn(&'a P) -> Option<&'a M>,
) -> Vec<Group<'a, M>> {
    let parts = of.with_sequences().enumerate().filter(|(_, (_, sequences))| !sequences.is_empty());
    let group = |(i, (part, sequences))| Group { part: i as u64, sequences, module: module(part) };
    parts.map(group).collect()
}

/// The one module that all sequences have, if it is so: then nothing has to be taken apart.
pub(super) fn only<'a, M: ?Sized>(groups: &[Group<'a, M>]) -> Option<&'a M> {
    match groups {
        [group] => group.module,
        _ => None,
    }
}

/// What each group gives. They are computed side by side: one alone may be too small for several threads.
pub(super) fn side_by_side<'a, M: ?Sized + Sync, T: Send>(
    groups: Vec<Group<'a, M>>,
    compute: impl Fn(Group<'a, M>) -> T + Sync + Send,
) -> Vec<T> {
    groups.into_par_iter().map(compute).collect()
}

/// The tokens of all groups in their places, `[T, D]`, and the backward passes of those that have one.
pub(super) fn put_together<S: Scalar, B>(groups: Vec<(Tokens, Array2<S>, Option<B>)>) -> (Array2<S>, Vec<(Tokens, B)>) {
    let (mut y, mut backwards) = (None, Vec::new());
    for (tokens, part, backward) in groups {
        tokens.put(part, &mut y);
        backwards.extend(backward.map(|backward| (tokens, backward)));
    }
    (y.expect("some sequence belongs to a part"), backwards)
}

/// What a group gives at a point where the layout may change.
pub(super) struct Changed<'a, B> {
    pub(super) sequences: &'a [usize],
    pub(super) before: Tokens,
    /// Of its own sequences, behind the module.
    pub(super) layout: Layout,
    pub(super) backward: Option<B>,
}

/// Where the tokens of a group are before and behind its module, and the module's backward pass.
pub(super) struct Placed<B> {
    pub(super) before: Tokens,
    pub(super) behind: Tokens,
    pub(super) backward: Option<B>,
}

/// The layout of all groups together, and where the tokens of each are in it.
pub(super) fn joined<B>(groups: Vec<Changed<'_, B>>) -> (Layout, Vec<Placed<B>>) {
    let layout = Layout::join(&groups.iter().map(|group| (group.sequences, &group.layout)).collect::<Vec<_>>());
    let place = |group: Changed<'_, B>| Placed {
        before: group.before,
        behind: Tokens::of(&layout, group.sequences),
        backward: group.backward,
    };
    let placed = groups.into_iter().map(place).collect();
    (layout, placed)
}
