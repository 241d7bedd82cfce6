//! Saving and loading adapter directories.

use super::error::FormatError;
use super::{json, names, torch_bin};
use crate::adapter::Adapter;
use crate::head::Head;
use crate::method::Method;
use crate::model::AdapterModel;
use adaptune_tensor::{AnyParameter, Parameters, Scalar, Seed};
use adaptune_transformer::Encoder;
use adaptune_transformer::weights::{TensorFile, TensorSource, replace_file, write_safetensors};
use ndarray::ArrayD;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
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

/// Metadata key under which we keep the fingerprint of the base. Python ignores it.
const BASE: &str = "adaptune_base";

/// Saves adapter and head of a model as AdapterHub directory.
///
/// Everything is written into a hidden folder within the directory and then moved to its place, so that a failure, such
/// as a full disk, leaves the directory as it was. The configuration of the head comes last, and without it [`load`]
/// refuses a directory. Existing files of these names are replaced.
///
/// # Errors
/// If a file cannot be written, or the adapter's name cannot stand in a tensor name.
pub fn save<S: Scalar>(model: &AdapterModel<S>, directory: &Path) -> Result<(), FormatError> {
    let folder = directory.join(format!(".adaptune-{}", std::process::id()));
    std::fs::create_dir_all(&folder).map_err(FormatError::io("create", &folder))?;
    let saved = save_by_way_of(&folder, model, directory);
    let _ = std::fs::remove_dir_all(&folder); // it is empty if all went well; if not, the error is what counts
    saved
}

fn save_by_way_of<S: Scalar>(folder: &Path, model: &AdapterModel<S>, directory: &Path) -> Result<(), FormatError> {
    if let Some(adapter) = model.adapter() {
        save_adapter(adapter, model.base(), folder)?;
    }
    save_head(model.head(), model.base(), folder)?;
    if model.adapter().is_none() {
        remove_adapter(directory)?;
    }
    let parts = model.adapter().map(|_| &ADAPTER).into_iter().chain([&HEAD]);
    parts.into_iter().try_for_each(|files| put_in_place(files, folder, directory))
}

/// Without an adapter in the model none may stay in the directory, or loading would give another model.
fn remove_adapter(directory: &Path) -> Result<(), FormatError> {
    let files = [ADAPTER.config, ADAPTER.safetensors, ADAPTER.torch].map(|file| directory.join(file));
    files
        .into_iter()
        .filter(|file| file.exists())
        .try_for_each(|file| std::fs::remove_file(&file).map_err(FormatError::io("remove", file)))
}

fn put_in_place(files: &Files, from: &Path, to: &Path) -> Result<(), FormatError> {
    for file in [files.safetensors, files.config] {
        std::fs::rename(from.join(file), to.join(file)).map_err(FormatError::io("write", to.join(file)))?;
    }
    Ok(())
}

/// Loads what [`save`] or AdapterHub's `save_adapter` has written: the head, and the adapter if the
/// directory holds one. Weights are read from safetensors files, or else from PyTorch's `.bin`
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
    Ok(AdapterModel::new(base, adapter, head))
}

/// Every parameter of a model under the tensor names that its files have; most have one name.
pub fn named_parameters<S: Scalar>(model: &AdapterModel<S>) -> Vec<(Vec<String>, &dyn AnyParameter<S>)> {
    let mut all = Vec::new();
    let prefix = model.base().config().family.prefix();
    if let Some(adapter) = model.adapter() {
        for (names, point, parameter) in adapter_names(adapter, model.base()) {
            let names = names.into_iter().map(|name| format!("{prefix}{name}")).collect();
            all.push((names, adapter.module_parameters(point).swap_remove(parameter).1));
        }
    }
    let head = model.head();
    all.extend(head.parameters().into_iter().map(|(name, parameter)| (vec![head_name(head, &name)], parameter)));
    all
}

/// Saves an adapter alone; see [`save`].
///
/// # Errors
/// As [`save`].
pub fn save_adapter<S: Scalar>(adapter: &Adapter<S>, base: &Encoder<S>, directory: &Path) -> Result<(), FormatError> {
    check_name(adapter.name())?;
    let prefix = base.config().family.prefix();
    let mut tensors = Vec::new();
    for (names, point, parameter) in adapter_names(adapter, base) {
        let (_, array) = adapter.module_parameters(point).swap_remove(parameter);
        tensors.extend(names.into_iter().map(|name| (format!("{prefix}{name}"), array.to_view().to_owned())));
    }
    write(directory, &ADAPTER, &tensors, base)?;
    replace(&directory.join(ADAPTER.config), &json::adapter_text(adapter.name(), adapter.method(), base.config()))
}

/// Saves a head alone; see [`save`].
///
/// # Errors
/// As [`save`].
pub fn save_head<S: Scalar>(head: &Head<S>, base: &Encoder<S>, directory: &Path) -> Result<(), FormatError> {
    check_name(head.name())?;
    let tensors =
        head.parameters().into_iter().map(|(name, array)| (head_name(head, &name), array.to_view().to_owned()));
    write(directory, &HEAD, &tensors.collect::<Vec<_>>(), base)?;
    replace(&directory.join(HEAD.config), &json::head_text(head.name(), head.config(), base.config()))
}

