//! From the values of a pickle to arrays.

use super::archive::Archive;
use super::error::{AMPLIFICATION, TorchBinError};
use super::numbers::decode;
use super::pickle::Pickle;
use super::pickle::value::{Global, Id, Number, Value};
use adaptune_tensor::Scalar;
use ndarray::{ArrayD, ArrayView, IxDyn, ShapeBuilder};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::{Read, Seek};
use std::path::Path;

/// As many axes as a tensor of PyTorch can have.
const MOST_AXES: usize = 64;

/// Turns the values of a pickle into arrays.
pub(super) struct Tensors<'a, S, R> {
    pickle: &'a Pickle,
    archive: Archive<'a, R>,
    /// Each storage that was read, by its name, with what it holds.
    storages: HashMap<String, (Number, Vec<S>)>,
    /// How many bytes all arrays may still take.
    budget: u64,
}

impl<'a, S: Scalar, R: Read + Seek> Tensors<'a, S, R> {
    pub(super) fn new(pickle: &'a Pickle, archive: Archive<'a, R>) -> Self {
        let budget = archive.length.saturating_mul(AMPLIFICATION);
        Self { pickle, archive, storages: HashMap::new(), budget }
    }

    /// All tensors of the pickled dictionary.
    pub(super) fn read_all(mut self) -> Result<BTreeMap<String, ArrayD<S>>, TorchBinError> {
        let (pickle, path) = (self.pickle, self.archive.path);
        let mut tensors = BTreeMap::new();
        for (name, arguments) in entries(pickle, path)? {
            let tensor = self.array(arguments).map_err(|problem| problem.of(path, name, S::NAME))?;
            tensors.insert(name.to_owned(), tensor);
        }
        Ok(tensors)
    }

    fn array(&mut self, arguments: &[Id]) -> Result<ArrayD<S>, Problem> {
        let (storage, extent) = parts(self.pickle, arguments)?;
        self.spend(extent.elements()?)?;
        let array = extent.gather(self.storage(storage)?)?;
        match array.iter().filter(|x| !x.is_finite()).count() {
            0 => Ok(array),
            count => Err(Problem::NotFinite { count, total: array.len() }),
        }
    }

    fn spend(&mut self, elements: usize) -> Result<(), Problem> {
        let bytes = (elements as u64).checked_mul(size_of::<S>() as u64);
        let left = bytes.and_then(|bytes| self.budget.checked_sub(bytes));
        let (path, file) = (self.archive.path, self.archive.length);
        self.budget = left.ok_or_else(|| Problem::Other(TorchBinError::TooLarge { path: path.into(), file }))?;
        Ok(())
    }

    /// The numbers of a storage: `('storage', kind, name, device, count)`.
    fn storage(&mut self, id: Id) -> Result<&[S], Problem> {
        let (number, key, count) = storage_reference(self.pickle, id).ok_or("it has no storage of a known type")?;
        if !self.storages.contains_key(key) {
            let bytes = self.archive.read(&format!("data/{key}"), u64::MAX).map_err(Problem::Other)?;
            self.storages.insert(key.into(), (number, decode(number, &bytes).map_err(Problem::Damaged)?));
        }
        let (held, numbers) = &self.storages[key];
        if *held != number || numbers.len() != count {
            return Err(Problem::Damaged(format!("its storage should hold {count} numbers and has {}", numbers.len())));
        }
        Ok(numbers)
    }
}

/// The names of the pickled dictionary, each with what its tensor is built from.
pub(super) fn entries<'p>(pickle: &'p Pickle, path: &Path) -> Result<Vec<(&'p str, &'p [Id])>, TorchBinError> {
    let not_tensors = |what: String| TorchBinError::NotTensors { path: path.into(), what };
    let Value::Dict(items) = pickle.root() else {
        return Err(not_tensors("it holds no dictionary".into()));
    };
    let (mut seen, mut all) = (HashSet::new(), Vec::with_capacity(items.len()));
    for &(key, value) in items {
        let Value::Text(name) = pickle.value(key) else {
            return Err(not_tensors("a key of its dictionary is no string".into()));
        };
        let arguments = tensor_arguments(pickle, value)
            .ok_or_else(|| not_tensors(format!("the entry `{name}` is not a plain tensor")))?;
        if !seen.insert(name) {
            return Err(not_tensors(format!("its dictionary has the key `{name}` twice")));
        }
        all.push((name.as_str(), arguments));
    }
    Ok(all)
}

/// The storage of a tensor, and where it lies in that.
pub(super) fn parts(pickle: &Pickle, arguments: &[Id]) -> Result<(Id, Extent), Problem> {
    let &[storage, offset, sizes, strides, _requires_grad, _hooks, ref metadata @ ..] = arguments else {
        return Err("it is built from too few values".into());
    };
    check_metadata(pickle, metadata)?;
    Ok((storage, Extent::new(pickle, offset, sizes, strides)?))
}

/// Why one tensor could not be read, to be completed with its name.
pub(super) enum Problem {
    Damaged(String),
    NotFinite { count: usize, total: usize },
    Other(TorchBinError),
}

