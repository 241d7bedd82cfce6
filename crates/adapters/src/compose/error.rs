//! Why adapters cannot be used together.

use super::mixing::MixerKind;
use thiserror::Error;

/// Why adapters cannot be used together so.
#[derive(Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum CompositionError {
    /// Nothing was given.
    #[error("there is nothing to put together: name at least one adapter")]
    Nothing,
    /// Every module is in layers that are to lose theirs.
    #[error(
        "without the modules of the lowest {layers} layers nothing would be plugged into any: leave out those of at most {most} \
         (layers that share weights, as ALBERT's do, count as one)"
    )]
    NothingLeft {
        /// How many layers were to lose theirs.
        layers: usize,
        /// How many may.
        most: usize,
    },
    /// No module is in a layer.
    #[error("nothing is plugged into any layer, so no layer can lose its modules")]
    NoLayers,
    /// A module that cannot stand below another.
    #[error(
        "{point}: part {part} of the stack cannot have another upon it there: it does not end with the base's norm \
         over a residual (as AdapterPlus does not, nor user-defined modules); put it last"
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
    /// A module without an average.
    #[error(
        "{point}: part {part} of the average has a module there that has no average with others: bottlenecks that end with the \
         base's norm, LoRA and its like have; prefixes, prompts, ReFT, invertible adapters and AdapterPlus have not. Put it \
         into a stack below the average, or average parameters (combine)"
    )]
    NotAveraged {
        /// The point.
        point: String,
        /// The part, from 0.
        part: usize,
    },
    /// A module that cannot be fused.
    #[error(
        "{point}: part {part} of the fusion has a module there that cannot be fused: bottlenecks can that do nothing but add to the \
         output of a sublayer, which the base's norm follows; LoRA and its like, prefixes, prompts, ReFT, invertible adapters \
         and AdapterPlus cannot. Put it into a stack below the fusion"
    )]
    NotFused {
        /// The point.
        point: String,
        /// The part, from 0.
        part: usize,
    },
    /// A part has a module where the fusion has no layer.
    #[error(
        "{point}: part {part} has a module there and the fusion \"{name}\" has no layer: all adapters of a fusion stand at the \
         same points; give them the same method, or leave the layer out of all"
    )]
    BesideFusion {
        /// The name of the fusion.
        name: String,
        /// The part, from 0.
        part: usize,
        /// The point.
        point: String,
    },
    /// The fusion has a layer where a part has no module.
    #[error(
        "{point}: the fusion \"{name}\" has a layer there and part {part} has no module: all adapters of a fusion stand at the \
         same points; give them the same method, or leave the layer out of all"
    )]
    MissingInFusion {
        /// The name of the fusion.
        name: String,
        /// The part, from 0.
        part: usize,
        /// The point.
        point: String,
    },
    /// A node that needs a fusion or a router was given none.
    #[error("there is no {kind} to put the adapters together with: give one")]
    NoMixer {
        /// What it needs.
        kind: MixerKind,
    },
    /// A module among which no router chooses.
    #[error(
        "{point}: part {part} has a module there that a router cannot choose: bottlenecks that end with the base's norm, LoRA and its \
         like it can; prefixes, prompts, ReFT, invertible adapters and AdapterPlus it cannot. Put it into a stack below"
    )]
    NotRouted {
        /// The point.
        point: String,
        /// The part, from 0.
        part: usize,
    },
    /// A module that sees other tokens than its own, where only some tokens would reach it.
    #[error(
        "{point}: part {part} has a module there that reads other tokens of the sequence, and this router sends only some of them \
         to it: let it choose by sequence (by=sequence), or weigh all parts (without top)"
    )]
    NotTokenWise {
        /// The point.
        point: String,
        /// The part, from 0.
        part: usize,
    },
    /// Not one range for each part of a split.
    #[error("{found} ranges are given for {parts} parts: give one for each, as in split(a, b, splits=[8, 24])")]
    SplitCount {
        /// How many are given.
        found: usize,
        /// How many parts there are.
        parts: usize,
    },
    /// A module that cannot see a range of tokens alone.
    #[error(
        "{point}: part {part} of the split has a module there that cannot see some tokens of a sequence alone: bottlenecks that end \
         with the base's norm, LoRA and its like can; gates, prefixes, prompts, ReFT, invertible adapters and AdapterPlus cannot"
    )]
    NotSplit {
        /// The point.
        point: String,
        /// The part, from 0.
        part: usize,
    },
    /// Modules that look at whole sequences, in a decoder.
    #[error(
        "{point}: what stands there looks at a whole sequence (as a router by sequence does), so tokens of a decoder would see what \
         comes behind them"
    )]
    NotCausal {
        /// The point.
        point: String,
    },
    /// A router for another number of parts.
    #[error(
        "the router \"{name}\" chooses among {found} adapters, and here are {parts}: give those that it was trained with"
    )]
    Experts {
        /// The name of the router.
        name: String,
        /// Among how many it chooses.
        found: usize,
        /// How many there are.
        parts: usize,
    },
    /// A router that stands at other points than its parts.
    #[error(
        "{point}: the router \"{name}\" and the adapters do not stand at the same points: it is for adapters of another method; \
         train one for these"
    )]
    RouterPoints {
        /// The name of the router.
        name: String,
        /// The first point at which they differ.
        point: String,
    },
    /// A tree that does not name a parent for each part.
    #[error(
        "{found} parents are given for {parts} parts of a tree: give the number of one for each, and of a root its own"
    )]
    ParentCount {
        /// How many are given.
        found: usize,
        /// How many parts there are.
        parts: usize,
    },
    /// A part of a tree whose parent is not there.
    #[error("part {part} of the tree has part {parent} for its parent, but there are {parts}, counted from 0")]
    NoParent {
        /// The part, from 0.
        part: usize,
        /// What it names.
        parent: usize,
        /// How many there are.
        parts: usize,
    },
    /// A part of a tree that is above itself.
    #[error(
        "part {part} of the tree is among its own ancestors ({path}): a tree has no cycle; its root is the part that is its own parent"
    )]
    Cycle {
        /// The part, from 0.
        part: usize,
        /// From it upwards, with arrows between.
        path: String,
    },
    /// A module that cannot be averaged over a path.
    #[error(
        "{point}: part {part} of the tree has a module there that cannot be averaged over a path: prefixes, prompts, ReFT, invertible \
         adapters and AdapterPlus cannot"
    )]
    NotInTree {
        /// The point.
        point: String,
        /// The part, from 0.
        part: usize,
    },
    /// A tree in a tree.
    #[error("part {part} of the tree is, or holds, a tree itself: make it one tree, tree(a, b, c, parents=[0, 0, 1])")]
    TreeInTree {
        /// The part, from 0.
        part: usize,
    },
    /// Parts that differ by group, among different numbers of groups.
    #[error(
        "part {part} differs by group among {found} groups, and another among {expected}: all have to know the same groups"
    )]
    Groups {
        /// The part, from 0.
        part: usize,
        /// Its groups.
        found: usize,
        /// Those of the other.
        expected: usize,
    },
    /// Not one weight for each part.
    #[error("{found} weights are given for {parts} parts: give one for each, average(0.3*a, 0.7*b), or none")]
    WeightCount {
        /// How many are given.
        found: usize,
        /// How many parts there are.
        parts: usize,
    },
    /// Weights of an average that is none.
    #[error("the weights of an average sum to 1, but these sum to {sum}: divide each of them by that")]
    WeightSum {
        /// Their sum.
        sum: String,
    },
    /// An adapter that is to stay as it is trains.
    #[error("the adapter `{name}` is to be stood upon, but it trains: freeze it first (Parameters::freeze)")]
    Trains {
        /// Its name.
        name: String,
    },
    /// Two invertible adapters in a language model.
    #[error(
        "the output of a language model undoes one invertible adapter, and here are two: leave the inverse out of one \
         (seq_bn in place of seq_bn_inv)"
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
    /// A part was put together for batches of another size than it would see.
    #[error(
        "part {part} is put together for batches of {found} sequences, but would see {expected} of them: name an adapter \
         for each"
    )]
    Sequences {
        /// The part, from 0.
        part: usize,
        /// For how many it is.
        found: usize,
        /// How many it would see.
        expected: usize,
    },
    /// Two parts of a stack that both choose by sequence, at one linear layer.
    #[error(
        "{point}: part {part} of the stack chooses its adapter by sequence, and so does one below it: make it one choice \
         by sequence between stacks"
    )]
    BySequenceTwice {
        /// The point.
        point: String,
        /// The part, from 0.
        part: usize,
    },
    /// A node that has one part was given none, or several.
    #[error("{node} has exactly one part, but {found} were given")]
    OnePart {
        /// What expressions call the node.
        node: &'static str,
        /// How many there were.
        found: usize,
    },
    /// Two adapters, or two fusions, that train have one name.
    #[error("two that train are called `{name}`: their parameters could not be told apart; rename one")]
    SameName {
        /// The name.
        name: String,
    },
    /// A frozen adapter that belongs to others besides.
    #[error("the adapter `{name}` cannot train: another model holds it too")]
    Shared {
        /// Its name.
        name: String,
    },
    /// An invertible adapter of some sequences only, in a language model.
    #[error(
        "the output of a language model undoes an invertible adapter for all sequences, and here they have different \
         adapters: leave the inverse out (seq_bn in place of seq_bn_inv)"
    )]
    InverseBySequence,
}
