//! Saving and loading adapter directories.

use super::error::FormatError;
use super::files::{ADAPTER, HEAD, PEFT, replace_together};
use super::hub::adapter::{parameters, write_adapter};
use super::hub::head::{head_name, write_head};
use super::hub::mixer::tensor_name;
use super::{hub, lookup, peft, setup_file, thawed};
use crate::adapter::Adapter;
use crate::compose::members::Member;
use crate::format::family::language_tensor_name;
use crate::head::Head;
use crate::model::AdapterModel;
use adaptune_tensor::{AnyParameter, Parameters, Scalar};
use adaptune_transformer::Encoder;
use adaptune_transformer::weights::{is_there, resolve};
use std::path::Path;

/// Saves adapter and head of a model as AdapterHub directory, and what is thawed beside them in `thawed.safetensors`.
///
/// An adapter that AdapterHub does not have and PEFT does (DoRA, rsLoRA, prompts of tokens like others) is saved as
/// [`save_peft_with_head`](super::save_peft_with_head) does; [`load`](super::load) tells them apart.
///
/// Existing files of these names are replaced, all together
/// ([`replace_files`](adaptune_transformer::weights::replace_files)): a failure, such as a full disk, leaves the directory as it
/// was, and after a crash at any moment [`load`](super::load) finds the old model or the new one.
///
/// The head of [`Task::EMBEDDING`](crate::Task::EMBEDDING) has nothing to be saved: such a model is saved without one, for
/// [`load_parts`](super::load_parts) to load.
///
/// Frozen adapters that the model's own stands upon may be shared with other models and are left out;
/// [`save_setup`](super::save_setup) saves them too.
///
/// # Errors
/// If a file cannot be written, the adapter's name cannot stand in a tensor name, it is an adapter
/// [of modules](Adapter::of_modules), for which AdapterHub has no format, or the model has a setup of another kind, which
/// one adapter's files cannot hold.
pub fn save<S: Scalar>(model: &AdapterModel<S>, directory: &Path) -> Result<(), FormatError> {
    if !model.setup().is_at_most_upon_frozen() {
        let message = format!("one adapter's files cannot hold the setup {}: save it with save_setup", model.setup());
        return Err(FormatError::config(directory, message));
    }
    replace_together(directory, FILES, |folder| write(model, folder))
}

/// All files that one model's directory may have; what it does not have may not stay there from another model, or loading would
/// mix the two.
const FILES: &[&str] = &[
    ADAPTER.safetensors,
    ADAPTER.torch,
    PEFT.safetensors,
    PEFT.torch,
    ADAPTER.config,
    thawed::FILE,
    HEAD.safetensors,
    setup_file::FILE,
    HEAD.config,
];

/// Writes the files of a model with at most one adapter.
fn write<S: Scalar>(model: &AdapterModel<S>, folder: &Path) -> Result<(), FormatError> {
    let with_head = match model.adapter() {
        Some(adapter) => write_either(adapter, Some(model.head()), model.base(), folder)?,
        None => false,
    };
    if let Some(thawed) = model.thawed() {
        thawed::save(thawed, model.base(), folder)?;
    }
    match stored_head(model) {
        Some(head) if !with_head => write_head(head, model.base(), folder),
        _ => Ok(()),
    }
}

/// The head, if it has anything that files hold.
pub(super) fn stored_head<S: Scalar>(model: &AdapterModel<S>) -> Option<&Head<S>> {
    Some(model.head()).filter(|head| !head.config().task.has_no_layers())
}

/// Writes an adapter for AdapterHub, or for PEFT where only PEFT has such adapters; true if a head went along, as a part
/// of PEFT's files.
pub(super) fn write_either<S: Scalar>(
    adapter: &Adapter<S>,
    head: Option<&Head<S>>,
    base: &Encoder<S>,
    directory: &Path,
) -> Result<bool, FormatError> {
    let Some(method) = adapter.method() else {
        return Err(FormatError::OwnModules { name: adapter.name().to_owned() });
    };
    let model = base.config();
    match (method.file_fields(), peft::refusal(method, model)) {
        (Ok(_), _) if !peft::is_its_own(method, model) => write_adapter(adapter, base, directory).map(|()| false),
        (_, None) => peft::write_either_head(adapter, head, base, directory),
        (fields, Some(neither)) => {
            let why = fields.err().unwrap_or_default();
            let message = format!("{why}; nor has PEFT: {neither}");
            Err(FormatError::config(directory.join(ADAPTER.config), message))
        }
    }
}

