//! Among which adapters is chosen, and by what.

use super::config::RoutedBy;
use super::router::{Router, routed_points};
use crate::compose::error::CompositionError;
use crate::compose::expression::ROUTE;
use crate::compose::mixer::Mixer;
use crate::compose::mixing::{MixerKind, Mixing};
use crate::compose::node::{Given, Node};
use crate::compose::points::{check_batches, never_mixed, not_token_wise};
use crate::core::point::Point;
use adaptune_tensor::Scalar;
use adaptune_transformer::{Config, Insertions, LinearModule, LinearPoint, Properties, SublayerModule, SublayerPoint};

/// Several adapters, of which a [`Router`] chooses, for each token or sequence at each point, those that it is to pass through: a
/// mixture of experts whose experts are adapters.
///
/// | point | |
/// |---|---|
/// | linear layer | `y = y_0 + Σ_i g_i (y_i − y_0)`: `y_0` is the output of the layer, `y_i` that with part `i` |
/// | end of a sublayer | `z = o + Σ_i g_i c_i`, where part `i` would go on with `z_i = o + c_i`; the base's last norm comes once, behind |
///
/// The weights `g` and their gradients are in [`RouterConfig`](crate::RouterConfig) and its fields. With `top=k` only the chosen
/// adapters are computed, each for its own tokens: a step costs what one of `k` adapters' does, however many there are. A part
/// without a module at a point adds nothing there. Adapters that put tokens into sequences, or change them between blocks, are
/// refused. Router and adapters may train together, or the router alone over [frozen](crate::Setup::frozen) ones.
///
/// ```
/// use adaptune_adapters::{Adapter, Route, Router, RouterConfig, Setup};
/// use adaptune_tensor::{Parameters, Seed};
/// use adaptune_transformer::Config;
/// let model = Config::bert(8, 2, 2, 12);
/// let adapter = |name| Adapter::<f32>::new(name, &"seq_bn".parse().expect("a method"), &model, Seed::new(2));
/// let parts = [adapter("one")?, adapter("two")?, adapter("three")?].map(Setup::from);
/// let config = RouterConfig { top: Some(2), ..RouterConfig::default() };
/// let router = Router::new("chosen", &config, &model, &parts, Seed::new(3))?;
/// let setup = Setup::from(Route::new(&model, parts.into(), router)?);
/// assert_eq!(setup.to_string(), "route(one, two, three; chosen)");
/// // Two layers, each with a weight for each adapter and number of the hidden state.
/// assert_eq!(setup.router().map(Parameters::parameter_count), Some(2 * 3 * 8));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Route<S, P> {
    parts: Vec<P>,
    router: Router<S>,
}

impl<S: Scalar, P> Route<S, P> {
    /// These parts, and a router among them.
    ///
    /// # Errors
    /// If there are no parts, the router is for another number of them or for other points, a part has a module that cannot be
    /// chosen, or they were put together for batches of different numbers of sequences.
    pub fn new(model: &Config, parts: Vec<P>, router: Router<S>) -> Result<Self, CompositionError>
    where
        P: Insertions<S>,
    {
        if parts.is_empty() {
            return Err(CompositionError::Nothing);
        }
        if router.experts() != parts.len() {
            let name = router.name().to_owned();
            return Err(CompositionError::Experts { name, found: router.experts(), parts: parts.len() });
        }
        check_batches(&parts)?;
        for (part, p) in parts.iter().enumerate() {
            if let Some(point) = never_mixed(model, p) {
                return Err(CompositionError::NotRouted { point: point.to_string(), part });
            }
            if let Some(point) = not_token_wise(model, p).filter(|_| !router.config().keeps_sequences_whole()) {
                return Err(CompositionError::NotTokenWise { point: point.to_string(), part });
            }
        }
        check_points(model, &parts, &router)?;
        Ok(Self { parts, router })
    }

    /// The parts.
    #[must_use]
    pub fn parts(&self) -> &[P] {
        &self.parts
    }

    /// What chooses among them.
    #[must_use]
    pub fn router(&self) -> &Router<S> {
        &self.router
    }

    /// What a choice among modules with these properties promises: one by the mean over a sequence sees later tokens too.
    pub(super) fn routed(&self, modules: Properties) -> Properties {
        let by_sequence = self.router.config().by == RoutedBy::Sequence;
        Properties { token_wise: modules.token_wise && !by_sequence, causal: modules.causal && !by_sequence, ..modules }
    }
}

fn check_points<S: Scalar, P: Insertions<S>>(
    model: &Config,
    parts: &[P],
    router: &Router<S>,
) -> Result<(), CompositionError> {
    let of_parts: Vec<Point> = routed_points(model, parts).into_iter().map(|(point, _)| point).collect();
    let of_router: Vec<Point> = router.points().collect();
    let alone = of_parts.iter().find(|p| !of_router.contains(p)).or(of_router.iter().find(|p| !of_parts.contains(p)));
    let differ = |point: &Point| (router.name().to_owned(), point.to_string());
    match alone.map(differ) {
        Some((name, point)) => Err(CompositionError::RouterPoints { name, point }),
        None => Ok(()),
    }
}

/// No part has modules between blocks or at keys and values: [`Route::new`].
impl<S: Scalar, P: Insertions<S> + Send> Insertions<S> for Route<S, P> {
    fn linear(&self, point: LinearPoint) -> Option<&dyn LinearModule<S>> {
        self.router.layer(point).map(|_| self as _)
    }
    fn sublayer(&self, point: SublayerPoint) -> Option<&dyn SublayerModule<S>> {
        self.router.layer(point).map(|_| self as _)
    }
    fn sequences(&self) -> Option<usize> {
        self.parts.iter().find_map(Insertions::sequences)
    }
    fn groups(&self) -> Option<usize> {
        self.parts.iter().find_map(Insertions::groups)
    }
}

impl<S: Scalar, P: Insertions<S>> Node<S, P> for Route<S, P> {
    const NAME: &'static str = ROUTE;
    const MIXER: Option<MixerKind> = Some(MixerKind::Router);

    fn parts(&self) -> &[P] {
        &self.parts
    }
    fn mixing(&self) -> Option<&dyn Mixing<S>> {
        Some(&self.router)
    }
    fn parts_and_mixing_mut(&mut self) -> (&mut [P], Option<&mut dyn Mixing<S>>) {
        (&mut self.parts, Some(&mut self.router))
    }
    fn make(model: &Config, parts: Vec<P>, given: Given<S>) -> Result<Self, CompositionError> {
        match given.mixer {
            Some(Mixer::Router(router)) => Self::new(model, parts, router),
            _ => Err(CompositionError::NoMixer { kind: MixerKind::Router }),
        }
    }
}
