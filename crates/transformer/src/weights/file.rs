//! One file of tensors: safetensors, or one that `torch.save` wrote.

use super::WeightError;
use super::error::examples;
use super::header::read_header;
use super::number::FloatFormat;
use super::open::open_file;
use super::torch_bin::places;
use adaptune_tensor::Scalar;
use adaptune_tensor::kernel::{Mapped, map_read_only};
use ndarray::{ArrayD, IxDyn};
use safetensors::tensor::TensorInfo;
use std::borrow::Cow;
use std::collections::HashMap;
use std::io::BufReader;
use std::path::{Path, PathBuf};

/// A safetensors file, open for reading and checked as a whole except for its numbers, which are
/// checked as they are read.
///
/// The file is memory mapped: opening costs the header alone, and each tensor is copied once, into
/// the array that is returned. Let no other process change the file in place meanwhile, see
/// [`map_read_only`]. The reading methods are those of [`TensorSource`](super::TensorSource).
///
/// Integer tensors may be in the file (`embeddings.position_ids` of older models); only reading
/// one as weights is an error.
///
/// ```
/// use adaptune_transformer::weights::{TensorFile, TensorSource, write_safetensors};
/// use ndarray::arr1;
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("adapter.safetensors");
/// let bias = arr1(&[0.25_f32, -1.0]);
/// write_safetensors(&path, &[("down.bias".into(), bias.view().into_dyn())], &[].into())?;
///
/// let file = TensorFile::open(&path)?;
/// assert_eq!(file.names(), ["down.bias"]);
/// assert_eq!(file.metadata().map(|m| m["format"].as_str()), Some("pt"));
/// assert_eq!(file.read_shaped::<f64>("down.bias", &[2])?[[1]], -1.0);
/// assert!(file.read_shaped::<f64>("down.bias", &[3]).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct TensorFile {
    pub(super) path: PathBuf,
    bytes: Bytes,
    tensors: HashMap<String, TensorInfo>,
    metadata: Option<HashMap<String, String>>,
    /// The byte at which the data begins.
    begin: usize,
    /// In alphabetical order.
    pub(super) names: Vec<String>,
}

/// Where the bytes are.
#[derive(Debug)]
enum Bytes {
    Mapped(Mapped),
    Memory(Cow<'static, [u8]>),
}

impl std::ops::Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Mapped(bytes) => bytes,
            Self::Memory(bytes) => bytes,
        }
    }
}

