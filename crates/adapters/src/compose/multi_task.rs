//! MTL-LoRAs of several tasks that share `A` and the `B_i` while they train.
//!
//! Sharing needs nothing but one value in one place: a shared array has one slot, so that the gradients of all tasks are added
//! up in one buffer, and an optimiser, which knows arrays by their slots, changes it once a step.

use crate::adapter::Adapter;
use crate::core::error::MethodError;
use crate::core::modules::Modules;
use crate::core::point::Point;
use crate::methods::lora::config::shape;
use crate::methods::lora::mtl::config::MtlLoraConfig;
use crate::methods::lora::mtl::layer::{MtlLora, Own, Shared};
use crate::registry::method::Method;
use adaptune_tensor::{Named, NamedMut, Parameters, Scalar, Seed, join};
use adaptune_transformer::{Config, Insertions, LinearBackward, LinearInput, LinearModule, LinearPoint, Properties};
use ndarray::Array2;
use std::collections::BTreeMap;

/// What several tasks train together: at every layer one `A` and one set of `B_i`, and `Λ` and `w` for each task.
///
/// [`MultiTask::task`] is what one task plugs in. A batch of several tasks is a [`PerSequence`](crate::PerSequence) of them, and the
/// gradients of what they share add up:
///
/// ```
/// use adaptune_adapters::{MtlLoraConfig, MultiTask, PerSequence};
/// use adaptune_tensor::{Gradients, Parameters, Seed};
/// use adaptune_transformer::{Batch, Config, Encoder, Pass};
/// let base = Encoder::<f32>::random(Config { vocabulary: 11, positions: 9, ..Config::bert(8, 2, 2, 12) }, 0.1, Seed::new(1));
/// let config = MtlLoraConfig { n_up_projection: 3, ..MtlLoraConfig::mtl_lora() };
/// let mut tasks = MultiTask::new(&["topic", "mood"], &config, base.config(), Seed::new(2))?;
/// tasks.train_from(0);
/// let (topic, mood) = (tasks.task(0), tasks.task(1));
/// let mixed = PerSequence::new(vec![&topic, &mood], &[0, 1, 1])?;
/// let encoded = base.forward(&Batch::from_ids(&[&[1, 2, 3], &[4], &[5, 6]]), &mixed, Pass::differentiate())?;
/// let mut gradients = Gradients::new();
/// encoded.trace.backward(encoded.hidden, &mut gradients);
/// assert_eq!(gradients.len(), tasks.parameters().len());
/// // Each task by itself, to be saved, merged or served.
/// assert_eq!(tasks.adapter(1).name(), "mood");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Its parameters are called by the layer, those of a task by its name besides: `layer.0.query.lora_A`,
/// `layer.0.query.mood.weights`.
#[derive(Clone, Debug)]
pub struct MultiTask<S> {
    names: Vec<String>,
    config: MtlLoraConfig,
    layers: BTreeMap<LinearPoint, Layer<S>>,
}

/// One layer: what is shared, and what each task has.
#[derive(Clone, Debug)]
struct Layer<S> {
    shared: Shared<S>,
    own: Vec<Own<S>>,
}

impl<S: Scalar> MultiTask<S> {
    /// New ones for tasks of these names.
    ///
    /// # Errors
    /// If there is no task, two have one name, or the configuration does not fit the model.
    pub fn new(names: &[&str], config: &MtlLoraConfig, model: &Config, seed: Seed) -> Result<Self, MethodError> {
        check_names(names)?;
        let seed = config.lora.init_weights_seed.map_or(seed, Seed::new);
        let layer = |point: LinearPoint| {
            let seed = seed.at(point.layer as u64).at(point.projection as u64);
            let own = names.iter().map(|name| Own::new(config, seed.named(name))).collect();
            (point, Layer { shared: Shared::new(shape(point.projection, model), config, seed), own })
        };
        Ok(Self {
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            config: config.clone(),
            layers: config.points(model)?.into_iter().map(layer).collect(),
        })
    }

    /// Of finished adapters, one for each task, under their names: the first one's `A` and `B_i` become those of all.
    ///
    /// # Errors
    /// If there is none, two have one name, or they are no MTL-LoRAs of one configuration for this model.
    pub fn of(adapters: &[&Adapter<S>], model: &Config) -> Result<Self, MethodError> {
        let names: Vec<&str> = adapters.iter().map(|adapter| adapter.name()).collect();
        check_names(&names)?;
        let Some(Method::MtlLora(config)) = adapters[0].method() else { return Err(NOT_ALIKE) };
        if adapters.iter().any(|adapter| adapter.method() != adapters[0].method()) {
            return Err(NOT_ALIKE);
        }
        let mut tasks = Self::new(&names, config, model, Seed::new(0))?;
        for (point, layer) in &mut tasks.layers {
            let point = Point::from(*point);
            copy(layer.shared.parameters_mut(), adapters[0].module_parameters(point))?;
            for (own, adapter) in layer.own.iter_mut().zip(adapters) {
                copy(own.parameters_mut(), adapter.module_parameters(point))?;
            }
        }
        Ok(tasks)
    }

