//! Many tasks, one base: adapters and heads that are loaded once and chosen for every text.

mod parallel;

use crate::compose::error::CompositionError;
use crate::compose::per_sequence::PerSequence;
use crate::compose::setup::Setup;
use crate::core::nearest::did_you_mean;
use crate::format;
use crate::format::error::FormatError;
use crate::head::Head;
use crate::head::config::HeadConfig;
use crate::model::AdapterModel;
use adaptune_tensor::{Layout, Parameters, Scalar, in_pool};
use adaptune_transformer::{Base, Batch, BatchError, Encoder, Insertions, Pass, Selection};
use ndarray::{Array2, Axis};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use thiserror::Error;

/// One base with any number of adapters, each with its head, by name. In memory it is one base and the adapters.
///
/// A batch names one for every sequence. The base's products are computed for all of them together, and what a sequence
/// gets is, to the bit, what it would get alone; see [`PerSequence`]. In the place of an adapter there may be a whole
/// [`Setup`], such as a task's upon a language's; a frozen adapter that several of them share is there once.
///
/// ```
/// use adaptune_adapters::{Adapter, AdapterModel, AdapterPool, Head, HeadConfig, Task};
/// use adaptune_tensor::Seed;
/// use adaptune_transformer::{Batch, Config, Encoder};
/// use std::sync::Arc;
/// let config = Config { vocabulary: 11, positions: 9, ..Config::bert(8, 2, 2, 12) };
/// let base = Arc::new(Encoder::<f32>::random(config, 0.1, Seed::new(1)));
/// let mut pool = AdapterPool::new(base.clone());
/// for (name, method, labels) in [("mood", "seq_bn", 2), ("topic", "lora", 3)] {
///     let adapter = Adapter::on(name, &method.parse()?, &base, Seed::new(2))?;
///     let labels = (0..labels).map(|label| label.to_string()).collect();
///     let head = Head::new(name, &HeadConfig::new(Task::CLASSIFICATION, labels), &base, Seed::new(3))?;
///     pool.add(name, AdapterModel::new(base.clone(), Some(adapter), head))?; // or: pool.load(name, directory)?
/// }
/// let logits = pool.logits(&Batch::from_ids(&[&[1, 2], &[3], &[4, 5, 6]]), &["topic", "mood", "topic"])?;
/// assert_eq!(logits.iter().map(|l| l.ncols()).collect::<Vec<_>>(), [3, 2, 3]);
/// let error = pool.logits(&Batch::from_ids(&[&[1, 2]]), &["moot"]).unwrap_err().to_string();
/// assert!(error.contains("did you mean `mood`?"), "{error}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct AdapterPool<S> {
    base: Arc<Encoder<S>>,
    members: BTreeMap<String, Member<S>>,
}

#[derive(Debug)]
struct Member<S> {
    setup: Setup<S>,
    head: Head<S>,
}

