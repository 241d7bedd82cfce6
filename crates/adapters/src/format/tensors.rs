//! Named tensors of an adapter's files, read strictly and written.

use super::error::FormatError;
use super::files::Files;
use super::json::check_lfs;
use super::names::respelled;
use crate::core::stored::Stored;
use adaptune_tensor::{AnyParameter, Scalar};
use adaptune_transformer::Encoder;
use adaptune_transformer::weights::{TensorFile, TensorSource, is_there, read_torch_bin, resolve, write_safetensors};
use ndarray::ArrayD;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Metadata key under which we keep the fingerprint of the base's weights. Python ignores it.
const BASE: &str = "adaptune_base";
/// The same for the fields of its configuration, an object of texts as JSON. Files of earlier versions do not have it.
const CONFIGURATION: &str = "adaptune_base_config";

/// Writes tensors as a safetensors file that says which base they belong to.
pub(super) fn write<S: Scalar>(
    path: &Path,
    tensors: &[(String, ArrayD<S>)],
    base: &Encoder<S>,
    metadata: impl IntoIterator<Item = (String, String)>,
) -> Result<(), FormatError> {
    let views: Vec<_> = tensors.iter().map(|(name, array)| (name.clone(), array.view())).collect();
    let base = base.identity();
    let fields: BTreeMap<&str, &String> = base.fields().iter().map(|(name, value)| (*name, value)).collect();
    let fields = serde_json::to_string(&fields).expect("an object of texts");
    let base = [(BASE.to_owned(), base.fingerprint().to_owned()), (CONFIGURATION.to_owned(), fields)];
    let metadata = metadata.into_iter().chain(base).collect::<BTreeMap<_, _>>();
    Ok(write_safetensors(path, &views, &metadata)?)
}

/// True of weights that were written by this library.
pub(super) fn is_ours(folder: &Path, files: &Files) -> Result<bool, FormatError> {
    let path = resolve(folder, files.safetensors)?;
    if !is_there(&path) {
        return Ok(false);
    }
    Ok(TensorFile::open(&path)?.metadata().is_some_and(|metadata| metadata.contains_key(BASE)))
}

/// The tensors of a file, to be taken one by one.
pub(super) struct Tensors<S> {
    path: PathBuf,
    config: &'static str,
    prefix: &'static str,
    /// Where blocks are, and how many the base has.
    blocks: (&'static str, usize),
    left: BTreeMap<String, ArrayD<S>>,
}

impl<S: Scalar> Tensors<S> {
    /// Reads the safetensors file of these, or else PyTorch's.
    pub(super) fn read(directory: &Path, files: &Files, base: &Encoder<S>) -> Result<Self, FormatError> {
        let (safetensors, torch) = (resolve(directory, files.safetensors)?, resolve(directory, files.torch)?);
        let read = if is_there(&safetensors) {
            Self::read_file(&safetensors, files.config, base)?
        } else if is_there(&torch) {
            check_lfs(&torch)?;
            Self::of(read_torch_bin(&torch)?, &torch, files.config, base)
        } else {
            return Err(files.no_weights(directory));
        };
        let left = respelled(read.left, files.spelling, &read.path)?;
        Ok(Self { left, ..read })
    }

    /// Reads a safetensors file; `config` is the file that says what should be in it.
    pub(super) fn read_file(path: &Path, config: &'static str, base: &Encoder<S>) -> Result<Self, FormatError> {
        Ok(Self::of(read_safetensors(path, base)?, path, config, base))
    }

    fn of(left: BTreeMap<String, ArrayD<S>>, path: &Path, config: &'static str, base: &Encoder<S>) -> Self {
        let family = base.config().family;
        let blocks = (family.tensors().block, base.config().blocks());
        Self { path: path.to_owned(), config, prefix: family.prefix(), blocks, left }
    }

    /// The same, with names that are whole as they are.
    pub(super) fn without_prefix(self) -> Self {
        Self { prefix: "", ..self }
    }

    /// The names of all that is left.
    pub(super) fn names(&self) -> Vec<String> {
        self.left.keys().cloned().collect()
    }

    /// True if any name that is left is such.
    pub(super) fn any(&self, such: impl Fn(&str) -> bool) -> bool {
        self.left.keys().any(|name| such(name))
    }

    /// Takes a tensor out as it is, by its whole name.
    pub(super) fn remove_one(&mut self, name: &str) -> Option<ArrayD<S>> {
        self.left.remove(name)
    }

    /// Puts a tensor in, in whose place others were.
    pub(super) fn insert(&mut self, name: String, tensor: ArrayD<S>) {
        self.left.insert(name, tensor);
    }

    /// Leaves out the tensors of another part of the model.
    pub(super) fn set_aside(&mut self, belongs: impl Fn(&str) -> bool) {
        self.left.retain(|name, _| !belongs(name));
    }

