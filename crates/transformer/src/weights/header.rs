//! The header of a safetensors file: which tensors it holds, and where.

use super::WeightError;
use super::open::LFS;
use safetensors::tensor::{Metadata, TensorInfo};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::path::Path;

/// The longest header that the format allows, in bytes.
pub(super) const LONGEST: usize = 100_000_000;
/// The name under which a header keeps strings instead of a tensor.
pub(super) const METADATA: &str = "__metadata__";
const PREFIX: usize = size_of::<u64>();

/// What a header says, and the byte of the file at which the data begins.
pub(super) fn read_header(path: &Path, bytes: &[u8]) -> Result<(Metadata, usize), WeightError> {
    let json = json_part(path, bytes)?;
    let begin = PREFIX + json.len();
    let invalid = |reason: String| WeightError::Header { path: path.into(), reason };
    let entries: Entries = serde_json::from_slice(json).map_err(|e| invalid(e.to_string()))?;
    let tensors = in_file_order(path, entries.tensors)?;
    // These three come before the crate's own validation: their messages say what is wrong where.
    check_placement(path, &tensors)?;
    check_length(path, &tensors, bytes.len() - begin)?;
    check_sizes(path, &tensors)?;
    let header = Metadata::new(entries.metadata, tensors).map_err(|e| invalid(e.to_string()))?;
    Ok((header, begin))
}

fn json_part<'a>(path: &Path, bytes: &'a [u8]) -> Result<&'a [u8], WeightError> {
    if bytes.starts_with(LFS) {
        return Err(WeightError::LfsPointer { path: path.into() });
    }
    let Some((prefix, rest)) = bytes.split_first_chunk::<PREFIX>() else {
        return Err(WeightError::TooShort { path: path.into(), length: bytes.len() });
    };
    let announced = u64::from_le_bytes(*prefix);
    let length = usize::try_from(announced).ok().filter(|&length| length <= LONGEST);
    length.and_then(|length| rest.get(..length)).ok_or_else(|| WeightError::HeaderLength {
        path: path.into(),
        announced,
        available: rest.len(),
    })
}

type Named = (String, TensorInfo);

fn in_file_order(path: &Path, mut tensors: Vec<Named>) -> Result<Vec<Named>, WeightError> {
    let mut seen = HashSet::new();
    if let Some((name, _)) = tensors.iter().find(|(name, _)| !seen.insert(name)) {
        return Err(WeightError::Duplicate { path: path.into(), name: name.clone() });
    }
    tensors.sort_by_key(|(_, info)| info.data_offsets);
    Ok(tensors)
}

fn check_placement(path: &Path, tensors: &[Named]) -> Result<(), WeightError> {
    let mut expected = 0;
    for (name, info) in tensors {
        let (begin, end) = info.data_offsets;
        if begin != expected || end < begin {
            return Err(WeightError::Placement { path: path.into(), name: name.clone(), begin, end, expected });
        }
        expected = end;
    }
    Ok(())
}

fn check_length(path: &Path, tensors: &[Named], found: usize) -> Result<(), WeightError> {
    let expected = tensors.last().map_or(0, |(_, info)| info.data_offsets.1);
    if expected > found {
        return Err(WeightError::Truncated { path: path.into(), expected, found });
    }
    if expected < found {
        return Err(WeightError::TrailingBytes { path: path.into(), extra: found - expected });
    }
    Ok(())
}

fn check_sizes(path: &Path, tensors: &[Named]) -> Result<(), WeightError> {
    for (name, info) in tensors {
        let found = info.data_offsets.1 - info.data_offsets.0;
        // No overflow: the data lies within the file.
        if bits(info) != Some(found * 8) {
            let (dtype, shape) = (info.dtype, info.shape.clone());
            return Err(WeightError::Size { path: path.into(), name: name.clone(), dtype, shape, found });
        }
    }
    Ok(())
}

/// `None` where the number of bits is beyond every file. A tensor without bits has none to measure
/// that by, so it is any shape with a zero whose other lengths an array can have.
fn bits(info: &TensorInfo) -> Option<usize> {
    let mut nonzero = info.shape.iter().filter(|&&length| length != 0);
    let bits = nonzero.try_fold(info.dtype.bitsize(), |bits, &length| bits.checked_mul(length))?;
    Some(if info.shape.contains(&0) { 0 } else { bits })
}

/// The header as it stands, duplicates included, which a map would swallow.
struct Entries {
    metadata: Option<HashMap<String, String>>,
    tensors: Vec<Named>,
}

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EntriesVisitor)
    }
}

struct EntriesVisitor;

impl<'de> Visitor<'de> for EntriesVisitor {
    type Value = Entries;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object of tensors")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
        let mut entries = Entries { metadata: None, tensors: Vec::new() };
        while let Some(name) = map.next_key::<String>()? {
            if name == METADATA {
                entries.metadata = map.next_value()?;
            } else {
                let info = map.next_value().map_err(|e| A::Error::custom(format!("tensor `{name}`: {e}")))?;
                entries.tensors.push((name, info));
            }
        }
        Ok(entries)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::bytes_of;
    use super::*;

    const A: &str = r#""a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}"#;

    fn error(bytes: &[u8]) -> WeightError {
        read_header(Path::new("dir/x.safetensors"), bytes).unwrap_err()
    }

    /// The error for this header over `data` bytes; it always names the file.
    fn error_of(header: &str, data: usize) -> String {
        let error = error(&bytes_of(header, data)).to_string();
        assert!(error.contains("dir/x.safetensors"), "{error}");
        error
    }

