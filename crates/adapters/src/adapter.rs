//! An adapter: a named set of modules, each at its insertion point.

use crate::bottleneck::Bottleneck;
use crate::config::{BottleneckConfig, MethodError};
use crate::method::Method;
use crate::wiring::BottleneckAdapter;
use adaptune_tensor::{Named, NamedMut, Parameters, Scalar, Seed};
use adaptune_transformer::{
    AttentionModule, Config, Insertions, LinearModule, LinearPoint, Projection, SequenceModule, SequencePoint,
    Sublayer, SublayerModule, SublayerPoint,
};
use std::collections::BTreeMap;
use std::fmt;

/// Any insertion point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Point {
    /// After the embeddings or after a block.
    Sequence(SequencePoint),
    /// One of the six projections of a block.
    Linear(LinearPoint),
    /// Keys and values of a block.
    Attention(usize),
    /// The end of a half block.
    Sublayer(SublayerPoint),
}

/// A module of an adapter: parameters, and the shape of insertion point that it fits.
///
/// A method implements the shape it needs and says so here.
pub trait Module<S: Scalar>: Parameters<S> + Send + Sync {
    /// The module for a linear layer, if it is one.
    fn linear(&self) -> Option<&dyn LinearModule<S>> {
        None
    }
    /// The module for the end of a half block, if it is one.
    fn sublayer(&self) -> Option<&dyn SublayerModule<S>> {
        None
    }
    /// The module between blocks, if it is one.
    fn sequence(&self) -> Option<&dyn SequenceModule<S>> {
        None
    }
    /// The module for keys and values, if it is one.
    fn attention(&self) -> Option<&dyn AttentionModule<S>> {
        None
    }
}

impl<S: Scalar> Module<S> for BottleneckAdapter<S> {
    fn sublayer(&self) -> Option<&dyn SublayerModule<S>> {
        Some(self)
    }
}

/// A named adapter for one base model.
///
/// It is plugged in by passing it to [`Encoder::forward`](adaptune_transformer::Encoder::forward).
pub struct Adapter<S> {
    name: String,
    /// `None` for one that was put together by hand.
    method: Option<Method>,
    modules: BTreeMap<Point, Box<dyn Module<S>>>,
}

impl<S> fmt::Debug for Adapter<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let points: Vec<&Point> = self.modules.keys().collect();
        f.debug_struct("Adapter")
            .field("name", &self.name)
            .field("method", &self.method)
            .field("points", &points)
            .finish()
    }
}

impl<S: Scalar> Adapter<S> {
    /// A new adapter with its initial values, which depend on the seed and the place alone.
    ///
    /// # Errors
    /// If the method does not fit the model.
    pub fn new(name: &str, method: &Method, model: &Config, seed: Seed) -> Result<Self, MethodError> {
        let modules = match method {
            Method::Bottleneck(config) => bottlenecks(config, model, seed)?,
        };
        Ok(Self::from_parts(name, Some(method.clone()), modules))
    }

    pub(crate) fn from_parts(name: &str, method: Option<Method>, modules: BTreeMap<Point, Box<dyn Module<S>>>) -> Self {
        Self { name: name.to_owned(), method, modules }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its configuration; `None` for an adapter [of modules](Adapter::of_modules).
    #[must_use]
    pub fn method(&self) -> Option<&Method> {
        self.method.as_ref()
    }

    /// The points at which it has modules, in the order of the model.
    pub fn points(&self) -> impl Iterator<Item = Point> {
        self.modules.keys().copied()
    }

    /// The parameters of the module at a point, under their names within it.
    pub fn module_parameters(&self, point: Point) -> Named<'_, S> {
        self.modules.get(&point).map(|m| m.parameters()).unwrap_or_default()
    }

    /// The same parameters, to be changed.
    pub fn module_parameters_mut(&mut self, point: Point) -> NamedMut<'_, S> {
        self.modules.get_mut(&point).map(|m| m.parameters_mut()).unwrap_or_default()
    }
}

fn bottlenecks<S: Scalar>(
    config: &BottleneckConfig,
    model: &Config,
    seed: Seed,
) -> Result<BTreeMap<Point, Box<dyn Module<S>>>, MethodError> {
    let seed = config.init_weights_seed.map_or(seed, Seed::new);
    let module = |(point, shape): (SublayerPoint, _)| {
        let seed = seed.at(point.layer as u64).at(point.sublayer as u64);
        let bottleneck = Bottleneck::new(shape, config.init_weights, seed);
        let wired = BottleneckAdapter::new(bottleneck, config.position(), config.original_ln_after, config.ln_after);
        (Point::Sublayer(point), Box::new(wired) as Box<dyn Module<S>>)
    };
    Ok(config.check(model)?.into_iter().map(module).collect())
}

impl<S: Scalar> Parameters<S> for Adapter<S> {
    fn list<'a>(&'a self, name: &str, all: &mut Named<'a, S>) {
        self.modules
            .iter()
            .for_each(|(point, module)| module.list(&adaptune_tensor::join(name, &point.to_string()), all));
    }
    fn list_mut<'a>(&'a mut self, name: &str, all: &mut NamedMut<'a, S>) {
        let modules = self.modules.iter_mut();
        modules.for_each(|(point, module)| module.list_mut(&adaptune_tensor::join(name, &point.to_string()), all));
    }
}

impl<S: Scalar> Insertions<S> for Adapter<S> {
    fn linear(&self, point: LinearPoint) -> Option<&dyn LinearModule<S>> {
        self.modules.get(&Point::Linear(point))?.linear()
    }
    fn sublayer(&self, point: SublayerPoint) -> Option<&dyn SublayerModule<S>> {
        self.modules.get(&Point::Sublayer(point))?.sublayer()
    }
    fn sequence(&self, point: SequencePoint) -> Option<&dyn SequenceModule<S>> {
        self.modules.get(&Point::Sequence(point))?.sequence()
    }
    fn attention(&self, layer: usize) -> Option<&dyn AttentionModule<S>> {
        self.modules.get(&Point::Attention(layer))?.attention()
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sequence(SequencePoint::Embeddings) => write!(f, "embeddings"),
            Self::Sequence(SequencePoint::Block(layer)) => write!(f, "layer.{layer}"),
            Self::Attention(layer) => write!(f, "layer.{layer}.keys_values"),
            Self::Linear(LinearPoint { layer, projection }) => {
                write!(f, "layer.{layer}.{}", projection_name(*projection))
            }
            Self::Sublayer(SublayerPoint { layer, sublayer: Sublayer::Attention }) => {
                write!(f, "layer.{layer}.attention")
            }
            Self::Sublayer(SublayerPoint { layer, sublayer: Sublayer::FeedForward }) => {
                write!(f, "layer.{layer}.feed_forward")
            }
        }
    }
}

fn projection_name(projection: Projection) -> &'static str {
    match projection {
        Projection::Query => "query",
        Projection::Key => "key",
        Projection::Value => "value",
        Projection::AttentionOutput => "attention_output",
        Projection::FeedForwardIn => "feed_forward_in",
        Projection::FeedForwardOut => "feed_forward_out",
    }
}
