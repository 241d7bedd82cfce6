//! How a decoder writes.

use crate::error::{Result, TextError};

/// How long a decoder writes, and how it chooses among the words that it finds probable.
#[derive(Clone, Debug, PartialEq)]
pub struct GenerateOptions {
    /// The most tokens behind a prompt.
    pub max_new_tokens: usize,
    /// What logits are divided by before a token is drawn; 0 takes the most probable one each time.
    pub temperature: f64,
    /// Only so many of the most probable tokens may be drawn.
    pub top_k: Option<usize>,
    /// Only the most probable tokens may be drawn whose probabilities sum to so much (Holtzman et al., 2020).
    pub top_p: f64,
    /// Only tokens may be drawn that are at least so probable, relative to the most probable one (Nguyen et al., 2024).
    pub min_p: f64,
    /// Logits of tokens that are there already are divided by it if they are positive, and multiplied if not (Keskar et al., 2019); 1 changes
    /// nothing.
    pub repetition_penalty: f64,
    /// Texts behind which nothing more is written; they are left out.
    pub stop: Vec<String>,
    /// Where draws come from: the same seed writes the same.
    pub seed: u64,
}

impl Default for GenerateOptions {
    fn default() -> Self {
        let (top_k, stop) = (None, Vec::new());
        Self {
            max_new_tokens: 64,
            temperature: 0.0,
            top_k,
            top_p: 1.0,
            min_p: 0.0,
            repetition_penalty: 1.0,
            stop,
            seed: 0,
        }
    }
}

impl GenerateOptions {
    pub(super) fn check(&self) -> Result<()> {
        let ranges = [
            ("temperature", self.temperature, self.temperature >= 0.0, "0 or more"),
            ("top_p", self.top_p, self.top_p > 0.0 && self.top_p <= 1.0, "above 0 and at most 1"),
            ("min_p", self.min_p, (0.0..=1.0).contains(&self.min_p), "from 0 to 1"),
            ("repetition_penalty", self.repetition_penalty, self.repetition_penalty > 0.0, "above 0"),
        ];
        let wrong = ranges.into_iter().find(|(_, value, good, _)| !(*good && value.is_finite()));
        match wrong {
            Some((name, value, _, expected)) => {
                Err(TextError::Model(format!("{name} is {value}, but must be {expected}")))
            }
            None if self.top_k == Some(0) => Err(TextError::Model("top_k is 0, but must be at least 1".into())),
            None if self.stop.iter().any(String::is_empty) => {
                Err(TextError::Model("a stop string is empty: nothing would be written".into()))
            }
            None => Ok(()),
        }
    }

    /// The text up to the first stop string, one of these or of those, and whether there is one.
    pub(super) fn cut<'t>(&self, text: &'t str, others: &[String]) -> (&'t str, bool) {
        let first = self.stop.iter().chain(others).filter_map(|stop| text.find(stop.as_str())).min();
        first.map_or((text, false), |at| (&text[..at], true))
    }
}
