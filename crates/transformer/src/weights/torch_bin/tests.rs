//! Against a file that PyTorch wrote, and against archives that are made wrong on purpose.

use super::testing::*;
use super::*;
use ndarray::{Array2, arr0, arr1, arr2, s};
use proptest::prelude::*;
use std::io::Cursor;
use zip::ZipArchive;

/// Written by PyTorch 2.15:
///
/// ```python
/// base = torch.arange(24, dtype=torch.float32).reshape(4, 6) * 0.5 - 3
/// wide = torch.tensor([[1.5, -2.0, 0.375]])
/// d = collections.OrderedDict(
///     base=base, transposed=base.t(), slice=base[1:4, 1:6:2], overlapping=base.as_strided((3, 2), (1, 1), 4),
///     expanded=wide.expand(2, 3), parameter=nn.Parameter(base[:2, :3].clone().reshape(1, 2, 1, 3)),
///     half=wide.half(), bfloat=wide.bfloat16(), double=torch.tensor([0.1], dtype=torch.float64),
///     scalar=torch.tensor(2.5), empty=torch.zeros(0, 3), long=torch.tensor([1, -(2**40)]),
///     int=torch.tensor([-7], dtype=torch.int32), short=torch.tensor([-300], dtype=torch.int16),
///     char=torch.tensor([-5], dtype=torch.int8), byte=torch.tensor([250], dtype=torch.uint8),
///     bool=torch.tensor([True, False]))
/// d._metadata = collections.OrderedDict({"": {"version": 1}})
/// torch.save(d, "sample.bin")
/// ```
const SAMPLE: &[u8] = include_bytes!("sample.bin");

type Tensors<S> = BTreeMap<String, ArrayD<S>>;

fn read_bytes<S: Scalar>(bytes: &[u8]) -> Result<Tensors<S>, TorchBinError> {
    read(Path::new("dir/x.bin"), Cursor::new(bytes), bytes.len() as u64)
}

fn error_of(bytes: &[u8]) -> String {
    let error = read_bytes::<f32>(bytes).unwrap_err().to_string();
    assert!(error.contains("dir/x.bin"), "{error}");
    error
}

fn check_sample<S: Scalar>(double: f64) {
    let tensors = read_bytes::<S>(SAMPLE).unwrap();
    let base = Array2::from_shape_fn((4, 6), |(i, j)| (6 * i + j) as f64 * 0.5 - 3.0);
    let wide = arr2(&[[1.5, -2.0, 0.375]]);
    let expected = [
        ("base", base.clone().into_dyn()),
        ("transposed", base.t().to_owned().into_dyn()),
        ("slice", base.slice(s![1..4, 1..;2]).to_owned().into_dyn()),
        ("overlapping", arr2(&[[-1.0, -0.5], [-0.5, 0.0], [0.0, 0.5]]).into_dyn()),
        ("expanded", arr2(&[[1.5, -2.0, 0.375], [1.5, -2.0, 0.375]]).into_dyn()),
        ("parameter", base.slice(s![..2, ..3]).to_owned().into_shape_with_order(vec![1, 2, 1, 3]).unwrap()),
        ("half", wide.clone().into_dyn()),
        ("bfloat", wide.into_dyn()),
        ("double", arr1(&[double]).into_dyn()),
        ("scalar", arr0(2.5).into_dyn()),
        ("empty", Array2::zeros((0, 3)).into_dyn()),
        ("long", arr1(&[1.0, -(2f64.powi(40))]).into_dyn()),
        ("int", arr1(&[-7.0]).into_dyn()),
        ("short", arr1(&[-300.0]).into_dyn()),
        ("char", arr1(&[-5.0]).into_dyn()),
        ("byte", arr1(&[250.0]).into_dyn()),
        ("bool", arr1(&[1.0, 0.0]).into_dyn()),
    ];
    assert_eq!(tensors.len(), expected.len());
    for (name, values) in expected {
        assert_eq!(tensors[name].mapv(S::to_f64), values, "{name}");
        assert!(tensors[name].is_standard_layout(), "{name}");
    }
}

impl Pickled<'_> {
    fn read(&self) -> Result<ArrayD<f32>, TorchBinError> {
        let bytes = saved(&[("w", self.instructions())], &SIX.map(f32::to_le_bytes).concat());
        Ok(read_bytes(&bytes)?.remove("w").unwrap())
    }

    /// Why it cannot be read; the message always names tensor and file.
    fn problem(&self) -> String {
        let error = self.read().unwrap_err().to_string();
        assert!(error.starts_with("tensor `w` in dir/x.bin cannot be read: "), "{error}");
        error
    }
}