    #[test]
    fn a_valid_header_gives_types_shapes_and_places() {
        let b = r#""b":{"dtype":"I64","shape":[1,3],"data_offsets":[8,32]}"#;
        let bytes = bytes_of(&format!(r#"{{{b},"__metadata__":{{"k":"v"}},{A}}}   "#), 32);
        let (header, begin) = read_header(Path::new("x"), &bytes).unwrap();
        assert_eq!((header.offset_keys(), begin), (vec!["a".to_string(), "b".to_string()], bytes.len() - 32));
        assert_eq!(header.info("b").unwrap().shape, [1, 3]);
        assert_eq!(header.metadata().as_ref().unwrap()["k"], "v");
    }

    #[test]
    fn no_tensors_are_fine() {
        assert!(read_header(Path::new("x"), &bytes_of("{}", 0)).is_ok());
        assert!(read_header(Path::new("x"), &bytes_of(r#"{"__metadata__":null}"#, 0)).is_ok());
    }

    #[test]
    fn lengths_that_do_not_fit_are_told_apart() {
        assert!(matches!(error(b"seven b"), WeightError::TooShort { length: 7, .. }));
        assert!(matches!(error(b""), WeightError::TooShort { length: 0, .. }));
        let long = |announced: u64| error(&[&announced.to_le_bytes()[..], b"{}"].concat());
        for announced in [3, 100_000_001, u64::MAX] {
            assert!(
                matches!(long(announced), WeightError::HeaderLength { announced: a, available: 2, .. } if a == announced)
            );
        }
        assert!(
            error(b"version https://git-lfs.github.com/spec/v1\noid sha256:0").to_string().contains("git lfs pull")
        );
    }

    #[test]
    fn what_is_no_header_is_explained() {
        assert!(error_of("{\"a\":", 0).contains("EOF while parsing"));
        assert!(error_of("[1, 2]", 0).contains("expected a JSON object of tensors"));
        assert!(
            error_of(r#"{"a":{"dtype":"F32","shape":[2]}}"#, 8).contains("tensor `a`: missing field `data_offsets`")
        );
        assert!(
            error_of(r#"{"a":{"dtype":"Q4","shape":[2],"data_offsets":[0,8]}}"#, 8).contains("unknown variant `Q4`")
        );
        assert!(error_of(r#"{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}"#, 8).contains("integer `-2`"));
        assert!(error_of(r#"{"__metadata__":{"step":3}}"#, 0).contains("expected a string"));
        let deep = "[".repeat(100_000);
        assert!(error_of(&format!(r#"{{"a":{{"x":{deep}"#), 0).contains("EOF"));
        assert!(matches!(error(&[&2_u64.to_le_bytes()[..], &[b'{', 0xFF]].concat()), WeightError::Header { .. }));
    }

    #[test]
    fn a_name_that_comes_twice_is_refused() {
        let error = error_of(&format!("{{{A},{A}}}"), 8);
        assert!(error.contains("tensor `a` twice"), "{error}");
    }

    #[test]
    fn overlaps_gaps_and_reversed_places_are_refused() {
        for place in ["[4,12]", "[0,8]", "[12,20]", "[8,4]", "[18446744073709551615,3]"] {
            let header = format!(r#"{{{A},"b":{{"dtype":"F32","shape":[2],"data_offsets":{place}}}}}"#);
            let error = error(&bytes_of(&header, 20));
            assert!(matches!(error, WeightError::Placement { .. }), "{place}: {error}");
        }
    }

    #[test]
    fn data_of_another_length_is_refused() {
        let one = format!("{{{A}}}");
        assert!(error_of(&one, 7).contains("cut short: its tensors take 8 bytes and 7 are there"));
        assert!(error_of(&one, 11).contains("3 bytes after its last tensor"));
        assert!(error_of("{}", 1).contains("1 bytes after its last tensor"));
    }

    #[test]
    fn a_shape_that_does_not_fit_its_place_is_refused() {
        for shape in
            ["[3]", "[]", "[0]", "[2,2]", "[4611686018427387904,4]", "[18446744073709551615,18446744073709551615]"]
        {
            let header = format!(r#"{{"a":{{"dtype":"F32","shape":{shape},"data_offsets":[0,8]}}}}"#);
            let error = error(&bytes_of(&header, 8));
            assert!(matches!(error, WeightError::Size { found: 8, .. }), "{shape}: {error}");
        }
    }

    /// Adding these up overflows; what lies within a short file must be found by comparing instead.
    #[test]
    fn places_at_the_end_of_the_number_range_are_refused() {
        let end = u64::MAX;
        let header = format!(r#"{{"a":{{"dtype":"U8","shape":[{end}],"data_offsets":[0,{end}]}}}}"#);
        assert!(matches!(error(&bytes_of(&header, 8)), WeightError::Truncated { .. }));
    }

    /// An array cannot have these lengths, even with a zero among them.
    #[test]
    fn empty_tensors_of_impossible_shape_are_refused() {
        let header = |shape| format!(r#"{{"a":{{"dtype":"F32","shape":{shape},"data_offsets":[0,0]}}}}"#);
        assert!(read_header(Path::new("x"), &bytes_of(&header("[0,3]"), 0)).is_ok());
        assert!(matches!(error(&bytes_of(&header("[0,9223372036854775807,2]"), 0)), WeightError::Size { .. }));
    }
}