impl TensorFile {
    /// Opens a file and checks that its header is valid and fits its length exactly.
    ///
    /// # Errors
    /// If the file cannot be opened, or is no valid safetensors file: see [`WeightError`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, WeightError> {
        let path = path.as_ref();
        let failed = |source| WeightError::Io { path: path.into(), action: "read", source };
        let bytes = open_file(path).and_then(|file| map_read_only(&file)).map_err(failed)?;
        Self::new(path, Bytes::Mapped(bytes))
    }

    /// Takes the bytes of a file that is in memory, such as one that is part of a program; `path` is for messages.
    ///
    /// # Errors
    /// If they are no valid safetensors file.
    pub fn from_bytes(path: impl AsRef<Path>, bytes: impl Into<Cow<'static, [u8]>>) -> Result<Self, WeightError> {
        Self::new(path.as_ref(), Bytes::Memory(bytes.into()))
    }

    fn new(path: &Path, bytes: Bytes) -> Result<Self, WeightError> {
        let (header, begin) = read_header(path, &bytes)?;
        let tensors = header.tensors().into_iter().map(|(name, info)| (name, info.clone())).collect();
        Ok(Self::of(path, bytes, (tensors, header.metadata().clone()), begin))
    }

    /// Opens a file that Python wrote with `torch.save`, such as `pytorch_model.bin`. No code of it is run, and its numbers are read
    /// where they lie, as those of a safetensors file are; so each tensor must lie there row by row.
    ///
    /// # Errors
    /// If the file cannot be opened, is damaged, asks to run code, or holds anything but tensors: see
    /// [`TorchBinError`](super::TorchBinError).
    pub fn open_torch(path: impl AsRef<Path>) -> Result<Self, WeightError> {
        let path = path.as_ref();
        let failed = |source| WeightError::Io { path: path.into(), action: "read", source };
        let file = open_file(path).map_err(failed)?;
        let bytes = map_read_only(&file).map_err(failed)?;
        let tensors = places(path, BufReader::new(file), bytes.len() as u64)?;
        Ok(Self::of(path, Bytes::Mapped(bytes), (tensors, None), 0))
    }

    fn of(
        path: &Path,
        bytes: Bytes,
        (tensors, metadata): (HashMap<String, TensorInfo>, Option<HashMap<String, String>>),
        begin: usize,
    ) -> Self {
        let mut names: Vec<String> = tensors.keys().cloned().collect();
        names.sort_unstable();
        Self { path: path.into(), bytes, tensors, metadata, begin, names }
    }

    /// The strings that the header keeps beside the tensors, if it has any.
    #[must_use]
    pub fn metadata(&self) -> Option<&HashMap<String, String>> {
        self.metadata.as_ref()
    }

    /// Type, shape and place of a tensor.
    pub(super) fn info(&self, name: &str) -> Result<&TensorInfo, WeightError> {
        self.tensors.get(name).ok_or_else(|| self.missing(name))
    }

    pub(super) fn check_shape(&self, name: &str, expected: &[usize]) -> Result<(), WeightError> {
        let found = &self.info(name)?.shape;
        if found == expected {
            return Ok(());
        }
        let (expected, found) = (expected.to_vec(), found.clone());
        Err(WeightError::Shape { path: self.path.clone(), name: name.into(), expected, found })
    }

    pub(super) fn convert<S: Scalar>(&self, name: &str) -> Result<ArrayD<S>, WeightError> {
        let info = self.info(name)?;
        let format = FloatFormat::of(info.dtype).ok_or_else(|| self.not_float(name, info))?;
        let (values, count) = format.decode::<S>(self.data(info));
        if count > 0 {
            let (path, name, total) = (self.path.clone(), name.into(), values.len());
            return Err(WeightError::NotFinite { path, name, count, total, scalar: S::NAME });
        }
        Ok(ArrayD::from_shape_vec(IxDyn(&info.shape), values).expect("opening compared shape and size"))
    }

    fn data(&self, info: &TensorInfo) -> &[u8] {
        let (begin, end) = info.data_offsets;
        &self.bytes[self.begin..][begin..end]
    }

    fn missing(&self, name: &str) -> WeightError {
        let (path, held) = (self.path.clone(), self.names.len());
        WeightError::Missing {
            path,
            name: name.into(),
            held,
            examples: examples(self.names.iter().map(String::as_str), 3),
        }
    }

    fn not_float(&self, name: &str, info: &TensorInfo) -> WeightError {
        WeightError::NotFloat { path: self.path.clone(), name: name.into(), found: info.dtype }
    }
}

#[cfg(test)]
mod tests {
    use super::super::TensorSource;
    use super::super::testing::{bytes_of, save, tensor};
    use super::*;
    use adaptune_test_support::Folder;
    use proptest::prelude::*;
    use safetensors::Dtype;
    use std::fs;
    use std::sync::LazyLock;

    /// A valid file of two tensors.
    static SAMPLE: LazyLock<Vec<u8>> = LazyLock::new(|| {
        let tensors = [("w", tensor::<f32>(1, &[3, 2])), ("b", tensor(2, &[3]))];
        fs::read(save(&Folder::new(), "x.safetensors", &tensors)).unwrap()
    });

    fn open(folder: &Folder, bytes: &[u8]) -> Result<TensorFile, WeightError> {
        TensorFile::open(folder.write("x.safetensors", bytes))
    }