#[test]
fn what_pytorch_saved_is_read_into_both_scalars() {
    check_sample::<f64>(0.1);
    check_sample::<f32>(f64::from(0.1_f32));
}

#[test]
fn a_file_is_read_from_its_path() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pytorch_adapter.bin");
    std::fs::write(&path, SAMPLE).unwrap();
    assert_eq!(read_torch_bin::<f32>(&path).unwrap(), read_bytes::<f32>(SAMPLE).unwrap());
    let error = read_torch_bin::<f32>(&folder.path().join("none.bin")).unwrap_err().to_string();
    assert!(error.starts_with("cannot read") && error.contains("none.bin"), "{error}");
}

#[test]
fn our_own_archives_are_read_like_those_of_pytorch() {
    assert_eq!(WHOLE.read().unwrap(), arr2(&[[0.5, -1.0, 2.0], [3.5, -4.0, 5.25]]).into_dyn());
    let corner = Pickled { offset: 1, sizes: &[2, 2], strides: &[1, 3], ..WHOLE };
    assert_eq!(corner.read().unwrap(), arr2(&[[-1.0, -4.0], [2.0, 5.25]]).into_dyn());
    let nothing = Pickled { offset: 6, sizes: &[0, 9], strides: &[9, 1], ..WHOLE };
    assert_eq!(nothing.read().unwrap().shape(), [0, 9]);
}

#[test]
fn a_file_that_asks_to_run_something_is_refused() {
    let system = [&b"cos\nsystem\n"[..], &tuple(&[text("echo harm")]), b"R"].concat();
    let error = error_of(&saved(&[("w", WHOLE.instructions()), ("x", system)], &[0; 24]));
    assert!(error.starts_with("dir/x.bin: refused: the file asks to run `os.system`"), "{error}");
}

#[test]
fn tensors_must_lie_within_their_storage() {
    for (offset, sizes, strides) in [
        (1, &[2, 3][..], &[3, 1][..]),
        (0, &[7], &[1]),
        (0, &[2], &[6]),
        (7, &[0], &[1]),
        (6, &[], &[]),
        (0, &[2, 2], &[i64::MAX, i64::MAX]),
        (i64::MAX, &[1], &[1]),
        (0, &[0, 1 << 40, 1 << 40], &[1, 1, 1]),
    ] {
        let problem = Pickled { offset, sizes, strides, ..WHOLE }.problem();
        assert!(problem.contains("beyond the 6 numbers of its storage"), "{sizes:?}: {problem}");
    }
}

#[test]
fn sizes_that_are_none_are_refused() {
    assert!(Pickled { sizes: &[-1, 3], ..WHOLE }.problem().contains("no integers from 0 on"));
    assert!(Pickled { offset: -1, ..WHOLE }.problem().contains("no integers from 0 on"));
    assert!(Pickled { strides: &[3], ..WHOLE }.problem().contains("2 sizes and 1 strides"));
    assert!(Pickled { sizes: &[1; 65], strides: &[1; 65], ..WHOLE }.problem().contains("65 sizes"));
    assert!(Pickled { sizes: &[1 << 40, 1 << 40], ..WHOLE }.problem().contains("multiply to more"));
}

#[test]
fn a_storage_has_the_length_and_type_that_it_says() {
    assert!(Pickled { count: 7, ..WHOLE }.problem().contains("should hold 7 numbers and has 6"));
    assert!(Pickled { count: i64::MAX, ..WHOLE }.problem().contains("and has 6"));
    assert!(Pickled { kind: "DoubleStorage", ..WHOLE }.problem().contains("should hold 6 numbers and has 3"));
    let twice = [("a", WHOLE.instructions()), ("b", Pickled { kind: "IntStorage", ..WHOLE }.instructions())];
    assert!(error_of(&saved(&twice, &[0; 24])).starts_with("tensor `b`"));
    assert!(error_of(&saved(&twice[..1], &[0; 23])).contains("ends within a number"));
    let missing = error_of(&archive(&[("data.pkl", &dictionary(&twice[..1]))]));
    assert!(missing.contains("entry x/data/0 is missing"), "{missing}");
}