/// Why a pool refuses a request.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PoolError {
    /// No adapter of this name.
    #[error("no adapter `{name}` is loaded{suggestion} (loaded: {loaded})")]
    NotLoaded {
        /// The name.
        name: String,
        /// The nearest one, as words.
        suggestion: String,
        /// All that are.
        loaded: String,
    },
    /// There is one of this name already.
    #[error("an adapter `{name}` is loaded already: remove it first, or choose another name")]
    Taken {
        /// The name.
        name: String,
    },
    /// The model cannot share the base.
    #[error("`{name}` cannot share the base: {why}")]
    Base {
        /// The name.
        name: String,
        /// The reason.
        why: &'static str,
    },
    /// The batch cannot be computed.
    #[error(transparent)]
    Batch(#[from] BatchError),
    /// The files cannot be read.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// The adapters cannot be used together.
    #[error(transparent)]
    Composition(#[from] CompositionError),
}

impl<S: Scalar> AdapterPool<S> {
    /// A pool without adapters.
    #[must_use]
    pub fn new(base: Arc<Encoder<S>>) -> Self {
        Self { base, members: BTreeMap::new() }
    }

    /// The base that they share.
    #[must_use]
    pub fn base(&self) -> &Arc<Encoder<S>> {
        &self.base
    }

    /// The names, in alphabetical order.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.members.keys().map(String::as_str)
    }

    /// The configuration of an adapter's head, its labels among it; `None` if no such adapter is loaded.
    #[must_use]
    pub fn head(&self, name: &str) -> Option<&HeadConfig> {
        Some(self.members.get(name)?.head.config())
    }

    /// What is plugged in under a name, whose [expression](Setup::expression) has the names of its adapters; `None` if
    /// nothing is loaded under it.
    #[must_use]
    pub fn setup(&self, name: &str) -> Option<&Setup<S>> {
        Some(&self.members.get(name)?.setup)
    }

    /// How many numbers all adapters and heads hold together, beside the base. What several share counts once.
    #[must_use]
    pub fn parameter_count(&self) -> usize {
        let mut adapters: Vec<_> = self.members.values().flat_map(|member| member.setup.adapters()).collect();
        adapters.sort_by_key(|adapter| std::ptr::from_ref(*adapter));
        adapters.dedup_by_key(|adapter| std::ptr::from_ref(*adapter));
        let of_adapters: usize = adapters.into_iter().map(Parameters::parameter_count).sum();
        of_adapters + self.members.values().map(|member| member.head.parameter_count()).sum::<usize>()
    }

    /// Takes in a model's setup and head, frozen, under a name of its own.
    ///
    /// # Errors
    /// If the name is taken, the model has another base, changed tensors of it, or chooses its adapters by sequence.
    pub fn add(&mut self, name: &str, model: AdapterModel<S>) -> Result<(), PoolError> {
        if self.members.contains_key(name) {
            return Err(PoolError::Taken { name: name.to_owned() });
        }
        let same = Arc::ptr_eq(model.base(), &self.base) || model.base().identity() == self.base.identity();
        let why = match () {
            () if !same => Some("it was trained on another one"),
            () if model.thawed().is_some() => Some("it has changed tensors of it (thawed), which others would see"),
            () if model.setup().sequences().is_some() => {
                Some("it chooses its adapters by sequence, as this does; add its parts one by one")
            }
            () => None,
        };
        if let Some(why) = why {
            return Err(PoolError::Base { name: name.to_owned(), why });
        }
        let (setup, head, _) = model.into_setup();
        self.members.insert(name.to_owned(), Member { setup, head });
        Ok(())
    }

    /// Loads an adapter with its head, or a setup, from a directory; see [`load`](crate::format::load).
    ///
    /// # Errors
    /// As [`AdapterPool::add`], or if the directory cannot be read.
    pub fn load(&mut self, name: &str, directory: &Path) -> Result<(), PoolError> {
        let model = format::load(directory, self.base.clone())?;
        self.add(name, model)
    }

    /// Forgets an adapter; false if there was none of this name.
    pub fn remove(&mut self, name: &str) -> bool {
        self.members.remove(name).is_some()
    }

    /// The logits of every sequence by the adapter and head that it names: `[1, C]`, of a tagger `[its tokens, C]`.
    ///
    /// # Errors
    /// If an adapter is not loaded, the names are not as many as the sequences, or the base cannot take the batch.
    pub fn logits(&self, batch: &Batch, names: &[&str]) -> Result<Vec<Array2<S>>, PoolError> {
        in_pool(|| self.logits_of_each(batch, names))
    }

    fn logits_of_each(&self, batch: &Batch, names: &[&str]) -> Result<Vec<Array2<S>>, PoolError> {
        let chosen = Chosen::of(names);
        let members = chosen.names.iter().map(|name| self.member(name)).collect::<Result<Vec<_>, _>>()?;
        let parts = members.iter().map(|member| &member.setup).collect();
        let selection = common_selection(&members);
        let (hidden, layout) = self.forward(batch, parts, &chosen.of, selection.as_ref())?;
        let mut logits = vec![None; names.len()];
        for (i, member) in members.iter().enumerate() {
            let sequences = chosen.sequences(i);
            let (hidden, layout) = (hidden.select(Axis(0), &layout.rows(&sequences)), layout.select(&sequences));
            let text = batch.layout().select(&sequences);
            let own = member.head.selection();
            let hidden = if selection.is_some() { hidden } else { own.select(hidden, &text, &layout)? };
            let found = member.logits(Base::from(&*self.base), hidden, &text);
            sequences.into_iter().zip(found).for_each(|(sequence, found)| logits[sequence] = Some(found));
        }
        Ok(logits.into_iter().map(|l| l.expect("every sequence names an adapter")).collect())
    }

    /// The last hidden state of a batch, `[T, D]`, and how it lies; sequences name an adapter, or none for the base alone.
    ///
    /// # Errors
    /// As [`AdapterPool::logits`].
    pub fn hidden(&self, batch: &Batch, names: &[Option<&str>]) -> Result<(Array2<S>, Layout), PoolError> {
        let chosen = Chosen::of(names);
        let setup = |name: &Option<&str>| name.map_or(Ok(&Setup::None), |name| Ok(&self.member(name)?.setup));
        let parts = chosen.names.iter().map(setup).collect::<Result<Vec<_>, PoolError>>()?;
        in_pool(|| self.forward(batch, parts, &chosen.of, None))
    }

    /// The last hidden state, or what a selection leaves of it, where sequence `s` has the part `part_of[s]`.
    fn forward(
        &self,
        batch: &Batch,
        parts: Vec<&Setup<S>>,
        part_of: &[usize],
        selection: Option<&Selection>,
    ) -> Result<(Array2<S>, Layout), PoolError> {
        let mixed = PerSequence::new(parts, part_of)?;
        let (base, pass) = (Base::from(&*self.base), Pass::evaluate());
        let encoded = match selection {
            Some(selection) => base.read(batch, &mixed, pass, selection)?,
            None => base.forward(batch, &mixed, pass)?,
        };
        Ok((encoded.hidden, encoded.layout))
    }

    fn member(&self, name: &str) -> Result<&Member<S>, PoolError> {
        self.members.get(name).ok_or_else(|| PoolError::NotLoaded {
            name: name.to_owned(),
            suggestion: did_you_mean(name, self.names()),
            loaded: if self.members.is_empty() { "none".into() } else { self.names().collect::<Vec<_>>().join(", ") },
        })
    }
}