    /// The names of the tasks.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The method of all tasks, an MTL-LoRA.
    #[must_use]
    pub fn method(&self) -> Method {
        Method::MtlLora(self.config.clone())
    }

    /// What task number `task`, from 0, plugs into a base.
    ///
    /// # Panics
    /// If there is no such task.
    #[must_use]
    pub fn task(&self, task: usize) -> TaskOf<'_, S> {
        let layers = self.layers.iter();
        TaskOf { at: layers.map(|(point, l)| (*point, One { shared: &l.shared, own: &l.own[task] })).collect() }
    }

    /// The adapter of task number `task`, from 0, with a copy of what is shared. It is frozen.
    ///
    /// # Panics
    /// If there is no such task.
    #[must_use]
    pub fn adapter(&self, task: usize) -> Adapter<S> {
        let mut modules = Modules::new();
        for (point, layer) in &self.layers {
            let module = MtlLora::of(layer.shared.clone(), layer.own[task].clone());
            modules.place(*point, module).expect("every point is there once");
        }
        let mut adapter = Adapter::from_parts(&self.names[task], Some(self.method()), modules);
        adapter.freeze();
        adapter
    }
}

const NOT_ALIKE: MethodError =
    MethodError::Contradiction("only adapters of mtl_lora that have one configuration can share their matrices");

fn check_names(names: &[&str]) -> Result<(), MethodError> {
    if names.is_empty() {
        return Err(MethodError::Nothing("name at least one task"));
    }
    if (1..names.len()).any(|i| names[..i].contains(&names[i])) {
        return Err(MethodError::Contradiction("tasks that share matrices need names that differ"));
    }
    Ok(())
}

/// Copies the values of parameters of the same names.
fn copy<S: Scalar>(into: NamedMut<'_, S>, from: Named<'_, S>) -> Result<(), MethodError> {
    for (name, parameter) in into {
        let found = from.iter().find(|(known, _)| *known == name).map(|(_, p)| *p);
        let found = found.filter(|p| p.shape() == parameter.shape());
        let found = found.ok_or(MethodError::Contradiction("the adapters were made for a model of another size"))?;
        parameter.values_mut().copy_from_slice(found.values());
    }
    Ok(())
}

impl<S: Scalar> Parameters<S> for MultiTask<S> {
    fn list<'a>(&'a self, name: &str, all: &mut Named<'a, S>) {
        for (point, layer) in &self.layers {
            let name = join(name, &Point::from(*point).to_string());
            layer.shared.list(&name, all);
            self.names.iter().zip(&layer.own).for_each(|(task, own)| own.list(&join(&name, task), all));
        }
    }
    fn list_mut<'a>(&'a mut self, name: &str, all: &mut NamedMut<'a, S>) {
        for (point, layer) in &mut self.layers {
            let name = join(name, &Point::from(*point).to_string());
            layer.shared.list_mut(&name, all);
            self.names.iter().zip(&mut layer.own).for_each(|(task, own)| own.list_mut(&join(&name, task), all));
        }
    }
}

/// What one task of a [`MultiTask`] plugs into a base.
#[derive(Debug)]
pub struct TaskOf<'t, S> {
    at: BTreeMap<LinearPoint, One<'t, S>>,
}

/// One layer for one task.
#[derive(Debug)]
struct One<'t, S> {
    shared: &'t Shared<S>,
    own: &'t Own<S>,
}

impl<S: Scalar> Insertions<S> for TaskOf<'_, S> {
    fn linear(&self, point: LinearPoint) -> Option<&dyn LinearModule<S>> {
        self.at.get(&point).map(|one| one as _)
    }
}

impl<S: Scalar> LinearModule<S> for One<'_, S> {
    fn properties(&self, _: LinearPoint) -> Properties {
        Properties { token_wise: true, causal: true, may_be_followed: true, needs_plain_weight: false }
    }

    fn forward<'a>(&'a self, input: LinearInput<'a, S>) -> (Array2<S>, Option<LinearBackward<'a, S>>) {
        self.shared.forward(self.own, input)
    }
}
