//! Where the numbers of tensors lie in a file, so that they can be read there without copying storages.

use super::archive::Archive;
use super::error::TorchBinError;
use super::opened::opened;
use super::pickle::Pickle;
use super::pickle::value::{Id, Number};
use super::tensors::{Problem, entries, parts, storage_reference};
use crate::weights::number::FloatFormat;
use safetensors::Dtype;
use safetensors::tensor::TensorInfo;
use std::collections::HashMap;
use std::io::{Read, Seek};
use std::ops::Range;
use std::path::Path;

/// Type, shape and place of every tensor of a file of `length` bytes. Several may lie in one place, as tied weights do.
pub(in crate::weights) fn places(
    path: &Path,
    file: impl Read + Seek,
    length: u64,
) -> Result<HashMap<String, TensorInfo>, TorchBinError> {
    let (archive, pickle) = opened(path, file, length)?;
    let mut storages = Storages { pickle: &pickle, archive, known: HashMap::new() };
    let all = entries(&pickle, path)?.into_iter();
    let place = |(name, arguments): (&str, &[Id])| match storages.place(arguments) {
        Ok(info) => Ok((name.to_owned(), info)),
        Err(problem) => Err(problem.of(path, name, "a file")),
    };
    all.map(place).collect()
}

struct Storages<'a, R> {
    pickle: &'a Pickle,
    archive: Archive<'a, R>,
    known: HashMap<&'a str, Range<u64>>,
}

impl<R: Read + Seek> Storages<'_, R> {
    fn place(&mut self, arguments: &[Id]) -> Result<TensorInfo, Problem> {
        let (storage, extent) = parts(self.pickle, arguments)?;
        let (number, key, count) =
            storage_reference(self.pickle, storage).ok_or("it has no storage of a known type")?;
        if !extent.is_in_rows() {
            return Err("its numbers do not lie row by row: save it with `tensor.contiguous()`".into());
        }
        let place = match self.known.get(key) {
            Some(place) => place.clone(),
            None => self.archive.place(&format!("data/{key}")).map_err(Problem::Other)?,
        };
        self.known.insert(key, place.clone());
        let (dtype, size) = dtype(number);
        let elements = extent.elements()?;
        let inside = extent.offset.checked_add(elements).is_some_and(|end| end <= count);
        let held = (place.end - place.start) as usize;
        if count.checked_mul(size) != Some(held) || !inside {
            let reason = format!(
                "it has {elements} numbers from {} on, and its storage of {count} has {held} bytes",
                extent.offset
            );
            return Err(Problem::Damaged(reason));
        }
        let first = place.start as usize + extent.offset * size;
        Ok(TensorInfo { dtype, shape: extent.sizes, data_offsets: (first, first + elements * size) })
    }
}

/// The type of the numbers, and how many bytes each has.
fn dtype(number: Number) -> (Dtype, usize) {
    match number {
        Number::Float(FloatFormat::F16) => (Dtype::F16, 2),
        Number::Float(FloatFormat::BF16) => (Dtype::BF16, 2),
        Number::Float(FloatFormat::F32) => (Dtype::F32, 4),
        Number::Float(FloatFormat::F64) => (Dtype::F64, 8),
        Number::Int(8) => (Dtype::I64, 8),
        Number::Int(4) => (Dtype::I32, 4),
        Number::Int(2) => (Dtype::I16, 2),
        Number::Int(_) => (Dtype::I8, 1),
        Number::Byte => (Dtype::U8, 1),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Pickled, WHOLE, saved};
    use crate::weights::{TensorFile, TensorSource, read_torch_bin};
    use adaptune_test_support::Folder;
    use proptest::prelude::*;

    const SAMPLE: &[u8] = include_bytes!("sample.bin");
    const SIX: [f32; 6] = [0.5, -1.0, 2.0, 3.5, -4.0, 5.25];

    fn bytes(tensor: &Pickled<'_>) -> Vec<u8> {
        saved(&[("w", tensor.instructions())], &SIX.map(f32::to_le_bytes).concat())
    }

    fn open(tensor: &Pickled<'_>) -> Result<TensorFile, String> {
        TensorFile::open_torch(Folder::new().write("x.bin", bytes(tensor))).map_err(|error| error.to_string())
    }

    /// The same numbers as where storages are copied, of tensors that lie row by row; others are named.
    #[test]
    fn tensors_are_read_where_they_lie() {
        let part = Pickled { offset: 2, sizes: &[1, 2, 2], strides: &[9, 2, 1], ..WHOLE };
        for tensor in [WHOLE, part.clone(), Pickled { sizes: &[], strides: &[], offset: 5, ..WHOLE }] {
            let folder = Folder::new();
            let path = folder.write("x.bin", bytes(&tensor));
            let file = TensorFile::open_torch(&path).expect("a good file");
            assert_eq!(file.read::<f32>("w").expect("floats"), read_torch_bin::<f32>(&path).expect("a good file")["w"]);
        }
        assert_eq!(open(&part).expect("a good file").read::<f64>("w").expect("floats")[[0, 1, 1]], 5.25);
        let transposed = open(&Pickled { sizes: &[3, 2], strides: &[1, 3], ..WHOLE }).expect_err("no rows");
        assert!(transposed.contains("tensor `w`") && transposed.contains("contiguous()"), "{transposed}");
        let beyond = open(&Pickled { offset: 1, ..WHOLE }).expect_err("beyond its storage");
        assert!(beyond.contains("6 numbers from 1 on") && beyond.contains("24 bytes"), "{beyond}");
        let more = open(&Pickled { count: 7, ..WHOLE }).expect_err("another length");
        assert!(more.contains("storage of 7 has 24 bytes"), "{more}");
        let integers = open(&Pickled { kind: "IntStorage", ..WHOLE }).expect("integers may be there");
        assert!(integers.read::<f32>("w").unwrap_err().to_string().contains("I32"));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

        #[test]
        fn damaged_files_never_panic(changes in prop::collection::vec((any::<usize>(), any::<u8>()), 1..6), cut in 0..300_usize, sample: bool) {
            let mut bytes = if sample { SAMPLE.to_vec() } else { bytes(&WHOLE) };
            for (place, byte) in changes {
                let place = place % bytes.len();
                bytes[place] = byte;
            }
            bytes.truncate(bytes.len().saturating_sub(cut.saturating_sub(250)));
            if let Ok(file) = TensorFile::open_torch(Folder::new().write("x.bin", &bytes)) {
                for name in file.names() {
                    let _ = file.read::<f32>(name);
                }
            }
        }
    }
}
