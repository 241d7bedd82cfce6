//! What is tuned: an adapter, thawed tensors of the base, both, or the head alone.

use crate::adapter::Adapter;
use crate::core::error::MethodError;
use crate::core::nearest::did_you_mean;
use crate::head::Head;
use crate::model::AdapterModel;
use crate::registry::error::ParseMethodError;
use crate::registry::method::Method;
use crate::registry::presets::names as preset_names;
use crate::registry::without_adapter::WITHOUT_ADAPTER;
use adaptune_tensor::{Scalar, Seed};
use adaptune_transformer::{Encoder, Thaw, Thawed};
use std::str::FromStr;
use std::sync::Arc;

/// What is tuned beside the head.
///
/// | text | adapter | thawed |
/// |---|---|---|
/// | `seq_bn` and every other [`Method`] | that | |
/// | `head` | | |
/// | `bitfit` | | all biases |
/// | `full` | | everything |
///
/// ```
/// use adaptune_adapters::Tuning;
/// use adaptune_transformer::Thaw;
/// let tuning: Tuning = "pfeiffer[reduction_factor=8]".parse()?;
/// assert!(tuning.adapter.is_some() && tuning.thaw.is_none());
/// assert_eq!("bitfit".parse::<Tuning>()?.thaw, Some(Thaw::BIASES));
/// # Ok::<(), adaptune_adapters::ParseMethodError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tuning {
    /// The adapter's method.
    pub adapter: Option<Method>,
    /// Which tensors of the base train too.
    pub thaw: Option<Thaw>,
}

impl Tuning {
    /// The same, with more of the base thawed.
    #[must_use]
    pub fn with_thawed(self, thaw: Thaw) -> Self {
        Self { thaw: Some(self.thaw.map_or(thaw, |already| already | thaw)), ..self }
    }

    /// The text that a prompt is to begin as, if one is; see [`Method::prompt_text`].
    #[must_use]
    pub fn prompt_text(&self) -> Option<&str> {
        self.adapter.as_ref()?.prompt_text()
    }

    /// A base with a head, and this plugged into it and laid over it; the adapter is called `name`. `prompt` are the
    /// tokens of [`Tuning::prompt_text`], if there is one.
    ///
    /// # Errors
    /// If the method does not fit the model.
    pub fn apply<S: Scalar>(
        &self,
        name: &str,
        base: Arc<Encoder<S>>,
        head: Head<S>,
        prompt: Option<&[u32]>,
        seed: Seed,
    ) -> Result<AdapterModel<S>, MethodError> {
        let adapter = |method| match prompt {
            Some(tokens) => Adapter::of_tokens(name, method, &base, tokens, seed),
            None => Adapter::on(name, method, &base, seed),
        };
        let adapter = self.adapter.as_ref().map(adapter).transpose()?;
        let reads_pooler = head.config().reads_pooler();
        let thawed = self.thaw.map(|thaw| Thawed::new(&base, thaw, reads_pooler));
        Ok(AdapterModel::new(base, adapter, head).with_thawed(thawed))
    }
}

impl FromStr for Tuning {
    type Err = ParseMethodError;

    fn from_str(text: &str) -> Result<Self, ParseMethodError> {
        if let Some((_, thaw, _)) = WITHOUT_ADAPTER.iter().find(|(name, ..)| *name == text.trim()) {
            return Ok(Self { adapter: None, thaw: *thaw });
        }
        match text.parse() {
            Ok(method) => Ok(Self { adapter: Some(method), thaw: None }),
            Err(ParseMethodError::Unknown { name, .. }) => {
                if let Some((name, ..)) = WITHOUT_ADAPTER.iter().find(|(known, ..)| *known == name) {
                    return Err(ParseMethodError::NoAdapter { text: text.into(), name });
                }
                let names = WITHOUT_ADAPTER.iter().map(|(name, ..)| *name).chain(preset_names());
                let suggestion = did_you_mean(&name, names);
                Err(ParseMethodError::Unknown { name, suggestion })
            }
            Err(other) => Err(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_no_method_are_offered_too() {
        let error = |text: &str| text.parse::<Tuning>().unwrap_err().to_string();
        assert!(error("ful").contains("did you mean `full`?"), "{}", error("ful"));
        assert!(error("seqbn").contains("did you mean `seq_bn`?"), "{}", error("seqbn"));
        assert!(error("bitfits").contains("full"), "{}", error("bitfits"));
        assert!(error("seq_bn[reduction=8]").contains("there is no field"));
    }

    #[test]
    fn what_trains_without_an_adapter_has_no_fields() {
        for text in ["bitfit[x=1]", "bitfit[]", "full[reduction_factor=8]", " head [a=b]", "seq_bn|bitfit", "full|head"]
        {
            let error = text.parse::<Tuning>().expect_err(text).to_string();
            assert!(error.contains("trains without an adapter, so it has no fields"), "{text}: {error}");
            assert!(error.contains(text) && !error.contains("no method"), "{text}: {error}");
        }
        let error = "seq_bm|bitfit".parse::<Tuning>().unwrap_err().to_string();
        assert!(error.contains("there is no method `seq_bm`"), "{error}");
    }

    #[test]
    fn thawing_adds_up() {
        let tuning = "seq_bn".parse::<Tuning>().unwrap().with_thawed(Thaw::LAYER_NORMS).with_thawed(Thaw::BIASES);
        assert_eq!(tuning.thaw, Some(Thaw::LAYER_NORMS | Thaw::BIASES));
        assert!(tuning.adapter.is_some() && "head".parse::<Tuning>().unwrap() == Tuning::default());
    }
}
