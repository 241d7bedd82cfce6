//! What a node of a setup is.

use super::error::CompositionError;
use adaptune_transformer::Config;

/// A node of a setup: parts, and numbers that say how they are put together.
///
/// It is [`Insertions`](adaptune_transformer::Insertions) besides: at a point where any part has a module it is the module
/// there itself, and finds its parts' modules by the point that every pass hands in. So a tree owns what it is made of,
/// nothing is kept for each point, and a new node is one file, two lines in `setup.rs`, and its exports.
pub(super) trait Node<S, P>: Sized {
    /// What expressions call it.
    const NAME: &'static str;
    /// What expressions call its lists of numbers; all have to be given.
    const OPTIONS: &'static [&'static str] = &[];

    /// Its parts, in the order of expressions.
    fn parts(&self) -> &[P];
    /// The same parts, to be changed in what trains of them.
    fn parts_mut(&mut self) -> &mut [P];
    /// Its numbers, list by list in the order of [`Node::OPTIONS`]; none by default.
    fn options(&self) -> Vec<Vec<usize>> {
        Vec::new()
    }
    /// A node of these parts, for a model; `options` has a list for each of [`Node::OPTIONS`].
    ///
    /// # Errors
    /// If they mean nothing together.
    fn make(model: &Config, parts: Vec<P>, options: &[Vec<usize>]) -> Result<Self, CompositionError>;
}
