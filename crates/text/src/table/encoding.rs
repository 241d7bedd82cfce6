//! What bytes are that are no UTF-8, and the command that makes UTF-8 of them.

use crate::error::TextError;

/// How messages name what is no file.
pub(super) const STANDARD_INPUT: &str = "standard input";

/// Returns bytes as text if they are UTF-8, and no UTF-16 or UTF-32, whose letters would be read with zero bytes between them;
/// messages call them `name`.
///
/// ```
/// let message = adaptune_text::utf8_text("a.txt", b"caf\xE9 noir".to_vec()).unwrap_err().to_string();
/// assert!(message.contains("line 1") && message.contains("iconv -f WINDOWS-1252 -t UTF-8 'a.txt'"));
/// ```
///
/// # Errors
/// They are something else: names the likely encoding, line and byte, and the command that helps.
pub fn utf8_text(name: &str, bytes: Vec<u8>) -> Result<String, TextError> {
    if let Some(encoding) = wide(&bytes) {
        let command = iconv(name, &format!("-f {}", encoding.name));
        let message = format!("expected UTF-8, found {}; convert it:\n    {command}", encoding.found);
        return Err(TextError::line(name, 1, message));
    }
    String::from_utf8(bytes).map_err(|error| not_utf8(name, error.as_bytes(), error.utf8_error()))
}

/// An encoding by the name that `iconv` knows, and what shows it.
struct Wide {
    name: &'static str,
    found: String,
}

