//! Helpers of this module's tests.

use super::write_safetensors;
use adaptune_tensor::Scalar;
use adaptune_test_support::{Folder, random};
use ndarray::ArrayD;
use std::path::PathBuf;

/// Writes a safetensors file of these tensors, and returns its path.
pub(super) fn save<S: Scalar>(folder: &Folder, name: &str, tensors: &[(&str, ArrayD<S>)]) -> PathBuf {
    let tensors: Vec<_> = tensors.iter().map(|(name, a)| (name.to_string(), a.view())).collect();
    write_safetensors(&folder.path(name), &tensors, &[].into()).unwrap();
    folder.path(name)
}

/// An array of random numbers, addressed by `seed`.
pub(super) fn tensor<S: Scalar>(seed: u64, shape: &[usize]) -> ArrayD<S> {
    random(seed, shape)
}

/// A safetensors file of this header and that many bytes of data, which count up.
pub(super) fn bytes_of(header: &str, data: usize) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.extend((0..data).map(|i| i as u8));
    bytes
}
