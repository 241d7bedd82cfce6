//! A frozen base, an adapter or a tree of them in it, what is thawed over it, and a head on it.

mod parts;

pub use parts::{Counts, Part};

use crate::adapter::Adapter;
use crate::compose::error::CompositionError;
use crate::compose::layer_drop::{LayerDrop, check_left};
use crate::compose::setup::Setup;
use crate::compose::stack::Stack;
use crate::compose::watch::MixingRecord;
use crate::head::{Head, TargetScale};
use crate::objective::Objective;
use crate::objective::through_head::ThroughHead;
use adaptune_tensor::{AnyParameter, Gradients, Named, NamedMut, Parameters, Scalar, in_pool};
use adaptune_transformer::{Base, Batch, BatchError, Encoder, Entry, Pass, Selection, State, Thawed};
use ndarray::Array2;
use std::sync::Arc;

/// A base model with an adapter, perhaps some of its own tensors thawed, and a head.
///
/// The base is shared and never changes; adapter, thawed copies and head are what trains. Without the first two the
/// head alone does. In the place of one adapter there may be a [`Setup`]: the adapter may [stand upon](AdapterModel::upon)
/// others that stay as they are, or [several may train](AdapterModel::with_setup).
#[derive(Debug)]
pub struct AdapterModel<S> {
    base: Arc<Encoder<S>>,
    setup: Setup<S>,
    head: Head<S>,
    thawed: Option<Thawed<S>>,
    /// How many of the lowest layers are without what is plugged in.
    left_out: usize,
}

impl<S: Scalar> AdapterModel<S> {
    /// Puts the three together. Adapter and head train from now on; [`Parameters::freeze`] ends that.
    #[must_use]
    pub fn new(base: Arc<Encoder<S>>, adapter: Option<Adapter<S>>, head: Head<S>) -> Self {
        let mut model = Self { base, setup: adapter.into(), head, thawed: None, left_out: 0 };
        model.train_from(0);
        model
    }

    /// The same model with trainable copies of some of the base's tensors, which train too.
    #[must_use]
    pub fn with_thawed(self, thawed: Option<Thawed<S>>) -> Self {
        let mut model = Self { thawed, ..self };
        model.train_from(0);
        model
    }

    /// The same model, whose head goes on learning on another scale and answers as before: [`Head::rescaled`].
    #[must_use]
    pub fn with_head_scale(self, scale: Option<TargetScale>) -> Self {
        Self { head: self.head.rescaled(scale), ..self }
    }

    /// The same model with another setup in it, whose adapters train from now on but for those that are
    /// [frozen](Setup::Frozen).
    ///
    /// # Errors
    /// If a frozen adapter trains, two that train have one name, a module looks at whole sequences in a decoder, or a language model's output would have to undo two
    /// invertible adapters, or one that only some sequences have.
    pub fn with_setup(self, setup: impl Into<Setup<S>>) -> Result<Self, CompositionError> {
        let mut model = Self { setup: setup.into(), ..self };
        model.setup.check()?;
        let config = model.base.config();
        if let Some(point) = model.setup.not_causal(config).filter(|_| config.is_causal()) {
            return Err(CompositionError::NotCausal { point: point.to_string() });
        }
        if model.head.config().task.predicts_tokens() {
            model.setup.sole_inverse()?;
        }
        model.train_from(0);
        Ok(model)
    }

    /// The same model with its adapter upon these, the first one lowest; upon none if there are none. So a task's adapter
    /// learns upon a language's, and is used upon another language's (MAD-X).
    ///
    /// They are frozen, and no part of the model's parameters; [`save`](crate::format::save) leaves them out. Frozen ones that
    /// the model's own stood upon make way.
    ///
    /// # Errors
    /// If one of them trains, they mean nothing upon each other (see [`Stack`]), or as [`AdapterModel::with_setup`].
    pub fn upon(mut self, below: Vec<Arc<Adapter<S>>>) -> Result<Self, CompositionError> {
        let own = match std::mem::take(&mut self.setup) {
            Setup::Stack(stack) => stack.into_parts(),
            other => vec![other],
        };
        let own = own.into_iter().filter(|part| !matches!(part, Setup::None | Setup::Frozen(_)));
        let mut parts: Vec<Setup<S>> = below.into_iter().map(Setup::Frozen).chain(own).collect();
        let setup = match parts.len() {
            0 | 1 => parts.pop().unwrap_or_default(),
            _ => Stack::new(self.base.config(), parts)?.into(),
        };
        self.with_setup(setup)
    }

