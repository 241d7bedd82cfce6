//! A fusion: its name, its configuration, and a layer for each point.

use super::config::FusionConfig;
use super::layer::FusionLayer;
use crate::compose::points::sublayer_points;
use crate::core::by_point::ByPoint;
use crate::core::checks::check_rate;
use crate::core::error::MethodError;
use crate::core::point::Point;
use adaptune_tensor::{Gradients, Named, NamedMut, Parameters, Scalar, Seed};
use adaptune_transformer::{Config, Insertions, SublayerPoint};

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

    /// True if it stays as it is, though what it fuses, or a head, may train.
    #[must_use]
    pub fn is_frozen(&self) -> bool {
        self.frozen
    }

    /// Says whether it stays as it is.
    pub(crate) fn set_frozen(&mut self, frozen: bool) {
        if frozen {
            self.freeze();
        }
        self.frozen = frozen;
    }

    /// The layer at a point.
    pub(super) fn layer(&self, point: SublayerPoint) -> Option<&FusionLayer<S>> {
        self.layers.0.get(&Point::from(point))
    }

    /// Returns what the loss of every step has besides that of the examples, the distance of the value matrices from the identity,
    /// and adds its gradients.
    pub fn penalty(&self, gradients: &mut Gradients<S>) -> S {
        self.layers.0.values().fold(S::zero(), |sum, layer| sum + layer.penalty(gradients))
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
