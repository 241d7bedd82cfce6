//! What a module that stands at several points has for each of them.

use crate::core::point::Point;
use adaptune_tensor::{Named, NamedMut, Parameters, Scalar, join};
use std::collections::BTreeMap;

/// What a module that is shared by several points has for each of them, listed under the names of the points.
#[derive(Clone, Debug)]
pub struct ByPoint<P>(pub BTreeMap<Point, P>);

impl<P> ByPoint<P> {
    /// What belongs to a point.
    ///
    /// # Panics
    /// If the module does not stand there.
    pub fn at(&self, point: impl Into<Point>) -> &P {
        &self.0[&point.into()]
    }
}

impl<S: Scalar, P: Parameters<S>> Parameters<S> for ByPoint<P> {
    fn list<'a>(&'a self, name: &str, all: &mut Named<'a, S>) {
        self.0.iter().for_each(|(point, part)| part.list(&join(name, &point.to_string()), all));
    }
    fn list_mut<'a>(&'a mut self, name: &str, all: &mut NamedMut<'a, S>) {
        self.0.iter_mut().for_each(|(point, part)| part.list_mut(&join(name, &point.to_string()), all));
    }
}