    /// The same model with its setup upon another one, which is frozen and a part of it from now on.
    ///
    /// # Errors
    /// If the two mean nothing upon each other (see [`Stack`]), or as [`AdapterModel::with_setup`].
    pub fn upon_setup(mut self, below: Setup<S>) -> Result<Self, CompositionError> {
        let own = std::mem::take(&mut self.setup);
        let stack = Stack::new(self.base.config(), vec![below.frozen(), own])?;
        self.with_setup(stack)
    }

    /// The frozen adapters of the setup, such as those that the model's own stands upon, the lowest first.
    #[must_use]
    pub fn below(&self) -> Vec<&Arc<Adapter<S>>> {
        self.setup.shared()
    }

    /// Leaves what is plugged into the lowest `layers` layers out of all passes from now on; 0 puts it back. Parameters and files stay
    /// as they are (AdapterDrop; see [`LayerDrop`]). What is at the embeddings stays.
    ///
    /// # Errors
    /// If nothing were left in any layer.
    pub fn leave_out_lowest(&mut self, layers: usize) -> Result<(), CompositionError> {
        check_left(self.base.config(), &self.setup, layers)?;
        self.left_out = layers;
        Ok(())
    }

    /// What passes meet of the setup.
    fn plugged(&self) -> LayerDrop<&Setup<S>> {
        LayerDrop::new(&self.setup, 0..self.left_out)
    }

    /// What is plugged into the base.
    #[must_use]
    pub fn setup(&self) -> &Setup<S> {
        &self.setup
    }

    /// The frozen base.
    #[must_use]
    pub fn base(&self) -> &Arc<Encoder<S>> {
        &self.base
    }

    /// The adapter that trains; `None` if there is none, or several are: see [`AdapterModel::setup`].
    #[must_use]
    pub fn adapter(&self) -> Option<&Adapter<S>> {
        match self.setup.training().as_slice() {
            [adapter] => Some(adapter),
            _ => None,
        }
    }

    /// The head.
    #[must_use]
    pub fn head(&self) -> &Head<S> {
        &self.head
    }

    /// Takes the model apart: the adapter that trained, head and thawed copies, which are frozen from now on. Where several
    /// adapters did, [`AdapterModel::into_setup`] gives them.
    #[must_use]
    pub fn into_parts(mut self) -> (Option<Adapter<S>>, Head<S>, Option<Thawed<S>>) {
        self.freeze();
        (self.setup.into_adapter(), self.head, self.thawed)
    }

    /// Takes the model apart: setup, head and thawed copies, all of them frozen.
    #[must_use]
    pub fn into_setup(mut self) -> (Setup<S>, Head<S>, Option<Thawed<S>>) {
        self.freeze();
        (self.setup.frozen(), self.head, self.thawed)
    }

    /// The trainable copies of the base's tensors.
    #[must_use]
    pub fn thawed(&self) -> Option<&Thawed<S>> {
        self.thawed.as_ref()
    }

