//! Adapters in AdapterHub's format.

use super::adapter_file::{adapter_text, read_adapter};
use super::name::check_name;
use super::of_family;
use crate::adapter::Adapter;
use crate::core::stored::Stored;
use crate::format::error::FormatError;
use crate::format::files::{ADAPTER, replace, replace_together};
use crate::format::json;
use crate::format::tensors::{Tensors, is_ours, write};
use crate::registry::method::Method;
use adaptune_tensor::{AnyParameter, Parameters, Scalar, Seed};
use adaptune_transformer::Encoder;
use adaptune_transformer::weights::resolve;
use std::path::Path;

/// Saves an adapter alone; see [`save`](crate::format::save).
///
/// # Errors
/// As [`save`](crate::format::save); or if the adapter's configuration is one that AdapterHub does not have.
pub fn save_adapter<S: Scalar>(adapter: &Adapter<S>, base: &Encoder<S>, directory: &Path) -> Result<(), FormatError> {
    replace_together(directory, &[ADAPTER.safetensors, ADAPTER.config], |folder| write_adapter(adapter, base, folder))
}

/// Writes the files of an adapter.
pub(crate) fn write_adapter<S: Scalar>(
    adapter: &Adapter<S>,
    base: &Encoder<S>,
    directory: &Path,
) -> Result<(), FormatError> {
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
    if let Some(why) = of_family::refusal(adapter, base.config()) {
        return Err(FormatError::config(directory.join(ADAPTER.config), why));
    }
    save_adapter(adapter, base, directory)
}

/// Loads an adapter of AdapterHub's format.
pub(crate) fn load<S: Scalar>(directory: &Path, base: &Encoder<S>) -> Result<Adapter<S>, FormatError> {
    let path = resolve(directory, ADAPTER.config)?;
    let file = json::read(&path)?;
    json::check_base(&path, &file, base.config())?;
    let weights = Tensors::read(directory, &ADAPTER, base);
    let invertible = weights.as_ref().is_ok_and(|tensors| tensors.any(|name| name.contains("invertible_adapters.")));
    let file = read_adapter(&path, &file, invertible)?;
    let mut adapter = Adapter::blank(&file.name, &file.method, base.config(), Seed::new(0))
        .map_err(|e| FormatError::config(&path, e))?;
    let mut tensors = weights?;
    match of_family::refusal(&adapter, base.config()) {
        Some(why) if !is_ours(directory, &ADAPTER)? => return Err(FormatError::config(&path, why)),
        _ => {}
    }
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

/// How an array of an adapter stands in its file; one of a user-defined module has its own name.
fn stored_in<S: Scalar>(adapter: &str, base: &Encoder<S>) -> impl Fn(Option<&Method>, String) -> Stored + Copy {
    let family = base.config().family;
    move |method, name| match method {
        Some(method) => method.stored(&family, adapter, &name),
        None => Stored::same(name),
    }
}

type Arrays<'a, S> = Vec<(Stored, &'a dyn AnyParameter<S>)>;

/// The parameters of an adapter, and how each stands in its file.
pub(crate) fn parameters<'a, S: Scalar>(adapter: &'a Adapter<S>, base: &Encoder<S>) -> Arrays<'a, S> {
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
