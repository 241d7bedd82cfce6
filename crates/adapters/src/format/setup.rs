//! Saving and loading folders in which several adapters are put together.

use super::directory::{load_adapter, load_single, write_either};
use super::error::{FormatError, Message};
use super::files::{ADAPTER, HEAD, PEFT, replace, replace_together};
use super::hub::head::{self, write_head};
use super::hub::name::check_name;
use super::{json, setup_file, thawed};
use crate::adapter::Adapter;
use crate::compose::expression::Expression;
use crate::compose::setup::Setup;
use crate::model::AdapterModel;
use adaptune_tensor::Scalar;
use adaptune_transformer::Encoder;
use adaptune_transformer::weights::{is_there, resolve};
use std::collections::BTreeMap;
use std::path::Path;
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
    let names = file_names(adapters.keys().copied(), model.head().name());
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
    check_name(model.head().name())?;
    write_head(model.head(), model.base(), &within(model.head().name())?)?;
    if let Some(thawed) = model.thawed() {
        thawed::save(thawed, model.base(), folder)?;
    }
    let text = setup_file::setup_text(&model.setup().expression(), model.head().name());
    replace(&folder.join(setup_file::FILE), &text)
}

/// All files that the directory of a setup may have, and those that one adapter may have left in it; `adapter_setup.json` last.
fn file_names<'a>(adapters: impl Iterator<Item = &'a str>, head: &'a str) -> Vec<String> {
    let of_adapter = [ADAPTER.safetensors, ADAPTER.torch, PEFT.safetensors, PEFT.torch, ADAPTER.config];
    let of_head = [HEAD.safetensors, HEAD.torch, HEAD.config];
    let within = |folder: &str, files: &[&str]| files.iter().map(|file| format!("{folder}/{file}")).collect::<Vec<_>>();
    let mut names: Vec<String> = adapters.flat_map(|name| within(name, &of_adapter)).collect();
    names.extend(within(head, &of_head));
    names.extend(of_adapter.iter().chain(&of_head).map(|file| (*file).to_owned()));
    names.extend([thawed::FILE, setup_file::FILE].map(str::to_owned));
    names
}

/// Loads what [`save`](super::save), [`save_setup`] or AdapterHub's functions of these names have written: the head, and
/// adapters and thawed tensors if the directory holds them. Weights are read from safetensors files, or else from PyTorch's
/// `.bin` files, whose pickle is read as data and never run.
///
/// Which adapters of a setup trained is not a part of the files: all do from now on, but for one that stands in the setup
/// several times. [`AdapterModel::with_setup`] with [`Setup::frozen`] is the way to keep some as they are.
///
/// # Errors
/// If a file is missing or broken, a tensor is missing, unexpected or misshapen, an adapter was trained on another base, or
/// the adapters of a setup mean nothing together.
pub fn load<S: Scalar>(directory: &Path, base: Arc<Encoder<S>>) -> Result<AdapterModel<S>, FormatError> {
    let path = resolve(directory, setup_file::FILE)?;
    if !is_there(&path) {
        return load_single(directory, base);
    }
    let config = |message: String| FormatError::config(&path, message);
    let (expression, head_name) = setup_file::read(&json::read(&path)?).map_err(|Message(message)| config(message))?;
    let setup = load_setup(&expression, directory, &base, &config)?;
    check_name(&head_name)?;
    let head = head::load(&directory.join(head_name), &base)?;
    let thawed = thawed::load(directory, &base)?;
    let model = AdapterModel::new(base, None, head).with_setup(setup).map_err(|e| config(e.to_string()))?;
    Ok(model.with_thawed(thawed))
}

fn load_setup<S: Scalar>(
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
    let setup = Setup::of(expression, base.config(), |name| loaded.get(name).cloned().map(Setup::Frozen));
    let mut setup = setup.map_err(|e| config(e.to_string()))?;
    drop(loaded);
    setup.unfreeze_sole();
    Ok(setup)
}
