//! The modules of an adapter, and the points at which each of them stands.

use crate::core::error::MethodError;
use crate::core::module::{Module, fits};
use crate::core::point::Point;
use adaptune_tensor::{Named, NamedMut, Parameters, Scalar, join};
use adaptune_transformer::Encoder;
use std::collections::BTreeMap;

/// One module, and what it is called.
pub(crate) struct Entry<S> {
    /// Which member of a union it belongs to.
    pub(crate) member: usize,
    /// What the names of its parameters begin with: the point of a module that has but one.
    pub(crate) name: String,
    pub(crate) module: Box<dyn Module<S>>,
}

impl<S: Scalar> Entry<S> {
    /// Its constants with their whole names.
    pub(crate) fn constants(&self) -> Named<'_, S> {
        self.module.constants().into_iter().map(|(name, array)| (join(&self.name, &name), array)).collect()
    }

    /// The same, to be read from a file.
    pub(crate) fn constants_mut(&mut self) -> NamedMut<'_, S> {
        let arrays = self.module.constants_mut();
        arrays.into_iter().map(|(name, array)| (join(&self.name, &name), array)).collect()
    }
}

impl<S: Scalar> Parameters<S> for Entry<S> {
    fn list<'a>(&'a self, name: &str, all: &mut Named<'a, S>) {
        self.module.list(&join(name, &self.name), all);
    }
    fn list_mut<'a>(&'a mut self, name: &str, all: &mut NamedMut<'a, S>) {
        self.module.list_mut(&join(name, &self.name), all);
    }
}

/// The modules of an adapter in a fixed order, which is that of its parameters, and where they stand.
///
/// A module with parameters of its own at every point is placed at each of them; one that shares parameters between
/// points stands at all of them, and finds the point in its input.
pub struct Modules<S> {
    entries: Vec<Entry<S>>,
    at: BTreeMap<Point, usize>,
    member: usize,
}

impl<S> Modules<S> {
    /// The points that have a module, in the order of [`Point`].
    pub(crate) fn points(&self) -> impl Iterator<Item = Point> {
        self.at.keys().copied()
    }
}

impl<S: Scalar> Modules<S> {
    /// No modules.
    pub(crate) fn new() -> Self {
        Self { entries: Vec::new(), at: BTreeMap::new(), member: 0 }
    }

    /// What is added from now on belongs to this member of a union.
    pub(crate) fn begin_member(&mut self, member: usize) {
        self.member = member;
    }

    /// Puts a module at one point. Its parameters are called by the point: `layer.3.query.lora_A`.
    ///
    /// # Errors
    /// If the point is taken.
    pub fn place(&mut self, point: impl Into<Point>, module: impl Module<S> + 'static) -> Result<(), MethodError> {
        let point = point.into();
        self.share(&point.to_string(), [point], module)
    }

    /// Puts one module at several points. Its parameters are called `name` and what it calls them; with an empty name,
    /// and [`ByPoint`](crate::ByPoint) for those that it has for each point, they are called as [`Modules::place`] would.
    ///
    /// # Errors
    /// If one of the points is taken, or named twice; then nothing is put anywhere.
    ///
    /// # Panics
    /// If the module does not have the shape of one of the points.
    pub fn share(
        &mut self,
        name: &str,
        points: impl IntoIterator<Item = Point>,
        module: impl Module<S> + 'static,
    ) -> Result<(), MethodError> {
        self.insert(name, points, Box::new(module))
    }

    /// See [`Modules::share`].
    pub(crate) fn insert(
        &mut self,
        name: &str,
        points: impl IntoIterator<Item = Point>,
        module: Box<dyn Module<S>>,
    ) -> Result<(), MethodError> {
        let mut new = BTreeMap::new();
        for point in points {
            assert!(fits(&*module, point), "the module for {point} has another shape");
            if self.at.contains_key(&point) || new.insert(point, self.entries.len()).is_some() {
                return Err(MethodError::Taken { point: point.to_string() });
            }
        }
        self.at.append(&mut new);
        self.entries.push(Entry { member: self.member, name: name.to_owned(), module });
        Ok(())
    }

    /// Tells every module the layers that it stands at.
    pub(crate) fn start(&mut self, base: &Encoder<S>) {
        for (point, i) in &self.at {
            if let Point::Linear(point) = point {
                let layer = base.linear(*point).expect("a module stands only at layers that the model has");
                self.entries[*i].module.start(*point, layer);
            }
        }
    }