/// Loads an adapter alone; see [`load`].
///
/// # Errors
/// As [`load`].
pub fn load_adapter<S: Scalar>(directory: &Path, base: &Encoder<S>) -> Result<Adapter<S>, FormatError> {
    let path = directory.join(ADAPTER.config);
    let file = json::read_adapter(&path, base.config())?;
    let mut adapter = Adapter::new(&file.name, &file.method, base.config(), Seed::new(0))
        .map_err(|e| FormatError::config(&path, e))?;
    let mut tensors = Tensors::read(directory, &ADAPTER, base)?;
    for (names, point, parameter) in adapter_names(&adapter, base) {
        tensors.take(&names, adapter.module_parameters_mut(point).swap_remove(parameter).1)?;
    }
    tensors.finish()?;
    Ok(adapter)
}

/// Loads a head alone; see [`load`].
///
/// # Errors
/// As [`load`].
pub fn load_head<S: Scalar>(directory: &Path, base: &Encoder<S>) -> Result<Head<S>, FormatError> {
    let path = directory.join(HEAD.config);
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
        tensors.take(&[name], parameter)?;
    }
    tensors.finish()?;
    Ok(head)
}

/// All tensor names of an adapter, with the point and the number of the parameter at it.
fn adapter_names<S: Scalar>(adapter: &Adapter<S>, base: &Encoder<S>) -> Vec<(Vec<String>, crate::Point, usize)> {
    let Method::Bottleneck(config) = adapter.method();
    let family = base.config().family;
    let mut all = Vec::new();
    for point in adapter.points() {
        for (i, (parameter, _)) in adapter.module_parameters(point).into_iter().enumerate() {
            all.push((names::tensor_names(family, point, adapter.name(), &parameter, config.ln_before), point, i));
        }
    }
    all
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

fn write<S: Scalar>(
    directory: &Path,
    files: &Files,
    tensors: &[(String, ArrayD<S>)],
    base: &Encoder<S>,
) -> Result<(), FormatError> {
    let views: Vec<_> = tensors.iter().map(|(name, array)| (name.clone(), array.view())).collect();
    let metadata = BTreeMap::from([(BASE.to_owned(), fingerprint(base))]);
    Ok(write_safetensors(&directory.join(files.safetensors), &views, &metadata)?)
}

fn fingerprint<S: Scalar>(base: &Encoder<S>) -> String {
    format!("{:016x}", base.fingerprint())
}

fn replace(path: &Path, text: &str) -> Result<(), FormatError> {
    Ok(replace_file(path, |file| std::io::Write::write_all(file, text.as_bytes()))?)
}

/// The tensors of a file, to be taken one by one.
struct Tensors<S> {
    path: PathBuf,
    config: &'static str,
    prefix: &'static str,
    left: BTreeMap<String, ArrayD<S>>,
}

impl<S: Scalar> Tensors<S> {
    fn read(directory: &Path, files: &Files, base: &Encoder<S>) -> Result<Self, FormatError> {
        let (safetensors, torch) = (directory.join(files.safetensors), directory.join(files.torch));
        let (path, left) = if safetensors.exists() {
            let left = read_safetensors(&safetensors, base)?;
            (safetensors, left)
        } else if torch.exists() {
            let left = torch_bin::read_torch_bin(&torch)?;
            (torch, left)
        } else {
            return Err(files.no_weights(directory));
        };
        Ok(Self { path, config: files.config, prefix: base.config().family.prefix(), left })
    }

    /// Copies a tensor into a parameter. The first of the names that is there counts, with or
    /// without the model's prefix; the others are taken too.
    fn take(&mut self, names: &[String], parameter: &mut dyn AnyParameter<S>) -> Result<(), FormatError> {
        let spellings = names.iter().flat_map(|name| [format!("{}{name}", self.prefix), name.clone()]);
        let mut found: Vec<_> = spellings.filter_map(|name| Some((self.left.remove(&name)?, name))).collect();
        if found.is_empty() {
            let name = format!("{}{}", self.prefix, names[0]);
            return Err(FormatError::MissingTensor { path: self.path.clone(), name, config: self.config });
        }
        let (array, name) = found.swap_remove(0);
        if array.shape() != parameter.shape() {
            let (found, expected) = (array.shape().to_vec(), parameter.shape().to_vec());
            return Err(FormatError::Shape { path: self.path.clone(), name, found, expected });
        }
        parameter.values_mut().iter_mut().zip(&array).for_each(|(p, a)| *p = *a);
        Ok(())
    }

    fn finish(self) -> Result<(), FormatError> {
        match self.left.keys().next() {
            None => Ok(()),
            Some(example) => Err(FormatError::UnexpectedTensors {
                count: self.left.len(),
                example: example.clone(),
                path: self.path,
                config: self.config,
            }),
        }
    }
}

fn read_safetensors<S: Scalar>(path: &Path, base: &Encoder<S>) -> Result<BTreeMap<String, ArrayD<S>>, FormatError> {
    let file = TensorFile::open(path)?;
    let trained_on = file.metadata().and_then(|metadata| metadata.get(BASE));
    if let Some(found) = trained_on.filter(|found| **found != fingerprint(base)) {
        return Err(FormatError::OtherBase {
            path: path.to_owned(),
            what: "fingerprint",
            found: found.clone(),
            expected: fingerprint(base),
        });
    }
    file.names().into_iter().map(|name| Ok((name.to_owned(), file.read(name)?))).collect()
}
