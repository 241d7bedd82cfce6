//! Saving and loading adapter directories.

use super::adapter_file::{adapter_text, read_adapter};
use super::error::FormatError;
use super::stored::Stored;
use super::tensors::{Tensors, write};
use super::{json, language, names, peft, thawed};
use crate::adapter::Adapter;
use crate::head::{Head, Task};
use crate::method::Method;
use crate::model::AdapterModel;
use adaptune_tensor::{AnyParameter, Parameters, Scalar, Seed};
use adaptune_transformer::Encoder;
use adaptune_transformer::weights::replace_file;
use std::path::Path;
use std::sync::Arc;

/// File names of an adapter or a head.
pub(super) struct Files {
    pub(super) config: &'static str,
    pub(super) safetensors: &'static str,
    pub(super) torch: &'static str,
}

impl Files {
    pub(super) fn no_weights(&self, directory: &Path) -> FormatError {
        let Self { safetensors, torch, .. } = *self;
        FormatError::NoWeights { directory: directory.to_owned(), safetensors, torch }
    }
}

pub(super) const ADAPTER: Files =
    Files { config: "adapter_config.json", safetensors: "adapter.safetensors", torch: "pytorch_adapter.bin" };
pub(super) const HEAD: Files =
    Files { config: "head_config.json", safetensors: "model_head.safetensors", torch: "pytorch_model_head.bin" };

/// Saves adapter and head of a model as AdapterHub directory, and what is thawed beside them in `thawed.safetensors`.
///
/// An adapter that AdapterHub does not have and PEFT does (DoRA, rsLoRA, prompts of tokens like others) is saved as
/// [`save_peft_with_head`](super::save_peft_with_head) does; [`load`] tells them apart.
///
/// Everything is written into a hidden folder within the directory and then moved to its place, so that a failure, such
/// as a full disk, leaves the directory as it was. The configuration of the head comes last, and without it [`load`]
/// refuses a directory. Existing files of these names are replaced.
///
/// # Errors
/// If a file cannot be written, the adapter's name cannot stand in a tensor name, or it is an adapter
/// [of modules](Adapter::of_modules), for which AdapterHub has no format.
pub fn save<S: Scalar>(model: &AdapterModel<S>, directory: &Path) -> Result<(), FormatError> {
    let folder = directory.join(format!(".adaptune-{}", std::process::id()));
    std::fs::create_dir_all(&folder).map_err(FormatError::io("create", &folder))?;
    let saved = save_by_way_of(&folder, model, directory);
    let _ = std::fs::remove_dir_all(&folder); // it is empty if all went well; if not, the error is what counts
    saved
}

fn save_by_way_of<S: Scalar>(folder: &Path, model: &AdapterModel<S>, directory: &Path) -> Result<(), FormatError> {
    let with_head = match model.adapter() {
        Some(adapter) => save_either(adapter, model.head(), model.base(), folder)?,
        None => false,
    };
    if let Some(thawed) = model.thawed() {
        thawed::save(thawed, model.base(), folder)?;
    }
    if !with_head {
        save_head(model.head(), model.base(), folder)?;
    }
    let files = [
        ADAPTER.safetensors,
        ADAPTER.torch,
        peft::FILES.safetensors,
        peft::FILES.torch,
        ADAPTER.config,
        thawed::FILE,
        HEAD.safetensors,
        HEAD.config,
    ];
    files.into_iter().try_for_each(|file| put_in_place(file, folder, directory))
}

/// Saves an adapter for AdapterHub, or for PEFT where only PEFT has such adapters; true if the head went along, as a part
/// of PEFT's files.
fn save_either<S: Scalar>(
    adapter: &Adapter<S>,
    head: &Head<S>,
    base: &Encoder<S>,
    directory: &Path,
) -> Result<bool, FormatError> {
    let Some(method) = adapter.method() else {
        return Err(FormatError::OwnModules { name: adapter.name().to_owned() });
    };
    let model = base.config();
    match (method.file_fields(), peft::refusal(method, model)) {
        (Ok(_), _) if !peft::is_its_own(method, model) => save_adapter(adapter, base, directory).map(|()| false),
        (_, None) => peft::save_either_head(adapter, Some(head), base, directory),
        (fields, Some(neither)) => {
            let why = fields.err().unwrap_or_default();
            let message = format!("{why}; nor has PEFT: {neither}");
            Err(FormatError::config(directory.join(ADAPTER.config), message))
        }
    }
}

/// Moves a file to its place. One that the model does not have may not stay there from another model either, or loading
/// would mix the two.
fn put_in_place(file: &str, from: &Path, to: &Path) -> Result<(), FormatError> {
    let (from, to) = (from.join(file), to.join(file));
    match (from.exists(), to.exists()) {
        (true, _) => std::fs::rename(from, &to).map_err(FormatError::io("write", to)),
        (false, true) => std::fs::remove_file(&to).map_err(FormatError::io("remove", to)),
        (false, false) => Ok(()),
    }
}