/// A few bytes of pickle may not ask for more memory than a multiple of the file.
#[test]
fn memory_is_bounded_by_the_length_of_the_file() {
    for (sizes, strides) in [(&[1 << 40][..], &[0][..]), (&[1 << 20, 1 << 30], &[0, 0])] {
        let error = Pickled { sizes, strides, ..WHOLE }.read().unwrap_err();
        assert!(matches!(error, TorchBinError::TooLarge { .. }), "{error}");
    }
    let (names, storage): (Vec<_>, _) = ((0..200).map(|i| i.to_string()).collect(), vec![0; 1 << 20]);
    let large = Pickled { count: 1 << 18, sizes: &[1 << 18], strides: &[1], ..WHOLE }.instructions();
    let aliases: Vec<_> = names.iter().map(|name| (name.as_str(), large.clone())).collect();
    assert!(matches!(read_bytes::<f32>(&saved(&aliases, &storage)), Err(TorchBinError::TooLarge { .. })));
    assert_eq!(read_bytes::<f32>(&saved(&aliases[..13], &storage)).unwrap().len(), 13);
}

#[test]
fn marks_that_change_the_meaning_of_numbers_are_refused() {
    for harmless in [&b"N"[..], b"}"] {
        assert!(Pickled { more: harmless, ..WHOLE }.read().is_ok());
    }
    let negated = [&b"}"[..], &text("neg"), b"\x88s"].concat();
    assert!(Pickled { more: &negated, ..WHOLE }.problem().contains("marks that change the meaning"));
    assert!(Pickled { more: b"NN", ..WHOLE }.problem().contains("marks"));
}

#[test]
fn numbers_must_be_finite_and_exact() {
    let numbers = [1.0, f32::NAN, 2.0, f32::INFINITY, 3.0, 4.0].map(f32::to_le_bytes).concat();
    let error = error_of(&saved(&[("w", WHOLE.instructions())], &numbers));
    assert!(error.starts_with("2 of the 6 numbers of tensor `w`"), "{error}");
    // What lies in the storage beside the tensor does not count.
    let last = Pickled { offset: 4, sizes: &[2], strides: &[1], ..WHOLE };
    assert_eq!(
        read_bytes::<f32>(&saved(&[("w", last.instructions())], &numbers)).unwrap()["w"],
        arr1(&[3.0, 4.0]).into_dyn()
    );

    let long = Pickled { kind: "LongStorage", count: 2, sizes: &[2], strides: &[1], ..WHOLE }.instructions();
    let bytes = |odd: i64| saved(&[("w", long.clone())], &[1, odd].map(i64::to_le_bytes).concat());
    assert_eq!(read_bytes::<f64>(&bytes((1 << 24) + 1)).unwrap()["w"][[1]], 16_777_217.0);
    assert!(error_of(&bytes((1 << 24) + 1)).contains("its integer 16777217 is too large for f32"));
    assert!(error_of(&bytes(i64::MAX)).contains("its integer 9223372036854775807 is too large"));
}

#[test]
fn what_is_no_dictionary_of_tensors_is_explained() {
    let w = WHOLE.instructions();
    assert!(error_of(&saved(&[("w", w.clone()), ("w", w.clone())], &[0; 24])).contains("the key `w` twice"));
    assert!(error_of(&saved(&[("step", int(3))], &[])).contains("the entry `step` is not a plain tensor"));
    assert!(error_of(&saved(&[("more", b"}".to_vec())], &[])).contains("the entry `more` is not a plain tensor"));
    let alone =
        |value: &[u8]| error_of(&archive(&[("data.pkl", &[b"\x80\x02", value, b"."].concat()), ("data/0", &[0; 24])]));
    assert!(alone(&w).contains("it holds no dictionary"));
    assert!(alone(&[&b"}K\x01"[..], &w, b"s"].concat()).contains("a key of its dictionary is no string"));
    // A dictionary that contains itself.
    assert!(alone(&[&b"}q\x00"[..], &text("self"), b"h\x00s"].concat()).contains("`self` is not a plain tensor"));
}

#[test]
fn what_is_no_archive_of_torch_is_explained() {
    assert!(matches!(read_bytes::<f32>(b"PK"), Err(TorchBinError::NotTorch { .. })));
    assert!(matches!(read_bytes::<f32>(b"<html>"), Err(TorchBinError::NotTorch { .. })));
    let legacy = b"\x80\x02\x8A\x0Al\xFC\x9CF\xF9 j\xA8P\x19.\x80\x02M\xE9\x03.";
    assert!(error_of(legacy).contains("before 1.6; convert it once with\n  python -c"));
    assert!(error_of(&archive(&[("other", b"")])).contains("it should have one data.pkl"));
    assert!(error_of(&archive(&[("data.pkl", b""), ("y/data.pkl", b"")])).contains("it should have one data.pkl"));
    let big = error_of(&archive(&[("data.pkl", b"\x80\x02}."), ("byteorder", b"big")]));
    assert!(big.contains("byte order `big`"), "{big}");
}

