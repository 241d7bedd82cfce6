//! Optimisers: how gradients change parameters.
//!
//! Names and arithmetic are PyTorch's, so that a run here and a run there can be laid side by side.
//! An [`Optimiser`] owns one update rule for each [`Slot`]. A rule is a file of this folder: the
//! formula and what it remembers from step to step.

mod adamw;
mod config;
mod error;
mod rule;
mod sgd;

pub use config::OptimiserConfig;
pub use error::{OptimiserError, StateError};

use adaptune_tensor::{AnyParameter, Gradients, Kind, Named, Scalar, Slot};
use ndarray::{ArrayD, ArrayView};
use rayon::prelude::*;
use rule::{Rule, SECOND_MOMENT, STEP};
use std::collections::BTreeMap;

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

/// Changes parameters by their gradients, and remembers what its rule needs between steps.
///
/// ```
/// use adaptune_tensor::{Gradients, Kind, Parameter, Parameters};
/// use adaptune_train::{Optimiser, OptimiserConfig, Trainable};
/// use ndarray::arr1;
///
/// // Minimise (w − 3)²/2, whose gradient is w − 3.
/// let mut w = Parameter::new(Kind::Weight, arr1(&[0.0_f64]));
/// w.train_from(0);
/// let mut optimiser = Optimiser::new(OptimiserConfig::adamw(0.0), &w.parameters())?;
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
    tracked: BTreeMap<Slot, Tracked<S>>,
}

/// What the optimiser has of one parameter.
#[derive(Debug)]
struct Tracked<S> {
    shape: Vec<usize>,
    rule: Box<dyn Rule<S>>,
}

impl<S: Scalar> Optimiser<S> {
    /// An optimiser for those of the parameters that train, as it is before the first step.
    ///
    /// # Errors
    /// If a setting is outside its range, or two parameters share a slot.
    pub fn new(config: OptimiserConfig, parameters: &Named<'_, S>) -> Result<Self, OptimiserError> {
        config.check()?;
        let mut tracked = BTreeMap::new();
        for (name, parameter) in parameters {
            let Some(slot) = parameter.slot() else { continue };
            let rule = config.rule(parameter.values().len());
            if tracked.insert(slot, Tracked { shape: parameter.shape().to_vec(), rule }).is_some() {
                return Err(OptimiserError::SharedSlot { name: name.clone(), slot: slot.0 });
            }
        }
        Ok(Self { tracked })
    }

