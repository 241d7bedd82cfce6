//! The configuration of prefix tuning: AdapterHub's `PrefixTuningConfig`, typed and checked.

use crate::core::checks::{check_count, check_rate, layers_but};
use crate::core::error::MethodError;
use adaptune_tensor::Activation;
use adaptune_transformer::Config;
use std::collections::BTreeSet;

/// Prefix tuning (Li and Liang, 2021); field names are AdapterHub's but for the last.
///
/// | field | default | meaning |
/// |---|---|---|
/// | `prefix_length` | 30 | `P` |
/// | `flat` | false | the prefixes train themselves, without the network |
/// | `bottleneck_size`, `non_linearity` | 512, tanh | `B` and `φ` of the network |
/// | `dropout` | 0 | dropout of the prefixes |
/// | `use_gating`, `shared_gating` | false, true | a gate for each sequence and block; one for keys and values, or two |
/// | `leave_out` | none | blocks without prefix, from 0 |
/// | `position_shift` | false | the text's positions begin behind the prefix, as in PEFT; not AdapterHub's |
///
/// A fresh prefix is not the identity: attention is paid to it from the first step on.
#[derive(Clone, Debug, PartialEq)]
pub struct PrefixConfig {
    /// `P`.
    pub prefix_length: usize,
    /// The prefixes are trained themselves.
    pub flat: bool,
    /// `B`, if they are not.
    pub bottleneck_size: usize,
    /// `φ`, if they are not.
    pub non_linearity: Activation,
    /// Dropout of the prefixes.
    pub dropout: f64,
    /// How much of the prefix a sequence lets through is learned.
    pub use_gating: bool,
    /// Keys and values have one gate, not two.
    pub shared_gating: bool,
    /// Blocks without prefix, from 0.
    pub leave_out: BTreeSet<usize>,
    /// Positions of the text begin at `P`, not 0.
    pub position_shift: bool,
    /// Seed of the initial values, in place of the run's.
    pub init_weights_seed: Option<u64>,
    /// Prefixes in encoders of sequence-to-sequence models; kept for the file.
    pub encoder_prefix: bool,
    /// Prefixes at cross-attention, which encoders do not have; kept for the file.
    pub cross_prefix: bool,
}

impl PrefixConfig {
    /// Prefixes that come out of a network (AdapterHub's `prefix_tuning`).
    #[must_use]
    pub fn prefix_tuning() -> Self {
        Self {
            prefix_length: 30,
            flat: false,
            bottleneck_size: 512,
            non_linearity: Activation::Tanh,
            dropout: 0.0,
            use_gating: false,
            shared_gating: true,
            leave_out: BTreeSet::new(),
            position_shift: false,
            init_weights_seed: None,
            encoder_prefix: true,
            cross_prefix: true,
        }
    }

    /// Prefixes that are trained themselves (AdapterHub's `prefix_tuning_flat`).
    #[must_use]
    pub fn prefix_tuning_flat() -> Self {
        Self { flat: true, ..Self::prefix_tuning() }
    }

    /// The blocks that have a prefix.
    pub(super) fn layers(&self, model: &Config) -> Result<Vec<usize>, MethodError> {
        check_count("prefix_length", self.prefix_length)?;
        check_count("bottleneck_size", self.bottleneck_size)?;
        check_rate("dropout", self.dropout)?;
        if self.position_shift && self.prefix_length >= model.max_tokens() {
            return Err(MethodError::Contradiction(
                "position_shift=True leaves the text no position: the prefix is as long as the model's positions",
            ));
        }
        let layers = layers_but(&self.leave_out, model)?;
        if layers.is_empty() { Err(MethodError::Nothing("leave some layer in")) } else { Ok(layers) }
    }
}
