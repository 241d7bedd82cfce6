//! MTL-LoRAs of several tasks that share `A` and the `B_i` while they train, or skills that they choose among.
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
use crate::methods::lora::poly::config::PolytroponConfig;
use crate::methods::lora::poly::layer::{Choice, Skills};
use crate::registry::method::Method;
use adaptune_tensor::{Named, NamedMut, Parameters, Scalar, Seed, join};
use adaptune_transformer::{Config, Insertions, LinearBackward, LinearInput, LinearModule, LinearPoint, Properties};
use ndarray::Array2;
use std::collections::BTreeMap;

/// What several tasks train together: at every layer one `A` and one set of `B_i`, and `Λ` and `w` for each task; or skills, LoRAs of which each task
/// has some ([`MultiTask::polytropon`]).
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
    kind: Kind,
    layers: BTreeMap<LinearPoint, Layer<S>>,
}

/// What is shared.
#[derive(Clone, Debug)]
enum Kind {
    Mtl(MtlLoraConfig),
    Polytropon(PolytroponConfig),
}

/// One layer: what is shared, and what each task has.
#[derive(Clone, Debug)]
enum Layer<S> {
    Mtl(Shared<S>, Vec<Own<S>>),
    Polytropon(Skills<S>, Vec<Choice<S>>),
}

impl<S: Scalar> Layer<S> {
    fn shared(&self) -> &dyn Parameters<S> {
        match self {
            Self::Mtl(shared, _) => shared,
            Self::Polytropon(skills, _) => skills,
        }
    }

    fn own(&self, task: usize) -> &dyn Parameters<S> {
        match self {
            Self::Mtl(_, own) => &own[task],
            Self::Polytropon(_, choices) => &choices[task],
        }
    }

    fn parts_mut(&mut self) -> (&mut dyn Parameters<S>, Vec<&mut dyn Parameters<S>>) {
        match self {
            Self::Mtl(shared, own) => (shared, own.iter_mut().map(|one| one as _).collect()),
            Self::Polytropon(skills, choices) => (skills, choices.iter_mut().map(|one| one as _).collect()),
        }
    }
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
            (point, Layer::Mtl(Shared::new(shape(point.projection, model), config, seed), own))
        };
        Ok(Self {
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            kind: Kind::Mtl(config.clone()),
            layers: config.points(model)?.into_iter().map(layer).collect(),
        })
    }

    /// New skills for tasks of these names, and for each task and layer a logit of each skill (Polytropon: E. Ponti et al., EACL 2023,
    /// [arXiv:2202.13914](https://arxiv.org/abs/2202.13914)). What a task has of them in training is drawn anew for each batch; at the end its
    /// [adapter](Self::adapter) is a LoRA, whose matrices are averages of those of its skills.
    ///
    /// ```
    /// use adaptune_adapters::{Method, MultiTask, PolytroponConfig};
    /// use adaptune_tensor::{Parameters, Seed};
    /// use adaptune_transformer::Config;
    /// let config = PolytroponConfig { n_skills: 3, ..PolytroponConfig::polytropon() };
    /// let tasks = MultiTask::<f32>::polytropon(&["topic", "mood"], &config, &Config::bert(8, 2, 2, 12), Seed::new(2))?;
    /// // Two layers with queries and values: three skills each, and three logits for each task.
    /// assert_eq!(tasks.parameter_count(), 2 * 2 * (3 * 2 * 8 * 8 + 2 * 3));
    /// assert!(matches!(tasks.adapter(1).method(), Some(Method::Lora(_))));
    /// # Ok::<(), adaptune_adapters::MethodError>(())
    /// ```
    ///
    /// # Errors
    /// If there is no task, two have one name, or the configuration does not fit the model.
    pub fn polytropon(
        names: &[&str],
        config: &PolytroponConfig,
        model: &Config,
        seed: Seed,
    ) -> Result<Self, MethodError> {
        check_names(names)?;
        let seed = config.lora.init_weights_seed.map_or(seed, Seed::new);
        let layer = |point: LinearPoint| {
            let seed = seed.at(point.layer as u64).at(point.projection as u64);
            let choices = names.iter().map(|name| Choice::new(config, seed.named(name))).collect();
            (point, Layer::Polytropon(Skills::new(shape(point.projection, model), config, seed), choices))
        };
        Ok(Self {
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            kind: Kind::Polytropon(config.clone()),
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
            let (shared, each) = layer.parts_mut();
            copy(shared.parameters_mut(), adapters[0].module_parameters(point))?;
            for (own, adapter) in each.into_iter().zip(adapters) {
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

    /// The method of the adapter that each task has at the end: an MTL-LoRA, or of skills a LoRA.
    #[must_use]
    pub fn method(&self) -> Method {
        match &self.kind {
            Kind::Mtl(config) => Method::MtlLora(config.clone()),
            Kind::Polytropon(config) => Method::Lora(config.lora.clone()),
        }
    }

    /// How many numbers all tasks share.
    #[must_use]
    pub fn shared_count(&self) -> usize {
        self.layers.values().map(|layer| layer.shared().parameter_count()).sum()
    }

    /// How many skills tasks choose among; `None` of MTL-LoRAs.
    #[must_use]
    pub fn skills(&self) -> Option<usize> {
        match &self.kind {
            Kind::Mtl(_) => None,
            Kind::Polytropon(config) => Some(config.n_skills),
        }
    }

    /// What task number `task`, from 0, plugs into a base.
    ///
    /// # Panics
    /// If there is no such task.
    #[must_use]
    pub fn task(&self, task: usize) -> TaskOf<'_, S> {
        let mut at = BTreeMap::new();
        for (point, layer) in &self.layers {
            let one = match layer {
                Layer::Mtl(shared, own) => One::Mtl(shared, &own[task]),
                Layer::Polytropon(skills, choices) => One::Polytropon(skills, &choices[task]),
            };
            at.insert(*point, one);
        }
        TaskOf { at }
    }

    /// The adapter of task number `task`, from 0, with a copy of what is shared. It is frozen.
    ///
    /// # Panics
    /// If there is no such task.
    #[must_use]
    pub fn adapter(&self, task: usize) -> Adapter<S> {
        let mut modules = Modules::new();
        for (point, layer) in &self.layers {
            let placed = match layer {
                Layer::Mtl(shared, own) => modules.place(*point, MtlLora::of(shared.clone(), own[task].clone())),
                Layer::Polytropon(skills, choices) => modules.place(*point, skills.finished(&choices[task])),
            };
            placed.expect("every point is there once");
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
            layer.shared().list(&name, all);
            self.names.iter().enumerate().for_each(|(i, task)| layer.own(i).list(&join(&name, task), all));
        }
    }
    fn list_mut<'a>(&'a mut self, name: &str, all: &mut NamedMut<'a, S>) {
        for (point, layer) in &mut self.layers {
            let name = join(name, &Point::from(*point).to_string());
            let (shared, each) = layer.parts_mut();
            shared.list_mut(&name, all);
            self.names.iter().zip(each).for_each(|(task, own)| own.list_mut(&join(&name, task), all));
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
enum One<'t, S> {
    Mtl(&'t Shared<S>, &'t Own<S>),
    Polytropon(&'t Skills<S>, &'t Choice<S>),
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
        match *self {
            Self::Mtl(shared, own) => shared.forward(own, input),
            Self::Polytropon(skills, choice) => skills.forward(choice, input),
        }
    }
}
