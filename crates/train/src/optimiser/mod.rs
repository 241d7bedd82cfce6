//! Optimisers: how gradients change parameters.
//!
//! The names, the arithmetic and the order of its steps are PyTorch's, so that a run here and a run
//! there can be laid side by side. An [`Optimiser`] owns one update rule for each [`Slot`]; a rule
//! is a file of this folder: the formula and what it remembers from step to step.

mod adamw;
mod sgd;

pub use adamw::AdamW;
pub use sgd::Sgd;

use adaptune_tensor::{AnyParameter, Gradients, Kind, Scalar, Slot};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use thiserror::Error;

/// Which optimiser, with its settings. Learning rates are given at each step instead.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum OptimiserConfig {
    /// Adam with decoupled weight decay.
    AdamW(AdamW),
    /// Gradient descent, with momentum if wanted.
    Sgd(Sgd),
}

impl Default for OptimiserConfig {
    fn default() -> Self {
        Self::AdamW(AdamW::default())
    }
}

/// A trainable parameter as the optimiser sees it at one step.
pub struct Trainable<'a, S: Scalar> {
    /// Its name, for messages.
    pub name: String,
    /// Its values and its slot.
    pub parameter: &'a mut dyn AnyParameter<S>,
    /// The learning rate of its group at this step: the group's peak times the schedule's factor.
    pub learning_rate: f64,
    /// Weight decay applies to it.
    pub decays: bool,
}

impl<'a, S: Scalar> Trainable<'a, S> {
    /// A parameter that decays if its kind [`decays`].
    pub fn new(name: impl Into<String>, parameter: &'a mut dyn AnyParameter<S>, learning_rate: f64) -> Self {
        let decays = decays(parameter.kind());
        Self { name: name.into(), parameter, learning_rate, decays }
    }
}

/// True for the kinds that weight decay applies to: weights, but neither biases nor layer norms.
#[must_use]
pub fn decays(kind: Kind) -> bool {
    kind == Kind::Weight
}

/// Settings or parameters that no optimiser can work with.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum OptimiserError {
    /// A setting outside its range.
    #[error("{setting} of {optimiser} is {found}, but must be {expected}")]
    Setting {
        /// The optimiser.
        optimiser: &'static str,
        /// The setting.
        setting: &'static str,
        /// Its range.
        expected: &'static str,
        /// What it is.
        found: f64,
    },
    /// A parameter without a slot.
    #[error("parameter {name} is frozen: give the optimiser only parameters that train")]
    Frozen {
        /// The parameter.
        name: String,
    },
    /// Two parameters with one slot.
    #[error("parameter {name} has slot {slot}, which another parameter has too: number all of them in one row")]
    SharedSlot {
        /// The second of the two.
        name: String,
        /// Their slot.
        slot: usize,
    },
}

/// A saved state that does not belong to this optimiser.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum StateError {
    /// A buffer is not there.
    #[error("optimiser state {name} is missing: was it saved by another optimiser, or for other parameters?")]
    Missing {
        /// The buffer.
        name: String,
    },
    /// A buffer that this optimiser does not have, or one that is there twice.
    #[error("optimiser state {name} is unexpected: was it saved by another optimiser, or for other parameters?")]
    Unexpected {
        /// The buffer.
        name: String,
    },
    /// A buffer has another length.
    #[error("optimiser state {name} holds {found} numbers, but its parameter needs {expected}")]
    Length {
        /// The buffer.
        name: String,
        /// How many numbers it should hold.
        expected: usize,
        /// How many it holds.
        found: usize,
    },
    /// A number that no sound run leaves behind.
    #[error("optimiser state {name} holds {found}, not {expected}: the file is damaged, or its run had diverged")]
    Value {
        /// The buffer.
        name: String,
        /// What it should hold.
        expected: &'static str,
        /// What it holds.
        found: f64,
    },
}

