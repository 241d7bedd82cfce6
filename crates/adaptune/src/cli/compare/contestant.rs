//! A method that is compared.

use super::super::misused::{misuse, unreadable};
use adaptune_adapters::Tuning;
use anyhow::Result;

/// A method, and what it is called in files.
pub(super) struct Contestant {
    pub(super) text: String,
    pub(super) method: String,
    pub(super) rate: Option<String>,
    pub(super) tuning: Tuning,
    /// What the names of its folders begin with.
    pub(super) folder: String,
}

impl Contestant {
    /// Reads all of them, each a `method` or `method@rate`.
    ///
    /// A folder is called by the letters and digits of its method. Where several methods have these in common, the later ones are
    /// numbered; file systems that take capital letters for small ones tell them apart too.
    pub(super) fn read_all(texts: &[String]) -> Result<Vec<Self>> {
        let mut all: Vec<Self> = Vec::new();
        for text in texts {
            if all.iter().any(|other| other.text == *text) {
                misuse!("--method {text} is named twice");
            }
            let mut contestant = Self::read(text)?;
            let plain = contestant.folder.clone();
            let taken = |folder: &str| all.iter().any(|other| other.folder.eq_ignore_ascii_case(folder));
            let numbered = (2..).map(|n| format!("{plain}_{n}"));
            let free = std::iter::once(plain.clone()).chain(numbered).find(|folder| !taken(folder));
            contestant.folder = free.expect("numbers do not end");
            all.push(contestant);
        }
        Ok(all)
    }

    fn read(text: &str) -> Result<Self> {
        // A sign within brackets belongs to a field.
        let brackets = text.rfind(']').map_or(0, |end| end + 1);
        let (method, rate) = match text[brackets..].find('@') {
            Some(sign) => (&text[..brackets + sign], Some(&text[brackets + sign + 1..])),
            None => (text, None),
        };
        if let Some(rate) = rate.filter(|rate| !rate.parse().is_ok_and(|rate: f64| rate > 0.0 && rate.is_finite())) {
            misuse!("--method {text}: the learning rate is {rate:?}, but must be a number above 0, as in ia3@1e-2");
        }
        let tuning = method.parse().map_err(unreadable(format_args!("--method {text}")))?;
        let folder = text.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        Ok(Self { text: text.to_owned(), method: method.to_owned(), rate: rate.map(str::to_owned), tuning, folder })
    }
}