    /// The module at a point.
    pub(crate) fn at(&self, point: Point) -> Option<&dyn Module<S>> {
        self.at.get(&point).map(|i| &*self.entries[*i].module)
    }

    pub(crate) fn entries(&self) -> &[Entry<S>] {
        &self.entries
    }

    pub(crate) fn entries_mut(&mut self) -> &mut [Entry<S>] {
        &mut self.entries
    }
}

impl<S: Scalar> Parameters<S> for Modules<S> {
    fn list<'a>(&'a self, name: &str, all: &mut Named<'a, S>) {
        self.entries.iter().for_each(|entry| entry.list(name, all));
    }
    fn list_mut<'a>(&'a mut self, name: &str, all: &mut NamedMut<'a, S>) {
        self.entries.iter_mut().for_each(|entry| entry.list_mut(name, all));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::by_point::ByPoint;
    use adaptune_tensor::{Kind, Parameter, parameters};
    use adaptune_transformer::{LinearBackward, LinearInput, LinearModule, LinearPoint, Projection, Properties};
    use ndarray::{Array1, Array2, Ix1};

    /// One number for all points, and one for each.
    struct Shared<S> {
        all: Parameter<S, Ix1>,
        each: ByPoint<Parameter<S, Ix1>>,
    }
    parameters!(Shared { "rule" => all });

    impl<S: Scalar> LinearModule<S> for Shared<S> {
        fn forward<'a>(&'a self, input: LinearInput<'a, S>) -> (Array2<S>, Option<LinearBackward<'a, S>>) {
            let factor = self.all.view()[0] * self.each.at(input.point).view()[0];
            (input.base.forward(input.x.view()) * factor, None)
        }

        fn properties(&self, _: LinearPoint) -> Properties {
            Properties { token_wise: true, causal: true, may_be_followed: true, needs_plain_weight: true }
        }
    }
    impl<S: Scalar> Module<S> for Shared<S> {
        fn linear(&self) -> Option<&dyn LinearModule<S>> {
            Some(self)
        }
    }

    fn number(value: f64) -> Parameter<f64, Ix1> {
        Parameter::new(Kind::Weight, Array1::from_elem(1, value))
    }

    fn query(layer: usize) -> Point {
        LinearPoint { layer, projection: Projection::Query }.into()
    }

    fn shared(layers: &[usize]) -> Shared<f64> {
        Shared { all: number(2.0), each: ByPoint(layers.iter().map(|l| (query(*l), number(*l as f64))).collect()) }
    }

    #[test]
    fn one_module_stands_at_several_points_and_is_listed_once() {
        let mut modules = Modules::new();
        modules.share("", [query(1), query(3)], shared(&[1, 3])).expect("the points are free");
        assert_eq!(modules.points().collect::<Vec<_>>(), [query(1), query(3)]);
        assert!(modules.at(query(1)).is_some() && modules.at(query(2)).is_none());
        assert_eq!(modules.parameter_count(), 1, "the rule is listed once");
        assert_eq!(modules.parameters()[0].0, "rule");
        let each = shared(&[1, 3]).each;
        let names: Vec<_> = each.parameters().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["layer.1.query", "layer.3.query"]);
    }

    #[test]
    fn a_second_module_at_a_point_is_refused() {
        let mut modules = Modules::new();
        modules.place(query(1), shared(&[1])).expect("the point is free");
        let error = modules.share("more", [query(0), query(1)], shared(&[0, 1])).unwrap_err().to_string();
        assert!(error.contains("two modules at layer.1.query"), "{error}");
    }

    #[test]
    fn a_refused_module_leaves_no_trace() {
        let mut modules = Modules::new();
        modules.place(query(1), shared(&[1])).expect("the point is free");
        assert!(modules.share("more", [query(0), query(1)], shared(&[0, 1])).is_err());
        assert!(modules.share("twice", [query(2), query(2)], shared(&[2])).is_err());
        assert_eq!(modules.points().collect::<Vec<_>>(), [query(1)]);
        assert!(modules.at(query(0)).is_none() && modules.at(query(2)).is_none());
        modules.place(query(0), shared(&[0])).expect("the point is still free");
    }

    #[test]
    #[should_panic(expected = "has another shape")]
    fn a_module_stands_only_where_it_fits() {
        let _ = Modules::new().share("", [Point::Attention(0)], shared(&[0]));
    }
}
