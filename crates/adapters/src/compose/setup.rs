//! What is plugged into a model, as one value: an adapter, or a tree of them.

use super::average::Average;
use super::error::CompositionError;
use super::expression::{Expression, ExpressionError, NodeExpression};
use super::layer_drop::LayerDrop;
use super::node::{Node, Numbers};
use super::per_sequence::PerSequence;
use super::stack::Stack;
use crate::adapter::Adapter;
use crate::core::inverse::InverseModule;
use adaptune_tensor::{Named, NamedMut, Parameters, Scalar, join};
use adaptune_transformer::{
    AttentionModule, Config, Insertions, LinearModule, LinearPoint, SequenceModule, SequencePoint, SublayerModule,
    SublayerPoint,
};
use std::fmt;
use std::sync::Arc;

/// Makes the enum of the nodes given, and what has to tell them apart.
macro_rules! setup {
    ($($(#[$doc:meta])* $node:ident,)+) => {
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
            $($(#[$doc])* $node(Box<$node<Setup<S>>>),)+
        }

        $(impl<S> From<$node<Setup<S>>> for Setup<S> {
            fn from(node: $node<Setup<S>>) -> Self {
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
                    $(Self::$node(node) => Node::<S, _>::parts(&**node),)+
                }
            }

            fn parts_mut(&mut self) -> &mut [Self] {
                match self {
                    Self::None | Self::Adapter(_) | Self::Frozen(_) => &mut [],
                    $(Self::$node(node) => Node::<S, _>::parts_mut(&mut **node),)+
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
            fn of_parts(node: &NodeExpression, model: &Config, parts: Vec<Self>) -> Result<Self, ExpressionError> {
                $(if node.name == <$node<Self> as Node<S, Self>>::NAME {
                    let names = <$node<Self> as Node<S, Self>>::OPTIONS;
                    let weights = node.weights_if(<$node<Self> as Node<S, Self>>::WEIGHTED)?;
                    let numbers = Numbers { lists: node.options_in_order(names)?, weights };
                    return Ok(<$node<Self> as Node<S, Self>>::make(model, parts, numbers)?.into());
                })+
                Err(ExpressionError::unknown_node(&node.name, &Self::NODES))
            }

            /// What expressions call the nodes.
            const NODES: &'static [&'static str] = &[$(<$node<Self> as Node<S, Self>>::NAME),+];
        }
    };
}

setup! {
    /// One upon another.
    Stack,
    /// The weighted average of several.
    Average,
    /// One for each sequence of a batch.
    PerSequence,
    /// One without some of its layers.
    LayerDrop,
}

fn written<S: Scalar, N: Node<S, Setup<S>>>(node: &N) -> NodeExpression {
    let Numbers { lists, weights } = node.numbers();
    NodeExpression {
        name: N::NAME.to_owned(),
        parts: node.parts().iter().map(Setup::expression).collect(),
        weights,
        options: N::OPTIONS.iter().map(|name| (*name).to_owned()).zip(lists).collect(),
    }
}

impl<S: Scalar> Setup<S> {
    /// The setup of an expression; `adapter` gives what goes by a name in it, such as an adapter.
    ///
    /// ```
    /// use adaptune_adapters::{Adapter, Setup};
    /// use adaptune_tensor::Seed;
    /// use adaptune_transformer::Config;
    /// let model = Config::bert(8, 2, 2, 12);
    /// let new = |name: &str| Some(Adapter::<f32>::new(name, &"lora".parse().ok()?, &model, Seed::new(2)).ok()?.into());
    /// let setup = Setup::of(&"stack(german, layer_drop(mood, layers=[0]))".parse()?, &model, new)?;
    /// assert_eq!(setup.to_string(), "stack(german, layer_drop(mood, layers=[0]))");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If nothing goes by a name, or what the expression puts together means nothing together.
    pub fn of(
        expression: &Expression,
        model: &Config,
        mut adapter: impl FnMut(&str) -> Option<Self>,
    ) -> Result<Self, ExpressionError> {
        Self::made(expression, model, &mut adapter)
    }

    fn made(
        expression: &Expression,
        model: &Config,
        adapter: &mut dyn FnMut(&str) -> Option<Self>,
    ) -> Result<Self, ExpressionError> {
        match expression {
            Expression::None => Ok(Self::None),
            Expression::Adapter(name) => {
                adapter(name).ok_or_else(|| ExpressionError::UnknownAdapter { name: name.clone() })
            }
            Expression::Node(node) => {
                let parts = node.parts.iter().map(|part| Self::made(part, model, adapter));
                let parts = parts.collect::<Result<_, _>>()?;
                Self::of_parts(node, model, parts)
            }
        }
    }

    /// All adapters in the order of the expression.
    #[must_use]
    pub fn adapters(&self) -> Vec<&Adapter<S>> {
        match self {
            Self::Adapter(adapter) => vec![adapter],
            Self::Frozen(adapter) => vec![adapter],
            other => other.parts().iter().flat_map(Self::adapters).collect(),
        }
    }

    /// The adapters that train, in the order of the expression.
    #[must_use]
    pub fn training(&self) -> Vec<&Adapter<S>> {
        match self {
            Self::Adapter(adapter) => vec![adapter],
            other => other.parts().iter().flat_map(Self::training).collect(),
        }
    }

    fn training_mut(&mut self) -> Vec<&mut Adapter<S>> {
        match self {
            Self::Adapter(adapter) => vec![adapter],
            other => other.parts_mut().iter_mut().flat_map(Self::training_mut).collect(),
        }
    }

    /// The adapter that trains, if one does and no other.
    pub(crate) fn into_adapter(mut self) -> Option<Adapter<S>> {
        if self.training().len() != 1 {
            return None;
        }
        self.take_training()
    }

    /// Takes out the first adapter that trains.
    fn take_training(&mut self) -> Option<Adapter<S>> {
        if let Self::Adapter(_) = self {
            let Self::Adapter(adapter) = std::mem::take(self) else { return None };
            return Some(*adapter);
        }
        self.parts_mut().iter_mut().find_map(Self::take_training)
    }

    /// The frozen adapters, in the order of the expression.
    pub(crate) fn shared(&self) -> Vec<&Arc<Adapter<S>>> {
        match self {
            Self::Frozen(adapter) => vec![adapter],
            other => other.parts().iter().flat_map(Self::shared).collect(),
        }
    }

    /// The same with every adapter frozen.
    #[must_use]
    pub fn frozen(mut self) -> Self {
        self.freeze_adapters();
        self
    }

    fn freeze_adapters(&mut self) {
        if let Self::Adapter(_) = self {
            let Self::Adapter(mut adapter) = std::mem::take(self) else { return };
            adapter.freeze();
            *self = Self::Frozen(Arc::from(adapter));
        }
        self.parts_mut().iter_mut().for_each(Self::freeze_adapters);
    }

    /// The same with every adapter to be trained.
    ///
    /// # Errors
    /// If a frozen one is shared.
    pub fn unfrozen(mut self) -> Result<Self, CompositionError> {
        self.unfreeze_sole();
        match self.shared().first() {
            Some(shared) => Err(CompositionError::Shared { name: shared.name().to_owned() }),
            None => Ok(self),
        }
    }

    /// Makes those frozen adapters train that are not shared.
    pub(crate) fn unfreeze_sole(&mut self) {
        if let Self::Frozen(_) = self {
            let Self::Frozen(shared) = std::mem::take(self) else { return };
            *self = Arc::try_unwrap(shared).map_or_else(Self::Frozen, Self::from);
        }
        self.parts_mut().iter_mut().for_each(Self::unfreeze_sole);
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

    /// Checks what a model relies on: no frozen adapter trains, and those that do can be told apart.
    pub(crate) fn check(&self) -> Result<(), CompositionError> {
        if let Some(adapter) = self.shared().into_iter().find(|adapter| adapter.any_trains()) {
            return Err(CompositionError::Trains { name: adapter.name().to_owned() });
        }
        let names: Vec<&str> = self.training().into_iter().map(Adapter::name).collect();
        match (1..names.len()).find(|i| names[..*i].contains(&names[*i])) {
            Some(i) => Err(CompositionError::SameName { name: names[i].to_owned() }),
            None => Ok(()),
        }
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
}

impl<S: Scalar> Parameters<S> for Setup<S> {
    fn list<'a>(&'a self, name: &str, all: &mut Named<'a, S>) {
        let adapters = self.training();
        let several = adapters.len() > 1;
        for adapter in adapters {
            adapter.list(&if several { join(name, adapter.name()) } else { name.to_owned() }, all);
        }
    }
    fn list_mut<'a>(&'a mut self, name: &str, all: &mut NamedMut<'a, S>) {
        let adapters = self.training_mut();
        let several = adapters.len() > 1;
        for adapter in adapters {
            let name = if several { join(name, adapter.name()) } else { name.to_owned() };
            adapter.list_mut(&name, all);
        }
    }
}
