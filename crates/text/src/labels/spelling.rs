//! When two spellings are one label.

use unicode_normalization::UnicodeNormalization;

/// Returns the spelling that a label is known by: letters composed (NFC), a whole number without point or sign (`1.0` is `1`,
/// `+3` is `3`), everything else as it is written.
pub(crate) fn canonical(label: &str) -> String {
    match whole_number(label) {
        Some(number) => number.to_string(),
        None => label.nfc().collect(),
    }
}

/// The number, if the label is a whole one, however it is written.
pub(crate) fn whole_number(label: &str) -> Option<i64> {
    let starts_as_a_number = label.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c));
    let number = label.parse::<f64>().ok().filter(|number| starts_as_a_number && number.fract() == 0.0)?;
    // Beyond 2^53 neighbouring whole numbers are one f64.
    (number.abs() < 9e15).then_some(number as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_number_or_one_letter_are_one_label() {
        for written in ["1", "1.0", "+1", "1e0", "01"] {
            assert_eq!(canonical(written), "1");
        }
        assert_eq!(canonical("cafe\u{301}"), "caf\u{e9}");
        assert_eq!(canonical("caf\u{e9}"), "caf\u{e9}");
        for other in ["1.5", "one", "inf", "nan", "-", "1e300", "v1"] {
            assert_eq!(canonical(other), other);
        }
    }
}