    #[test]
    fn every_float_type_is_read_into_both_scalars() {
        let folder = Folder::new();
        let header = r#"{"h":{"dtype":"F16","shape":[2],"data_offsets":[0,4]},
            "b":{"dtype":"BF16","shape":[2,1],"data_offsets":[4,8]},
            "s":{"dtype":"F32","shape":[],"data_offsets":[8,12]},
            "d":{"dtype":"F64","shape":[1],"data_offsets":[12,20]}}"#;
        let mut bytes = bytes_of(header, 0);
        bytes.extend([0x00, 0x3E, 0x00, 0xC5, 0x40, 0xC0, 0xA0, 0x3F]); // 1.5 −5, −3 1.25
        bytes.extend(0.1_f32.to_le_bytes());
        bytes.extend(0.1_f64.to_le_bytes());
        let file = open(&folder, &bytes).unwrap();
        assert_eq!(file.read::<f32>("h").unwrap(), ndarray::arr1(&[1.5, -5.0]).into_dyn());
        assert_eq!(file.read::<f64>("b").unwrap(), ndarray::arr2(&[[-3.0], [1.25]]).into_dyn());
        assert_eq!(file.read::<f64>("s").unwrap(), ndarray::arr0(f64::from(0.1_f32)).into_dyn());
        assert_eq!(file.read::<f64>("d").unwrap()[[0]].to_bits(), 0.1_f64.to_bits());
        assert_eq!(file.read::<f32>("d").unwrap()[[0]], 0.1);
        assert_eq!((file.dtype("b").unwrap(), file.shape("b").unwrap()), (Dtype::BF16, &[2, 1][..]));
    }

    #[test]
    fn integers_may_be_there_but_are_no_weights() {
        let folder = Folder::new();
        let header = r#"{"embeddings.position_ids":{"dtype":"I64","shape":[1,2],"data_offsets":[0,16]}}"#;
        let file = open(&folder, &bytes_of(header, 16)).unwrap();
        assert_eq!(file.shape("embeddings.position_ids").unwrap(), [1, 2]);
        let error = file.read::<f32>("embeddings.position_ids").unwrap_err();
        assert!(error.to_string().contains("holds I64 numbers; weights are read from F32"), "{error}");
    }

    #[test]
    fn a_number_that_is_not_finite_is_counted_and_named() {
        let folder = Folder::new();
        let numbers = [1.0, f32::NAN, -2.0, f32::NEG_INFINITY, 3.0].map(f32::to_le_bytes).concat();
        let header = r#"{"up.weight":{"dtype":"F32","shape":[5],"data_offsets":[0,20]}}"#;
        let error =
            open(&folder, &[bytes_of(header, 0), numbers].concat()).unwrap().read::<f32>("up.weight").unwrap_err();
        assert!(matches!(error, WeightError::NotFinite { count: 2, total: 5, .. }));
        assert!(error.to_string().starts_with("2 of the 5 numbers of tensor `up.weight`"), "{error}");
    }

    #[test]
    fn another_shape_or_name_is_an_error_that_says_what_is_there() {
        let folder = Folder::new();
        let path = save(&folder, "x.safetensors", &[("w", tensor::<f32>(1, &[3, 2])), ("b", tensor(2, &[3]))]);
        let file = TensorFile::open(&path).unwrap();
        let error = file.read_shaped::<f32>("w", &[2, 3]).unwrap_err().to_string();
        assert!(
            error.contains("should have shape [2, 3] and has [3, 2]") && error.contains("x.safetensors"),
            "{error}"
        );
        let error = file.read_shaped::<f32>("v", &[3]).unwrap_err().to_string();
        assert!(error.contains("no tensor `v`; its 2 tensors are `b`, `w`"), "{error}");
        assert_eq!(file.read_shaped::<f32>("w", &[3, 2]).unwrap(), tensor::<f32>(1, &[3, 2]));
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let error = TensorFile::open(Folder::new().path("none.safetensors")).unwrap_err().to_string();
        assert!(error.starts_with("cannot read") && error.contains("none.safetensors"), "{error}");
    }

    #[test]
    fn a_file_shorter_than_its_original_is_an_error_at_every_length() {
        let folder = Folder::new();
        for length in 0..SAMPLE.len() {
            assert!(open(&folder, &SAMPLE[..length]).is_err(), "{length} of {} bytes", SAMPLE.len());
        }
        assert!(open(&folder, &SAMPLE).is_ok());
    }

    /// What a reader does with a file: an error is fine, a panic is not.
    fn read_everything(file: &TensorFile) -> usize {
        file.names().iter().filter(|name| file.read::<f32>(name).is_ok()).count()
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

        #[test]
        fn damaged_files_never_panic(
            changes in prop::collection::vec((any::<usize>(), any::<u8>()), 1..6),
            cut in 0..300_usize,
        ) {
            let mut bytes = SAMPLE.clone();
            for (place, byte) in changes {
                let place = place % bytes.len();
                bytes[place] = byte;
            }
            bytes.truncate(bytes.len().saturating_sub(cut.saturating_sub(250)));
            if let Ok(file) = open(&Folder::new(), &bytes) {
                prop_assert!(read_everything(&file) <= 2);
            }
        }

        #[test]
        fn headers_with_any_numbers_never_panic(
            shape in prop::collection::vec(prop_oneof![0..9_u64, any::<u64>()], 0..4),
            begin in prop_oneof![0..9_u64, any::<u64>()],
            end in prop_oneof![0..40_u64, any::<u64>()],
            dtype in prop_oneof![Just("F4"), Just("F16"), Just("F32"), Just("F64"), Just("F6_E2M3"), Just("I64")],
        ) {
            let header = format!(r#"{{"a":{{"dtype":"{dtype}","shape":{shape:?},"data_offsets":[{begin},{end}]}}}}"#);
            let folder = Folder::new();
            let data = if end < 40 { end as usize } else { 8 };
            if let Ok(file) = open(&folder, &bytes_of(&header, data)) {
                prop_assert!(begin == 0 && end == data as u64);
                prop_assert!(read_everything(&file) <= 1);
            }
        }
    }
}
