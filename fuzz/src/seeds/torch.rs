//! What `torch.save` writes, by hand: the project only reads it.

use super::Seeds;
use crate::{archive, joined};

pub(super) fn pickles() -> Seeds {
    let numbers: Vec<u8> =
        [0.5_f32, -1.0, 2.0, 3.5, -4.0, 5.25].iter().flat_map(|number| number.to_le_bytes()).collect();
    let whole = tensor("0", "FloatStorage", 6, 0, &[2, 3], &[3, 1]);
    let turned = tensor("0", "FloatStorage", 6, 0, &[3, 2], &[1, 3]);
    let part = tensor("0", "FloatStorage", 6, 2, &[2], &[2]);
    let scalar = tensor("0", "FloatStorage", 6, 5, &[], &[]);
    let whole_numbers = tensor("1", "LongStorage", 1, 0, &[1], &[1]);
    let one = dictionary(&[("w", whole.clone())]);
    let all = dictionary(&[("w", whole), ("t", turned), ("p", part), ("s", scalar), ("n", whole_numbers)]);
    vec![joined(&[one, numbers.clone()]), joined(&[all, numbers, 7_i64.to_le_bytes().to_vec()])]
}

pub(super) fn archives() -> Seeds {
    let archived = |seed: &Vec<u8>| {
        let names = ["data.pkl", "data/0", "data/1"];
        archive(names.into_iter().zip(crate::parts(seed)).chain([("byteorder", &b"little"[..]), ("version", b"3\n")]))
    };
    pickles().iter().map(archived).collect()
}

fn text(text: &str) -> Vec<u8> {
    [b"X", &(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat()
}

fn int(int: i64) -> Vec<u8> {
    match u8::try_from(int) {
        Ok(byte) => vec![b'K', byte],
        Err(_) => [&b"\x8A\x08"[..], &int.to_le_bytes()].concat(),
    }
}

fn tuple(items: &[Vec<u8>]) -> Vec<u8> {
    [b"(", &items.concat()[..], b"t"].concat()
}

fn ints(all: &[i64]) -> Vec<u8> {
    tuple(&all.iter().map(|&i| int(i)).collect::<Vec<_>>())
}

fn tensor(storage: &str, kind: &str, count: i64, offset: i64, sizes: &[i64], strides: &[i64]) -> Vec<u8> {
    let kind = format!("ctorch\n{kind}\n").into_bytes();
    let place = tuple(&[text("storage"), kind, text(storage), text("cpu"), int(count)]);
    let hooks = b"ccollections\nOrderedDict\n)R".to_vec();
    let storage = [&place[..], b"Q"].concat();
    let arguments = tuple(&[storage, int(offset), ints(sizes), ints(strides), b"\x89".to_vec(), hooks]);
    [&b"ctorch._utils\n_rebuild_tensor_v2\nq\x01"[..], &arguments, b"Rq\x02"].concat()
}

fn dictionary(items: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let items: Vec<_> = items.iter().map(|(name, value)| [text(name), value.clone()].concat()).collect();
    [b"\x80\x02}(", &items.concat()[..], b"u."].concat()
}