/// What all heads read of the last hidden state, if they read the same.
fn common_selection<S: Scalar>(members: &[&Member<S>]) -> Option<Selection> {
    let (first, others) = members.split_first()?;
    let selection = first.head.selection();
    let same = others.iter().all(|member| member.head.selection() == selection);
    (same && selection != Selection::All).then_some(selection)
}

/// What the sequences of a batch name: each name once, and which of them is whose.
struct Chosen<N> {
    names: Vec<N>,
    /// For each sequence the place of its name in `names`.
    of: Vec<usize>,
}

impl<N: Copy + PartialEq> Chosen<N> {
    fn of(names: &[N]) -> Self {
        let (mut distinct, mut of) = (Vec::new(), Vec::new());
        for name in names {
            let found = distinct.iter().position(|known| known == name);
            of.push(found.unwrap_or(distinct.len()));
            if found.is_none() {
                distinct.push(*name);
            }
        }
        Self { names: distinct, of }
    }

    fn sequences(&self, name: usize) -> Vec<usize> {
        (0..self.of.len()).filter(|sequence| self.of[*sequence] == name).collect()
    }
}

impl<S: Scalar> Member<S> {
    /// The logits of some sequences, one array each, from the hidden states that the head reads of them.
    fn logits(&self, base: Base<'_, S>, hidden: Array2<S>, text: &Layout) -> Vec<Array2<S>> {
        let every_token = self.head.reads_every_token();
        let inverse = self.setup.inverse();
        let (logits, _) = self.head.forward(base, inverse, hidden.view(), Pass::evaluate());
        let rows = |s: usize| if every_token { text.range(s) } else { s..s + 1 };
        (0..text.sequences()).map(|s| logits.slice(ndarray::s![rows(s), ..]).to_owned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapter::Adapter;
    use crate::head::task::Task;
    use adaptune_tensor::Seed;
    use adaptune_transformer::{Config, Thaw, Thawed};

    pub(super) const MEMBERS: [(&str, &str, Task); 4] = [
        ("mood", "seq_bn[reduction_factor=2,use_gating=True]", Task::CLASSIFICATION),
        ("score", "prefix_tuning_flat[prefix_length=2]", Task::REGRESSION),
        ("tags", "prompt_tuning[prompt_length=3]", Task::TAGGING),
        ("bare", "", Task::CLASSIFICATION),
    ];

    pub(super) fn base() -> Arc<Encoder<f32>> {
        let config = Config { vocabulary: 11, positions: 9, ..Config::bert(8, 2, 2, 12) };
        Arc::new(Encoder::random(config, 0.4, Seed::new(1)))
    }

    pub(super) fn model(base: &Arc<Encoder<f32>>, (name, method, task): (&str, &str, Task)) -> AdapterModel<f32> {
        let adapter =
            |text: &str| Adapter::on(name, &text.parse().expect("a method"), base, Seed::new(2)).expect("fits");
        let head = HeadConfig::new(task, ["a", "b", "c"].map(str::to_owned).to_vec());
        let head = Head::new(name, &head, base, Seed::new(3)).expect("fits");
        let adapter = (!method.is_empty()).then(|| adapter(method));
        let mut model = AdapterModel::new(base.clone(), adapter, head);
        for (name, parameter) in model.parameters_mut() {
            let seed = Seed::new(7).named(&name);
            parameter.values_mut().iter_mut().enumerate().for_each(|(i, v)| *v += seed.unit(i as u64) as f32 - 0.5);
        }
        model
    }

    fn pool(base: &Arc<Encoder<f32>>) -> AdapterPool<f32> {
        let mut pool = AdapterPool::new(base.clone());
        MEMBERS.iter().for_each(|member| pool.add(member.0, model(base, *member)).expect("a new name"));
        pool
    }

    #[test]
    fn every_sequence_has_its_own_adapter_and_head() {
        let base = base();
        let sequences: [&[u32]; 7] = [&[1, 2, 3], &[4], &[5, 6], &[7, 8, 9, 10], &[1], &[2, 2], &[3, 4, 5]];
        let names = ["tags", "mood", "score", "tags", "bare", "mood", "bare"];
        let logits = pool(&base).logits(&Batch::from_ids(&sequences), &names).expect("all loaded");
        for ((sequence, name), logits) in sequences.iter().zip(names).zip(logits) {
            let member = MEMBERS.into_iter().find(|member| member.0 == name).expect("a member");
            let alone = model(&base, member).logits(&Batch::from_ids(&[sequence])).expect("a good batch");
            assert_eq!(logits, alone, "{name} {sequence:?}");
        }
    }

    #[test]
    fn sequences_without_an_adapter_are_the_base() {
        let base = base();
        let pool = pool(&base);
        let batch = Batch::from_ids(&[&[1, 2, 3], &[4, 5]]);
        let (hidden, layout) = pool.hidden(&batch, &[Some("mood"), None]).expect("loaded");
        let alone = base.forward(&batch, &(), Pass::evaluate()).expect("a good batch").hidden;
        assert_eq!(hidden.slice(ndarray::s![layout.range(1), ..]), alone.slice(ndarray::s![3.., ..]));
        assert_ne!(hidden.slice(ndarray::s![layout.range(0), ..]), alone.slice(ndarray::s![..3, ..]));
    }

    #[test]
    fn it_counts_forgets_and_takes_no_name_twice() {
        let base = base();
        let mut pool = pool(&base);
        let count = |name: usize| model(&base, MEMBERS[name]).counts().trainable();
        assert_eq!(pool.parameter_count(), (0..4).map(count).sum::<usize>());
        assert!(pool.add("mood", model(&base, MEMBERS[0])).unwrap_err().to_string().contains("loaded already"));
        assert!(pool.remove("mood") && !pool.remove("mood"));
        let error = pool.logits(&Batch::from_ids(&[&[1]]), &["mood"]).unwrap_err().to_string();
        assert!(error.contains("no adapter `mood`") && error.contains("bare, score, tags"), "{error}");
        pool.add("mood", model(&base, MEMBERS[0])).expect("the name is free again");
        let error = pool.logits(&Batch::from_ids(&[&[1], &[2]]), &["mood"]).unwrap_err().to_string();
        assert!(error.contains("2 sequences, but 1"), "{error}");
    }

    #[test]
    fn what_cannot_share_the_base_is_refused() {
        let (base, mut pool) = (base(), AdapterPool::new(base()));
        let other = Arc::new(Encoder::random(base.config().clone(), 0.4, Seed::new(9)));
        let error = pool.add("other", model(&other, MEMBERS[0])).unwrap_err().to_string();
        assert!(error.contains("another one"), "{error}");
        let thawed = Thawed::new(&base, Thaw::BIASES, false);
        let error = pool.add("thawed", model(&base, MEMBERS[0]).with_thawed(Some(thawed))).unwrap_err().to_string();
        assert!(error.contains("thawed"), "{error}");
        assert_eq!(pool.names().len(), 0);
    }
}
