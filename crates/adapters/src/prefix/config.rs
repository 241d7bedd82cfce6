//! The configuration of prefix tuning: AdapterHub's `PrefixTuningConfig`, typed and checked.

use super::PrefixTuning;
use crate::format::{Stored, names};
use crate::method::fields::{activation, boolean, count, layers, number, seed, unknown};
use crate::method::{FieldError, MethodConfig, MethodError, check_count, check_rate, layers_but};
use crate::modules::Modules;
use crate::point::Point;
use adaptune_tensor::{Activation, Scalar, Seed};
use adaptune_transformer::{Config, Family};
use serde_json::{Map, Value, json};
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
    fn layers(&self, model: &Config) -> Result<Vec<usize>, MethodError> {
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

impl MethodConfig for PrefixConfig {
    const ARCHITECTURE: Option<&'static str> = Some("prefix_tuning");

    fn ground() -> Self {
        Self::prefix_tuning()
    }

    fn fields(&self) -> Map<String, Value> {
        let fields = json!({
            "prefix_length": self.prefix_length,
            "flat": self.flat,
            "bottleneck_size": self.bottleneck_size,
            "non_linearity": self.non_linearity.name(),
            "dropout": self.dropout,
            "use_gating": self.use_gating,
            "shared_gating": self.shared_gating,
            "leave_out": self.leave_out,
            "position_shift": self.position_shift,
            "init_weights_seed": self.init_weights_seed,
            "encoder_prefix": self.encoder_prefix,
            "cross_prefix": self.cross_prefix,
        });
        fields.as_object().cloned().unwrap_or_default()
    }

    fn set(&mut self, name: &str, value: &Value) -> Result<(), FieldError> {
        match name {
            "prefix_length" => self.prefix_length = count(name, value)?,
            "flat" => self.flat = boolean(name, value)?,
            "bottleneck_size" => self.bottleneck_size = count(name, value)?,
            "non_linearity" => self.non_linearity = activation(name, value)?,
            "dropout" => self.dropout = number(name, value)?,
            "use_gating" => self.use_gating = boolean(name, value)?,
            "shared_gating" => self.shared_gating = boolean(name, value)?,
            "leave_out" => self.leave_out = layers(name, value)?,
            "position_shift" => self.position_shift = boolean(name, value)?,
            "init_weights_seed" => self.init_weights_seed = seed(name, value)?,
            "encoder_prefix" => self.encoder_prefix = boolean(name, value)?,
            "cross_prefix" => self.cross_prefix = boolean(name, value)?,
            _ => return Err(unknown(name, &self.fields())),
        }
        Ok(())
    }

    /// AdapterHub has no `position_shift`. It ignores a field that it does not know, and would compute with other
    /// positions than the prefix was trained for; so the field stands in the file only where it says something.
    fn file_fields(&self) -> Result<Map<String, Value>, String> {
        let mut fields = self.fields();
        if !self.position_shift {
            fields.remove("position_shift");
        }
        Ok(fields)
    }

    fn check(&self, model: &Config) -> Result<(), MethodError> {
        self.layers(model).map(|_| ())
    }

    fn modules<S: Scalar>(&self, model: &Config, seed: Seed, modules: &mut Modules<S>) -> Result<(), MethodError> {
        let (seed, layers) = (self.init_weights_seed.map_or(seed, Seed::new), self.layers(model)?);
        let points: Vec<Point> = layers.iter().map(|layer| Point::Attention(*layer)).collect();
        modules.share("", points, PrefixTuning::new(self, layers, model.hidden, seed))
    }

    /// The prefixes are the whole model's; every attention layer of the Python model lists them once more.
    fn stored(&self, family: Family, adapter: &str, point: Option<Point>, parameter: &str) -> Stored {
        if point.is_some() {
            let module = names::module_path(family, point);
            return Stored::same(format!("{module}.prefix_tuning.prefix_gates.{adapter}.{parameter}"));
        }
        let part = match parameter.split_once('.') {
            Some(("down", part)) => format!("control_trans.0.{part}"),
            Some(("up", part)) => format!("control_trans.2.{part}"),
            _ if parameter == "embedding" => "wte.weight".to_owned(),
            _ => "control_trans".to_owned(),
        };
        let location = if family == Family::DistilBert { "self" } else { "self_prefix" };
        let name = format!("prefix_tunings.{adapter}.{location}.{part}");
        Stored::same(format!("prefix_tuning.{name}")).also_ending(format!(".prefix_tuning.pool.{name}"))
    }
}
