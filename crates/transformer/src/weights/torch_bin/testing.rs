//! Archives as `torch.save` writes them, and others that it would not.

use std::io::{Cursor, Write};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// An archive of these entries in the folder `x`.
pub(in crate::weights) fn archive(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in entries {
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        zip.start_file(format!("x/{name}"), options).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// Pickled values, each the instructions that push it.
pub(in crate::weights) fn text(text: &str) -> Vec<u8> {
    [b"X", &(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat()
}

pub(in crate::weights) fn int(int: i64) -> Vec<u8> {
    [&b"\x8A\x08"[..], &int.to_le_bytes()].concat()
}

pub(in crate::weights) fn tuple(items: &[Vec<u8>]) -> Vec<u8> {
    [b"(", &items.concat()[..], b"t"].concat()
}

pub(in crate::weights) fn ints(all: &[i64]) -> Vec<u8> {
    tuple(&all.iter().map(|&i| int(i)).collect::<Vec<_>>())
}

/// A tensor of the storage `0`.
#[derive(Clone)]
pub(in crate::weights) struct Pickled<'a> {
    pub(in crate::weights) kind: &'a str,
    pub(in crate::weights) count: i64,
    pub(in crate::weights) offset: i64,
    pub(in crate::weights) sizes: &'a [i64],
    pub(in crate::weights) strides: &'a [i64],
    /// What follows the sixth argument.
    pub(in crate::weights) more: &'a [u8],
}

/// All six numbers of [`SIX`], as a matrix.
pub(in crate::weights) const WHOLE: Pickled<'_> =
    Pickled { kind: "FloatStorage", count: 6, offset: 0, sizes: &[2, 3], strides: &[3, 1], more: b"" };
pub(in crate::weights) const SIX: [f32; 6] = [0.5, -1.0, 2.0, 3.5, -4.0, 5.25];

impl Pickled<'_> {
    pub(in crate::weights) fn instructions(&self) -> Vec<u8> {
        let kind = format!("ctorch\n{}\n", self.kind).into_bytes();
        let place = tuple(&[text("storage"), kind, text("0"), text("cpu"), int(self.count)]);
        let storage = [&place[..], b"Q"].concat();
        let hooks = b"ccollections\nOrderedDict\n)R".to_vec();
        let requires_grad = b"\x89".to_vec();
        let (sizes, strides) = (ints(self.sizes), ints(self.strides));
        let arguments = tuple(&[storage, int(self.offset), sizes, strides, requires_grad, hooks, self.more.into()]);
        [&b"ctorch._utils\n_rebuild_tensor_v2\n"[..], &arguments, b"R"].concat()
    }
}

pub(in crate::weights) fn dictionary(items: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let items: Vec<_> = items.iter().map(|(name, value)| [text(name), value.clone()].concat()).collect();
    [b"\x80\x02}(", &items.concat()[..], b"u."].concat()
}

pub(in crate::weights) fn saved(items: &[(&str, Vec<u8>)], storage: &[u8]) -> Vec<u8> {
    archive(&[("data.pkl", &dictionary(items)), ("data/0", storage)])
}
