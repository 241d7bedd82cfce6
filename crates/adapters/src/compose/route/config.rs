//! The configuration of a router.

use crate::core::checks::check_factor;
use crate::core::error::MethodError;
use crate::core::fields::{FieldError, boolean, choice, count, name_of, number, unknown, wrong};
use serde_json::{Map, Value, json};

/// Everything that makes one router differ from another.
///
/// ```
/// use adaptune_adapters::{RoutedBy, RouterConfig};
/// let mut config = RouterConfig::default();
/// config.set("top", &2.into())?;
/// config.set("by", &"sequence".into())?;
/// assert_eq!((config.top, config.by), (Some(2), RoutedBy::Sequence));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// | field | default | meaning |
/// |---|---|---|
/// | `by` | `token` | what is routed: each `token`, each `sequence` by the mean of its tokens, each batch by `chance`, or each token by what LoRAs that are trained already change most (`arrow`) |
/// | `top` | none | how many adapters are chosen and computed; none computes all of them and weighs each |
/// | `hard` | false | the one that is chosen weighs 1, whatever the router gave it; its gradient is passed straight through |
/// | `balance` | 0.01 | the weight of the loss that grows where some adapters are chosen more than others, where a router trains |
#[derive(Clone, Debug, PartialEq)]
pub struct RouterConfig {
    /// What is routed.
    pub by: RoutedBy,
    /// How many adapters are chosen; `None` weighs all.
    pub top: Option<usize>,
    /// The chosen one weighs 1.
    pub hard: bool,
    /// The weight of the loss of balance.
    pub balance: f64,
}

/// What a router chooses adapters for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoutedBy {
    /// Each token, by what the adapters read there.
    Token,
    /// Each sequence, by the mean of what the adapters read in it.
    Sequence,
    /// Each batch has one adapter by chance while it trains, and the average of all behind (AdaMix; Wang et al., 2022).
    Chance,
    /// Each token, by the directions in which LoRAs that were trained apart change a layer most; nothing of it trains (Arrow; Ostapenko
    /// et al., 2024). Such a router is [made of its adapters](crate::Router::arrow).
    Arrow,
}

const BY: [(&str, RoutedBy); 4] = [
    ("token", RoutedBy::Token),
    ("sequence", RoutedBy::Sequence),
    ("chance", RoutedBy::Chance),
    ("arrow", RoutedBy::Arrow),
];

impl Default for RouterConfig {
    fn default() -> Self {
        Self { by: RoutedBy::Token, top: None, hard: false, balance: 0.01 }
    }
}

impl RouterConfig {
    /// The default with these fields.
    ///
    /// # Errors
    /// As [`RouterConfig::set`].
    pub fn of_fields<'a>(fields: impl IntoIterator<Item = (&'a str, &'a Value)>) -> Result<Self, FieldError> {
        let mut config = Self::default();
        fields.into_iter().try_for_each(|(name, value)| config.set(name, value))?;
        Ok(config)
    }

    /// Sets a field by its name.
    ///
    /// # Errors
    /// If there is no such field, or the value is of the wrong kind.
    pub fn set(&mut self, name: &str, value: &Value) -> Result<(), FieldError> {
        match name {
            "by" => self.by = choice(name, value, &BY)?,
            "top" => self.top = top(name, value)?,
            "hard" => self.hard = boolean(name, value)?,
            "balance" => self.balance = number(name, value)?,
            _ => return Err(unknown(name, &self.fields())),
        }
        Ok(())
    }

    /// All fields by their names.
    #[must_use]
    pub fn fields(&self) -> Map<String, Value> {
        let fields =
            json!({ "by": name_of(&BY, self.by), "top": self.top, "hard": self.hard, "balance": self.balance });
        fields.as_object().cloned().unwrap_or_default()
    }

    /// Checks that it chooses among so many.
    pub(in crate::compose) fn check(&self, experts: usize) -> Result<(), MethodError> {
        check_factor("balance", self.balance)?;
        if let Some(top) = self.top.filter(|top| !(1..=experts).contains(top)) {
            let expected = "from 1 to the number of adapters";
            return Err(MethodError::Range { field: "top", found: top as f64, expected });
        }
        match *self {
            Self { by: RoutedBy::Chance, top: Some(_), .. } | Self { by: RoutedBy::Chance, hard: true, .. } => {
                Err(MethodError::Contradiction("by=chance takes one adapter for each batch: leave top and hard out"))
            }
            Self { hard: true, top: Some(2..), .. } => {
                Err(MethodError::Contradiction("hard=True chooses one adapter: leave top out, or set it to 1"))
            }
            _ => Ok(()),
        }
    }

    /// How many are chosen, if not all are computed.
    pub(super) fn chosen(&self) -> Option<usize> {
        if self.hard { Some(1) } else { self.top }
    }

    /// True if what is chosen weighs 1 if it is one.
    pub(super) fn weighs_one(&self) -> bool {
        self.hard || self.by == RoutedBy::Arrow && self.top == Some(1)
    }

    /// True if every part that it chooses sees all tokens of a sequence.
    pub(super) fn keeps_sequences_whole(&self) -> bool {
        self.chosen().is_none() || !matches!(self.by, RoutedBy::Token | RoutedBy::Arrow)
    }
}

fn top(name: &str, value: &Value) -> Result<Option<usize>, FieldError> {
    match value {
        Value::Null => Ok(None),
        _ => count(name, value).map(Some).map_err(|_| wrong(name, value, "how many adapters, or None")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_fields_are_set_by_their_names_and_mistakes_named() {
        let other = RouterConfig { by: RoutedBy::Sequence, top: Some(1), hard: true, balance: 0.5 };
        let fields = other.fields();
        let read = RouterConfig::of_fields(fields.iter().map(|(name, value)| (name.as_str(), value)));
        assert_eq!(read, Ok(other));
        let error = |name, value: Value| RouterConfig::of_fields([(name, &value)]).unwrap_err().to_string();
        assert!(error("tpo", 2.into()).contains("did you mean `top`"), "{}", error("tpo", 2.into()));
        assert!(error("by", "word".into()).contains("token, sequence, chance, arrow"));
        assert!(error("top", "two".into()).contains("how many adapters"));
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        let check = |config: RouterConfig| config.check(3).map_err(|error| error.to_string());
        assert_eq!(check(RouterConfig { top: Some(3), ..RouterConfig::default() }), Ok(()));
        let refused = |config, words: &str| assert!(check(config).is_err_and(|e| e.contains(words)), "{words}");
        refused(RouterConfig { top: Some(4), ..RouterConfig::default() }, "from 1 to the number of adapters");
        refused(RouterConfig { top: Some(2), hard: true, ..RouterConfig::default() }, "chooses one");
        refused(RouterConfig { by: RoutedBy::Chance, hard: true, ..RouterConfig::default() }, "each batch");
        refused(RouterConfig { balance: f64::INFINITY, ..RouterConfig::default() }, "finite");
    }
}
