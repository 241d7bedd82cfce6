//! The parser of `tokenizer.json` is another project's, and a damaged file may bring it down. So the file is looked through before,
//! and a panic within becomes an error that names the file.

use super::settings::Settings;
use crate::error::{Result, TextError};
use serde_json::Value;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;
use tokenizers::Tokenizer;

/// Reads a tokenizer without padding and truncation, with what the settings have made of its file, if they change it; `name`
/// stands for the file in messages.
pub(super) fn read(name: &str, bytes: &[u8], settings: &Settings) -> Result<(Tokenizer, Option<String>)> {
    let unreadable = |why: String| TextError::Tokenizer(format!("{name} is not a tokenizer that can be read: {why}"));
    let mut json: Value = serde_json::from_slice(bytes).map_err(|error| unreadable(error.to_string()))?;
    check(&json).map_err(unreadable)?;
    let changed = settings.apply(&mut json).then(|| json.to_string());
    let bytes = changed.as_ref().map_or(bytes, String::as_bytes);
    let tokenizer = guarded(|| {
        let mut tokenizer = Tokenizer::from_bytes(bytes)?;
        tokenizer.with_padding(None);
        tokenizer.with_truncation(None)?;
        Ok(tokenizer)
    });
    Ok((tokenizer.map_err(unreadable)?, changed))
}

/// Runs what another project wrote; a panic there is an error here, and is not printed.
pub(super) fn guarded<T>(run: impl FnOnce() -> tokenizers::Result<T>) -> Result<T, String> {
    silence_guarded_panics();
    GUARDED.set(true);
    let result = catch_unwind(AssertUnwindSafe(run));
    GUARDED.set(false);
    match result {
        Ok(result) => result.map_err(|error| error.to_string()),
        Err(panic) => {
            let said = panic.downcast_ref::<String>().map(String::as_str);
            let said = said.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no reason given");
            Err(format!("the tokenizers library panicked ({said}): the file is damaged"))
        }
    }
}

thread_local! {
    /// True while this thread runs another project's code whose panics are caught.
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Has the process's panic hook say nothing of panics that become errors.
fn silence_guarded_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !GUARDED.get() {
                hook(info);
            }
        }));
    });
}

/// What is known to end in a panic or in a request for all memory, as far as it is seen in the file.
fn check(json: &Value) -> Result<(), String> {
    if !json.is_object() || json.get("model").is_none_or(|model| !model.is_object()) {
        return Err("expected an object with a `model`".into());
    }
    each_object(json, &mut |object| match object.get("type").and_then(Value::as_str) {
        Some("Precompiled") => check_char_map(object.get("precompiled_charsmap")),
        Some("FixedLength") if object.get("length").is_none_or(|length| length.as_u64().is_none_or(|n| n == 0)) => {
            Err("a splitting into pieces of length 0".into())
        }
        _ => Ok(()),
    })
}

/// Visits every object within a value. The depth of a value is bounded by its parser.
fn each_object<'a>(
    value: &'a Value,
    visit: &mut impl FnMut(&'a serde_json::Map<String, Value>) -> Result<(), String>,
) -> Result<(), String> {
    match value {
        Value::Array(items) => items.iter().try_for_each(|item| each_object(item, visit)),
        Value::Object(object) => {
            visit(object)?;
            // A vocabulary has a hundred thousand entries and nothing to look at.
            let parts = object.iter().filter(|(name, _)| *name != "vocab" && *name != "merges");
            parts.map(|(_, part)| part).try_for_each(|part| each_object(part, visit))
        }
        _ => Ok(()),
    }
}

/// A map of characters begins with the size in bytes of its first part, which is taken at its word: it must end within the map,
/// and consist of numbers of four bytes.
fn check_char_map(map: Option<&Value>) -> Result<(), String> {
    let Some(Value::String(text)) = map else { return Ok(()) };
    let bytes = decoded(text).ok_or("a `precompiled_charsmap` that is not base64")?;
    let size = bytes.first_chunk().map(|first| u32::from_le_bytes(*first) as usize);
    let Some(size) = size.filter(|size| size % 4 == 0 && *size > 0 && *size <= bytes.len() - 4) else {
        return Err("a `precompiled_charsmap` whose first part is longer than the whole".into());
    };
    units_stay_inside(&bytes[4..4 + size])
}

