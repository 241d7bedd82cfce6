//! Which adapters are fused, and by what.

use super::fusion::Fusion;
use crate::compose::error::CompositionError;
use crate::compose::expression::FUSE;
use crate::compose::mixer::Mixer;
use crate::compose::mixing::{MixerKind, Mixing};
use crate::compose::node::{Given, Node};
use crate::compose::points::check_batches;
use crate::core::insertion_points::{linear_points, sequence_points, sublayer_points};
use crate::core::point::Point;
use adaptune_tensor::Scalar;
use adaptune_transformer::{Config, Insertions, SublayerModule, SublayerPoint};

/// Adapters that were trained apart, and a [`Fusion`] that learns for each token, at each point, how much attention to pay to each of them
/// (AdapterFusion; Pfeiffer et al., 2021).
///
/// The adapters mostly stay as they are ([`Setup::frozen`](crate::Setup::frozen)), while the fusion trains, and a head with it. All
/// of them have modules at the same ends of sublayers, and do nothing there but add to the output: bottlenecks and Compacters, in
/// series or parallel, and stacks of such. What the base computes for them is computed once.
///
/// ```
/// use adaptune_adapters::{Adapter, Fuse, Fusion, FusionConfig, Setup};
/// use adaptune_tensor::{Parameters, Seed};
/// use adaptune_transformer::Config;
/// let model = Config::bert(8, 2, 2, 12);
/// let adapter = |name| Adapter::<f32>::new(name, &"seq_bn".parse().expect("a method"), &model, Seed::new(2));
/// let parts = [adapter("mood")?, adapter("topic")?].map(|adapter| Setup::from(adapter).frozen());
/// let fusion = Fusion::new("both", &FusionConfig::dynamic(), &model, &parts[0], Seed::new(3))?;
/// let setup = Setup::from(Fuse::new(&model, parts.into(), fusion)?);
/// assert_eq!(setup.to_string(), "fuse(mood, topic; both)");
/// // Two layers; query and key have biases, the value matrix has none.
/// assert_eq!(setup.parameter_count(), 2 * (2 * (64 + 8) + 64));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Fuse<S, P> {
    parts: Vec<P>,
    fusion: Fusion<S>,
}

impl<S: Scalar, P> Fuse<S, P> {
    /// These parts, fused. The order counts: queries are made of what the last part reads, and AdapterHub's name of a fusion is
    /// that of its adapters in their order.
    ///
    /// # Errors
    /// If there are no parts, they have modules at different points, at others than the ends of sublayers, or such as do more than
    /// add to the output; if the fusion is for other points; or if they were put together for batches of different numbers of
    /// sequences.
    pub fn new(model: &Config, parts: Vec<P>, fusion: Fusion<S>) -> Result<Self, CompositionError>
    where
        P: Insertions<S>,
    {
        if parts.is_empty() {
            return Err(CompositionError::Nothing);
        }
        check_batches(&parts)?;
        for (part, p) in parts.iter().enumerate() {
            if let Some(point) = not_fused(model, p) {
                return Err(CompositionError::NotFused { point: point.to_string(), part });
            }
            check_points(model, p, part, &fusion)?;
        }
        Ok(Self { parts, fusion })
    }

    /// The parts.
    #[must_use]
    pub fn parts(&self) -> &[P] {
        &self.parts
    }

    /// What fuses them.
    #[must_use]
    pub fn fusion(&self) -> &Fusion<S> {
        &self.fusion
    }
}

/// The first point at which a part has a module that cannot be fused.
fn not_fused<S: Scalar, P: Insertions<S>>(model: &Config, part: &P) -> Option<Point> {
    let not_added = |point: &SublayerPoint| {
        part.sublayer(*point).is_some_and(|m| m.reads(*point).is_none() || !m.properties(*point).may_be_followed)
    };
    let sublayers = sublayer_points(model).filter(not_added).map(Point::from);
    let linear = linear_points(model).filter(|point| part.linear(*point).is_some()).map(Point::from);
    let sequences = sequence_points(model).filter(|point| part.sequence(*point).is_some()).map(Point::from);
    let attention = (0..model.blocks()).filter(|layer| part.attention(*layer).is_some()).map(Point::Attention);
    sublayers.chain(linear).chain(sequences).chain(attention).next()
}

/// The fusion has a layer where the part has a module, and nowhere else.
fn check_points<S: Scalar, P: Insertions<S>>(
    model: &Config,
    p: &P,
    part: usize,
    fusion: &Fusion<S>,
) -> Result<(), CompositionError> {
    for point in sublayer_points(model) {
        let (module, layer) = (p.sublayer(point).is_some(), fusion.layer(point).is_some());
        let (name, point) = (fusion.name().to_owned(), Point::from(point).to_string());
        match (module, layer) {
            (true, false) => return Err(CompositionError::BesideFusion { name, part, point }),
            (false, true) => return Err(CompositionError::MissingInFusion { name, part, point }),
            _ => {}
        }
    }
    Ok(())
}

/// No part has modules at other points: [`Fuse::new`].
impl<S: Scalar, P: Insertions<S> + Send> Insertions<S> for Fuse<S, P> {
    fn sublayer(&self, point: SublayerPoint) -> Option<&dyn SublayerModule<S>> {
        self.fusion.layer(point).map(|_| self as _)
    }
    fn sequences(&self) -> Option<usize> {
        self.parts.iter().find_map(Insertions::sequences)
    }
    fn groups(&self) -> Option<usize> {
        self.parts.iter().find_map(Insertions::groups)
    }
}

impl<S: Scalar, P: Insertions<S>> Node<S, P> for Fuse<S, P> {
    const NAME: &'static str = FUSE;
    const MIXER: Option<MixerKind> = Some(MixerKind::Fusion);

    fn parts(&self) -> &[P] {
        &self.parts
    }
    fn mixing(&self) -> Option<&dyn Mixing<S>> {
        Some(&self.fusion)
    }
    fn parts_and_mixing_mut(&mut self) -> (&mut [P], Option<&mut dyn Mixing<S>>) {
        (&mut self.parts, Some(&mut self.fusion))
    }
    fn make(model: &Config, parts: Vec<P>, given: Given<S>) -> Result<Self, CompositionError> {
        match given.mixer {
            Some(Mixer::Fusion(fusion)) => Self::new(model, parts, fusion),
            _ => Err(CompositionError::NoMixer { kind: MixerKind::Fusion }),
        }
    }
}
