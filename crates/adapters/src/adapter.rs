//! An adapter: a named set of modules, each at its insertion points.

use crate::core::error::MethodError;
use crate::core::insertion_points::not_causal;
use crate::core::inverse::InverseModule;
use crate::core::module::Module;
use crate::core::modules::{Entry, Modules};
use crate::core::point::Point;
use crate::registry::method::Method;
use adaptune_tensor::{Named, NamedMut, Parameters, Scalar, Seed};
use adaptune_transformer::{
    AttentionModule, Base, Config, Encoder, Insertions, LinearModule, LinearPoint, SequenceModule, SequencePoint,
    SublayerModule, SublayerPoint,
};
use ndarray::Axis;
use std::fmt;

/// A named adapter for one base model.
///
/// It is plugged in by passing it to [`Encoder::forward`](adaptune_transformer::Encoder::forward).
pub struct Adapter<S> {
    name: String,
    /// `None` for one that was put together by hand.
    method: Option<Method>,
    modules: Modules<S>,
}

impl<S> fmt::Debug for Adapter<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let points: Vec<Point> = self.modules.points().collect();
        f.debug_struct("Adapter")
            .field("name", &self.name)
            .field("method", &self.method)
            .field("points", &points)
            .finish()
    }
}

impl<S: Scalar> Adapter<S> {
    /// A new adapter for a base, with its initial values, which depend on the seed and the place alone, and for some
    /// methods (DoRA) on the base's weights.
    ///
    /// # Errors
    /// If the method does not fit the model, or its prompt is to begin as a text.
    pub fn on(name: &str, method: &Method, base: &Encoder<S>, seed: Seed) -> Result<Self, MethodError> {
        if method.prompt_text().is_some() {
            return Err(MethodError::NeedsTokens);
        }
        let mut adapter = Self::blank(name, method, base.config(), seed)?;
        adapter.modules.start(base);
        Ok(adapter)
    }

    /// The same with a prompt that begins as these tokens, which are those of [`Method::prompt_text`].
    ///
    /// # Errors
    /// If the method does not fit the model, there are no tokens, or the base has no such token.
    pub fn of_tokens(
        name: &str,
        method: &Method,
        base: &Encoder<S>,
        tokens: &[u32],
        seed: Seed,
    ) -> Result<Self, MethodError> {
        let mut adapter = Self::blank(name, method, base.config(), seed)?;
        adapter.modules.start(base);
        let table = Base::from(base).token_embeddings();
        if tokens.is_empty() || tokens.iter().any(|token| *token as usize >= table.view().nrows()) {
            return Err(MethodError::Contradiction(
                "a prompt begins as tokens of the base: at least one, all of them its own",
            ));
        }
        let rows = table.view().select(Axis(0), &tokens.iter().map(|t| *t as usize).collect::<Vec<_>>());
        adapter.modules.entries_mut().iter_mut().for_each(|entry| entry.module.begin_as(rows.view()));
        Ok(adapter)
    }

    /// The same as [`Adapter::on`] from the sizes of a model alone.
    ///
    /// # Errors
    /// If the method does not fit the model, or its initial values depend on the base's weights.
    pub fn new(name: &str, method: &Method, model: &Config, seed: Seed) -> Result<Self, MethodError> {
        if method.needs_base() {
            return Err(MethodError::NeedsBase);
        }
        if method.prompt_text().is_some() {
            return Err(MethodError::NeedsTokens);
        }
        Self::blank(name, method, model, seed)
    }

    /// An adapter whose initial values do not matter: to be counted, or to be filled from a file.
    ///
    /// # Errors
    /// If the method does not fit the model.
    pub fn blank(name: &str, method: &Method, model: &Config, seed: Seed) -> Result<Self, MethodError> {
        let adapter = Self::from_parts(name, Some(method.clone()), method.modules(model, seed)?);
        match not_causal(model, &adapter).filter(|_| model.is_causal()) {
            Some(point) => Err(MethodError::NotCausal { point: point.to_string() }),
            None => Ok(adapter),
        }
    }