/// A double array of units, each of which leads to others at an offset (its bits 10 to 31, eight bits further where bit 9 is
/// set): the search takes an offset at its word, exclusive or with the byte that was read.
fn units_stay_inside(units: &[u8]) -> Result<(), String> {
    let count = units.len() / 4;
    for (at, unit) in units.chunks_exact(4).enumerate() {
        let unit = unit.iter().rev().fold(0_usize, |unit, byte| unit << 8 | usize::from(*byte));
        let is_value = unit >> 31 == 1;
        let offset = (unit >> 10) << ((unit & (1 << 9)) >> 6);
        if !is_value && (at ^ offset) >= count {
            return Err(format!("a `precompiled_charsmap` whose unit {at} leads out of it"));
        }
    }
    Ok(())
}

/// The bytes of a text in base64.
fn decoded(text: &str) -> Option<Vec<u8>> {
    let value = |byte: u8| match byte {
        b'A'..=b'Z' => Some(u32::from(byte - b'A')),
        b'a'..=b'z' => Some(u32::from(byte - b'a') + 26),
        b'0'..=b'9' => Some(u32::from(byte - b'0') + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    let text = text.trim_end_matches('=').as_bytes();
    let group = |group: &[u8]| -> Option<Vec<u8>> {
        let bits = group.iter().try_fold(0, |bits, &byte| Some(bits << 6 | value(byte)?))? << (6 * (4 - group.len()));
        let bytes = [(bits >> 16) as u8, (bits >> 8) as u8, bits as u8];
        Some(bytes[..group.len() * 3 / 4].to_vec())
    };
    Some(text.chunks(4).map(group).collect::<Option<Vec<_>>>()?.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error_and_later_ones_are_panics_again() {
        let message = guarded::<()>(|| panic!("index out of bounds")).unwrap_err();
        assert!(message.contains("panicked (index out of bounds)"), "{message}");
        assert!(!GUARDED.get());
        assert_eq!(guarded(|| Ok(3)), Ok(3));
    }

    #[test]
    fn what_is_no_tokenizer_is_refused_by_name() {
        let cases: [(&[u8], &str); 4] = [
            (b"{", "EOF while parsing"),
            (b"[]", "expected an object with a `model`"),
            (b"{\"model\": 3}", "expected an object with a `model`"),
            (b"{\"model\": {\"type\": \"Nothing\"}}", "not a tokenizer that can be read"),
        ];
        for (bytes, expected) in cases {
            let message = read("t.json", bytes, &Settings::default()).unwrap_err().to_string();
            assert!(message.starts_with("t.json is ") && message.contains(expected), "{message}");
        }
    }

    #[test]
    fn maps_of_characters_are_looked_through() {
        let map = |bytes: &[u8]| {
            let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
            let text: String = bytes
                .chunks(3)
                .flat_map(|group| {
                    let bits =
                        group.iter().fold(0_u32, |bits, &byte| bits << 8 | u32::from(byte)) << (8 * (3 - group.len()));
                    (0..=group.len()).map(move |i| alphabet[(bits >> (18 - 6 * i)) as usize & 63] as char)
                })
                .collect();
            check_char_map(Some(&Value::String(text)))
        };
        assert_eq!(map(&[4, 0, 0, 0, 0, 0, 0, 0]), Ok(()));
        assert!(map(&[255, 255, 255, 127, 0, 0, 0, 0]).unwrap_err().contains("longer than the whole"));
        assert!(map(&[1]).unwrap_err().contains("longer than the whole"));
        assert!(map(&[4, 0, 0, 0, 0, 4, 0, 0]).unwrap_err().contains("leads out of it"));
        assert!(check_char_map(Some(&Value::String("?".into()))).unwrap_err().contains("base64"));
    }
}
