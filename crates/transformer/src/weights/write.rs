//! Writing safetensors files.

use super::header::{LONGEST, METADATA};
use super::{FloatFormat, WeightError, replace_file};
use adaptune_tensor::Scalar;
use ndarray::{ArrayBase, ArrayViewD, Data, IxDyn};
use safetensors::tensor::TensorInfo;
use serde::ser::{Serialize, SerializeMap, Serializer};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

/// Writes tensors as a safetensors file of `F32` or `F64` numbers, as `S` is.
///
/// The same tensors and metadata give the same bytes, in whatever order they come: names and
/// metadata are sorted. The metadata always has `"format": "pt"`, without which the Python
/// libraries refuse a file. Views may have any strides; the file is row-major.
///
/// The file is written beside `path` and renamed, see [`replace_file`]: a failure leaves what was
/// there before.
///
/// ```
/// use adaptune_transformer::weights::write_safetensors;
/// use ndarray::arr2;
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("adapter.safetensors");
/// let weight = arr2(&[[1.0_f32, 2.0], [3.0, 4.0]]);
/// let metadata = [("step".to_string(), "30".to_string())].into();
/// write_safetensors(&path, &[("up.weight".into(), weight.view().into_dyn())], &metadata)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// If a name comes twice or is reserved, a number is NaN or infinite, or the file cannot be written
/// (no such folder, no permission, disk full).
pub fn write_safetensors<S: Scalar, R: Data<Elem = S>>(
    path: &Path,
    tensors: &[(String, ArrayBase<R, IxDyn>)],
    metadata: &BTreeMap<String, String>,
) -> Result<(), WeightError> {
    write_safetensors_as(FloatFormat::exact::<S>(), path, tensors, metadata)
}

/// Writes tensors as [`write_safetensors`] does, rounded to a format: in [`FloatFormat::F16`] a model takes half the
/// room.
///
/// # Errors
/// As [`write_safetensors`], and if a number is beyond the range of the format.
pub fn write_safetensors_as<S: Scalar, R: Data<Elem = S>>(
    format: FloatFormat,
    path: &Path,
    tensors: &[(String, ArrayBase<R, IxDyn>)],
    metadata: &BTreeMap<String, String>,
) -> Result<(), WeightError> {
    let sorted = sorted(path, tensors)?;
    for (name, tensor) in &sorted {
        check_finite(format, path, name, tensor)?;
    }
    let header = header(format, path, &sorted, metadata)?;
    replace_file(path, |writer| {
        writer.write_all(&(header.len() as u64).to_le_bytes())?;
        writer.write_all(&header)?;
        sorted.values().try_for_each(|tensor| write_numbers(format, writer, tensor))
    })
}

type Sorted<'a, S> = BTreeMap<&'a str, ArrayViewD<'a, S>>;

fn sorted<'a, S: Scalar, R: Data<Elem = S>>(
    path: &Path,
    tensors: &'a [(String, ArrayBase<R, IxDyn>)],
) -> Result<Sorted<'a, S>, WeightError> {
    let mut sorted = Sorted::new();
    for (name, tensor) in tensors {
        if name == METADATA {
            return Err(unwritable(path, format!("`{METADATA}` is reserved and cannot name a tensor")));
        }
        if sorted.insert(name, tensor.view()).is_some() {
            return Err(unwritable(path, format!("two tensors are named `{name}`")));
        }
    }
    Ok(sorted)
}

/// What our own readers would refuse must not replace a good file.
fn check_finite<S: Scalar>(
    format: FloatFormat,
    path: &Path,
    name: &str,
    tensor: &ArrayViewD<'_, S>,
) -> Result<(), WeightError> {
    let count = tensor.iter().filter(|x| !format.round(x.to_f64()).is_finite()).count();
    if count == 0 {
        return Ok(());
    }
    let (path, name, total) = (path.into(), name.into(), tensor.len());
    Err(WeightError::NotFinite { path, name, count, total, scalar: S::NAME })
}

/// The header's JSON, filled up with spaces so that the data begins at a multiple of 8 bytes.
fn header<S: Scalar>(
    format: FloatFormat,
    path: &Path,
    sorted: &Sorted<'_, S>,
    metadata: &BTreeMap<String, String>,
) -> Result<Vec<u8>, WeightError> {
    let mut metadata = metadata.clone();
    metadata.insert("format".into(), "pt".into());
    let json = serde_json::to_vec(&Header { metadata: &metadata, tensors: placed(format, sorted) });
    let mut json = json.map_err(|e| unwritable(path, e.to_string()))?;
    json.resize(json.len().next_multiple_of(8), b' ');
    if json.len() > LONGEST {
        return Err(unwritable(path, format!("its header would take {} bytes, more than {LONGEST}", json.len())));
    }
    Ok(json)
}

