//! Numbers as storages hold them.

use super::pickle::value::Number;
use adaptune_tensor::Scalar;

/// The numbers of a storage, converted; or what is wrong with them.
pub(super) fn decode<S: Scalar>(number: Number, bytes: &[u8]) -> Result<Vec<S>, String> {
    let size = match number {
        Number::Float(format) => format.size(),
        Number::Int(size) => size,
        Number::Byte => 1,
    };
    if !bytes.len().is_multiple_of(size) {
        return Err("its storage ends within a number".into());
    }
    match number {
        // What is not finite is counted later, per tensor: here it may belong to none.
        Number::Float(format) => Ok(format.decode(bytes).0),
        Number::Int(size) => bytes.chunks_exact(size).map(|bytes| exactly(signed(bytes))).collect(),
        Number::Byte => bytes.iter().map(|&byte| exactly(byte.into())).collect(),
    }
}

/// An integer of up to eight bytes, the last of which carries the sign.
fn signed(bytes: &[u8]) -> i64 {
    let sign = if bytes.last().is_some_and(|&byte| byte >= 0x80) { -1 } else { 0 };
    bytes.iter().rev().fold(sign, |integer, &byte| integer << 8 | i64::from(byte))
}

fn exactly<S: Scalar>(integer: i64) -> Result<S, String> {
    let number = S::from_f64(integer as f64);
    // Compared in 128 bits, because 2^63 as a float is no i64.
    if number.to_f64() as i128 == i128::from(integer) {
        return Ok(number);
    }
    Err(format!("its integer {integer} is too large for {}", S::NAME))
}
