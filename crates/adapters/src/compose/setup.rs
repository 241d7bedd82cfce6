//! What is plugged into a model, as one value: an adapter, or a tree of them.

use super::average::Average;
use super::error::CompositionError;
use super::expression::{Expression, ExpressionError, NodeExpression};
use super::fuse::{Fuse, Fusion};
use super::layer_drop::LayerDrop;
use super::mixer::Mixer;
use super::mixing::{MixerKind, Mixing};
use super::node::{Given, Node, Numbers};
use super::per_sequence::PerSequence;
use super::route::{Route, Router};
use super::split::Split;
use super::stack::Stack;
use super::supply::{Supply, WantedMixer};
use super::tree::Tree;
use crate::adapter::Adapter;
use crate::core::insertion_points::not_causal;
use crate::core::inverse::InverseModule;
use crate::core::point::Point;
use adaptune_tensor::Scalar;
use adaptune_transformer::{
    AttentionModule, Batch, Config, Insertions, LinearModule, LinearPoint, SequenceModule, SequencePoint,
    SublayerModule, SublayerPoint,
};
use std::fmt;
use std::sync::Arc;

/// Makes the enum of the nodes given, and what has to tell them apart.
macro_rules! setup {
    ($($(#[$doc:meta])* $node:ident: $type:ty,)+) => {
        /// What is plugged into a model: nothing, an adapter, or a tree of them, which it owns.
        ///
        /// An [`Adapter`](Setup::Adapter) in it trains and is listed among the parameters; a [`Frozen`](Setup::Frozen) one
        /// is not, and may be shared with other models. So any part of a tree trains or does not:
        ///
        /// ```
        /// use adaptune_adapters::{Adapter, Setup, Stack};
        /// use adaptune_tensor::{Parameters, Seed};
        /// use adaptune_transformer::Config;
        /// let model = Config::bert(8, 2, 2, 12);
        /// let adapter = |name| Adapter::<f32>::new(name, &"seq_bn".parse().expect("a method"), &model, Seed::new(2));
        /// let (language, task) = (Setup::from(adapter("german")?).frozen(), Setup::from(adapter("mood")?));
        /// let setup = Setup::from(Stack::new(&model, vec![language, task])?);
        /// assert_eq!(setup.to_string(), "stack(german, mood)");
        /// assert_eq!(setup.parameters().len(), adapter("mood")?.parameters().len());
        /// # Ok::<(), Box<dyn std::error::Error>>(())
        /// ```
        ///
        /// Parameters are called as the adapter calls them that trains; where several do, with that adapter's name in front.
        #[derive(Debug, Default)]
        #[non_exhaustive]
        pub enum Setup<S> {
            /// Nothing.
            #[default]
            None,
            /// An adapter that trains.
            Adapter(Box<Adapter<S>>),
            /// An adapter that stays as it is, and may belong to others besides.
            Frozen(Arc<Adapter<S>>),
            $($(#[$doc])* $node(Box<$type>),)+
        }

        $(impl<S> From<$type> for Setup<S> {
            fn from(node: $type) -> Self {
                Self::$node(Box::new(node))
            }
        })+

        impl<S: Scalar> Setup<S> {
            /// What stands at the points of a model.
            fn insertions(&self) -> &dyn Insertions<S> {
                match self {
                    Self::None => &(),
                    Self::Adapter(adapter) => &**adapter,
                    Self::Frozen(adapter) => &**adapter,
                    $(Self::$node(node) => &**node,)+
                }
            }

            /// The setups that it is made of; none for a leaf.
            #[must_use]
            pub fn parts(&self) -> &[Self] {
                match self {
                    Self::None | Self::Adapter(_) | Self::Frozen(_) => &[],
                    $(Self::$node(node) => Node::parts(&**node),)+
                }
            }

            /// The parts and what mixes them, to be changed.
            pub(super) fn parts_and_mixing_mut(&mut self) -> (&mut [Self], Option<&mut dyn Mixing<S>>) {
                match self {
                    Self::None | Self::Adapter(_) | Self::Frozen(_) => (&mut [], None),
                    $(Self::$node(node) => Node::parts_and_mixing_mut(&mut **node),)+
                }
            }

            /// The fusion or router that mixes its parts, if there is one.
            #[must_use]
            pub fn mixing(&self) -> Option<&dyn Mixing<S>> {
                match self {
                    Self::None | Self::Adapter(_) | Self::Frozen(_) => None,
                    $(Self::$node(node) => Node::<S, _>::mixing(&**node),)+
                }
            }

            /// The expression that makes it of its adapters' names.
            #[must_use]
            pub fn expression(&self) -> Expression {
                match self {
                    Self::None => Expression::None,
                    Self::Adapter(adapter) => Expression::Adapter(adapter.name().to_owned()),
                    Self::Frozen(adapter) => Expression::Adapter(adapter.name().to_owned()),
                    $(Self::$node(node) => Expression::Node(written(&**node)),)+
                }
            }

            /// The node of an expression whose parts are made already.
            pub(super) fn of_parts(
                node: &NodeExpression,
                model: &Config,
                parts: Vec<Self>,
                supply: &mut dyn Supply<Self, Mixer<S>>,
            ) -> Result<Self, ExpressionError> {
                $(if node.name == <$type as Node<S, Self>>::NAME {
                    let weights = node.weights_if(<$type as Node<S, Self>>::WEIGHTED)?;
                    let lists = node.options_in_order(<$type as Node<S, Self>>::OPTIONS)?;
                    let kind = <$type as Node<S, Self>>::MIXER;
                    node.own_if(kind.is_some())?;
                    let mixer = kind.map(|kind| supplied(kind, node, &parts, supply)).transpose()?;
                    let given = Given { numbers: Numbers { lists, weights }, mixer };
                    return Ok(<$type as Node<S, Self>>::make(model, parts, given)?.into());
                })+
                Err(ExpressionError::unknown_node(&node.name, &Self::NODES))
            }

            /// What expressions call the nodes.
            const NODES: &'static [&'static str] = &[$(<$type as Node<S, Self>>::NAME),+];
        }
    };
}

setup! {
    /// One upon another.
    Stack: Stack<Setup<S>>,
    /// Attention over the outputs of several.
    Fuse: Fuse<S, Setup<S>>,
    /// A choice among several, for each token or sequence.
    Route: Route<S, Setup<S>>,
    /// A path of a tree for each sequence.
    Tree: Tree<Setup<S>>,
    /// Ranges of tokens, each with one of several.
    Split: Split<Setup<S>>,
    /// The weighted average of several.
    Average: Average<Setup<S>>,
    /// One for each sequence of a batch.
    PerSequence: PerSequence<Setup<S>>,
    /// One without some of its layers.
    LayerDrop: LayerDrop<Setup<S>>,
}

/// The fusion or router that a node names, or that has no name in it.
fn supplied<S: Scalar>(
    kind: MixerKind,
    node: &NodeExpression,
    parts: &[Setup<S>],
    supply: &mut dyn Supply<Setup<S>, Mixer<S>>,
) -> Result<Mixer<S>, ExpressionError> {
    let NodeExpression { own, settings, .. } = node;
    let wanted = WantedMixer { kind, own: own.as_deref(), default_name: &node.default_name(), settings };
    let found = supply.mixer(&wanted, parts).filter(|mixer| mixer.mixing().kind() == kind);
    found.ok_or_else(|| ExpressionError::UnknownMixer { kind, name: wanted.name().to_owned() })
}

fn written<S: Scalar, N: Node<S, Setup<S>>>(node: &N) -> NodeExpression {
    let Numbers { lists, weights } = node.numbers();
    let written = NodeExpression {
        name: N::NAME.to_owned(),
        parts: node.parts().iter().map(Setup::expression).collect(),
        weights,
        options: N::OPTIONS.iter().map(|name| (*name).to_owned()).zip(lists).collect(),
        settings: Vec::new(),
        own: None,
    };
    let own = node.mixing().map(|mixing| mixing.name().to_owned());
    NodeExpression { own: own.filter(|name| *name != written.default_name()), ..written }
}

impl<S: Scalar> Setup<S> {
    /// The fusion of its parts, if it is a [`Fuse`].
    #[must_use]
    pub fn fusion(&self) -> Option<&Fusion<S>> {
        match self {
            Self::Fuse(fuse) => Some(fuse.fusion()),
            _ => None,
        }
    }

    /// The router among its parts, if it is a [`Route`].
    #[must_use]
    pub fn router(&self) -> Option<&Router<S>> {
        match self {
            Self::Route(route) => Some(route.router()),
            _ => None,
        }
    }

    /// A batch that passes through all that it has: a sequence for each group, if modules differ by group.
    pub(crate) fn probe(&self) -> Batch {
        let token: &[u32] = &[0];
        let Some(groups) = self.groups() else { return Batch::from_ids(&[token]) };
        let batch = Batch::from_ids(&vec![token; groups]);
        batch
            .with_groups((0..groups).map(|group| vec![(group, 1.0)]).collect())
            .unwrap_or_else(|_| Batch::from_ids(&[token]))
    }

    /// The tree in it whose paths its batches choose among, if there is one.
    #[must_use]
    pub fn tree(&self) -> Option<&Tree<Self>> {
        match self {
            Self::Tree(tree) => Some(tree),
            other => other.parts().iter().find_map(Self::tree),
        }
    }

    /// The first point at which a module lets tokens see those behind them, as one does that averages over a sequence: such have no place
    /// in a decoder.
    #[must_use]
    pub fn not_causal(&self, model: &Config) -> Option<Point> {
        not_causal(model, self)
    }

    /// True if nothing is lost where only the adapter that trains is kept, and it is known what that stood upon: there is
    /// nothing but perhaps one that trains, upon frozen ones at most.
    pub(crate) fn is_at_most_upon_frozen(&self) -> bool {
        match self {
            Self::Stack(stack) => {
                let Some((last, below)) = stack.parts().split_last() else { return true };
                last.parts().is_empty() && below.iter().all(|part| matches!(part, Self::Frozen(_)))
            }
            leaf => leaf.parts().is_empty(),
        }
    }

    /// The invertible module that a language model's output undoes, if there is one.
    ///
    /// # Errors
    /// If there are two, or sequences of one batch differ in it.
    pub(crate) fn sole_inverse(&self) -> Result<Option<&dyn InverseModule<S>>, CompositionError> {
        let inverses: Vec<_> = self.adapters().into_iter().filter_map(Adapter::inverse).collect();
        match inverses.as_slice() {
            [] => Ok(None),
            [_, _, ..] => Err(CompositionError::TwoInverses),
            [_] if self.sequences().is_some() => Err(CompositionError::InverseBySequence),
            [inverse] => Ok(Some(*inverse)),
        }
    }

    /// An invertible module, if there is one.
    pub(crate) fn inverse(&self) -> Option<&dyn InverseModule<S>> {
        self.adapters().into_iter().find_map(Adapter::inverse)
    }
}

impl<S> From<Adapter<S>> for Setup<S> {
    fn from(adapter: Adapter<S>) -> Self {
        Self::Adapter(Box::new(adapter))
    }
}

impl<S> From<Option<Adapter<S>>> for Setup<S> {
    fn from(adapter: Option<Adapter<S>>) -> Self {
        adapter.map_or(Self::None, Self::from)
    }
}

impl<S> From<Arc<Adapter<S>>> for Setup<S> {
    fn from(adapter: Arc<Adapter<S>>) -> Self {
        Self::Frozen(adapter)
    }
}

/// As an expression.
impl<S: Scalar> fmt::Display for Setup<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.expression().fmt(f)
    }
}

impl<S: Scalar> Insertions<S> for Setup<S> {
    fn linear(&self, point: LinearPoint) -> Option<&dyn LinearModule<S>> {
        self.insertions().linear(point)
    }
    fn sublayer(&self, point: SublayerPoint) -> Option<&dyn SublayerModule<S>> {
        self.insertions().sublayer(point)
    }
    fn sequence(&self, point: SequencePoint) -> Option<&dyn SequenceModule<S>> {
        self.insertions().sequence(point)
    }
    fn attention(&self, layer: usize) -> Option<&dyn AttentionModule<S>> {
        self.insertions().attention(layer)
    }
    fn position_shift(&self, sequence: usize) -> usize {
        self.insertions().position_shift(sequence)
    }
    fn sequences(&self) -> Option<usize> {
        self.insertions().sequences()
    }
    fn groups(&self) -> Option<usize> {
        self.insertions().groups()
    }
}
