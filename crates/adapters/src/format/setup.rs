//! Saving and loading folders in which several adapters are put together.

use super::directory::{find_head, load_adapter, load_head, stored_head, write_either};
use super::error::{FormatError, Message};
use super::files::{ADAPTER, HEAD, PEFT, replace, replace_together};
use super::hub::head::{self, write_head};
use super::hub::mixer::{adapter_names, adapter_names_in, files, load_mixer, write_mixing};
use super::hub::name::check_name;
use super::notes::{Note, notes};
use super::{json, lookup, setup_file, thawed};
use crate::adapter::Adapter;
use crate::compose::expression::Expression;
use crate::compose::mixer::Mixer;
use crate::compose::mixing::MixerKind;
use crate::compose::setup::Setup;
use crate::compose::supply::{Supply, WantedMixer};
use crate::head::Head;
use crate::model::AdapterModel;
use adaptune_tensor::Scalar;
use adaptune_transformer::weights::{is_there, resolve};
use adaptune_transformer::{Encoder, Thawed};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Saves a model with all adapters of its setup, the frozen ones too: each in a folder of its own name within the directory,
/// the head in one of its name, and `adapter_setup.json`, which says how they are put together. Folder and file are
/// AdapterHub's `save_adapter_setup`; a setup of other nodes than stacks only adaptune reads.
///
/// All files are replaced together, as by [`save`](super::save): after a crash at any moment [`load`] finds the old model or the
/// new one.
///
/// # Errors
/// As [`save`](super::save), for each of the adapters; or if two adapters have one name.
pub fn save_setup<S: Scalar>(model: &AdapterModel<S>, directory: &Path) -> Result<(), FormatError> {
    let adapters = adapters_by_name(model.setup(), directory)?;
    let mixers: Vec<_> = model.setup().mixings().into_iter().map(|mixing| (mixing.kind(), mixing.name())).collect();
    let names = file_names(adapters.keys().copied(), &mixers, model.head().name());
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    replace_together(directory, &names, |folder| write_setup(model, &adapters, folder))
}

/// The adapters of a setup, each once.
fn adapters_by_name<'m, S: Scalar>(
    setup: &'m Setup<S>,
    directory: &Path,
) -> Result<BTreeMap<&'m str, &'m Adapter<S>>, FormatError> {
    let mut by_name = BTreeMap::new();
    for adapter in setup.adapters() {
        check_name(adapter.name())?;
        if !std::ptr::eq(*by_name.entry(adapter.name()).or_insert(adapter), adapter) {
            let message = format!("two adapters of the setup are called \"{}\": rename one", adapter.name());
            return Err(FormatError::config(directory.join(setup_file::FILE), message));
        }
    }
    Ok(by_name)
}

fn write_setup<S: Scalar>(
    model: &AdapterModel<S>,
    adapters: &BTreeMap<&str, &Adapter<S>>,
    folder: &Path,
) -> Result<(), FormatError> {
    let within = |name: &str| -> Result<_, FormatError> {
        let path = folder.join(name);
        std::fs::create_dir_all(&path).map_err(FormatError::io("create", &path))?;
        Ok(path)
    };
    for (name, adapter) in adapters {
        write_either(adapter, None, model.base(), &within(name)?)?;
    }
    write_mixings(model.setup(), model.base(), &within)?;
    let head = stored_head(model);
    if let Some(head) = head {
        check_name(head.name())?;
        write_head(head, model.base(), &within(head.name())?)?;
    }
    if let Some(thawed) = model.thawed() {
        thawed::save(thawed, model.base(), folder)?;
    }
    let text = setup_file::setup_text(&model.setup().expression(), head.map(Head::name));
    replace(&folder.join(setup_file::FILE), &text)
}

/// Writes the fusions and routers of a setup, each into the folder that `within` makes for its name.
fn write_mixings<S: Scalar>(
    setup: &Setup<S>,
    base: &Encoder<S>,
    within: &dyn Fn(&str) -> Result<PathBuf, FormatError>,
) -> Result<(), FormatError> {
    setup.parts().iter().try_for_each(|part| write_mixings(part, base, within))?;
    let Some(mixing) = setup.mixing() else { return Ok(()) };
    check_name(mixing.name())?;
    let names = adapter_names(setup.parts().iter().map(Setup::adapters));
    write_mixing(mixing, &names, base, &within(mixing.name())?)
}