/// Type, shape and place of each tensor, end to end in the order of their names.
fn placed<'a, S: Scalar>(format: FloatFormat, sorted: &Sorted<'a, S>) -> Vec<(&'a str, TensorInfo)> {
    let (dtype, size) = (format.dtype(), format.size());
    let mut begin = 0;
    let place = |(&name, tensor): (&&'a str, &ArrayViewD<'a, S>)| {
        let data_offsets = (begin, begin + tensor.len() * size);
        begin = data_offsets.1;
        (name, TensorInfo { dtype, shape: tensor.shape().to_vec(), data_offsets })
    };
    sorted.iter().map(place).collect()
}

/// Row-major, in portions, so that no second copy of a large tensor is made.
fn write_numbers<S: Scalar>(
    format: FloatFormat,
    writer: &mut impl Write,
    tensor: &ArrayViewD<'_, S>,
) -> io::Result<()> {
    const PORTION: usize = 4096;
    let mut bytes = Vec::with_capacity(8 * PORTION);
    let mut numbers = tensor.iter().map(|x| x.to_f64()).peekable();
    while numbers.peek().is_some() {
        bytes.clear();
        numbers.by_ref().take(PORTION).for_each(|x| format.encode(x, &mut bytes));
        writer.write_all(&bytes)?;
    }
    Ok(())
}

fn unwritable(path: &Path, reason: String) -> WeightError {
    WeightError::Unwritable { path: path.into(), reason }
}

/// The header in its order. The crate's own header keeps metadata in a hash map, whose order, and
/// so the file's bytes, would differ from run to run.
struct Header<'a> {
    metadata: &'a BTreeMap<String, String>,
    tensors: Vec<(&'a str, TensorInfo)>,
}