impl Problem {
    /// Completes it with the tensor and the type that numbers were converted to.
    pub(super) fn of(self, path: &Path, name: &str, scalar: &'static str) -> TorchBinError {
        let (path, name) = (path.into(), name.into());
        match self {
            Self::Damaged(what) => TorchBinError::Tensor { path, name, what },
            Self::NotFinite { count, total } => TorchBinError::NotFinite { path, name, count, total, scalar },
            Self::Other(error) => error,
        }
    }
}

impl From<&str> for Problem {
    fn from(what: &str) -> Self {
        Self::Damaged(what.into())
    }
}

/// Where a tensor lies in its storage.
pub(super) struct Extent {
    pub(super) offset: usize,
    pub(super) sizes: Vec<usize>,
    strides: Vec<usize>,
}

impl Extent {
    fn new(pickle: &Pickle, offset: Id, sizes: Id, strides: Id) -> Result<Self, Problem> {
        let list = |id| tuple(pickle, id)?.iter().map(|&id| size(pickle, id)).collect::<Option<Vec<_>>>();
        let (Some(offset), Some(sizes), Some(strides)) = (size(pickle, offset), list(sizes), list(strides)) else {
            return Err("its offset, sizes or strides are no integers from 0 on".into());
        };
        if sizes.len() != strides.len() || sizes.len() > MOST_AXES {
            return Err(Problem::Damaged(format!("it has {} sizes and {} strides", sizes.len(), strides.len())));
        }
        Ok(Self { offset, sizes, strides })
    }

    pub(super) fn elements(&self) -> Result<usize, Problem> {
        let elements = self.sizes.iter().try_fold(1_usize, |product, &size| product.checked_mul(size));
        elements.ok_or_else(|| "its sizes multiply to more than there can be".into())
    }

    /// True if its elements lie end to end, row by row. Axes of one element, and tensors without any, may have any strides.
    pub(super) fn is_in_rows(&self) -> bool {
        let mut next = 1_usize;
        let axes = self.sizes.iter().zip(&self.strides).rev().filter(|(size, _)| **size != 1);
        let in_rows = axes.into_iter().all(|(size, stride)| {
            let fits = *stride == next;
            next = next.saturating_mul(*size);
            fits
        });
        in_rows || self.sizes.contains(&0)
    }

    /// Copies the tensor out of its storage: element `(i, j, ...)` lies at `offset + Σ i · stride`.
    fn gather<S: Scalar>(self, storage: &[S]) -> Result<ArrayD<S>, Problem> {
        let Self { offset, sizes, strides } = self;
        let outside = || Problem::Damaged(format!("it reaches beyond the {} numbers of its storage", storage.len()));
        let part = storage.get(offset..).ok_or_else(outside)?;
        if sizes.contains(&0) {
            // Its strides may point anywhere, because no element is looked up.
            return ArrayD::from_shape_vec(sizes, Vec::new()).map_err(|_| outside());
        }
        let shape = IxDyn(&sizes).strides(IxDyn(&strides));
        let view = ArrayView::from_shape(shape, part).map_err(|_| outside())?;
        Ok(view.as_standard_layout().into_owned())
    }
}

/// The arguments that a tensor is built from, be it wrapped as a parameter or not.
fn tensor_arguments(pickle: &Pickle, value: Id) -> Option<&[Id]> {
    match call(pickle, value)? {
        (Global::RebuildTensor, arguments) => Some(arguments),
        (Global::RebuildParameter, &[tensor, _requires_grad, _hooks]) => match call(pickle, tensor)? {
            (Global::RebuildTensor, arguments) => Some(arguments),
            _ => None,
        },
        _ => None,
    }
}

fn call(pickle: &Pickle, value: Id) -> Option<(Global, &[Id])> {
    let &Value::Call { function, arguments } = pickle.value(value) else { return None };
    Some((function, tuple(pickle, arguments)?))
}

pub(super) fn storage_reference(pickle: &Pickle, id: Id) -> Option<(Number, &str, usize)> {
    let &Value::Outside(place) = pickle.value(id) else { return None };
    let &[what, kind, key, _device, count] = tuple(pickle, place)? else { return None };
    match (pickle.value(what), pickle.value(kind), pickle.value(key)) {
        (Value::Text(what), &Value::Global(Global::Storage(number)), Value::Text(key)) if what == "storage" => {
            Some((number, key, size(pickle, count)?))
        }
        _ => None,
    }
}

/// Marks such as "conjugated" or "negated" change what the numbers mean.
fn check_metadata(pickle: &Pickle, metadata: &[Id]) -> Result<(), Problem> {
    match metadata {
        [] => Ok(()),
        [one] if matches!(pickle.value(*one), Value::None) => Ok(()),
        [one] if matches!(pickle.value(*one), Value::Dict(items) if items.is_empty()) => Ok(()),
        _ => Err("it has marks that change the meaning of its numbers".into()),
    }
}

fn tuple(pickle: &Pickle, id: Id) -> Option<&[Id]> {
    match pickle.value(id) {
        Value::Tuple(items) => Some(items),
        _ => None,
    }
}

fn size(pickle: &Pickle, id: Id) -> Option<usize> {
    match *pickle.value(id) {
        Value::Int(size) => usize::try_from(size).ok(),
        _ => None,
    }
}
