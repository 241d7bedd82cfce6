//! `--threshold`: from which probability on something is predicted.

use std::fmt;

/// A threshold of all labels, or of one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Threshold {
    pub(crate) label: Option<String>,
    pub(crate) probability: f32,
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.label {
            Some(label) => write!(f, "{label}={}", self.probability),
            None => self.probability.fmt(f),
        }
    }
}

/// A number above 0 and below 1, perhaps behind a label; what follows the last `=` is the number.
pub(super) fn threshold(text: &str) -> Result<Threshold, String> {
    let (label, number) = match text.rsplit_once('=') {
        Some((label, number)) => (Some(label.to_owned()), number),
        None => (None, text),
    };
    match number.trim().parse::<f32>() {
        Ok(probability) if probability > 0.0 && probability < 1.0 => Ok(Threshold { label, probability }),
        _ => Err(format!("expected a number above 0 and below 1, or LABEL=NUMBER, found {text}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_are_numbers_perhaps_behind_a_label() {
        let of = |label: Option<&str>, probability| Ok(Threshold { label: label.map(str::to_owned), probability });
        assert_eq!(threshold("0.25"), of(None, 0.25));
        assert_eq!(threshold("very rare=.5"), of(Some("very rare"), 0.5));
        assert_eq!(threshold("a=b=0.125"), of(Some("a=b"), 0.125));
        for text in ["1", "0", "rare", "rare=", "rare=2", "NaN", ""] {
            assert!(threshold(text).is_err_and(|message| message.contains("above 0 and below 1")), "{text}");
        }
    }
}