    /// The base with what is thawed over it, as passes see it.
    #[must_use]
    pub fn thawed_base(&self) -> Base<'_, S> {
        Base::new(&self.base, self.thawed.as_ref())
    }

    /// How many numbers each part holds.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts {
            base: self.base.parameter_count(),
            adapter: self.setup.parameter_count(),
            head: self.head.parameter_count(),
            thawed: self.thawed.as_ref().map_or(0, Parameters::parameter_count),
        }
    }

    /// How many of the base's blocks, from the lowest on, nothing that trains is in or below. What they make of a text is
    /// the same in every step, so it can be kept; see [`AdapterModel::lower`].
    #[must_use]
    pub fn constant_blocks(&self) -> usize {
        let probe = self.setup.probe();
        let encoded = self.thawed_base().forward(&probe, &self.setup, Pass::differentiate());
        encoded.map_or(0, |encoded| encoded.trace.constant_blocks())
    }

    /// Returns what the first `blocks` blocks make of a batch, without dropout: an [`Entry::State`] to begin the rest with. Behind
    /// all blocks it holds no other tokens than a head reads that reads one of each sequence.
    ///
    /// # Errors
    /// If the base cannot take the batch, or has fewer blocks.
    pub fn lower(&self, batch: &Batch, blocks: usize) -> Result<State<S>, BatchError> {
        let selection = Some(self.head.selection()).filter(|selection| *selection != Selection::All);
        in_pool(|| self.thawed_base().lower(batch, &self.plugged(), blocks, selection.as_ref()))
    }

    /// Logits, `[S, C]`, for tagging `[T, C]`, for language `[T, V]`, without dropout. `T` are the tokens of the batch,
    /// not those that an adapter puts between them.
    ///
    /// # Errors
    /// If the base cannot take the batch.
    pub fn logits<'e>(&self, entry: impl Into<Entry<'e, S>>) -> Result<Array2<S>, BatchError> {
        let entry = entry.into();
        in_pool(|| self.logits_at(entry, &self.head.selection()))
    }

    /// Returns the logits of the tokens that the objective [reads](Objective::selection), `[N, C]`, and the loss, each target
    /// weighing `weight`; without dropout.
    ///
    /// # Errors
    /// If the base cannot take the batch.
    ///
    /// # Panics
    /// As [`AdapterModel::loss_and_gradients`].
    pub fn logits_and_loss<'e>(
        &self,
        entry: impl Into<Entry<'e, S>>,
        objective: &dyn Objective<S>,
        weight: S,
    ) -> Result<(Array2<S>, S), BatchError> {
        let entry = entry.into();
        let logits = in_pool(|| self.logits_at(entry, &self.selection(objective)))?;
        let loss = objective.loss(logits.view(), weight);
        Ok((logits, loss))
    }

    /// Returns the loss of a batch, each target weighing `weight`, without dropout and without what modules add to it. Logits of a
    /// vocabulary are never all there, where the objective can do [without](Objective::next_tokens).
    ///
    /// # Errors
    /// If the base cannot take the batch.
    ///
    /// # Panics
    /// As [`AdapterModel::loss_and_gradients`].
    pub fn loss<'e>(
        &self,
        entry: impl Into<Entry<'e, S>>,
        objective: &dyn Objective<S>,
        weight: S,
    ) -> Result<S, BatchError> {
        let entry = entry.into();
        in_pool(|| {
            let plugged = self.plugged();
            let encoded = self.thawed_base().read(entry, &plugged, Pass::evaluate(), &self.selection(objective))?;
            Ok(self.through_head(objective, weight).loss(encoded.hidden.view()))
        })
    }

    fn through_head<'o>(&'o self, objective: &'o dyn Objective<S>, weight: S) -> ThroughHead<'o, S> {
        let (base, inverse) = (self.thawed_base(), self.setup.inverse());
        ThroughHead { base, head: &self.head, inverse, objective, weight }
    }

    fn logits_at(&self, entry: Entry<'_, S>, selection: &Selection) -> Result<Array2<S>, BatchError> {
        let (base, pass, plugged) = (self.thawed_base(), Pass::evaluate(), self.plugged());
        let encoded = base.read(entry, &plugged, pass, selection)?;
        Ok(self.head.forward(base, self.setup.inverse(), encoded.hidden.view(), pass).0)
    }

    /// Returns the loss of a batch, each target weighing `weight`, with what modules add to it, such as the balance of a router; its
    /// gradients are added to `gradients`.
    ///
    /// For a mean over micro-batches pass one over the number of targets of them all.
    ///
    /// # Errors
    /// If the base cannot take the batch.
    ///
    /// # Panics
    /// If the targets are not as many as the tokens that are read, or do not fit the head: [`Objective::check`] tells before.
    pub fn loss_and_gradients<'e>(
        &self,
        entry: impl Into<Entry<'e, S>>,
        objective: &dyn Objective<S>,
        weight: S,
        pass: Pass,
        gradients: &mut Gradients<S>,
    ) -> Result<S, BatchError> {
        let entry = entry.into();
        in_pool(|| self.add_gradients(entry, objective, weight, pass, gradients))
    }

    fn add_gradients(
        &self,
        entry: Entry<'_, S>,
        objective: &dyn Objective<S>,
        weight: S,
        pass: Pass,
        gradients: &mut Gradients<S>,
    ) -> Result<S, BatchError> {
        let (base, plugged) = (self.thawed_base(), self.plugged());
        let pass = pass.with_share(weight.to_f64() * objective.count() as f64);
        let encoded = base.read(entry, &plugged, pass.at(0), &self.selection(objective))?;
        let (wants_hidden, head) = (!encoded.trace.is_empty(), self.through_head(objective, weight));
        let (loss, d_hidden) = head.loss_and_gradients(encoded.hidden.view(), pass.at(1), wants_hidden, gradients);
        if let Some(d) = d_hidden {
            encoded.trace.backward(d, gradients);
        }
        Ok(loss + gradients.take_loss())
    }

    /// Returns what the loss of every step of training has besides that of the examples, such as the
    /// [regularisation](crate::Mixing::penalty) of a fusion, and adds its gradients: once a step, however many micro-batches it has.
    pub fn penalty(&self, gradients: &mut Gradients<S>) -> S {
        self.setup.penalty(gradients)
    }

    /// Lets the fusions and routers of the setup write down, in every pass from now on, what they weigh their adapters by: which adapter each
    /// layer listens to, for each token.
    ///
    /// ```
    /// use adaptune_adapters::{Adapter, AdapterModel, Fuse, Fusion, FusionConfig, Head, HeadConfig, Setup, Task};
    /// use adaptune_tensor::Seed;
    /// use adaptune_transformer::{Batch, Config, Encoder};
    /// let config = Config { vocabulary: 11, positions: 9, ..Config::bert(8, 2, 2, 12) };
    /// let base = std::sync::Arc::new(Encoder::<f32>::random(config, 0.1, Seed::new(1)));
    /// let adapter = |name| Adapter::on(name, &"seq_bn".parse().expect("a method"), &base, Seed::new(2));
    /// let parts = [adapter("mood")?, adapter("topic")?].map(|adapter| Setup::from(adapter).frozen());
    /// let fusion = Fusion::new("both", &FusionConfig::dynamic(), base.config(), &parts[0], Seed::new(3))?;
    /// let head = Head::new("mood", &HeadConfig::new(Task::TAGGING, vec!["a".into(), "b".into()]), &base, Seed::new(4))?;
    /// let model = AdapterModel::new(base.clone(), None, head).with_setup(Fuse::new(base.config(), parts.into(), fusion)?)?;
    /// let (mut model, batch) = (model, Batch::from_ids(&[&[1, 2, 3], &[4]]));
    /// let record = model.watch_mixing();
    /// model.logits(&batch)?;
    /// let weights = record.take();
    /// assert_eq!((weights.len(), weights[0].adapters.join(", ")), (2, "mood, topic".to_owned()));
    /// assert!(weights[0].weights.dim() == (4, 2) && (weights[0].weights.row(0).sum() - 1.0).abs() < 1e-6);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn watch_mixing(&mut self) -> MixingRecord {
        let record = MixingRecord::default();
        self.setup.watch(Some(&record));
        record
    }

    /// Trainable parameters with their names (`adapter.…`, `head.…`), in the order of their slots.
    pub fn trainable_mut(&mut self) -> Vec<(String, &mut dyn AnyParameter<S>)> {
        self.parameters_mut().into_iter().filter(|(_, p)| p.slot().is_some()).collect()
    }

    fn selection(&self, objective: &dyn Objective<S>) -> Selection {
        objective.selection(self.head.config())
    }
}

impl<S: Scalar> Parameters<S> for AdapterModel<S> {
    fn list<'a>(&'a self, name: &str, all: &mut Named<'a, S>) {
        self.setup.list(&adaptune_tensor::join(name, "adapter"), all);
        self.head.list(&adaptune_tensor::join(name, "head"), all);
        self.thawed.list(&adaptune_tensor::join(name, "thawed"), all);
    }
    fn list_mut<'a>(&'a mut self, name: &str, all: &mut NamedMut<'a, S>) {
        self.setup.list_mut(&adaptune_tensor::join(name, "adapter"), all);
        self.head.list_mut(&adaptune_tensor::join(name, "head"), all);
        self.thawed.list_mut(&adaptune_tensor::join(name, "thawed"), all);
    }
}