/// Entry headers that say "deflate"; whether the zip library could decode it does not matter.
#[test]
fn compressed_entries_are_refused_with_advice() {
    let mut bytes = archive(&[("data.pkl", b"\x80\x02}.")]);
    for (signature, method) in [(b"PK\x03\x04", 8), (b"PK\x01\x02", 10)] {
        let header = bytes.windows(4).position(|window| window == signature).unwrap();
        bytes[header + method] = 8;
    }
    let error = error_of(&bytes);
    assert!(error.starts_with("entry x/data.pkl of dir/x.bin is compressed") && error.contains("zip -0"), "{error}");
}

#[test]
fn a_changed_storage_fails_its_checksum() {
    let mut bytes = saved(&[("w", WHOLE.instructions())], &SIX.map(f32::to_le_bytes).concat());
    let place = bytes.windows(4).position(|window| window == 5.25_f32.to_le_bytes()).unwrap();
    bytes[place] ^= 1;
    assert!(matches!(read_bytes::<f32>(&bytes), Err(TorchBinError::Archive { .. })));
}

#[test]
fn a_file_shorter_than_its_original_is_an_error_at_every_length() {
    for length in 0..SAMPLE.len() {
        assert!(read_bytes::<f32>(&SAMPLE[..length]).is_err(), "{length}");
    }
}

/// The entries of the sample.
fn sample_entries() -> Vec<(String, Vec<u8>)> {
    let mut zip = ZipArchive::new(Cursor::new(SAMPLE)).unwrap();
    let count = zip.len();
    let read = |i| {
        let mut file = zip.by_index(i).unwrap();
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        (file.name().split_once('/').unwrap().1.to_string(), bytes)
    };
    (0..count).map(read).collect()
}

fn change(bytes: &mut [u8], changes: &[(usize, u8)]) {
    for &(place, byte) in changes {
        let place = place % bytes.len();
        bytes[place] = byte;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1000) })]

    #[test]
    fn damaged_archives_never_panic(changes in prop::collection::vec((any::<usize>(), any::<u8>()), 1..8)) {
        let mut bytes = SAMPLE.to_vec();
        change(&mut bytes, &changes);
        if let Ok(tensors) = read_bytes::<f32>(&bytes) {
            prop_assert!(tensors.len() <= 17);
        }
    }

    /// The checksums of the archive would hide most of these.
    #[test]
    fn damaged_pickles_in_sound_archives_never_panic(
        changes in prop::collection::vec((any::<usize>(), any::<u8>()), 1..8),
    ) {
        let mut entries = sample_entries();
        let pickle = entries.iter_mut().find(|(name, _)| name == "data.pkl").unwrap();
        change(&mut pickle.1, &changes);
        let entries: Vec<_> = entries.iter().map(|(name, bytes)| (name.as_str(), &bytes[..])).collect();
        if let Ok(tensors) = read_bytes::<f32>(&archive(&entries)) {
            prop_assert!(tensors.len() <= 17);
        }
    }

    /// Any offsets, sizes and strides: what is read is what indexing by hand finds.
    #[test]
    fn any_extent_reads_right_or_is_refused(
        offset in 0..8_i64,
        axes in prop::collection::vec((0..4_i64, 0..5_i64), 0..4),
    ) {
        let (sizes, strides): (Vec<_>, Vec<_>) = axes.iter().copied().unzip();
        let read = Pickled { offset, sizes: &sizes, strides: &strides, ..WHOLE }.read();
        let last = offset + axes.iter().map(|(size, stride)| (size - 1) * stride).sum::<i64>();
        let empty = sizes.contains(&0);
        if !empty {
            prop_assert_eq!(read.is_ok(), last < 6);
        }
        if let Ok(array) = read {
            for (index, &value) in array.indexed_iter() {
                let steps = strides.iter().enumerate().map(|(axis, stride)| index[axis] as i64 * stride);
                prop_assert_eq!(value, SIX[(offset + steps.sum::<i64>()) as usize]);
            }
        }
    }
}
