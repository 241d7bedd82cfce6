//! Setups of adapters, fusions and routers all of whose numbers are away from where they begin, and the check of their gradients.

use adaptune_adapters::{
    Adapter, Expression, ExpressionError, Fusion, FusionConfig, Mixer, MixerKind, RoutedBy, Router, RouterConfig,
    Setup, Supply, WantedMixer,
};
use adaptune_autograd::{CheckOptions, check_gradients_with};
use adaptune_tensor::{Gradients, Parameters, Scalar, Seed};
use adaptune_transformer::{Batch, Config, Encoder, Insertions, Pass};
use ndarray::Array2;

pub(crate) fn base<S: Scalar>() -> Encoder<S> {
    let config = Config { vocabulary: 11, positions: 12, ..Config::bert(6, 2, 2, 7) };
    Encoder::random(config, 0.4, Seed::new(3))
}

/// Moves every parameter away from where it begins.
pub(crate) fn stir<S: Scalar>(name: &str, of: &mut dyn Parameters<S>) {
    for (parameter_name, parameter) in of.parameters_mut() {
        let seed = Seed::new(7).named(name).named(&parameter_name);
        for (i, value) in parameter.values_mut().iter_mut().enumerate() {
            *value += S::from_f64(0.8 * seed.unit(i as u64) - 0.4);
        }
    }
}

/// Adapters `a`, `b`, `c`, of these methods, and fusions and routers by any name.
pub(crate) struct Stirred<'a, S> {
    pub(crate) methods: &'a [&'a str],
    pub(crate) fusion: &'a str,
    pub(crate) base: &'a Encoder<S>,
}

impl<S: Scalar> Supply<Setup<S>, Mixer<S>> for Stirred<'_, S> {
    fn adapter(&mut self, name: &str) -> Option<Setup<S>> {
        let method = self.methods.get(["a", "b", "c"].iter().position(|known| *known == name)?)?;
        let method = method.parse().unwrap_or_else(|e| panic!("{method}: {e}"));
        let mut adapter = Adapter::on(name, &method, self.base, Seed::new(5)).unwrap_or_else(|e| panic!("{e}"));
        stir(name, &mut adapter);
        Some(adapter.into())
    }

    fn mixer(&mut self, wanted: &WantedMixer<'_>, parts: &[Setup<S>]) -> Option<Mixer<S>> {
        let (name, model, seed) = (wanted.name(), self.base.config(), Seed::new(2));
        let mut mixer = match wanted.kind {
            MixerKind::Fusion => {
                let config: FusionConfig = self.fusion.parse().unwrap_or_else(|e| panic!("{}: {e}", self.fusion));
                Mixer::from(Fusion::new(name, &config, model, parts.first()?, seed).ok()?)
            }
            MixerKind::Router => {
                let config =
                    RouterConfig::of_fields(wanted.settings.iter().map(|(name, value)| (name.as_str(), value)));
                let config = config.unwrap_or_else(|e| panic!("{name}: {e}"));
                if config.by == RoutedBy::Arrow {
                    let router = Router::arrow(name, &config, parts);
                    return Some(router.unwrap_or_else(|e| panic!("{name}: {e}")).into());
                }
                Mixer::from(Router::new(name, &config, model, parts, seed).unwrap_or_else(|e| panic!("{name}: {e}")))
            }
        };
        match &mut mixer {
            Mixer::Fusion(fusion) => stir(name, fusion),
            // Scores far apart: at ties a choice has no derivative.
            Mixer::Router(router) => {
                stir(name, router);
                let values = router.parameters_mut();
                values
                    .into_iter()
                    .flat_map(|(_, values)| values.values_mut())
                    .for_each(|value| *value *= S::from_f64(5.0));
            }
        }
        Some(mixer)
    }
}

pub(crate) fn setup<S: Scalar>(
    text: &str,
    methods: &[&str],
    fusion: &str,
    base: &Encoder<S>,
) -> Result<Setup<S>, ExpressionError> {
    let expression: Expression = text.parse()?;
    Setup::supplied(&expression, base.config(), &mut Stirred { methods, fusion, base })
}

pub(crate) fn batch(sequences: usize) -> Batch {
    let of = |i: usize| (0..1 + (i * 3) % 5).map(|t| ((i * 5 + t * 3) % 11) as u32).collect::<Vec<_>>();
    let all: Vec<Vec<u32>> = (0..sequences).map(of).collect();
    let batch = Batch::from_ids(&all.iter().map(Vec::as_slice).collect::<Vec<_>>());
    batch.with_groups((0..sequences).map(groups).collect()).expect("some for each")
}

/// One of three groups for each sequence, and of the fourth two.
fn groups(sequence: usize) -> Vec<(usize, f64)> {
    match sequence {
        3 => vec![(1, 0.25), (2, 0.75)],
        _ => vec![((2 * sequence + 1) % 3, 1.0)],
    }
}

pub(crate) fn hidden<S: Scalar>(base: &Encoder<S>, insertions: &dyn Insertions<S>) -> Array2<S> {
    base.forward(&batch(4), insertions, Pass::evaluate()).expect("a good batch").hidden
}

pub(crate) fn off<S: Scalar>(a: &Array2<S>, b: &Array2<S>) -> f64 {
    (a - b).iter().fold(0.0, |most, d| d.to_f64().abs().max(most))
}

/// The loss `Σ w ∘ hidden` with fixed random weights and what modules add to it, and its gradients, with dropout always of the same
/// masks.
pub(crate) fn loss(base: &Encoder<f64>, setup: &Setup<f64>) -> (f64, Gradients<f64>) {
    let encoded = base.forward(&batch(4), setup, Pass::train(Seed::new(8))).expect("a good batch");
    let weight = Array2::from_shape_fn(encoded.hidden.dim(), |(t, d)| Seed::new(11).at(t as u64).unit(d as u64) - 0.5);
    let (loss, mut gradients) = ((&encoded.hidden * &weight).sum(), Gradients::new());
    encoded.trace.backward(weight, &mut gradients);
    (loss + gradients.take_loss(), gradients)
}

/// Checks the gradients of everything that trains, but for routers that choose one hard: what is passed straight through is no
/// derivative.
pub(crate) fn check(what: &str, mut tree: Setup<f64>, base: &Encoder<f64>) {
    let slots = tree.train_from(0);
    let (_, gradients) = loss(base, &tree);
    // A choice is not to change within a step.
    let options = CheckOptions { step: 1e-4, ..CheckOptions::default() };
    let dropped = what.starts_with("layer_drop")
        || what.contains("by=chance")
        || what.contains("top=")
        || what.contains("hard=True");
    assert!(gradients.len() == slots || dropped, "{what}: {} gradients of {slots}", gradients.len());
    for i in 0..slots {
        let (name, parameter) = tree.parameters().swap_remove(i);
        if what.contains("hard=True") && name.starts_with("router:") {
            continue;
        }
        let (slot, point) = (parameter.slot().expect("it trains"), parameter.values().to_vec());
        let gradient = gradients.get(slot).map(|gradient| gradient.iter().copied().collect());
        let gradient: Vec<f64> = gradient.unwrap_or_else(|| vec![0.0; point.len()]);
        let f = |x: &[f64]| {
            tree.parameters_mut().swap_remove(i).1.values_mut().copy_from_slice(x);
            loss(base, &tree).0
        };
        check_gradients_with(options, f, &point, &gradient).unwrap_or_else(|e| panic!("{what}: {name}: {e}"));
        tree.parameters_mut().swap_remove(i).1.values_mut().copy_from_slice(&point);
    }
}
