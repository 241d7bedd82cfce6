//! Several adapters at once, each as it was trained: nothing is copied and nothing is computed twice.
//!
//! | | what it is | paper |
//! |---|---|---|
//! | [`Stack`] | one adapter upon another, such as a task's upon a language's | Pfeiffer et al., 2020 (MAD-X) |
//! | [`Mixed`] | every sequence of a batch has an adapter of its own, or none | |
//! | [`LayerDrop`] | an adapter without some of its layers, for speed in use | Rücklé et al., 2021 (AdapterDrop) |
//!
//! Each is made of insertions and is insertions itself, so they can be put into each other: a batch in which some
//! sequences pass through a stack, a stack of adapters that both skip the lowest layers. All have backward passes.
//!
//! ```
//! use adaptune_adapters::{Adapter, LayerDrop, Mixed, Stack};
//! use adaptune_tensor::Seed;
//! use adaptune_transformer::{Batch, Config, Encoder, Pass};
//! let base = Encoder::<f32>::random(Config { vocabulary: 11, positions: 9, ..Config::bert(8, 2, 2, 12) }, 0.1, Seed::new(1));
//! let adapter = |method: &str| Adapter::new("mine", &method.parse().expect("a method"), base.config(), Seed::new(2));
//! let (language, task, other) = (adapter("seq_bn_inv")?, adapter("seq_bn")?, adapter("lora")?);
//! let stack = Stack::new(base.config(), &[&language, &task])?;
//! let fast = LayerDrop::new(&other, [0]);
//! // The first two sentences pass through the stack, the third through nothing, the last through upper layers of LoRA.
//! let mixed = Mixed::new(base.config(), &[&stack, &(), &fast], &[0, 0, 1, 2])?;
//! let batch = Batch::from_ids(&[&[1, 2, 3], &[4], &[5, 6], &[7, 8]]);
//! assert_eq!(base.forward(&batch, &mixed, Pass::evaluate())?.hidden.dim(), (8, 8));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod by_row;
mod layer_drop;
mod mixed;
mod pile;
mod rows;
mod stack;

pub use layer_drop::LayerDrop;
pub use mixed::Mixed;
pub use stack::Stack;

use adaptune_tensor::Scalar;
use adaptune_transformer::{Config, Insertions, LinearPoint, Projection, SequencePoint, Sublayer, SublayerPoint};
use std::collections::BTreeMap;
use thiserror::Error;

/// Why adapters cannot be used together so.
#[derive(Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum CompositionError {
    /// Nothing was given.
    #[error("there is nothing to put together: name at least one adapter")]
    Nothing,
    /// A module that cannot stand below another.
    #[error(
        "{point}: part {part} of the stack cannot have another upon it there: it does not end with the base's norm \
         over a residual (as AdapterPlus does not, nor modules of one's own); put it last"
    )]
    NotBelow {
        /// The point.
        point: String,
        /// The part, from 0.
        part: usize,
    },
    /// A module that cannot stand on another.
    #[error(
        "{point}: part {part} of the stack cannot stand on another there: it is computed from the base's own weight \
         (as DoRA is); put it first, or keep it from layers that others adapt"
    )]
    NotAbove {
        /// The point.
        point: String,
        /// The part, from 0.
        part: usize,
    },
    /// An adapter that is to stay as it is trains.
    #[error("the adapter `{name}` is to be stood upon, but it trains: freeze it first (Parameters::freeze)")]
    Trains {
        /// Its name.
        name: String,
    },
    /// Two invertible adapters in a language model.
    #[error(
        "the output of a language model undoes one invertible adapter, and here are two: leave the inverse out of one          (seq_bn in place of seq_bn_inv)"
    )]
    TwoInverses,
    /// A sequence names a part that is not there.
    #[error("sequence {sequence} names part {part}, but there are {parts}, counted from 0")]
    NoPart {
        /// The sequence, from 0.
        sequence: usize,
        /// What it names.
        part: usize,
        /// How many there are.
        parts: usize,
    },
}

/// What parts have at each of these points, in their order; points at which none has anything are left out.
fn collect<'a, S: Scalar, P: Ord + Copy, M: ?Sized>(
    points: impl IntoIterator<Item = P>,
    parts: &[&'a dyn Insertions<S>],
    module: impl Fn(&'a dyn Insertions<S>, P) -> Option<&'a M>,
) -> BTreeMap<P, Vec<Option<&'a M>>> {
    let at = |point| (point, parts.iter().map(|part| module(*part, point)).collect::<Vec<_>>());
    points.into_iter().map(at).filter(|(_, found)| found.iter().any(Option::is_some)).collect()
}

fn linear_points(model: &Config) -> impl Iterator<Item = LinearPoint> {
    (0..model.layers).flat_map(|layer| Projection::ALL.map(|projection| LinearPoint { layer, projection }))
}

fn sublayer_points(model: &Config) -> impl Iterator<Item = SublayerPoint> {
    (0..model.layers).flat_map(|layer| Sublayer::ALL.map(|sublayer| SublayerPoint { layer, sublayer }))
}

fn sequence_points(model: &Config) -> impl Iterator<Item = SequencePoint> {
    std::iter::once(SequencePoint::Embeddings).chain((0..model.layers).map(SequencePoint::Block))
}