/// Saves an adapter without a head, in AdapterHub's files or PEFT's as [`save`] does.
///
/// # Errors
/// As [`save`].
pub fn save_headless<S: Scalar>(adapter: &Adapter<S>, base: &Encoder<S>, directory: &Path) -> Result<(), FormatError> {
    replace_together(directory, FILES, |folder| write_either(adapter, None, base, folder).map(|_| ()))
}

/// Every parameter of a model under the tensor names that its files have; most have one name.
pub fn named_parameters<S: Scalar>(model: &AdapterModel<S>) -> Vec<(Vec<String>, &dyn AnyParameter<S>)> {
    let mut all = Vec::new();
    let family = model.base().config().family;
    let prefix = family.prefix();
    for member in model.setup().members() {
        for (names, parameter) in stored_names(&member, model.base()) {
            all.push((names.into_iter().map(|name| format!("{prefix}{name}")).collect(), parameter));
        }
    }
    let head = model.head();
    let of_language = head.config().task.predicts_tokens();
    let language_name = |name: &str| language_tensor_name(family, name).filter(|_| of_language);
    let own_name = |name: &str| language_name(name).unwrap_or_else(|| head_name(head, name));
    all.extend(head.parameters().into_iter().map(|(name, parameter)| (vec![own_name(&name)], parameter)));
    let thawed = model.thawed().map(Parameters::parameters).unwrap_or_default();
    all.extend(thawed.into_iter().map(|(name, parameter)| (vec![family.full_name(&name)], parameter)));
    all
}

/// The parameters of a part of a setup under their tensor names, without the model's prefix.
fn stored_names<'a, S: Scalar>(
    member: &Member<'a, S>,
    base: &Encoder<S>,
) -> Vec<(Vec<String>, &'a dyn AnyParameter<S>)> {
    match member {
        Member::Adapter(adapter) => {
            parameters(adapter, base).into_iter().map(|(stored, parameter)| (stored.names, parameter)).collect()
        }
        Member::Mixing(mixing) => {
            let named = |(name, parameter): (String, _)| (vec![tensor_name(*mixing, &name, base)], parameter);
            mixing.parameters().into_iter().map(named).collect()
        }
    }
}

/// Loads an adapter alone, of AdapterHub's format or PEFT's; see [`load`](super::load).
///
/// # Errors
/// As [`load`](super::load).
pub fn load_adapter<S: Scalar>(directory: &Path, base: &Encoder<S>) -> Result<Adapter<S>, FormatError> {
    if peft::is_peft(directory)? {
        return peft::load_peft(directory, base);
    }
    hub::adapter::load(directory, base)
}

/// Loads a head alone, or the one that a PEFT directory carries; see [`load`](super::load).
///
/// # Errors
/// If there is none, and as [`load`](super::load).
pub fn load_head<S: Scalar>(directory: &Path, base: &Encoder<S>) -> Result<Head<S>, FormatError> {
    if is_there(&resolve(directory, HEAD.config)?) {
        return hub::head::load(directory, base);
    }
    lookup::check(directory)?;
    if is_there(&resolve(directory, ADAPTER.config)?) && peft::is_peft(directory)? {
        return peft::head::load(directory, base);
    }
    let message = format!("there is no {}: save the adapter with its head (in Python: with_head=True)", HEAD.config);
    Err(FormatError::config(directory, message))
}

/// The same; `None` if there is no head, or none of its weights.
pub(super) fn find_head<S: Scalar>(directory: &Path, base: &Encoder<S>) -> Result<Option<Head<S>>, FormatError> {
    if is_there(&resolve(directory, HEAD.config)?) && HEAD.have_weights(directory)? {
        return hub::head::load(directory, base).map(Some);
    }
    match is_there(&resolve(directory, ADAPTER.config)?) && peft::is_peft(directory)? {
        true => peft::head::find(directory, base),
        false => Ok(None),
    }
}
