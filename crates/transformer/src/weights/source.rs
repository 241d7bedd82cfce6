//! Named tensors, wherever they lie.

use super::{TensorFile, WeightError};
use adaptune_tensor::Scalar;
use ndarray::ArrayD;
use safetensors::Dtype;
use std::path::Path;

/// Named tensors on disk: one file, or a directory of several.
///
/// The two methods that convert numbers are generic, so they ask for a sized type; through a
/// `&dyn TensorSource` read with [`TensorSource::file_of`]`(name)?.read(name)`.
pub trait TensorSource {
    /// The file or directory, as error messages name it.
    fn path(&self) -> &Path;

    /// All names, in alphabetical order.
    fn names(&self) -> Vec<&str>;

    /// The file that holds a tensor.
    ///
    /// # Errors
    /// [`WeightError::Missing`] if there is no such tensor.
    fn file_of(&self, name: &str) -> Result<&TensorFile, WeightError>;

    /// True if there is a tensor of this name.
    fn contains(&self, name: &str) -> bool {
        self.file_of(name).is_ok()
    }

    /// The lengths of a tensor's axes.
    ///
    /// # Errors
    /// [`WeightError::Missing`] if there is no such tensor.
    fn shape(&self, name: &str) -> Result<&[usize], WeightError> {
        Ok(&self.file_of(name)?.info(name)?.shape)
    }

    /// The type of a tensor's numbers as the file holds them.
    ///
    /// # Errors
    /// [`WeightError::Missing`] if there is no such tensor.
    fn dtype(&self, name: &str) -> Result<Dtype, WeightError> {
        Ok(self.file_of(name)?.info(name)?.dtype)
    }

    /// A tensor, converted to `S`.
    ///
    /// # Errors
    /// If there is no such tensor, its numbers are no floats, or some are not finite.
    fn read<S: Scalar>(&self, name: &str) -> Result<ArrayD<S>, WeightError>
    where
        Self: Sized,
    {
        self.file_of(name)?.convert(name)
    }

    /// A tensor of a known shape, converted to `S`. The shape is checked before anything is read.
    ///
    /// # Errors
    /// As for [`TensorSource::read`], and [`WeightError::Shape`] if the shape is another.
    fn read_shaped<S: Scalar>(&self, name: &str, shape: &[usize]) -> Result<ArrayD<S>, WeightError>
    where
        Self: Sized,
    {
        let file = self.file_of(name)?;
        file.check_shape(name, shape)?;
        file.convert(name)
    }
}

impl TensorSource for TensorFile {
    fn path(&self) -> &Path {
        &self.path
    }

    fn names(&self) -> Vec<&str> {
        self.names.iter().map(String::as_str).collect()
    }

    fn file_of(&self, name: &str) -> Result<&TensorFile, WeightError> {
        self.info(name).map(|_| self)
    }
}
