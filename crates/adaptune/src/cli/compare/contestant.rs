//! A method that takes part.

use adaptune_adapters::Tuning;
use anyhow::{Context, Result, bail};

/// A method, and what it is called in files.
pub(super) struct Contestant {
    /// As it was given.
    pub(super) text: String,
    pub(super) method: String,
    pub(super) rate: Option<String>,
    pub(super) tuning: Tuning,
}

impl Contestant {
    /// Reads `method` or `method@rate`.
    pub(super) fn read(text: &str) -> Result<Self> {
        // A sign within brackets belongs to a field.
        let brackets = text.rfind(']').map_or(0, |end| end + 1);
        let (method, rate) = match text[brackets..].find('@') {
            Some(sign) => (&text[..brackets + sign], Some(&text[brackets + sign + 1..])),
            None => (text, None),
        };
        if let Some(rate) = rate.filter(|rate| !rate.parse().is_ok_and(|rate: f64| rate > 0.0 && rate.is_finite())) {
            bail!("--method {text}: the learning rate is {rate:?}, but must be a number above 0, as in ia3@1e-2");
        }
        let tuning = method.parse().with_context(|| format!("--method {text}"))?;
        Ok(Self { text: text.to_owned(), method: method.to_owned(), rate: rate.map(str::to_owned), tuning })
    }

    /// Letters and digits alone, since it names a folder.
    pub(super) fn slug(&self) -> String {
        self.text.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
    }
}
