//! The registry of methods: names, presets and configuration strings.

use crate::config::BottleneckConfig;
use crate::fields::FieldError;
use crate::literal;
use crate::nearest::did_you_mean;
use crate::tuning::WITHOUT_ADAPTER;
use std::str::FromStr;
use thiserror::Error;

/// The configuration of an adapter of any method.
///
/// It is read from AdapterHub's configuration strings, `name[field=value, …]`:
///
/// ```
/// use adaptune_adapters::Method;
/// let method: Method = "seq_bn[reduction_factor=8,non_linearity=gelu]".parse()?;
/// assert_eq!(method, "pfeiffer[reduction_factor=8,non_linearity=gelu]".parse()?);
/// assert!("seq_bm".parse::<Method>().unwrap_err().to_string().contains("did you mean `seq_bn`?"));
/// # Ok::<(), adaptune_adapters::ParseMethodError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Method {
    /// Houlsby, Pfeiffer, parallel, AdapterPlus, and what lies between.
    Bottleneck(BottleneckConfig),
}

/// A named starting point for configurations.
#[derive(Debug)]
pub struct Preset {
    /// AdapterHub's identifier.
    pub name: &'static str,
    /// Names by which the papers know it.
    pub aliases: &'static [&'static str],
    /// One line about it.
    pub about: &'static str,
    /// Its configuration.
    pub method: fn() -> Method,
}

/// Every preset.
pub const PRESETS: &[Preset] = &[
    Preset {
        name: "seq_bn",
        aliases: &["pfeiffer"],
        about: "one bottleneck a block, after feed-forward (Pfeiffer et al., 2021)",
        method: || Method::Bottleneck(BottleneckConfig::seq_bn()),
    },
    Preset {
        name: "double_seq_bn",
        aliases: &["houlsby"],
        about: "two bottlenecks a block, after attention and feed-forward (Houlsby et al., 2019)",
        method: || Method::Bottleneck(BottleneckConfig::double_seq_bn()),
    },
    Preset {
        name: "par_bn",
        aliases: &["parallel"],
        about: "a bottleneck beside feed-forward, scaled by 4 (He et al., 2022)",
        method: || Method::Bottleneck(BottleneckConfig::par_bn()),
    },
    Preset {
        name: "scaled_par_bn",
        aliases: &["scaled_parallel"],
        about: "a bottleneck beside feed-forward with a learned scaling (He et al., 2022)",
        method: || Method::Bottleneck(BottleneckConfig::scaled_par_bn()),
    },
    Preset {
        name: "adapter_plus",
        aliases: &["adapterplus"],
        about: "a bottleneck behind the block, scaled by channel (Steitz and Roth, 2024)",
        method: || Method::Bottleneck(BottleneckConfig::adapter_plus()),
    },
];

/// A configuration string that cannot be read.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ParseMethodError {
    /// No such method.
    #[error("there is no method `{name}`{suggestion} (methods: {})", known_names())]
    Unknown {
        /// The name.
        name: String,
        /// The nearest one, as words.
        suggestion: String,
    },
    /// The text is not of the form `name[field=value, …]`.
    #[error("cannot read `{text}`: {why}; expected name[field=value, …], as in seq_bn[reduction_factor=8]")]
    Form {
        /// The text.
        text: String,
        /// What is wrong with it.
        why: String,
    },
    /// A field is unknown or its value wrong.
    #[error("method `{name}`: {source}")]
    Field {
        /// The method.
        name: String,
        /// What is wrong with the field.
        source: FieldError,
    },
}

fn known_names() -> String {
    let others = WITHOUT_ADAPTER.iter().map(|(name, ..)| *name);
    PRESETS.iter().map(|p| p.name).chain(others).collect::<Vec<_>>().join(", ")
}

impl FromStr for Method {
    type Err = ParseMethodError;

    fn from_str(text: &str) -> Result<Self, ParseMethodError> {
        let form = |why: String| ParseMethodError::Form { text: text.into(), why };
        let (name, fields) = match text.trim().split_once('[') {
            None => (text.trim(), ""),
            Some((name, rest)) => (name.trim(), rest.strip_suffix(']').ok_or_else(|| form("the ] is missing".into()))?),
        };
        let Method::Bottleneck(mut config) = preset(name)?;
        for field in literal::split(fields, ',').map_err(form)? {
            let (field, value) = field.split_once('=').ok_or_else(|| form(format!("`{field}` has no =")))?;
            let value = literal::parse(value).map_err(form)?;
            let named = |source| ParseMethodError::Field { name: name.into(), source };
            config.set(field.trim(), &value).map_err(named)?;
        }
        Ok(Method::Bottleneck(config))
    }
}

fn preset(name: &str) -> Result<Method, ParseMethodError> {
    let found = PRESETS.iter().find(|p| p.name == name || p.aliases.contains(&name));
    found.map(|p| (p.method)()).ok_or_else(|| {
        let names = PRESETS.iter().flat_map(|p| std::iter::once(p.name).chain(p.aliases.iter().copied()));
        ParseMethodError::Unknown { name: name.into(), suggestion: did_you_mean(name, names) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bottleneck::Scaling;
    use crate::wiring::InnerResidual;

    fn read(text: &str) -> BottleneckConfig {
        let Method::Bottleneck(config) = text.parse().unwrap_or_else(|e| panic!("{text}: {e}"));
        config
    }

    #[test]
    fn every_field_can_be_set() {
        let config = read(
            "houlsby[reduction_factor={'0': 2, 'default': 8}, scaling=2, residual_before_ln=post_add, leave_out=[1,3], \
             init_weights=bert, init_weights_seed=0, dropout=0.1, ln_after=True, non_linearity='gelu', original_ln_before=True]",
        );
        assert_eq!((config.reduction_factor.of(0), config.reduction_factor.of(5)), (Some(2.0), Some(8.0)));
        assert_eq!((config.scaling, config.residual_before_ln), (Scaling::Fixed(2.0), InnerResidual::Sum));
        assert_eq!((config.init_weights_seed, config.leave_out.len(), config.mh_adapter), (Some(0), 2, true));
    }

    #[test]
    fn fields_written_and_read_give_the_same_configuration() {
        for text in [
            "seq_bn",
            "houlsby[scaling=2.5]",
            "par_bn[leave_out=[0]]",
            "scaled_par_bn",
            "adapter_plus",
            "seq_bn[reduction_factor={'1': 3, 'default': 0.5},residual_before_ln=post_add]",
        ] {
            let (config, mut copy) = (read(text), BottleneckConfig::base());
            for (name, value) in config.fields() {
                copy.set(&name, &value).unwrap_or_else(|e| panic!("{text}: {e}"));
            }
            assert_eq!(copy, config, "{text}");
        }
    }

    #[test]
    fn mistakes_are_explained() {
        for (text, words) in [
            ("pfeifer", "did you mean `pfeiffer`?"),
            ("lora", "there is no method `lora`"),
            ("seq_bn[reduction=8]", "there is no field `reduction`"),
            ("seq_bn[reduction_facto=8]", "did you mean `reduction_factor`?"),
            ("seq_bn[reduction_factor=many]", "must be a number, or a map"),
            ("seq_bn[ln_before=1]", "must be True or False"),
            ("seq_bn[phm_layer=True]", "makes the adapter a Compacter"),
            ("seq_bn[reduction_factor=8", "the ] is missing"),
            ("seq_bn[leave_out=[0]", "not closed"),
            ("seq_bn[8]", "has no ="),
        ] {
            let message = text.parse::<Method>().unwrap_err().to_string();
            assert!(message.contains(words), "{text}: {message}");
        }
    }
}
