//! One value for every table, linear layer and norm of a model.

use crate::config::{Config, LinearShape, NormKind, PartShape};
use crate::point::Part;
use std::collections::BTreeMap;

/// What stands at the [`Part`]s of a model: a `T` for each table, an `L` for each linear layer, an `N` for each norm.
///
/// Weights are such values, and so are their trainable copies. What a model has, [`Config::parts`] lists, and nothing else does.
#[derive(Clone, Debug)]
pub(crate) struct Parts<T, L, N>(BTreeMap<Part, Value<T, L, N>>);

/// A value of one of the three kinds.
#[derive(Clone, Debug)]
pub(crate) enum Value<T, L, N> {
    Table(T),
    Linear(L),
    Norm(N),
}

/// How the values of the three kinds are made, each for its part.
pub(crate) trait Make {
    type Table;
    type Linear;
    type Norm;
    type Error;

    /// `[rows, width]`.
    fn table(&mut self, part: Part, rows: usize, width: usize) -> Result<Self::Table, Self::Error>;
    fn linear(&mut self, part: Part, shape: LinearShape) -> Result<Self::Linear, Self::Error>;
    fn norm(&mut self, part: Part, width: usize, kind: NormKind) -> Result<Self::Norm, Self::Error>;
    /// True of a part that is to be left out.
    fn lacks(&self, _part: Part) -> bool {
        false
    }
}

impl<T, L, N> Parts<T, L, N> {
    /// A value for every part that a model of this configuration has, made in the order of a pass.
    pub(crate) fn make<M>(config: &Config, make: &mut M) -> Result<Self, M::Error>
    where
        M: Make<Table = T, Linear = L, Norm = N>,
    {
        let mut parts = BTreeMap::new();
        for (part, shape) in config.parts().into_iter().filter(|(part, _)| !make.lacks(*part)).collect::<Vec<_>>() {
            let value = match shape {
                PartShape::Table { rows, width } => Value::Table(make.table(part, rows, width)?),
                PartShape::Linear(shape) => Value::Linear(make.linear(part, shape)?),
                PartShape::Norm { width, kind } => Value::Norm(make.norm(part, width, kind)?),
            };
            parts.insert(part, value);
        }
        Ok(Self(parts))
    }

    /// Other values for the same parts, made from these.
    pub(crate) fn map<T2, L2, N2>(
        &self,
        table: impl Fn(Part, &T) -> T2,
        linear: impl Fn(Part, &L) -> L2,
        norm: impl Fn(Part, &N) -> N2,
    ) -> Parts<T2, L2, N2> {
        let value = |part, value: &Value<T, L, N>| match value {
            Value::Table(t) => Value::Table(table(part, t)),
            Value::Linear(l) => Value::Linear(linear(part, l)),
            Value::Norm(n) => Value::Norm(norm(part, n)),
        };
        Parts(self.0.iter().map(|(part, v)| (*part, value(*part, v))).collect())
    }

    /// All values, in the order of [`Part`].
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Part, &Value<T, L, N>)> {
        self.0.iter().map(|(part, value)| (*part, value))
    }

    /// The same, to be changed.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (Part, &mut Value<T, L, N>)> {
        self.0.iter_mut().map(|(part, value)| (*part, value))
    }

    /// Leaves a part out.
    pub(crate) fn remove(&mut self, part: Part) {
        self.0.remove(&part);
    }

    /// The table of a part, if there is one.
    pub(crate) fn table(&self, part: Part) -> Option<&T> {
        match self.0.get(&part)? {
            Value::Table(table) => Some(table),
            _ => None,
        }
    }

    /// The linear layer of a part, if there is one.
    pub(crate) fn linear(&self, part: Part) -> Option<&L> {
        match self.0.get(&part)? {
            Value::Linear(linear) => Some(linear),
            _ => None,
        }
    }

    /// The norm of a part, if there is one.
    pub(crate) fn norm(&self, part: Part) -> Option<&N> {
        match self.0.get(&part)? {
            Value::Norm(norm) => Some(norm),
            _ => None,
        }
    }
}