/// UTF-16 or UTF-32, by a byte order mark or by zero bytes, of which text in UTF-8 has none.
fn wide(bytes: &[u8]) -> Option<Wide> {
    let marked = |name| Some(Wide { name, found: format!("{name} (the file begins with its byte order mark)") });
    match bytes {
        [0xFF, 0xFE, 0, 0, ..] | [0, 0, 0xFE, 0xFF, ..] => return marked("UTF-32"),
        [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => return marked("UTF-16"),
        _ => {}
    }
    let zeros = |from: usize| bytes.iter().skip(from).step_by(2).filter(|byte| **byte == 0).count();
    let (even, odd) = (zeros(0), zeros(1));
    // In a language of Latin letters nearly every second byte is zero; single zero bytes are damage.
    let most = |count: usize| 4 * count > bytes.len();
    let name = match (most(even), most(odd)) {
        (true, false) => "UTF-16BE",
        (false, true) => "UTF-16LE",
        _ => return None,
    };
    let first = bytes.iter().position(|byte| *byte == 0).unwrap_or_default();
    Some(Wide { name, found: format!("what is likely {name} (no byte order mark, but byte {} is zero)", first + 1) })
}

fn not_utf8(name: &str, bytes: &[u8], error: std::str::Utf8Error) -> TextError {
    let valid = error.valid_up_to();
    let (before, byte) = (&bytes[..valid], bytes[valid]);
    let line = 1 + before.iter().filter(|&&byte| byte == b'\n').count();
    let place = format!("expected UTF-8, found the byte 0x{byte:02X} (byte {} of the file)", valid + 1);
    let message = match likely(bytes, before, error) {
        Likely::Cut => format!("{place}, where the file ends in the middle of a letter; copy it again, whole"),
        Likely::Damaged => format!(
            "{place}, while letters before it are UTF-8: the file is damaged there, or put together from files of \
             several encodings; mend that line, or leave such bytes out:\n    {}",
            iconv(name, "-c -f UTF-8")
        ),
        Likely::Windows(letter) => {
            let command = iconv(name, "-f WINDOWS-1252");
            format!("{place}; the file is likely Windows-1252, where that is `{letter}`; convert it:\n    {command}")
        }
        Likely::Unknown => format!(
            "{place}, which Windows-1252 does not have either; save the file as UTF-8 in the program that wrote it"
        ),
    };
    TextError::line(name, line, message)
}

enum Likely {
    /// UTF-8 whose end is missing.
    Cut,
    /// UTF-8 with other bytes in it.
    Damaged,
    /// Windows-1252, in which the byte is this letter.
    Windows(char),
    Unknown,
}

fn likely(bytes: &[u8], before: &[u8], error: std::str::Utf8Error) -> Likely {
    let is_utf8 = !before.is_ascii();
    match (error.error_len(), windows(bytes[error.valid_up_to()])) {
        (None, _) if is_utf8 || bytes.len() - before.len() > 1 => Likely::Cut,
        _ if is_utf8 => Likely::Damaged,
        (_, Some(letter)) if bytes.iter().all(|byte| windows(*byte).is_some()) => Likely::Windows(letter),
        _ => Likely::Unknown,
    }
}

/// The letters of Windows-1252 from 0x80 to 0x9F, a space where it has none; the others are those of Latin-1.
const WINDOWS: &str = "€ ‚ƒ„…†‡ˆ‰Š‹Œ Ž  ‘’“”•–—˜™š›œ žŸ";

/// The letter that a byte is in Windows-1252.
fn windows(byte: u8) -> Option<char> {
    match byte {
        0x80..=0x9F => WINDOWS.chars().nth(usize::from(byte - 0x80)).filter(|letter| *letter != ' '),
        other => Some(char::from(other)),
    }
}

/// The command, on a line of its own, so that it can be copied.
fn iconv(name: &str, how: &str) -> String {
    if name == STANDARD_INPUT {
        return format!("iconv {how} -t UTF-8");
    }
    let quoted = name.replace('\'', "'\\''");
    let (stem, ending) = quoted.rsplit_once('.').filter(|(stem, _)| !stem.is_empty()).unwrap_or((&quoted, "txt"));
    format!("iconv {how} -t UTF-8 '{quoted}' > '{stem}-utf8.{ending}'")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(bytes: &[u8]) -> String {
        utf8_text("some data.csv", bytes.to_vec()).unwrap_err().to_string()
    }

    fn utf16(text: &str, order: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(order).collect()
    }

    #[test]
    fn windows_1252_is_named_with_line_byte_and_command() {
        let message = refused(b"text;label\ncaf\xE9;good\n");
        let start = "some data.csv, line 2: expected UTF-8, found the byte 0xE9 (byte 15 of the file); the file is \
                     likely Windows-1252, where that is `é`; convert it:";
        assert!(message.starts_with(start), "{message}");
        let command = "\n    iconv -f WINDOWS-1252 -t UTF-8 'some data.csv' > 'some data-utf8.csv'";
        assert!(message.ends_with(command), "{message}");
        assert!(refused(b"a \x93quote\x94").contains("`“`"));
        assert!(refused(b"a \x80").contains("`€`"));
        assert!(refused(b"a b\xE9").contains("WINDOWS-1252"), "a last byte is no letter that was cut");
    }

    #[test]
    fn wide_encodings_are_known_by_mark_or_zero_bytes() {
        let text = "text\tlabel\nwarm, grün\tgood\n";
        for (name, bytes) in [
            ("UTF-16", [&[0xFF, 0xFE][..], &utf16(text, u16::to_le_bytes)].concat()),
            ("UTF-16", [&[0xFE, 0xFF][..], &utf16(text, u16::to_be_bytes)].concat()),
            ("UTF-16LE", utf16(text, u16::to_le_bytes)),
            ("UTF-16BE", utf16(text, u16::to_be_bytes)),
            ("UTF-32", [&[0xFF, 0xFE, 0, 0][..], b"t\0\0\0"].concat()),
        ] {
            let message = refused(&bytes);
            assert!(message.starts_with("some data.csv, line 1: expected UTF-8, found "), "{message}");
            assert!(message.contains(&format!("iconv -f {name} -t UTF-8 'some data.csv'")), "{message}");
        }
        assert!(utf8_text("a", b"one \0 in a text".to_vec()).is_ok(), "a zero byte by itself is a letter");
    }

    #[test]
    fn damaged_utf8_is_not_taken_for_another_encoding() {
        let damaged = refused("grün und ".bytes().chain(*b"gr\xFCn\n").collect::<Vec<_>>().as_slice());
        assert!(damaged.contains("is damaged there") && damaged.contains("iconv -c -f UTF-8"), "{damaged}");
        let cut = refused(&"text\tgrün ist €".as_bytes()[.."text\tgrün ist €".len() - 1]);
        assert!(cut.contains("in the middle of a letter") && !cut.contains("iconv"), "{cut}");
        assert!(refused(b"a\xE9 and \x81").contains("does not have either"));
    }

    #[test]
    fn of_a_stream_the_command_names_no_file() {
        let message = utf8_text(STANDARD_INPUT, b"caf\xE9 x".to_vec()).unwrap_err().to_string();
        assert!(message.ends_with("\n    iconv -f WINDOWS-1252 -t UTF-8"), "{message}");
    }
}