/// Changes parameters by their gradients, and remembers what its rule needs between steps.
///
/// ```
/// use adaptune_tensor::{Gradients, Kind, Parameter, Parameters};
/// use adaptune_train::{AdamW, Optimiser, OptimiserConfig, Trainable};
/// use ndarray::arr1;
///
/// // Minimise (w − 3)²/2, whose gradient is w − 3.
/// let mut w = Parameter::new(Kind::Weight, arr1(&[0.0_f64]));
/// w.train_from(0);
/// let config = OptimiserConfig::AdamW(AdamW { weight_decay: 0.0, ..AdamW::default() });
/// let mut optimiser = Optimiser::new(config, &[Trainable::new("w", &mut w, 0.1)])?;
/// for _ in 0..300 {
///     let mut gradients = Gradients::new();
///     gradients.add(&w, &w.view() - 3.0);
///     optimiser.step(&mut [Trainable::new("w", &mut w, 0.1)], &gradients);
/// }
/// assert!((w.view()[0] - 3.0).abs() < 1e-3);
/// # Ok::<(), adaptune_train::OptimiserError>(())
/// ```
#[derive(Debug)]
pub struct Optimiser<S> {
    rules: BTreeMap<Slot, Box<dyn Rule<S>>>,
}

/// The update rule of one parameter with what it remembers of it.
trait Rule<S>: Debug + Send {
    /// Changes the values by their gradient, which is as long.
    fn update(&mut self, values: &mut [S], gradient: &[S], learning_rate: f64, decays: bool);
    /// What it remembers, under PyTorch's names; the first buffer, if any, is as long as the values.
    fn buffers(&self) -> Vec<(&'static str, &[S])>;
    /// The same buffers in the same order, to be restored.
    fn buffers_mut(&mut self) -> Vec<&mut [S]>;
}

impl<S: Scalar> Optimiser<S> {
    /// An optimiser for these parameters, as it is before the first step.
    ///
    /// # Errors
    /// If a setting is outside its range, a parameter is frozen, or two share a slot.
    pub fn new(config: OptimiserConfig, parameters: &[Trainable<'_, S>]) -> Result<Self, OptimiserError> {
        config.check()?;
        let mut rules = BTreeMap::new();
        for Trainable { name, parameter, .. } in parameters {
            let slot = parameter.slot().ok_or_else(|| OptimiserError::Frozen { name: name.clone() })?;
            if rules.insert(slot, config.rule(parameter.values().len())).is_some() {
                return Err(OptimiserError::SharedSlot { name: name.clone(), slot: slot.0 });
            }
        }
        Ok(Self { rules })
    }

    /// One step. A parameter without a gradient stays as it is, and so does what is remembered of it.
    ///
    /// # Panics
    /// If a parameter with a gradient was not among those given to [`Optimiser::new`], or changed its length since.
    pub fn step(&mut self, parameters: &mut [Trainable<'_, S>], gradients: &Gradients<S>) {
        for Trainable { name, parameter, learning_rate, decays } in parameters {
            let Some((slot, gradient)) = parameter.slot().and_then(|slot| Some((slot, gradients.get(slot)?))) else {
                continue;
            };
            let gradient = gradient.to_slice().expect("gradient buffers are contiguous");
            let rule = self.rules.get_mut(&slot);
            let rule = rule.unwrap_or_else(|| panic!("parameter {name} is new to the optimiser: build a new one"));
            let values = parameter.values_mut();
            let remembered = rule.buffers().first().map_or(values.len(), |(_, buffer)| buffer.len());
            assert_eq!([gradient.len(), remembered], [values.len(); 2], "parameter {name} changed its length");
            rule.update(values, gradient, *learning_rate, *decays);
        }
    }

    /// What the optimiser remembers: named buffers such as `exp_avg.3`, the number being the slot.
    ///
    /// Every parameter is there, also one that never had a gradient. Together with the parameters'
    /// values this is all that [`load_state`](Self::load_state) needs to go on as if nothing had happened.
    #[must_use]
    pub fn state(&self) -> Vec<(String, Vec<S>)> {
        let buffers = self.rules.iter().flat_map(|(slot, rule)| rule.buffers().into_iter().map(move |b| (slot, b)));
        buffers.map(|(slot, (name, values))| (format!("{name}.{}", slot.0), values.to_vec())).collect()
    }

    /// Restores what [`state`](Self::state) gave, in any order. On an error nothing has changed.
    ///
    /// # Errors
    /// If a buffer is missing, unexpected, there twice, of another length, or holds numbers that are not finite.
    pub fn load_state(&mut self, state: Vec<(String, Vec<S>)>) -> Result<(), StateError> {
        let expected = self.state();
        let mut saved = index(state)?;
        for (name, values) in &expected {
            let found = saved.get(name).ok_or_else(|| StateError::Missing { name: name.clone() })?;
            check_buffer(name, values.len(), found)?;
        }
        let known: BTreeSet<&String> = expected.iter().map(|(name, _)| name).collect();
        if let Some(name) = saved.keys().find(|name| !known.contains(name)) {
            return Err(StateError::Unexpected { name: name.clone() });
        }
        let buffers = self.rules.values_mut().flat_map(|rule| rule.buffers_mut());
        for (buffer, (name, _)) in buffers.zip(&expected) {
            buffer.copy_from_slice(&saved.remove(name).expect("checked above"));
        }
        Ok(())
    }
}

/// The name of the buffer that counts the steps a parameter took part in.
const STEP: &str = "step";

fn index<S>(state: Vec<(String, Vec<S>)>) -> Result<BTreeMap<String, Vec<S>>, StateError> {
    let mut saved = BTreeMap::new();
    for (name, values) in state {
        if saved.contains_key(&name) {
            return Err(StateError::Unexpected { name });
        }
        saved.insert(name, values);
    }
    Ok(saved)
}

fn check_buffer<S: Scalar>(name: &str, expected: usize, values: &[S]) -> Result<(), StateError> {
    if values.len() != expected {
        return Err(StateError::Length { name: name.to_owned(), expected, found: values.len() });
    }
    let mut values = values.iter().map(|v| v.to_f64());
    let (expected, broken) = if name.starts_with(STEP) {
        ("a whole number of steps", values.find(|v| !v.is_finite() || *v < 0.0 || v.fract() != 0.0))
    } else {
        ("finite numbers", values.find(|v| !v.is_finite()))
    };
    match broken {
        Some(found) => Err(StateError::Value { name: name.to_owned(), expected, found }),
        None => Ok(()),
    }
}

impl OptimiserConfig {
    fn rule<S: Scalar>(self, len: usize) -> Box<dyn Rule<S>> {
        match self {
            Self::AdamW(config) => Box::new(adamw::AdamWRule::new(config, len)),
            Self::Sgd(config) => Box::new(sgd::SgdRule::new(config, len)),
        }
    }

    /// Checks that every setting lies in its range.
    ///
    /// # Errors
    /// [`OptimiserError::Setting`] for the first that does not.
    pub fn check(&self) -> Result<(), OptimiserError> {
        match self {
            Self::AdamW(config) => config.check(),
            Self::Sgd(config) => config.check(),
        }
    }
}

/// A range of settings, with the words that messages use for it.
type Range = (fn(f64) -> bool, &'static str);
const FROM_ZERO_BELOW_ONE: Range = (|x| (0.0..1.0).contains(&x), "at least 0 and below 1");
const NOT_NEGATIVE: Range = (|x| x >= 0.0 && x.is_finite(), "a number that is not negative");

fn check_settings(optimiser: &'static str, settings: &[(&'static str, f64, Range)]) -> Result<(), OptimiserError> {
    match settings.iter().find(|(_, found, (holds, _))| !holds(*found)) {
        Some(&(setting, found, (_, expected))) => Err(OptimiserError::Setting { optimiser, setting, expected, found }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use adaptune_tensor::{Parameter, Parameters};
    use ndarray::{Array, Dimension, Ix1, Ix2};

    /// A weight of slot 2 and a bias of slot 0.
    struct Model<S> {
        weight: Parameter<S, Ix2>,
        bias: Parameter<S, Ix1>,
    }

    impl<S: Scalar> Model<S> {
        fn new() -> Self {
            let start = |i: usize| S::from_f64((0.3 - 0.17 * i as f64) * if i % 2 == 0 { 1.0 } else { -1.4 });
            let mut weight = Parameter::new(Kind::Weight, Array::from_shape_fn((2, 3), |(i, j)| start(3 * i + j)));
            let mut bias = Parameter::new(Kind::Bias, Array::from_shape_fn(3, start));
            weight.set_slot(Some(Slot(2)));
            bias.set_slot(Some(Slot(0)));
            Self { weight, bias }
        }

        fn trainables(&mut self, step: usize) -> [Trainable<'_, S>; 2] {
            let (falling, slow) = (0.05 / (step + 1) as f64, 0.02 * (5 - step) as f64);
            [Trainable::new("weight", &mut self.weight, falling), Trainable::new("bias", &mut self.bias, slow)]
        }

        fn optimiser(&mut self, config: OptimiserConfig) -> Optimiser<S> {
            Optimiser::new(config, &self.trainables(0)).expect("sound settings")
        }

        /// Gradients that answer to the values, so that an error of one step shows in the next. The
        /// weight has none at step 2.
        fn gradients(&self, step: usize) -> Gradients<S> {
            let mut gradients = Gradients::new();
            if step != 2 {
                gradients.add(&self.weight, pull(&self.weight, step));
            }
            gradients.add(&self.bias, pull(&self.bias, step));
            gradients
        }

        fn take(&mut self, optimiser: &mut Optimiser<S>, steps: std::ops::Range<usize>) {
            for step in steps {
                let gradients = self.gradients(step);
                optimiser.step(&mut self.trainables(step), &gradients);
            }
        }

        fn values(&self) -> Vec<f64> {
            self.weight.values().iter().chain(self.bias.values()).map(|v| v.to_f64()).collect()
        }
    }

    /// `sin(1.3 i + 0.7 t + 0.1 n) + p_i/2` for value `i` of `n` at step `t`.
    fn pull<S: Scalar, D: Dimension>(parameter: &Parameter<S, D>, step: usize) -> Array<S, D> {
        let mut gradient = parameter.view().to_owned();
        let n = gradient.len() as f64;
        for (i, g) in gradient.iter_mut().enumerate() {
            let wave = (1.3 * i as f64 + 0.7 * step as f64 + 0.1 * n).sin();
            *g = S::from_f64(wave) + *g * S::from_f64(0.5);
        }
        gradient
    }

    /// Five steps of both parameters, each with its own learning rates; returns weight and bias.
    pub(super) fn run<S: Scalar>(config: OptimiserConfig) -> Vec<f64> {
        let mut model = Model::<S>::new();
        let mut optimiser = model.optimiser(config);
        model.take(&mut optimiser, 0..5);
        model.values()
    }

    pub(super) fn assert_close(found: &[f64], expected: &[f64], tolerance: f64) {
        assert_eq!(found.len(), expected.len());
        for (i, (f, e)) in found.iter().zip(expected).enumerate() {
            assert!((f - e).abs() <= tolerance, "value {i} is {f}, but {e} was expected");
        }
    }

    const CONFIGS: [OptimiserConfig; 3] = [
        OptimiserConfig::AdamW(AdamW { beta1: 0.83, beta2: 0.957, epsilon: 1e-3, weight_decay: 0.37 }),
        OptimiserConfig::Sgd(Sgd { momentum: 0.73, weight_decay: 0.29 }),
        OptimiserConfig::Sgd(Sgd { momentum: 0.0, weight_decay: 0.29 }),
    ];

    #[test]
    fn weights_decay_and_biases_and_norms_do_not() {
        assert_eq!([Kind::Weight, Kind::Bias, Kind::Norm].map(decays), [true, false, false]);
    }

    #[test]
    fn a_resumed_run_ends_in_the_same_bits() {
        for config in CONFIGS {
            let mut model = Model::<f32>::new();
            let mut first = model.optimiser(config);
            model.take(&mut first, 0..3);
            let mut state = first.state();
            state.reverse();
            let mut second = model.optimiser(config);
            second.load_state(state).expect("its own state");
            model.take(&mut second, 3..5);
            assert_eq!(model.values(), run::<f32>(config), "{config:?}");
        }
    }

    #[test]
    fn a_parameter_without_a_gradient_is_left_alone() {
        for config in CONFIGS {
            let mut model = Model::<f64>::new();
            let mut optimiser = model.optimiser(config);
            model.take(&mut optimiser, 0..2);
            let of_weight = |state: Vec<(String, Vec<f64>)>| {
                state.into_iter().filter(|(name, _)| name.ends_with(".2")).collect::<Vec<_>>()
            };
            let before = (model.weight.values().to_vec(), of_weight(optimiser.state()));
            let bias = model.bias.values().to_vec();
            model.take(&mut optimiser, 2..3);
            assert_eq!(before, (model.weight.values().to_vec(), of_weight(optimiser.state())), "{config:?}");
            assert_ne!(bias, model.bias.values(), "{config:?}");
        }
    }

    #[test]
    fn the_state_names_every_slot() {
        let mut model = Model::<f32>::new();
        let names = |optimiser: &Optimiser<f32>| -> Vec<(String, usize)> {
            optimiser.state().into_iter().map(|(name, values)| (name, values.len())).collect()
        };
        let sizes = [("exp_avg", 3), ("exp_avg_sq", 3), ("step", 1)].map(|(name, len)| (format!("{name}.0"), len));
        let more = [("exp_avg", 6), ("exp_avg_sq", 6), ("step", 1)].map(|(name, len)| (format!("{name}.2"), len));
        assert_eq!(names(&model.optimiser(CONFIGS[0])), [sizes, more].concat());
        assert_eq!(names(&model.optimiser(CONFIGS[1])), [("momentum.0".into(), 3), ("momentum.2".into(), 6)]);
        assert_eq!(names(&model.optimiser(CONFIGS[2])), []);
    }

    /// A change to a saved state, and the message it must lead to.
    type Damage = (fn(&mut Vec<(String, Vec<f64>)>), &'static str);

    const DAMAGES: [Damage; 6] = [
        (|s| drop(s.remove(4)), "optimiser state exp_avg_sq.2 is missing: "),
        (|s| s.push(("exp_avg.1".into(), vec![0.5])), "optimiser state exp_avg.1 is unexpected: "),
        (|s| s.push(s[3].clone()), "optimiser state exp_avg.2 is unexpected: "),
        (|s| s[0].1.push(0.5), "optimiser state exp_avg.0 holds 4 numbers, but its parameter needs 3"),
        (|s| s[5].1[0] = 1.5, "optimiser state step.2 holds 1.5, not a whole number of steps: "),
        (|s| s[1].1[2] = f64::NAN, "optimiser state exp_avg_sq.0 holds NaN, not finite numbers: "),
    ];

    #[test]
    fn a_state_that_does_not_fit_changes_nothing() {
        let mut model = Model::<f64>::new();
        let mut saved = model.optimiser(CONFIGS[0]);
        model.take(&mut saved, 0..2);
        let mut optimiser = model.optimiser(CONFIGS[0]);
        let fresh = optimiser.state();
        for (damage, message) in DAMAGES {
            let mut state = saved.state();
            damage(&mut state);
            let error = optimiser.load_state(state).expect_err(message).to_string();
            assert!(error.starts_with(message), "{error}");
            assert_eq!(optimiser.state(), fresh, "{message}");
        }
        assert!(model.optimiser(CONFIGS[1]).load_state(saved.state()).is_err());
    }

    #[test]
    fn parameters_that_cannot_be_trained_are_named() {
        let mut model = Model::<f32>::new();
        model.bias.set_slot(Some(Slot(2)));
        let error = Optimiser::new(CONFIGS[0], &model.trainables(0)).expect_err("shared");
        assert_eq!(error, OptimiserError::SharedSlot { name: "bias".into(), slot: 2 });
        model.weight.freeze();
        let error = Optimiser::new(CONFIGS[1], &model.trainables(0)).expect_err("frozen");
        assert_eq!(error, OptimiserError::Frozen { name: "weight".into() });
        let wrong = OptimiserConfig::Sgd(Sgd { momentum: -1.0, weight_decay: 0.0 });
        assert!(matches!(Optimiser::new(wrong, &model.trainables(0)), Err(OptimiserError::Setting { .. })));
    }

    #[test]
    #[should_panic(expected = "parameter bias is new to the optimiser")]
    fn a_parameter_that_came_later_is_refused() {
        let mut model = Model::<f32>::new();
        let mut optimiser = Optimiser::new(CONFIGS[0], &model.trainables(0)[..1]).expect("sound settings");
        model.take(&mut optimiser, 0..1);
    }
}