    pub(crate) fn from_parts(name: &str, method: Option<Method>, modules: Modules<S>) -> Self {
        Self { name: name.to_owned(), method, modules }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The same adapter under another name.
    #[must_use]
    pub fn renamed(self, name: &str) -> Self {
        Self { name: name.to_owned(), ..self }
    }

    /// Its configuration; `None` for an adapter [of modules](Adapter::of_modules).
    #[must_use]
    pub fn method(&self) -> Option<&Method> {
        self.method.as_ref()
    }

    /// The points at which it has modules, in the order of [`Point`].
    pub fn points(&self) -> impl Iterator<Item = Point> {
        self.modules.points()
    }

    /// How many numbers train at each point, in the order of its parameters; those that no single point owns come as
    /// `shared`.
    #[must_use]
    pub fn counts(&self) -> Vec<(String, usize)> {
        let mut counts: Vec<(String, usize)> = Vec::new();
        for (name, parameter) in self.parameters() {
            let place = Point::split(&name).0.map_or_else(|| "shared".to_owned(), |point| point.to_string());
            match counts.iter_mut().find(|(known, _)| *known == place) {
                Some((_, count)) => *count += parameter.values().len(),
                None => counts.push((place, parameter.values().len())),
            }
        }
        counts
    }

    /// The arrays of all modules that are drawn once and never train, such as VeRA's projections, with their names. They are no
    /// [parameters](Parameters), but its output depends on them.
    #[must_use]
    pub fn constants(&self) -> Named<'_, S> {
        self.modules.entries().iter().flat_map(Entry::constants).collect()
    }

    /// The same function in its simplest form: prefixes that come out of a network stand for themselves from now on. The
    /// result is the same to the bit, and what has changed its form is frozen until it is made to train again.
    ///
    /// ```
    /// use adaptune_adapters::Adapter;
    /// use adaptune_tensor::{Parameters, Seed};
    /// use adaptune_transformer::Config;
    /// let model = Config::bert(8, 2, 2, 12);
    /// let adapter = Adapter::<f32>::new("p", &"prefix_tuning[prefix_length=3]".parse()?, &model, Seed::new(1))?;
    /// let flat = adapter.ejected();
    /// assert_eq!((flat.parameter_count(), flat.method().expect("it has one").fields()["flat"].clone()), (3 * 2 * 2 * 8, true.into()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn ejected(self) -> Self {
        let Self { name, method, mut modules } = self;
        let mut members = method.as_ref().map(Method::members).unwrap_or_default().to_vec();
        for entry in modules.entries_mut() {
            if let Some(simple) = entry.module.ejected() {
                entry.module = simple;
                members.get_mut(entry.member).into_iter().for_each(|member| *member = member.ejected());
            }
        }
        Self { name, method: method.map(|_| Method::union(members)), modules }
    }

    /// The parameters of the module at a point, under their names within it; none if there is no module. One that stands
    /// at several points lists all that it has.
    #[must_use]
    pub fn module_parameters(&self, point: Point) -> Named<'_, S> {
        self.module(point).map(Parameters::parameters).unwrap_or_default()
    }

    /// The module at a point.
    pub(crate) fn module(&self, point: Point) -> Option<&dyn Module<S>> {
        self.modules.at(point)
    }

    /// Its invertible module, if it has one.
    pub(crate) fn inverse(&self) -> Option<&dyn InverseModule<S>> {
        self.modules.entries().iter().find_map(|entry| entry.module.inverse())
    }

    /// Its modules, each with the method that it belongs to: the adapter's, or a member of its union; `None` if it was put
    /// together by hand.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (Option<&Method>, &Entry<S>)> {
        let members = self.method.as_ref().map(Method::members).unwrap_or_default();
        self.modules.entries().iter().map(move |entry| (members.get(entry.member), entry))
    }

    /// The same modules, to be changed.
    pub(crate) fn entries_mut(&mut self) -> impl Iterator<Item = (Option<&Method>, &mut Entry<S>)> {
        let members = self.method.as_ref().map(Method::members).unwrap_or_default();
        self.modules.entries_mut().iter_mut().map(move |entry| (members.get(entry.member), entry))
    }
}

impl<S: Scalar> Parameters<S> for Adapter<S> {
    fn list<'a>(&'a self, name: &str, all: &mut Named<'a, S>) {
        self.modules.list(name, all);
    }
    fn list_mut<'a>(&'a mut self, name: &str, all: &mut NamedMut<'a, S>) {
        self.modules.list_mut(name, all);
    }
}

impl<S: Scalar> Insertions<S> for Adapter<S> {
    fn linear(&self, point: LinearPoint) -> Option<&dyn LinearModule<S>> {
        self.modules.at(point.into())?.linear()
    }
    fn sublayer(&self, point: SublayerPoint) -> Option<&dyn SublayerModule<S>> {
        self.modules.at(point.into())?.sublayer()
    }
    fn sequence(&self, point: SequencePoint) -> Option<&dyn SequenceModule<S>> {
        self.modules.at(point.into())?.sequence()
    }
    fn attention(&self, layer: usize) -> Option<&dyn AttentionModule<S>> {
        self.modules.at(Point::Attention(layer))?.attention()
    }
    fn position_shift(&self, _sequence: usize) -> usize {
        self.modules.entries().iter().map(|entry| entry.module.position_shift()).sum()
    }
}