    /// Leaves out all others.
    pub(super) fn keep(&mut self, belongs: impl Fn(&str) -> bool) {
        self.left.retain(|name, _| belongs(name));
    }

    /// The shape of a tensor, by its whole name.
    pub(super) fn shape(&self, name: &str) -> Option<&[usize]> {
        self.left.get(name).map(ArrayD::shape)
    }

    /// True if there is a tensor of this name, with or without the model's prefix.
    pub(super) fn has(&self, name: &str) -> bool {
        self.left.contains_key(name) || self.left.contains_key(&format!("{}{name}", self.prefix))
    }

    /// Copies a tensor into a parameter. The first of the names that is there counts, with or
    /// without the model's prefix; the others are taken too.
    pub(super) fn take(&mut self, stored: &Stored, parameter: &mut dyn AnyParameter<S>) -> Result<(), FormatError> {
        let Stored { names, ending, beside, form } = stored;
        let spellings = names.iter().flat_map(|name| [format!("{}{name}", self.prefix), name.clone()]);
        let ends = |name: &&String| ending.as_ref().is_some_and(|ending| name.ends_with(ending));
        let spellings: Vec<String> = spellings.chain(self.left.keys().filter(ends).cloned()).collect();
        let mut found = self.remove(spellings);
        if found.is_empty() {
            return Err(self.missing(&names[0]));
        }
        let (array, name) = found.swap_remove(0);
        let expected = form.shape(parameter.shape());
        if array.shape() != expected {
            let found = array.shape().to_vec();
            return Err(FormatError::Shape { path: self.path.clone(), name, found, expected });
        }
        let read = match beside {
            Some(beside) => {
                let mut second = self.remove([format!("{}{beside}", self.prefix), beside.clone()]);
                let second = second.pop().ok_or_else(|| self.missing(beside))?.0;
                form.read_with(array, second)
            }
            None => form.read(array),
        };
        let array = read.map_err(|why| FormatError::Form { path: self.path.clone(), name, why })?;
        parameter.values_mut().iter_mut().zip(&array).for_each(|(p, a)| *p = *a);
        Ok(())
    }

    fn remove(&mut self, names: impl IntoIterator<Item = String>) -> Vec<(ArrayD<S>, String)> {
        names.into_iter().filter_map(|name| Some((self.left.remove(&name)?, name))).collect()
    }

    fn missing(&self, name: &str) -> FormatError {
        let name = format!("{}{name}", self.prefix);
        FormatError::MissingTensor { path: self.path.clone(), name, config: self.config }
    }

    /// Nothing may be left over.
    pub(super) fn finish(self) -> Result<(), FormatError> {
        match self.left.keys().next() {
            None => Ok(()),
            Some(example) => Err(FormatError::UnexpectedTensors {
                count: self.left.len(),
                example: example.clone(),
                hint: self.hint(example),
                path: self.path.clone(),
                config: self.config,
            }),
        }
    }

    /// Why nothing asks for a tensor.
    fn hint(&self, name: &str) -> &'static str {
        let (block, count) = self.blocks;
        let rest = name.split_once(&format!("{block}.")).map(|(_, rest)| rest);
        let number: Option<usize> = rest.and_then(|rest| rest.split('.').next()?.parse().ok());
        match number {
            Some(number) if number >= count => "has the base fewer layers than the one it was trained on?",
            _ => "they belong to a part that this configuration does not have, or that is not read here",
        }
    }
}

fn read_safetensors<S: Scalar>(path: &Path, base: &Encoder<S>) -> Result<BTreeMap<String, ArrayD<S>>, FormatError> {
    let file = TensorFile::open(path)?;
    check_base(&file, path, base)?;
    file.names().into_iter().map(|name| Ok((name.to_owned(), file.read(name)?))).collect()
}

/// What the file says of the base that it belongs to must be true of this one. It need not say anything.
fn check_base<S: Scalar>(file: &TensorFile, path: &Path, base: &Encoder<S>) -> Result<(), FormatError> {
    let Some(metadata) = file.metadata() else { return Ok(()) };
    let fields: BTreeMap<String, String> = match metadata.get(CONFIGURATION) {
        Some(text) => serde_json::from_str(text)
            .map_err(|error| FormatError::config(path, format!("the metadata {CONFIGURATION} are broken: {error}")))?,
        None => BTreeMap::new(),
    };
    let value = |name: &str| fields.get(name).map(String::as_str);
    match base.identity().difference_from(value, metadata.get(BASE).map(String::as_str)) {
        Some([what, found, expected]) => Err(FormatError::OtherBase { path: path.to_owned(), what, found, expected }),
        None => Ok(()),
    }
}