    /// One step. A parameter without a gradient stays as it is, and so does what is remembered of it.
    ///
    /// # Panics
    /// If a parameter with a gradient was not among those given to [`Optimiser::new`], or had
    /// another shape then.
    pub fn step(&mut self, parameters: &mut [Trainable<'_, S>], gradients: &Gradients<S>) {
        let mut tracked: BTreeMap<_, _> = self.tracked.iter_mut().collect();
        let mut updates = Vec::new();
        for Trainable { name, parameter, learning_rate, decays } in parameters {
            let Some(slot) = parameter.slot() else { continue };
            let Some(gradient) = gradients.get(slot) else { continue };
            let Some(Tracked { shape, rule }) = tracked.remove(&slot) else {
                panic!("the optimiser was built without parameter {name}, slot {}", slot.0)
            };
            let shapes = [gradient.shape(), parameter.shape()];
            assert_eq!(shapes, [shape.as_slice(); 2], "parameter {name} has another shape than before");
            let gradient = gradient.to_slice().expect("gradient buffers are contiguous");
            updates.push((rule, parameter.values_mut(), gradient, *learning_rate, *decays));
        }
        updates.into_par_iter().with_max_len(1).for_each(|(rule, values, gradient, learning_rate, decays)| {
            rule.update(values, gradient, learning_rate, decays);
        });
    }

    /// What the optimiser remembers: named arrays such as `exp_avg.3`, the number being the slot.
    ///
    /// Every parameter is there, also one that never had a gradient. With the parameters' values
    /// this is all that [`load_state`](Self::load_state) needs to go on as if nothing had happened.
    #[must_use]
    pub fn state(&self) -> Vec<(String, ArrayD<S>)> {
        let mut state = Vec::new();
        for (slot, Tracked { shape, rule }) in &self.tracked {
            for (name, values) in rule.buffers() {
                let shape = if name == STEP { &[1] } else { shape.as_slice() };
                let values = ArrayView::from_shape(shape, values).expect("a buffer is as long as its parameter");
                state.push((format!("{name}.{}", slot.0), values.to_owned()));
            }
        }
        state
    }

    /// Restores what [`state`](Self::state) gave. On an error nothing has changed.
    ///
    /// # Errors
    /// If an array is missing, unexpected, of another shape, or holds numbers that are not finite.
    pub fn load_state(&mut self, saved: BTreeMap<String, ArrayD<S>>) -> Result<(), StateError> {
        self.check_state(&saved, usize::MAX)?;
        let state = self.state();
        let buffers = self.tracked.values_mut().flat_map(|tracked| tracked.rule.buffers_mut());
        for (buffer, (name, _)) in buffers.zip(&state) {
            buffer.iter_mut().zip(&saved[name]).for_each(|(now, saved)| *now = *saved);
        }
        Ok(())
    }

    /// Checks what [`load_state`](Self::load_state) would load, of a run that has taken so many steps.
    pub(crate) fn check_state(&self, saved: &BTreeMap<String, ArrayD<S>>, steps: usize) -> Result<(), StateError> {
        let state = self.state();
        for (name, now) in &state {
            let found = saved.get(name).ok_or_else(|| StateError::Missing { name: name.clone() })?;
            check_saved(name, now.shape(), found, steps)?;
        }
        match saved.keys().find(|name| state.iter().all(|(known, _)| known != *name)) {
            Some(name) => Err(StateError::Unexpected { name: name.clone() }),
            None => Ok(()),
        }
    }
}

fn check_saved<S: Scalar>(name: &str, expected: &[usize], saved: &ArrayD<S>, steps: usize) -> Result<(), StateError> {
    if saved.shape() != expected {
        let (expected, found) = (expected.to_vec(), saved.shape().to_vec());
        return Err(StateError::Shape { name: name.to_owned(), expected, found });
    }
    match saved.iter().find_map(|value| wrong(name, value.to_f64(), steps)) {
        Some((found, expected)) => Err(StateError::Value { name: name.to_owned(), expected, found }),
        None => Ok(()),
    }
}

/// A number that no sound run of so many steps leaves behind, and what it should be.
fn wrong(name: &str, value: f64, steps: usize) -> Option<(f64, &'static str)> {
    let expected = match name.split('.').next() {
        Some(STEP) if !(value >= 0.0 && value.is_finite() && value.fract() == 0.0) => "a whole number of steps",
        Some(STEP) if value > steps as f64 => "at most the steps of the run",
        Some(SECOND_MOMENT) if value < 0.0 => "squares, none below 0",
        _ if !value.is_finite() => "finite numbers",
        _ => return None,
    };
    Some((value, expected))
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
            let start = |i: usize| S::from_f64((0.3 - 0.17 * i as f64) * if i.is_multiple_of(2) { 1.0 } else { -1.4 });
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

        fn named(&self) -> Named<'_, S> {
            vec![("weight".into(), &self.weight), ("bias".into(), &self.bias)]
        }

        fn optimiser(&self, config: OptimiserConfig) -> Optimiser<S> {
            Optimiser::new(config, &self.named()).expect("sound settings")
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
        OptimiserConfig::AdamW { beta1: 0.83, beta2: 0.957, epsilon: 1e-3, weight_decay: 0.37 },
        OptimiserConfig::Sgd { momentum: 0.73, weight_decay: 0.29 },
        OptimiserConfig::Sgd { momentum: 0.0, weight_decay: 0.29 },
    ];

    #[test]
    fn weights_decay_and_biases_and_norms_do_not() {
        assert_eq!(
            [Kind::Weight, Kind::Bias, Kind::Norm, Kind::Frame, Kind::NearIdentity].map(decays),
            [true, false, false, false, false]
        );
    }