/// Loads what [`save`] or AdapterHub's `save_adapter` has written: the head, and adapter and thawed tensors if the
/// directory holds them. Weights are read from safetensors files, or else from PyTorch's `.bin`
/// files, whose pickle is read as data and never run.
///
/// # Errors
/// If a file is missing or broken, a tensor is missing, unexpected or misshapen, or the adapter
/// was trained on another base.
pub fn load<S: Scalar>(directory: &Path, base: Arc<Encoder<S>>) -> Result<AdapterModel<S>, FormatError> {
    let head = load_head(directory, &base)?;
    let adapter = match directory.join(ADAPTER.config).exists() {
        true => Some(load_adapter(directory, &base)?),
        false => None,
    };
    let thawed = thawed::load(directory, &base)?;
    Ok(AdapterModel::new(base, adapter, head).with_thawed(thawed))
}

/// Every parameter of a model under the tensor names that its files have; most have one name.
pub fn named_parameters<S: Scalar>(model: &AdapterModel<S>) -> Vec<(Vec<String>, &dyn AnyParameter<S>)> {
    let mut all = Vec::new();
    let prefix = model.base().config().family.prefix();
    for (stored, parameter) in model.adapter().map(|a| parameters(a, model.base())).unwrap_or_default() {
        all.push((stored.names.into_iter().map(|name| format!("{prefix}{name}")).collect(), parameter));
    }
    let head = model.head();
    let own_name = |name: &str| match head.config().task {
        Task::MaskedLanguage => language::tensor_name(model.base().config().family, name),
        _ => head_name(head, name),
    };
    all.extend(head.parameters().into_iter().map(|(name, parameter)| (vec![own_name(&name)], parameter)));
    let thawed = model.thawed().map(Parameters::parameters).unwrap_or_default();
    all.extend(thawed.into_iter().map(|(name, parameter)| (vec![format!("{prefix}{name}")], parameter)));
    all
}

/// Saves an adapter alone; see [`save`].
///
/// # Errors
/// As [`save`]; or if the adapter's configuration is one that AdapterHub does not have.
pub fn save_adapter<S: Scalar>(adapter: &Adapter<S>, base: &Encoder<S>, directory: &Path) -> Result<(), FormatError> {
    check_name(adapter.name())?;
    let Some(method) = adapter.method() else {
        return Err(FormatError::OwnModules { name: adapter.name().to_owned() });
    };
    let prefix = base.config().family.prefix();
    let text = adapter_text(adapter.name(), method, base.config())
        .map_err(|message| FormatError::config(directory.join(ADAPTER.config), message))?;
    let mut tensors = Vec::new();
    for (stored, array) in parameters(adapter, base).into_iter().chain(constants(adapter, base)) {
        let Stored { names, beside, form, .. } = stored;
        let second = beside.map(|name| (format!("{prefix}{name}"), form.write_beside(array.shape())));
        tensors.extend(second);
        let array = form.write(array.to_view());
        tensors.extend(names.into_iter().map(|name| (format!("{prefix}{name}"), array.clone())));
    }
    write(&directory.join(ADAPTER.safetensors), &tensors, base, [])?;
    replace(&directory.join(ADAPTER.config), &text)
}

/// Saves an adapter alone for AdapterHub to read: [`save_adapter`], but for what AdapterHub would read and compute
/// otherwise. Those are prefixes that shift positions, a field that it ignores.
///
/// # Errors
/// As [`save_adapter`]; and if AdapterHub would compute something else.
pub fn save_adapterhub<S: Scalar>(
    adapter: &Adapter<S>,
    base: &Encoder<S>,
    directory: &Path,
) -> Result<(), FormatError> {
    let members = adapter.method().map(Method::members).unwrap_or_default();
    if members.iter().any(|member| matches!(member, Method::Prefix(config) if config.position_shift)) {
        let message = "in AdapterHub the text's positions stay as they are, and this prefix was trained with positions that \
                       begin behind it, as PEFT has them (position_shift is True): with learned positions that is another \
                       function";
        return Err(FormatError::config(directory.join(ADAPTER.config), message));
    }
    save_adapter(adapter, base, directory)
}

