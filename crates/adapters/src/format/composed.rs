//! Adapters of several directories, put together by an expression of their names.

use super::error::FormatError;
use super::hub::fusion::load_fusion;
use super::notes::Note;
use super::setup::{Parts, load_parts};
use crate::adapter::Adapter;
use crate::compose::expression::{Expression, ExpressionError};
use crate::compose::fuse::{Fusion, FusionConfig};
use crate::compose::setup::Setup;
use crate::compose::supply::Supply;
use crate::head::Head;
use adaptune_tensor::{Scalar, Seed};
use adaptune_transformer::Encoder;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// New fusions for an expression in which they have no directory.
#[derive(Clone, Debug)]
pub struct NewFusions<'a> {
    /// What they are made by.
    pub config: &'a FusionConfig,
    /// Where their initial values come from.
    pub seed: Seed,
}

/// Loads what an expression puts together, such as `stack(runs/german, runs/mood)`: its names are directories, each with whatever
/// [`load_parts`] reads. `fuse(runs/a, runs/b; runs/both)` has its fusion in a directory too; where it has none, it is made by
/// `new`, and trains, while everything that is loaded is frozen. The head is that of the last directory that has one.
///
/// Adapters of different directories that have one name are told apart: the second one is called `name-2`.
///
/// # Errors
/// If a directory cannot be loaded, has thawed tensors, which belong to it alone, a fusion has no directory and none may be new, or
/// the adapters mean nothing together.
pub fn load_composed<S: Scalar>(
    expression: &Expression,
    base: &Encoder<S>,
    new: Option<&NewFusions<'_>>,
) -> Result<Parts<S>, FormatError> {
    let mut supply = Directories::new(base, new);
    let setup = Setup::supplied(expression, base.config(), &mut supply);
    match (supply.failure, setup) {
        (Some(failure), _) => Err(failure),
        (None, Err(error)) => Err(composition(expression, error)),
        (None, Ok(setup)) => Ok(Parts { setup, head: supply.head, thawed: None, notes: supply.notes }),
    }
}

fn composition(expression: &Expression, error: ExpressionError) -> FormatError {
    FormatError::Composition { expression: expression.to_string(), source: Box::new(error) }
}

/// What has been loaded so far.
struct Directories<'a, S> {
    base: &'a Encoder<S>,
    new: Option<&'a NewFusions<'a>>,
    /// Frozen setups by their directories: one that is named twice is loaded once.
    loaded: BTreeMap<String, Setup<S>>,
    names: Vec<String>,
    head: Option<Head<S>>,
    notes: Vec<Note>,
    /// Why something could not be loaded.
    failure: Option<FormatError>,
}

impl<'a, S: Scalar> Directories<'a, S> {
    fn new(base: &'a Encoder<S>, new: Option<&'a NewFusions<'a>>) -> Self {
        let (loaded, names, head, notes, failure) = (BTreeMap::new(), Vec::new(), None, Vec::new(), None);
        Self { base, new, loaded, names, head, notes, failure }
    }

    fn load(&mut self, directory: &str) -> Result<Setup<S>, FormatError> {
        if let Some(Setup::Frozen(adapter)) = self.loaded.get(directory) {
            return Ok(Setup::Frozen(adapter.clone()));
        }
        let parts = load_parts(Path::new(directory), self.base)?;
        if parts.thawed.is_some() {
            let message = "tensors of the base are thawed here, and others are put together with the base as it is";
            return Err(FormatError::config(directory, message));
        }
        self.notes.extend(parts.notes);
        self.head = parts.head.or(self.head.take());
        let setup = match parts.setup {
            Setup::None => return Err(FormatError::config(directory, "there is a head and no adapter")),
            Setup::Adapter(adapter) => Setup::from(self.with_own_name(*adapter)),
            tree => tree,
        };
        let setup = setup.frozen();
        if let Setup::Frozen(adapter) = &setup {
            self.loaded.insert(directory.to_owned(), Setup::Frozen(Arc::clone(adapter)));
        }
        Ok(setup)
    }

    /// The adapter, under a name that no other has.
    fn with_own_name(&mut self, adapter: Adapter<S>) -> Adapter<S> {
        let given = adapter.name().to_owned();
        let numbered = (2..).map(|n| format!("{given}-{n}"));
        let name = std::iter::once(given.clone()).chain(numbered).find(|name| !self.names.contains(name));
        let name = name.unwrap_or(given);
        self.names.push(name.clone());
        adapter.renamed(&name)
    }

    fn load_fusion(&self, directory: &str, part: &Setup<S>) -> Result<Fusion<S>, FormatError> {
        let mut fusion = load_fusion(Path::new(directory), part, self.base)?;
        fusion.set_frozen(true);
        Ok(fusion)
    }
}

impl<S: Scalar> Supply<Setup<S>, Fusion<S>> for Directories<'_, S> {
    fn adapter(&mut self, directory: &str) -> Option<Setup<S>> {
        self.load(directory).map_err(|failure| self.failure = Some(failure)).ok()
    }

    fn fusion(&mut self, name: &str, parts: &[Setup<S>]) -> Option<Fusion<S>> {
        let first = parts.first()?;
        self.load_fusion(name, first).map_err(|failure| self.failure = Some(failure)).ok()
    }

    fn unnamed_fusion(&mut self, _: &str, parts: &[Setup<S>]) -> Option<Fusion<S>> {
        let first = parts.first()?;
        let NewFusions { config, seed } = self.new?;
        let adapters: Vec<&str> = parts.iter().filter_map(|part| Some(part.adapters().last()?.name())).collect();
        let name = adapters.join(",");
        Fusion::new(&name, config, self.base.config(), first, seed.named(&name)).ok()
    }
}
