//! As much of protocol buffers as a file of SentencePiece is written in: fields with numbers, and messages within.

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Field<'a> {
    Number(u64),
    Single(f32),
    Bytes(&'a [u8]),
    /// Eight bytes, of which nothing here has need.
    Double,
}

/// The fields of a message with their numbers, in order; or the byte at which it is damaged.
pub(super) fn fields(bytes: &[u8]) -> Result<Vec<(u64, Field<'_>)>, usize> {
    let (mut rest, mut all) = (bytes, Vec::new());
    while !rest.is_empty() {
        let at = bytes.len() - rest.len();
        all.push(field(&mut rest).ok_or(at)?);
    }
    Ok(all)
}

fn field<'a>(rest: &mut &'a [u8]) -> Option<(u64, Field<'a>)> {
    let key = number(rest)?;
    let field = match key & 7 {
        0 => Field::Number(number(rest)?),
        1 => take(rest, 8).map(|_| Field::Double)?,
        2 => {
            let length = usize::try_from(number(rest)?).ok()?;
            Field::Bytes(take(rest, length)?)
        }
        5 => Field::Single(f32::from_le_bytes(take(rest, 4)?.try_into().ok()?)),
        _ => return None,
    };
    Some((key >> 3, field))
}

/// Seven bits a byte, the lowest first; the eighth says that more follow.
fn number(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for place in 0..10 {
        let byte = take(rest, 1)?[0];
        number |= u64::from(byte & 0x7F).checked_shl(7 * place)?;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

fn take<'a>(rest: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, behind) = rest.split_at_checked(count)?;
    *rest = behind;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_every_kind_are_read() {
        let bytes =
            [&[0x08, 0x96, 0x01, 0x12, 2, b'o', b'k', 0x1D][..], &1.5_f32.to_le_bytes(), &[0x21], &[0; 8]].concat();
        let expected = [(1, Field::Number(150)), (2, Field::Bytes(b"ok")), (3, Field::Single(1.5)), (4, Field::Double)];
        assert_eq!(fields(&bytes), Ok(expected.to_vec()));
        assert_eq!(fields(&bytes[..4]), Err(3), "its length is missing");
        assert_eq!(fields(&[0x12, 3, 1]), Err(0));
        assert_eq!(fields(&[0x0B]), Err(0), "groups are not known");
    }
}