/// Saves a head alone; see [`save`].
///
/// # Errors
/// As [`save`]; and the head of a language model is refused, since it is a part of its model.
pub fn save_head<S: Scalar>(head: &Head<S>, base: &Encoder<S>, directory: &Path) -> Result<(), FormatError> {
    check_name(head.name())?;
    if head.config().task == Task::MaskedLanguage {
        let message = "the head of a language model belongs to the model: save both with save_language_model";
        return Err(FormatError::config(directory, message));
    }
    let tensors =
        head.parameters().into_iter().map(|(name, array)| (head_name(head, &name), array.to_view().to_owned()));
    write(&directory.join(HEAD.safetensors), &tensors.collect::<Vec<_>>(), base, [])?;
    replace(&directory.join(HEAD.config), &json::head_text(head.name(), head.config(), base.config()))
}

/// Loads an adapter alone, of AdapterHub's format or PEFT's; see [`load`].
///
/// # Errors
/// As [`load`].
pub fn load_adapter<S: Scalar>(directory: &Path, base: &Encoder<S>) -> Result<Adapter<S>, FormatError> {
    let path = directory.join(ADAPTER.config);
    if peft::is_peft(directory)? {
        return peft::load_peft(directory, base);
    }
    let file = read_adapter(&path, base.config())?;
    let mut adapter = Adapter::blank(&file.name, &file.method, base.config(), Seed::new(0))
        .map_err(|e| FormatError::config(&path, e))?;
    let mut tensors = Tensors::read(directory, &ADAPTER, base)?;
    let stored_in = stored_in(&file.name, base);
    for (method, entry) in adapter.entries_mut() {
        let stored = |name: &str| stored_in(method, name.to_owned());
        for (name, array) in entry.parameters_mut() {
            tensors.take(&stored(&name), array)?;
        }
        for (name, array) in entry.constants_mut() {
            tensors.take(&stored(&name), array)?;
        }
    }
    tensors.finish()?;
    Ok(adapter)
}

/// Loads a head alone, or the one that a PEFT directory carries; see [`load`].
///
/// # Errors
/// As [`load`].
pub fn load_head<S: Scalar>(directory: &Path, base: &Encoder<S>) -> Result<Head<S>, FormatError> {
    let path = directory.join(HEAD.config);
    if !path.exists() && directory.join(ADAPTER.config).exists() && peft::is_peft(directory)? {
        return peft::head::load(directory, base);
    }
    if !path.exists() {
        let message =
            format!("there is no {}: save the adapter with its head (in Python: with_head=True)", HEAD.config);
        return Err(FormatError::config(directory, message));
    }
    let (name, config) = json::read_head(&path, base.config())?;
    let mut head = Head::new(&name, &config, base, Seed::new(0)).map_err(|e| FormatError::config(&path, e))?;
    let mut tensors = Tensors::read(directory, &HEAD, base)?;
    let names: Vec<String> = head.parameters().iter().map(|(name, _)| head_name(&head, name)).collect();
    for (name, (_, parameter)) in names.into_iter().zip(head.parameters_mut()) {
        tensors.take(&Stored::same(name), parameter)?;
    }
    tensors.finish()?;
    Ok(head)
}

/// How an array of an adapter stands in its file; one of somebody's own module has its own name.
fn stored_in<S: Scalar>(adapter: &str, base: &Encoder<S>) -> impl Fn(Option<&Method>, String) -> Stored + Copy {
    let family = base.config().family;
    move |method, name| match method {
        Some(method) => method.stored(family, adapter, &name),
        None => Stored::same(name),
    }
}

type Arrays<'a, S> = Vec<(Stored, &'a dyn AnyParameter<S>)>;

/// The parameters of an adapter, and how each stands in its file.
fn parameters<'a, S: Scalar>(adapter: &'a Adapter<S>, base: &Encoder<S>) -> Arrays<'a, S> {
    let stored = stored_in(adapter.name(), base);
    let entries = adapter.entries();
    entries
        .flat_map(|(method, entry)| entry.parameters().into_iter().map(move |(n, p)| (stored(method, n), p)))
        .collect()
}

/// The arrays of an adapter that never train, and how each stands in its file.
fn constants<'a, S: Scalar>(adapter: &'a Adapter<S>, base: &Encoder<S>) -> Arrays<'a, S> {
    let stored = stored_in(adapter.name(), base);
    let entries = adapter.entries();
    entries
        .flat_map(|(method, entry)| entry.constants().into_iter().map(move |(n, p)| (stored(method, n), p)))
        .collect()
}

fn head_name<S: Scalar>(head: &Head<S>, parameter: &str) -> String {
    names::head_tensor_name(head.name(), parameter, head.config().activation.is_some())
}

fn check_name(name: &str) -> Result<(), FormatError> {
    if name.is_empty() || name.contains(['.', '/', '\\']) {
        return Err(FormatError::Name { name: name.to_owned() });
    }
    Ok(())
}

pub(super) fn replace(path: &Path, text: &str) -> Result<(), FormatError> {
    Ok(replace_file(path, |file| std::io::Write::write_all(file, text.as_bytes()))?)
}
