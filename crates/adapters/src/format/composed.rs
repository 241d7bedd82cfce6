//! Adapters of several directories, and new ones, put together by an expression of their names.

use super::error::FormatError;
use super::hub::mixer::load_mixer;
use super::notes::Note;
use super::setup::{Parts, load_parts};
use crate::adapter::Adapter;
use crate::compose::expression::{Expression, ExpressionError};
use crate::compose::fuse::{Fusion, FusionConfig};
use crate::compose::mixer::Mixer;
use crate::compose::mixing::MixerKind;
use crate::compose::route::{RoutedBy, Router, RouterConfig};
use crate::compose::setup::Setup;
use crate::compose::supply::{Supply, WantedMixer};
use crate::head::Head;
use crate::registry::Method;
use adaptune_tensor::{Scalar, Seed};
use adaptune_transformer::Encoder;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// How what is new in an expression is made.
#[derive(Clone, Debug)]
pub struct NewParts<'a> {
    /// What new fusions are made by, but for the settings of an expression.
    pub fusion: &'a FusionConfig,
    /// Where initial values come from.
    pub seed: Seed,
    /// What new adapters are called, in their order; those behind have the names of their methods.
    pub names: &'a [String],
}

/// Loads what an expression puts together, such as `stack(runs/german, runs/mood)`: its names are directories, each with whatever
/// [`load_parts`] reads. `fuse(runs/a, runs/b; runs/both)` has its fusion in a directory too, `route(…; runs/chosen)` its router. The
/// head is that of the last directory that has one. `route(DIR, DIR, by=arrow)` needs no router: it follows from what the LoRAs in these
/// directories change ([`Router::arrow`]).
///
/// With `new` there may be methods where directories are, `route(4 x seq_bn[reduction_factor=32], top=2)`: these are new adapters;
/// and fusions and routers without a directory are new ones. What is new trains, while everything that is loaded is frozen.
///
/// Adapters of different directories that have one name are told apart: the second one is called `name-2`.
///
/// # Errors
/// If a directory cannot be loaded, has thawed tensors, which belong to it alone, a fusion or a router has no directory and none may
/// be new, a setting is wrong, or the adapters mean nothing together.
pub fn load_composed<S: Scalar>(
    expression: &Expression,
    base: &Encoder<S>,
    new: Option<&NewParts<'_>>,
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
    new: Option<&'a NewParts<'a>>,
    /// Frozen setups by their directories: one that is named twice is loaded once.
    loaded: BTreeMap<String, Setup<S>>,
    names: Vec<String>,
    /// How many new adapters there are so far.
    made: usize,
    head: Option<Head<S>>,
    notes: Vec<Note>,
    /// Why something could not be loaded.
    failure: Option<FormatError>,
}

impl<'a, S: Scalar> Directories<'a, S> {
    fn new(base: &'a Encoder<S>, new: Option<&'a NewParts<'a>>) -> Self {
        let (loaded, names, head, notes, failure) = (BTreeMap::new(), Vec::new(), None, Vec::new(), None);
        Self { base, new, loaded, names, made: 0, head, notes, failure }
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
        let name = self.free_name(adapter.name());
        adapter.renamed(&name)
    }

    /// This name, or with a number behind it where another has it.
    fn free_name(&mut self, given: &str) -> String {
        let numbered = (2..).map(|n| format!("{given}-{n}"));
        let name = std::iter::once(given.to_owned()).chain(numbered).find(|name| !self.names.contains(name));
        let name = name.unwrap_or_else(|| given.to_owned());
        self.names.push(name.clone());
        name
    }

    /// A new adapter of a method, which trains.
    fn new_adapter(&mut self, text: &str, new: &NewParts<'_>) -> Result<Setup<S>, FormatError> {
        let method: Method = text
            .parse()
            .map_err(|error| FormatError::config(text, format!("this is neither a folder nor a method: {error}")))?;
        let given = new.names.get(self.made).map(String::as_str);
        self.made += 1;
        let name = self.free_name(given.unwrap_or_else(|| text.split('[').next().unwrap_or(text)));
        let adapter = Adapter::on(&name, &method, self.base, new.seed.named(&name));
        adapter.map(Setup::from).map_err(|error| FormatError::config(text, error))
    }

    fn find_mixer(&self, wanted: &WantedMixer<'_>, parts: &[Setup<S>]) -> Result<Option<Mixer<S>>, FormatError> {
        if let Some(own) = wanted.own {
            let mut mixer = load_mixer(wanted.kind, Path::new(own), parts, self.base)?;
            mixer.mixing_mut().set_frozen(true);
            return Ok(Some(mixer));
        }
        let adapters: Vec<&str> = parts.iter().filter_map(|part| Some(part.adapters().last()?.name())).collect();
        let name = adapters.join(",");
        let mixer = match wanted.kind {
            MixerKind::Fusion => self.new.map(|new| self.new_fusion(&name, wanted, parts, new).map(Mixer::from)),
            MixerKind::Router => {
                self.new_router(&name, wanted, parts).map(|router| router.map(Mixer::from)).transpose()
            }
        };
        let Some(mixer) = mixer else { return Ok(None) };
        mixer.map(Some).map_err(|message| FormatError::config(format!("the {} of {name}", wanted.kind), message))
    }

    fn new_fusion(
        &self,
        name: &str,
        wanted: &WantedMixer<'_>,
        parts: &[Setup<S>],
        new: &NewParts<'_>,
    ) -> Result<Fusion<S>, String> {
        let mut config = new.fusion.clone();
        for (field, value) in wanted.settings {
            config.set(field, value).map_err(|error| error.to_string())?;
        }
        let first = parts.first().ok_or("there is nothing to fuse")?;
        let fusion = Fusion::new(name, &config, self.base.config(), first, new.seed.named(name));
        fusion.map_err(|error| error.to_string())
    }

    /// A new router, or the one that follows from what its adapters change; nothing if none may be new.
    fn new_router(
        &self,
        name: &str,
        wanted: &WantedMixer<'_>,
        parts: &[Setup<S>],
    ) -> Result<Option<Router<S>>, String> {
        let settings = wanted.settings.iter().map(|(field, value)| (field.as_str(), value));
        let config = RouterConfig::of_fields(settings).map_err(|error| error.to_string())?;
        if config.by == RoutedBy::Arrow {
            return Router::arrow(name, &config, parts).map(Some).map_err(|error| error.to_string());
        }
        let Some(new) = self.new else { return Ok(None) };
        let router = Router::new(name, &config, self.base.config(), parts, new.seed.named(name));
        router.map(Some).map_err(|error| error.to_string())
    }

    fn kept<T>(&mut self, result: Result<T, FormatError>) -> Option<T> {
        result.map_err(|failure| self.failure = Some(failure)).ok()
    }
}

impl<S: Scalar> Supply<Setup<S>, Mixer<S>> for Directories<'_, S> {
    fn adapter(&mut self, name: &str) -> Option<Setup<S>> {
        let found = match self.new.filter(|_| !Path::new(name).exists()) {
            Some(new) => self.new_adapter(name, new),
            None => self.load(name),
        };
        self.kept(found)
    }

    fn mixer(&mut self, wanted: &WantedMixer<'_>, parts: &[Setup<S>]) -> Option<Mixer<S>> {
        let found = self.find_mixer(wanted, parts);
        self.kept(found).flatten()
    }
}
