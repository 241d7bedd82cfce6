//! A fusion: its name, its configuration, and a layer for each point.

use super::config::FusionConfig;
use super::layer::FusionLayer;
use crate::compose::mixing::{MixerKind, Mixing};
use crate::compose::watch::{MixingRecord, Watcher};
use crate::core::by_point::ByPoint;
use crate::core::checks::check_rate;
use crate::core::error::MethodError;
use crate::core::insertion_points::sublayer_points;
use crate::core::point::Point;
use adaptune_tensor::{Gradients, Named, NamedMut, Parameters, Scalar, Seed};
use adaptune_transformer::{Config, Insertions, SublayerPoint};
use serde_json::{Map, Value};

/// What a [`Fuse`](crate::Fuse) has of its own: keys, queries and values for each point at which its adapters have modules, under a
/// name. Several fusions of the same adapters differ in their names.
#[derive(Clone, Debug)]
pub struct Fusion<S> {
    name: String,
    config: FusionConfig,
    frozen: bool,
    layers: ByPoint<FusionLayer<S>>,
}

impl<S: Scalar> Fusion<S> {
    /// A new fusion for the points at which `adapter` has modules, one of those that are to be fused; its initial values depend on
    /// the seed and the place alone.
    ///
    /// # Errors
    /// If the dropout is no rate, or there is to be a temperature, which is not trained here.
    pub fn new(
        name: &str,
        config: &FusionConfig,
        model: &Config,
        adapter: &dyn Insertions<S>,
        seed: Seed,
    ) -> Result<Self, MethodError> {
        if config.temperature {
            return Err(MethodError::Contradiction(
                "a fusion with a temperature is not trained here (it is read from files of AdapterHub, where it has fallen to \
                 1): leave temperature out",
            ));
        }
        if let Some(rate) = config.dropout_prob {
            check_rate("dropout_prob", rate)?;
        }
        let layer = |point: SublayerPoint| {
            let (point, seed) = (Point::from(point), seed.named("fusion").named(&Point::from(point).to_string()));
            (point, FusionLayer::new(config, model.hidden, model.attention_dropout, seed))
        };
        let points = sublayer_points(model).filter(|point| adapter.sublayer(*point).is_some());
        let layers = ByPoint(points.map(layer).collect());
        Ok(Self { name: name.to_owned(), config: config.clone(), frozen: false, layers })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its configuration.
    #[must_use]
    pub fn config(&self) -> &FusionConfig {
        &self.config
    }

    /// The points that it has layers for.
    pub fn points(&self) -> impl Iterator<Item = Point> {
        self.layers.0.keys().copied()
    }

    /// The layer at a point.
    pub(super) fn layer(&self, point: SublayerPoint) -> Option<&FusionLayer<S>> {
        self.layers.0.get(&Point::from(point))
    }
}

impl<S: Scalar> Mixing<S> for Fusion<S> {
    fn kind(&self) -> MixerKind {
        MixerKind::Fusion
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
        self.frozen = frozen;
    }
    /// The distance of the value matrices from the identity.
    fn penalty(&self, gradients: &mut Gradients<S>) -> S {
        self.layers.0.values().fold(S::zero(), |sum, layer| sum + layer.penalty(gradients))
    }
    fn watch(&mut self, record: Option<&MixingRecord>, adapters: &[String]) {
        let (mixing, adapters) = (format!("fusion {}", self.name), adapters.to_vec());
        for (point, layer) in &mut self.layers.0 {
            layer.watcher = record.map(|record| Watcher::new(record, &mixing, *point, &adapters));
        }
    }
}

impl<S: Scalar> Parameters<S> for Fusion<S> {
    fn list<'a>(&'a self, name: &str, all: &mut Named<'a, S>) {
        self.layers.list(name, all);
    }
    fn list_mut<'a>(&'a mut self, name: &str, all: &mut NamedMut<'a, S>) {
        self.layers.list_mut(name, all);
    }
}
