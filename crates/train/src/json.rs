//! Numbers and scores in JSON, which itself has only finite numbers.
//!
//! This is the one place that writes them and reads them back: records, checkpoints and reports all go through it. What is finite is
//! a number with as many digits as it takes to be read back to the bit. What is not is one of the texts `"Infinity"`,
//! `"-Infinity"` and `"NaN"`, as in ProtoJSON; Python's `float`, JavaScript's `Number` and Rust's `parse` all read them.

use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};
use std::fmt;

/// A number, finite or not.
///
/// ```
/// use adaptune_train::json::Number;
/// let text = serde_json::to_string(&[0.1 + 0.2, f64::INFINITY, f64::NAN].map(Number))?;
/// assert_eq!(text, r#"[0.30000000000000004,"Infinity","NaN"]"#);
/// let [sum, infinite, undefined]: [Number; 3] = serde_json::from_str(&text)?;
/// assert!(sum.0 == 0.1 + 0.2 && infinite.0 == f64::INFINITY && undefined.0.is_nan());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Number(pub f64);

/// The numbers that JSON does not have, by name.
const NAMED: [(&str, f64); 3] = [("Infinity", f64::INFINITY), ("-Infinity", f64::NEG_INFINITY), ("NaN", f64::NAN)];

impl Serialize for Number {
    fn serialize<R: Serializer>(&self, serializer: R) -> Result<R::Ok, R::Error> {
        let same = |named: f64| named == self.0 || named.is_nan() && self.0.is_nan();
        match NAMED.iter().find(|(_, named)| same(*named)) {
            Some((name, _)) => serializer.serialize_str(name),
            None => serializer.serialize_f64(self.0),
        }
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumberVisitor)
    }
}

struct NumberVisitor;

impl Visitor<'_> for NumberVisitor {
    type Value = Number;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, \"Infinity\", \"-Infinity\" or \"NaN\"")
    }

    fn visit_f64<E>(self, value: f64) -> Result<Number, E> {
        Ok(Number(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Number, E> {
        Ok(Number(value as f64))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Number, E> {
        Ok(Number(value as f64))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Number, E> {
        let named = NAMED.iter().find(|(name, _)| *name == text);
        named.map(|(_, value)| Number(*value)).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
    }
}

/// Scores by name as a JSON object.
///
/// ```
/// use adaptune_train::json::scores;
/// assert_eq!(scores([("accuracy", 0.5), ("perplexity", f64::INFINITY)]).to_string(), r#"{"accuracy":0.5,"perplexity":"Infinity"}"#);
/// ```
#[must_use]
pub fn scores<'a>(scores: impl IntoIterator<Item = (&'a str, f64)>) -> Value {
    scores.into_iter().map(|(name, score)| (name.to_owned(), value(score))).collect::<Map<_, _>>().into()
}

/// A number as a JSON value.
#[must_use]
pub fn value(number: f64) -> Value {
    serde_json::to_value(Number(number)).expect("a number or a text")
}

/// The number that a JSON value is; none if it is something else.
#[must_use]
pub fn number(value: &Value) -> Option<f64> {
    Number::deserialize(value).ok().map(|number| number.0)
}

/// For fields that are numbers: `#[serde(with = "json::plain")]`.
pub(crate) mod plain {
    use super::{Deserialize, Deserializer, Number, Serialize, Serializer};

    pub(crate) fn serialize<R: Serializer>(value: &f64, serializer: R) -> Result<R::Ok, R::Error> {
        Number(*value).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        Number::deserialize(deserializer).map(|number| number.0)
    }
}

/// For fields that are lists of named scores, as pairs.
pub(crate) mod pairs {
    use super::{Deserialize, Deserializer, Number, Serializer};

    pub(crate) fn serialize<R: Serializer>(scores: &[(String, f64)], serializer: R) -> Result<R::Ok, R::Error> {
        serializer.collect_seq(scores.iter().map(|(name, score)| (name, Number(*score))))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<(String, f64)>, D::Error> {
        let pairs = Vec::<(String, Number)>::deserialize(deserializer)?;
        Ok(pairs.into_iter().map(|(name, number)| (name, number.0)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_no_number_is_not_taken_for_one() {
        for value in [json!(null), json!("infinity"), json!("1.5"), json!([1.5]), json!(true)] {
            assert_eq!(number(&value), None, "{value}");
        }
        assert_eq!([json!(3), json!(-3), json!(0.5)].map(|value| number(&value)), [3.0, -3.0, 0.5].map(Some));
    }

    #[test]
    fn any_bits_are_read_back() {
        let mut bits = 0x0123_4567_89ab_cdef_u64;
        for _ in 0..2000 {
            bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let number = f64::from_bits(bits);
            let read: Number = serde_json::from_str(&serde_json::to_string(&Number(number)).unwrap()).unwrap();
            assert!(read.0.to_bits() == bits || number.is_nan() && read.0.is_nan(), "{number:e}");
        }
    }
}
