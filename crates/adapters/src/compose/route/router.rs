//! A router: its name, its configuration, and a layer for each point.

use super::config::{RoutedBy, RouterConfig};
use super::layer::RouterLayer;
use crate::compose::mixing::{MixerKind, Mixing};
use crate::compose::watch::{MixingRecord, Watcher};
use crate::core::by_point::ByPoint;
use crate::core::error::MethodError;
use crate::core::insertion_points::{linear_points, sublayer_points};
use crate::core::point::Point;
use adaptune_tensor::{Gradients, Named, NamedMut, Parameters, Scalar, Seed};
use adaptune_transformer::{Config, Insertions};
use ndarray::Array2;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// What a [`Route`](crate::Route) has of its own: for each point at which its adapters have modules a linear layer that says how much
/// each of them weighs, under a name.
#[derive(Clone, Debug)]
pub struct Router<S> {
    name: String,
    config: RouterConfig,
    experts: usize,
    frozen: bool,
    layers: ByPoint<RouterLayer<S>>,
}

impl<S: Scalar> Router<S> {
    /// A new router among `adapters`; its initial values depend on the seed and the place alone.
    ///
    /// # Errors
    /// If the configuration contradicts itself, is for more adapters than there are, or is `by=arrow`, which is [made](Self::arrow) of
    /// adapters.
    pub fn new<P: Insertions<S>>(
        name: &str,
        config: &RouterConfig,
        model: &Config,
        adapters: &[P],
        seed: Seed,
    ) -> Result<Self, MethodError> {
        if config.by == RoutedBy::Arrow {
            return Err(MethodError::Contradiction("by=arrow is made of trained LoRAs, and has no initial values"));
        }
        Self::initial(name, config, model, adapters, seed)
    }

    /// The same of any configuration: of `by=arrow` its directions are still to be read.
    pub(crate) fn initial<P: Insertions<S>>(
        name: &str,
        config: &RouterConfig,
        model: &Config,
        adapters: &[P],
        seed: Seed,
    ) -> Result<Self, MethodError> {
        config.check(adapters.len())?;
        let layer = |(point, width)| {
            let seed = seed.named("router").named(&Point::to_string(&point));
            (point, RouterLayer::new(config, adapters.len(), width, seed))
        };
        let layers = ByPoint(routed_points(model, adapters).into_iter().map(layer).collect());
        let (config, experts) = (config.clone(), adapters.len());
        let frozen = config.by == RoutedBy::Arrow;
        Ok(Self { name: name.to_owned(), config, experts, frozen, layers })
    }

    /// A router that chooses by these directions, one for each adapter in the rows of each point.
    pub(in crate::compose) fn of_directions(
        name: &str,
        config: &RouterConfig,
        experts: usize,
        directions: BTreeMap<Point, Array2<S>>,
    ) -> Self {
        let layer = |(point, directions)| (point, RouterLayer::of_directions(config, directions));
        let layers = ByPoint(directions.into_iter().map(layer).collect());
        Self { name: name.to_owned(), config: config.clone(), experts, frozen: true, layers }
    }

    /// Its configuration.
    #[must_use]
    pub fn config(&self) -> &RouterConfig {
        &self.config
    }

    /// Among how many adapters it chooses.
    #[must_use]
    pub fn experts(&self) -> usize {
        self.experts
    }

    /// The points that it has layers for.
    pub fn points(&self) -> impl Iterator<Item = Point> {
        self.layers.0.keys().copied()
    }

    /// The layer at a point.
    pub(super) fn layer(&self, point: impl Into<Point>) -> Option<&RouterLayer<S>> {
        self.layers.0.get(&point.into())
    }
}

/// The points at which any adapter has a module that a router chooses, with the width of what is read there.
pub(super) fn routed_points<S: Scalar, P: Insertions<S>>(model: &Config, adapters: &[P]) -> Vec<(Point, usize)> {
    let sublayers = sublayer_points(model).filter(|point| adapters.iter().any(|a| a.sublayer(*point).is_some()));
    let linear = linear_points(model).filter(|point| adapters.iter().any(|a| a.linear(*point).is_some()));
    let width = |point: &adaptune_transformer::LinearPoint| model.linear_shape(point.projection).map(|s| s.inputs);
    let linear = linear.filter_map(|point| Some((Point::from(point), width(&point)?)));
    linear.chain(sublayers.map(|point| (Point::from(point), model.hidden))).collect()
}

impl<S: Scalar> Mixing<S> for Router<S> {
    fn kind(&self) -> MixerKind {
        MixerKind::Router
    }
    fn name(&self) -> &str {
        &self.name
    }
    fn fields(&self) -> Map<String, Value> {
        self.config.fields()
    }
    fn is_frozen(&self) -> bool {
        self.frozen
    }
    fn set_frozen(&mut self, frozen: bool) {
        if frozen {
            self.freeze();
        }
        self.frozen = frozen || self.config.by == RoutedBy::Arrow;
    }
    /// None: its balance is a part of each batch's loss.
    fn penalty(&self, _: &mut Gradients<S>) -> S {
        S::zero()
    }
    fn watch(&mut self, record: Option<&MixingRecord>, adapters: &[String]) {
        let (mixing, adapters) = (format!("router {}", self.name), adapters.to_vec());
        for (point, layer) in &mut self.layers.0 {
            layer.watcher = record.map(|record| Watcher::new(record, &mixing, *point, &adapters));
        }
    }
}

impl<S: Scalar> Parameters<S> for Router<S> {
    fn list<'a>(&'a self, name: &str, all: &mut Named<'a, S>) {
        self.layers.list(name, all);
    }
    fn list_mut<'a>(&'a mut self, name: &str, all: &mut NamedMut<'a, S>) {
        self.layers.list_mut(name, all);
    }
}
