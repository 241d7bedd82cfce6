//! Stand-in.
use adaptune_tensor::Scalar;
use ndarray::ArrayD;
use std::collections::BTreeMap;
use std::path::Path;
/// Error.
#[derive(Debug, thiserror::Error)]
#[error("not yet")]
pub struct TorchBinError;
/// Read.
pub fn read_torch_bin<S: Scalar>(_path: &Path) -> Result<BTreeMap<String, ArrayD<S>>, TorchBinError> {
    Err(TorchBinError)
}