impl Serialize for Header<'_> {
    fn serialize<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
        let mut map = serializer.serialize_map(Some(1 + self.tensors.len()))?;
        map.serialize_entry(METADATA, self.metadata)?;
        for (name, info) in &self.tensors {
            map.serialize_entry(name, info)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{save, tensor};
    use super::super::{TensorFile, TensorSource};
    use super::*;
    use adaptune_test_support::Folder;
    use ndarray::{ArrayD, arr1, arr2, s};
    use safetensors::Dtype;
    use std::fs;

    fn named<S: Scalar>(tensors: &[(&str, ArrayD<S>)], order: &[usize]) -> Vec<(String, ArrayD<S>)> {
        order.iter().map(|&i| (tensors[i].0.to_string(), tensors[i].1.clone())).collect()
    }

    fn written<S: Scalar>(tensors: &[(String, ArrayD<S>)], metadata: &BTreeMap<String, String>) -> Vec<u8> {
        let folder = Folder::new();
        let views: Vec<_> = tensors.iter().map(|(name, a)| (name.clone(), a.view())).collect();
        write_safetensors(&folder.path("x.safetensors"), &views, metadata).unwrap();
        assert_eq!(folder.listing(), ["x.safetensors"]);
        fs::read(folder.path("x.safetensors")).unwrap()
    }

    #[test]
    fn what_was_written_is_read_back_bit_for_bit() {
        let folder = Folder::new();
        let (f, d) = (tensor::<f32>(1, &[3, 1, 2]), tensor::<f64>(2, &[5000]));
        let single = TensorFile::open(save(&folder, "f", &[("f", f.clone()), ("empty", tensor(3, &[0, 4]))])).unwrap();
        let double = TensorFile::open(save(&folder, "d", &[("d", d.clone()), ("scalar", tensor(4, &[]))])).unwrap();
        assert_eq!((single.dtype("f").unwrap(), double.dtype("d").unwrap()), (Dtype::F32, Dtype::F64));
        assert_eq!(single.read::<f32>("f").unwrap(), f);
        assert_eq!(single.read::<f32>("empty").unwrap().shape(), [0, 4]);
        assert_eq!(double.read::<f64>("d").unwrap(), d);
        assert_eq!(double.read::<f64>("scalar").unwrap(), tensor::<f64>(4, &[]));
    }

    #[test]
    fn the_bytes_depend_on_neither_order_nor_run() {
        let tensors = [("z.bias", tensor::<f32>(1, &[3])), ("B", tensor(2, &[2, 2])), ("a", tensor(3, &[7]))];
        let metadata: BTreeMap<_, _> = (0..20).map(|i| (format!("key{}", i * 7 % 20), format!("\"{i}\""))).collect();
        let first = written(&named(&tensors, &[0, 1, 2]), &metadata);
        assert_eq!(first, written(&named(&tensors, &[2, 0, 1]), &metadata));
        let header = String::from_utf8_lossy(&first[8..]).into_owned();
        let places = ["__metadata__", "\"format\":\"pt\"", "key0", "key19", "\"B\"", "\"a\"", "z.bias"]
            .map(|key| header.find(key).unwrap());
        assert!(places.is_sorted(), "{header}");
    }

    #[test]
    fn a_small_file_is_exactly_this() {
        let bytes = written(&[("b".into(), arr1(&[1.0_f32]).into_dyn())], &[].into());
        let header = r#"{"__metadata__":{"format":"pt"},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}   "#;
        assert_eq!(bytes[..8], (header.len() as u64).to_le_bytes());
        assert_eq!(
            (&bytes[8..bytes.len() - 4], &bytes[bytes.len() - 4..]),
            (header.as_bytes(), &[0, 0, 0x80, 0x3F][..])
        );
    }

    #[test]
    fn the_crate_agrees_that_the_file_is_valid_and_aligned() {
        for name in ["w", "we", "wei", "weig", "weigh", "weight", "weights"] {
            let bytes = written(&[(name.into(), tensor::<f64>(1, &[3, 2]))], &[].into());
            let (header, _) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
            assert_eq!(header % 8, 0, "{name}");
        }
    }

    #[test]
    fn views_of_any_stride_are_written_row_major() {
        let folder = Folder::new();
        let array = arr2(&[[1.0_f32, 2.0, 3.0], [4.0, 5.0, 6.0]]);
        let (turned, backwards) = (array.t(), array.slice(s![.., ..;-2]));
        let views = [("t".to_string(), turned.into_dyn()), ("s".to_string(), backwards.into_dyn())];
        write_safetensors(&folder.path("x"), &views, &[].into()).unwrap();
        let file = TensorFile::open(folder.path("x")).unwrap();
        assert_eq!(file.read::<f32>("t").unwrap(), arr2(&[[1.0, 4.0], [2.0, 5.0], [3.0, 6.0]]).into_dyn());
        assert_eq!(file.read::<f32>("s").unwrap(), arr2(&[[3.0, 1.0], [6.0, 4.0]]).into_dyn());
    }

    #[test]
    fn what_cannot_be_read_again_is_not_written() {
        let folder = Folder::new();
        let path = folder.write("x.safetensors", b"old");
        let (good, bad) = (arr1(&[1.0_f32]).into_dyn(), arr1(&[1.0, f32::NAN, f32::INFINITY]).into_dyn());
        let error_of = |tensors: &[(&str, &ArrayD<f32>)]| {
            let tensors: Vec<_> = tensors.iter().map(|(name, a)| (name.to_string(), a.view())).collect();
            write_safetensors(&path, &tensors, &[].into()).unwrap_err().to_string()
        };
        assert!(error_of(&[("a", &good), ("a", &good)]).contains("two tensors are named `a`"));
        assert!(error_of(&[(METADATA, &good)]).contains("`__metadata__` is reserved"));
        assert!(error_of(&[("a", &good), ("b", &bad)]).starts_with("2 of the 3 numbers of tensor `b`"));
        assert_eq!((fs::read(&path).unwrap(), folder.listing()), (b"old".to_vec(), vec!["x.safetensors".to_string()]));
    }

    /// Halves take half the room, are rounded to the nearest, and refuse what is beyond their range.
    #[test]
    fn tensors_are_rounded_to_a_format() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("half.safetensors");
        let write = |format, numbers: [f32; 3]| {
            let tensor = ndarray::arr1(&numbers);
            write_safetensors_as(format, &path, &[("t".into(), tensor.view().into_dyn())], &[].into())
        };
        write(FloatFormat::F16, [1.0 + 1.0 / 2048.0 + 1e-6, -65504.0, 0.1]).unwrap();
        let read = TensorFile::open(&path).unwrap();
        assert_eq!(read.dtype("t").unwrap(), Dtype::F16);
        let numbers = read.read::<f64>("t").unwrap();
        assert_eq!(numbers.as_slice().unwrap(), [1.0 + 1.0 / 1024.0, -65504.0, 0.0999755859375]);
        let error = write(FloatFormat::F16, [1.0, 70000.0, 2.0]).unwrap_err().to_string();
        assert!(error.contains("`t`") || error.contains(" t "), "{error}");
        write(FloatFormat::BF16, [1.0, 70000.0, 2.0]).unwrap();
        assert_eq!(TensorFile::open(&path).unwrap().read::<f64>("t").unwrap()[[1]], 70144.0);
    }
}
