//! Helpers of this module's tests.

use super::write_safetensors;
use adaptune_tensor::{Scalar, Seed};
use ndarray::ArrayD;
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;

/// A folder that is removed when dropped.
pub(super) struct Folder(TempDir);

impl Folder {
    pub(super) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        fs::write(self.path(name), bytes).unwrap();
        self.path(name)
    }

    pub(super) fn save<S: Scalar>(&self, name: &str, tensors: &[(&str, ArrayD<S>)]) -> PathBuf {
        let tensors: Vec<_> = tensors.iter().map(|(name, a)| (name.to_string(), a.view())).collect();
        write_safetensors(&self.path(name), &tensors, &[].into()).unwrap();
        self.path(name)
    }

    /// The names of everything in the folder, sorted.
    pub(super) fn listing(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

/// An array of numbers in `[−1, 1)`, addressed by `seed`.
pub(super) fn tensor<S: Scalar>(seed: u64, shape: &[usize]) -> ArrayD<S> {
    let mut next = 0;
    ArrayD::from_shape_simple_fn(shape, || {
        next += 1;
        S::from_f64(2.0 * Seed::new(seed).unit(next) - 1.0)
    })
}

/// A safetensors file of this header and that many bytes of data, which count up.
pub(super) fn bytes_of(header: &str, data: usize) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.extend((0..data).map(|i| i as u8));
    bytes
}