/// All files that the directory of a setup may have, and those that one adapter may have left in it; `adapter_setup.json` last.
fn file_names<'a>(adapters: impl Iterator<Item = &'a str>, mixers: &[(MixerKind, &str)], head: &'a str) -> Vec<String> {
    let of_adapter = [ADAPTER.safetensors, ADAPTER.torch, PEFT.safetensors, PEFT.torch, ADAPTER.config];
    let of_head = [HEAD.safetensors, HEAD.torch, HEAD.config];
    let within = |folder: &str, files: &[&str]| files.iter().map(|file| format!("{folder}/{file}")).collect::<Vec<_>>();
    let mut names: Vec<String> = adapters.flat_map(|name| within(name, &of_adapter)).collect();
    let of_mixer = |kind| [files(kind).safetensors, files(kind).torch, files(kind).config];
    names.extend(mixers.iter().flat_map(|(kind, name)| within(name, &of_mixer(*kind))));
    names.extend(within(head, &of_head));
    names.extend(of_adapter.iter().chain(&of_head).map(|file| (*file).to_owned()));
    names.extend([thawed::FILE, setup_file::FILE].map(str::to_owned));
    names
}

/// What a directory holds.
#[derive(Debug)]
pub struct Parts<S> {
    /// Its adapter or adapters; [`Setup::None`] if it has a head alone.
    pub setup: Setup<S>,
    /// Its head, if it has one. Merging, converting and embeddings need none.
    pub head: Option<Head<S>>,
    /// Trainable copies of the base's tensors, if it has such.
    pub thawed: Option<Thawed<S>>,
    /// What to know of the files, see [`notes`].
    pub notes: Vec<Note>,
}

/// Loads what [`save`](super::save), [`save_setup`] or AdapterHub's functions of these names have written: the head, and
/// adapters and thawed tensors if the directory holds them. Weights are read from safetensors files, or else from PyTorch's
/// `.bin` files, whose pickle is read as data and never run.
///
/// Which adapters of a setup trained is not a part of the files: all do from now on, but for one that stands in the setup
/// several times. [`AdapterModel::with_setup`] with [`Setup::frozen`] is the way to keep some as they are.
///
/// An adapter without a head is [`load_parts`]'s. What to know of the files is in [`notes`].
///
/// # Errors
/// If there is no head, a file is missing or broken, a tensor is missing, unexpected or misshapen, an adapter was trained on
/// another base, or the adapters of a setup mean nothing together.
pub fn load<S: Scalar>(directory: &Path, base: Arc<Encoder<S>>) -> Result<AdapterModel<S>, FormatError> {
    lookup::check(directory)?;
    let head = match head_folder(directory)? {
        Place::Here => load_head(directory, &base)?,
        Place::Named(folder) => head::load(&folder, &base)?,
        Place::Nowhere => {
            let message = "\"head_setup\" is missing or null: save the setup with its head, and with one head only";
            return Err(FormatError::config(resolve(directory, setup_file::FILE)?, message));
        }
    };
    let setup = load_setup(directory, &base)?;
    let thawed = thawed::load(directory, &base)?;
    let model = AdapterModel::new(base, None, head).with_setup(setup);
    let model = model.map_err(|e| FormatError::config(directory.join(setup_file::FILE), e))?;
    Ok(model.with_thawed(thawed))
}

/// Loads what [`load`] does, with or without a head: what merges, converts or combines adapters, or reads hidden states,
/// needs none.
///
/// ```no_run
/// use adaptune_adapters::format::load_parts;
/// use adaptune_transformer::{Batch, Encoder, Pass};
/// let base = Encoder::<f32>::load("model".as_ref())?;
/// let parts = load_parts("adapter".as_ref(), &base)?;
/// for note in &parts.notes {
///     eprintln!("{note}");
/// }
/// let hidden = base.forward(&Batch::from_ids(&[&[101, 7592, 102]]), &parts.setup, Pass::evaluate())?.hidden;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// If there is neither adapter nor head, and as [`load`].
pub fn load_parts<S: Scalar>(directory: &Path, base: &Encoder<S>) -> Result<Parts<S>, FormatError> {
    let notes = notes(directory)?;
    let head = match head_folder(directory)? {
        Place::Here => find_head(directory, base)?,
        Place::Named(folder) if HEAD.have_weights(&folder)? => Some(head::load(&folder, base)?),
        Place::Named(_) | Place::Nowhere => None,
    };
    Ok(Parts { setup: load_setup(directory, base)?, head, thawed: thawed::load(directory, base)?, notes })
}

/// Where a directory's head is.
enum Place {
    /// Beside its adapter, if there is one.
    Here,
    /// In a folder that a setup names.
    Named(PathBuf),
    /// A setup names none.
    Nowhere,
}

fn head_folder(directory: &Path) -> Result<Place, FormatError> {
    let Some((_, name)) = setup_of(directory)? else { return Ok(Place::Here) };
    match name {
        Some(name) => check_name(&name).map(|()| Place::Named(directory.join(name))),
        None => Ok(Place::Nowhere),
    }
}