    #[test]
    fn a_resumed_run_ends_in_the_same_bits() {
        for config in CONFIGS {
            let mut model = Model::<f32>::new();
            let mut first = model.optimiser(config);
            model.take(&mut first, 0..3);
            let mut second = model.optimiser(config);
            second.load_state(first.state().into_iter().collect()).expect("its own state");
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
            let of_weight = |state: Vec<(String, ArrayD<f64>)>| {
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
        let describe = |config| -> Vec<String> {
            let state = Model::<f32>::new().optimiser(config).state();
            state.into_iter().map(|(name, array)| format!("{name} {:?}", array.shape())).collect()
        };
        let bias = ["exp_avg.0 [3]", "exp_avg_sq.0 [3]", "step.0 [1]"];
        let weight = ["exp_avg.2 [2, 3]", "exp_avg_sq.2 [2, 3]", "step.2 [1]"];
        assert_eq!(describe(CONFIGS[0]), [bias, weight].concat());
        assert_eq!(describe(CONFIGS[1]), ["momentum.0 [3]", "momentum.2 [2, 3]"]);
        assert!(describe(CONFIGS[2]).is_empty());
    }

    type State = BTreeMap<String, ArrayD<f64>>;

    /// A change to a saved state, and the message that it must lead to.
    type Damage = (fn(&mut State), &'static str);

    const DAMAGES: [Damage; 6] = [
        (|s| drop(s.remove("exp_avg_sq.2")), "optimiser state exp_avg_sq.2 is missing: "),
        (|s| drop(s.insert("exp_avg.1".into(), s["exp_avg.0"].clone())), "optimiser state exp_avg.1 is unexpected: "),
        (
            |s| drop(s.insert("exp_avg.2".into(), s["exp_avg.2"].t().to_owned())),
            "optimiser state exp_avg.2 has shape [3, 2], but [2, 3] was expected: ",
        ),
        (|s| set(s, "step.2", 1.5), "optimiser state step.2 holds 1.5, expected a whole number of steps: "),
        (|s| set(s, "step.0", -1.0), "optimiser state step.0 holds -1, expected a whole number of steps: "),
        (|s| set(s, "exp_avg_sq.0", f64::NAN), "optimiser state exp_avg_sq.0 holds NaN, expected finite numbers: "),
    ];

    fn set(state: &mut State, name: &str, value: f64) {
        state.get_mut(name).and_then(|array| array.last_mut()).map(|v| *v = value).expect("a known name");
    }

    #[test]
    fn a_state_that_does_not_fit_changes_nothing() {
        let mut model = Model::<f64>::new();
        let mut trained = model.optimiser(CONFIGS[0]);
        model.take(&mut trained, 0..2);
        let saved: State = trained.state().into_iter().collect();
        let mut optimiser = model.optimiser(CONFIGS[0]);
        let fresh = optimiser.state();
        for (damage, message) in DAMAGES {
            let mut state = saved.clone();
            damage(&mut state);
            let error = optimiser.load_state(state).expect_err(message).to_string();
            assert!(error.starts_with(message), "{error}");
            assert_eq!(optimiser.state(), fresh, "{message}");
        }
        assert!(model.optimiser(CONFIGS[1]).load_state(saved).is_err());
    }

    #[test]
    fn frozen_parameters_are_left_out() {
        let mut model = Model::<f32>::new();
        model.weight.freeze();
        let mut optimiser = model.optimiser(CONFIGS[1]);
        assert_eq!(optimiser.state().len(), 1);
        let before = model.weight.values().to_vec();
        model.take(&mut optimiser, 0..2);
        assert_eq!(model.weight.values(), before);
    }

    #[test]
    fn a_shared_slot_is_refused() {
        let mut model = Model::<f32>::new();
        model.bias.set_slot(Some(Slot(2)));
        let error = Optimiser::new(CONFIGS[0], &model.named()).expect_err("shared");
        assert_eq!(error, OptimiserError::SharedSlot { name: "bias".into(), slot: 2 });
    }

    #[test]
    #[should_panic(expected = "the optimiser was built without parameter bias, slot 0")]
    fn a_parameter_that_came_later_is_refused() {
        let mut model = Model::<f32>::new();
        let mut optimiser = Optimiser::new(CONFIGS[0], &model.weight.parameters()).expect("sound settings");
        model.take(&mut optimiser, 0..1);
    }

    #[test]
    #[should_panic(expected = "parameter bias has another shape than before")]
    fn a_parameter_that_grew_is_refused() {
        let mut model = Model::<f32>::new();
        let mut optimiser = model.optimiser(CONFIGS[0]);
        model.bias = Parameter::new(Kind::Bias, Array::ones(4));
        model.bias.set_slot(Some(Slot(0)));
        model.take(&mut optimiser, 0..1);
    }
}