/// The expression of a directory in which several adapters are put together; `None` if it holds no setup.
///
/// # Errors
/// If the file that says it is broken.
pub fn setup_expression(directory: &Path) -> Result<Option<Expression>, FormatError> {
    Ok(setup_of(directory)?.map(|(expression, _)| expression))
}

/// What the setup's file says, if there is one.
fn setup_of(directory: &Path) -> Result<Option<(Expression, Option<String>)>, FormatError> {
    let path = resolve(directory, setup_file::FILE)?;
    if !is_there(&path) {
        return Ok(None);
    }
    let read = setup_file::read(&json::read(&path)?);
    read.map(Some).map_err(|Message(message)| FormatError::config(&path, message))
}

/// Loads the adapters of a directory: one, or those of a setup.
fn load_setup<S: Scalar>(directory: &Path, base: &Encoder<S>) -> Result<Setup<S>, FormatError> {
    let config = |message: String| FormatError::config(directory.join(setup_file::FILE), message);
    match setup_of(directory)? {
        Some((expression, _)) => load_tree(&expression, directory, base, &config),
        None if is_there(&resolve(directory, ADAPTER.config)?) => Ok(Some(load_adapter(directory, base)?).into()),
        None => Ok(Setup::None),
    }
}

fn load_tree<S: Scalar>(
    expression: &Expression,
    directory: &Path,
    base: &Encoder<S>,
    config: &dyn Fn(String) -> FormatError,
) -> Result<Setup<S>, FormatError> {
    let mut loaded = BTreeMap::new();
    for name in expression.names() {
        check_name(name)?;
        let adapter: Adapter<S> = load_adapter(&directory.join(name), base)?;
        if adapter.name() != name {
            return Err(config(format!("the folder {name} holds an adapter \"{}\": expected {name}", adapter.name())));
        }
        loaded.insert(name, Arc::new(adapter));
    }
    let mut supply = Loaded { adapters: loaded, directory, base, failure: None };
    let setup = Setup::supplied(expression, base.config(), &mut supply);
    if let Some(failure) = supply.failure {
        return Err(failure);
    }
    drop(supply.adapters);
    let mut setup = setup.map_err(|e| config(e.to_string()))?;
    setup.unfreeze_sole();
    Ok(setup)
}

/// The adapters of a directory, and its fusions and routers, which are loaded when their parts are there.
struct Loaded<'a, S> {
    adapters: BTreeMap<&'a str, Arc<Adapter<S>>>,
    directory: &'a Path,
    base: &'a Encoder<S>,
    /// Why a fusion or a router could not be loaded.
    failure: Option<FormatError>,
}

impl<S: Scalar> Supply<Setup<S>, Mixer<S>> for Loaded<'_, S> {
    fn adapter(&mut self, name: &str) -> Option<Setup<S>> {
        self.adapters.get(name).cloned().map(Setup::Frozen)
    }

    /// AdapterHub writes no name of a fusion, though it has one: then the folder is found by what is in it.
    fn mixer(&mut self, wanted: &WantedMixer<'_>, parts: &[Setup<S>]) -> Option<Mixer<S>> {
        let unnamed = wanted.own.is_none() && !self.directory.join(wanted.name()).is_dir();
        let found = unnamed.then(|| mixer_of(wanted.kind, self.directory, wanted.default_name)).flatten();
        match self.load_mixer(wanted.kind, found.as_deref().unwrap_or(wanted.name()), parts) {
            Ok(mixer) => Some(mixer),
            Err(failure) => {
                self.failure = Some(failure);
                None
            }
        }
    }
}

/// The folder within a directory that holds a fusion, or a router, of these adapters, whose names have commas between.
fn mixer_of(kind: MixerKind, directory: &Path, adapters: &str) -> Option<String> {
    let folders = std::fs::read_dir(directory).ok()?.flatten().filter(|entry| entry.path().is_dir());
    let mut names: Vec<String> = folders.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names.into_iter().find(|name| {
        let of = adapter_names_in(kind, &directory.join(name));
        of.is_some_and(|of| of.join(",") == adapters)
    })
}

impl<S: Scalar> Loaded<'_, S> {
    fn load_mixer(&self, kind: MixerKind, name: &str, parts: &[Setup<S>]) -> Result<Mixer<S>, FormatError> {
        check_name(name)?;
        let mixer = load_mixer(kind, &self.directory.join(name), parts, self.base)?;
        let found = mixer.mixing().name();
        match *found == *name {
            true => Ok(mixer),
            false => {
                let message = format!("the folder {name} holds a {kind} \"{found}\": expected {name}");
                Err(FormatError::config(self.directory.join(setup_file::FILE), message))
            }
        }
    }
}
