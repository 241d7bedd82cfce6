//! The fields of a [`BottleneckConfig`] by AdapterHub's names: what configuration strings and
//! `adapter_config.json` set, one table for both.

use crate::bottleneck::Scaling;
use crate::config::{BottleneckConfig, ReductionFactor};
use crate::init::InitWeights;
use crate::nearest::did_you_mean;
use crate::wiring::InnerResidual;
use adaptune_tensor::Activation;
use serde_json::{Map, Value, json};
use thiserror::Error;

/// A field that is not known or has a value of the wrong kind.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum FieldError {
    /// No such field.
    #[error("there is no field `{name}`{suggestion}")]
    Unknown {
        /// The name.
        name: String,
        /// The nearest one, as words.
        suggestion: String,
    },
    /// The value is of the wrong kind.
    #[error("{name} is {found}, but must be {expected}")]
    Value {
        /// The field.
        name: String,
        /// Its value.
        found: String,
        /// What would do.
        expected: String,
    },
    /// The field asks for something that is not there yet.
    #[error("{name}={found} is not supported: {why}")]
    Unsupported {
        /// The field.
        name: String,
        /// Its value.
        found: String,
        /// What it would mean.
        why: &'static str,
    },
}

/// Fields of AdapterHub's that ask for methods of their own, with the value that asks for nothing.
const OTHER_METHODS: &[(&str, Value, &str)] = &[
    ("phm_layer", Value::Bool(false), "it makes the adapter a Compacter"),
    ("use_gating", Value::Bool(false), "it adds a gate as in UniPELT"),
    ("inv_adapter", Value::Null, "it adds an invertible adapter to the embeddings"),
];

/// Fields that only matter beside those, with AdapterHub's defaults.
fn idle_fields() -> Value {
    json!({
        "factorized_phm_W": true, "factorized_phm_rule": false, "hypercomplex_nonlinearity": "glorot-uniform",
        "inv_adapter_reduction_factor": null, "learn_phm": true, "phm_bias": true, "phm_c_init": "normal",
        "phm_dim": 4, "phm_init_range": 0.0001, "phm_rank": 1, "shared_W_phm": false, "shared_phm_rule": true
    })
}

impl BottleneckConfig {
    /// Sets a field by its AdapterHub name.
    ///
    /// # Errors
    /// If there is no such field (the nearest name is offered), or the value is of the wrong kind.
    pub fn set(&mut self, name: &str, value: &Value) -> Result<(), FieldError> {
        match name {
            "mh_adapter" => self.mh_adapter = boolean(name, value)?,
            "output_adapter" => self.output_adapter = boolean(name, value)?,
            "reduction_factor" => self.reduction_factor = reduction_factor(name, value)?,
            "non_linearity" => self.non_linearity = activation(name, value)?,
            "original_ln_before" => self.original_ln_before = boolean(name, value)?,
            "original_ln_after" => self.original_ln_after = boolean(name, value)?,
            "ln_before" => self.ln_before = boolean(name, value)?,
            "ln_after" => self.ln_after = boolean(name, value)?,
            "residual_before_ln" => self.residual_before_ln = residual(name, value)?,
            "adapter_residual_before_ln" => self.adapter_residual_before_ln = boolean(name, value)?,
            "is_parallel" => self.is_parallel = boolean(name, value)?,
            "scaling" => self.scaling = scaling(name, value)?,
            "init_weights" => self.init_weights = init_weights(name, value)?,
            "init_weights_seed" => self.init_weights_seed = seed(name, value)?,
            "leave_out" => self.leave_out = layers(name, value)?,
            "dropout" => self.dropout = number(name, value)?,
            "stochastic_depth" => self.stochastic_depth = number(name, value)?,
            "cross_adapter" => self.cross_adapter = boolean(name, value)?,
            _ => return idle(name, value),
        }
        Ok(())
    }

    /// All fields by their AdapterHub names, those of other methods at their defaults.
    #[must_use]
    pub fn fields(&self) -> Map<String, Value> {
        let Value::Object(mut fields) = idle_fields() else { return Map::new() };
        fields.extend(OTHER_METHODS.iter().map(|(name, off, _)| ((*name).to_owned(), off.clone())));
        let mut set = |name: &str, value: Value| fields.insert(name.to_owned(), value);
        set("mh_adapter", self.mh_adapter.into());
        set("output_adapter", self.output_adapter.into());
        set("reduction_factor", reduction_factor_value(&self.reduction_factor));
        set("non_linearity", self.non_linearity.name().into());
        set("original_ln_before", self.original_ln_before.into());
        set("original_ln_after", self.original_ln_after.into());
        set("ln_before", self.ln_before.into());
        set("ln_after", self.ln_after.into());
        set("residual_before_ln", residual_value(self.residual_before_ln));
        set("adapter_residual_before_ln", self.adapter_residual_before_ln.into());
        set("is_parallel", self.is_parallel.into());
        set("scaling", scaling_value(self.scaling));
        set("init_weights", self.init_weights.name().into());
        set("init_weights_seed", self.init_weights_seed.into());
        set("leave_out", self.leave_out.iter().copied().collect());
        set("dropout", self.dropout.into());
        set("stochastic_depth", self.stochastic_depth.into());
        set("cross_adapter", self.cross_adapter.into());
        fields
    }
}

/// A field that this method does not have: fine where it asks for nothing.
fn idle(name: &str, value: &Value) -> Result<(), FieldError> {
    if let Some((_, off, why)) = OTHER_METHODS.iter().find(|(field, ..)| *field == name) {
        if value == off {
            return Ok(());
        }
        return Err(FieldError::Unsupported { name: name.into(), found: value.to_string(), why });
    }
    if idle_fields().get(name).is_some() {
        return Ok(());
    }
    let known = BottleneckConfig::base().fields();
    let suggestion = did_you_mean(name, known.keys().map(String::as_str));
    Err(FieldError::Unknown { name: name.into(), suggestion })
}

fn wrong(name: &str, value: &Value, expected: impl Into<String>) -> FieldError {
    FieldError::Value { name: name.into(), found: value.to_string(), expected: expected.into() }
}

fn boolean(name: &str, value: &Value) -> Result<bool, FieldError> {
    value.as_bool().ok_or_else(|| wrong(name, value, "True or False"))
}

fn number(name: &str, value: &Value) -> Result<f64, FieldError> {
    value.as_f64().ok_or_else(|| wrong(name, value, "a number"))
}

fn seed(name: &str, value: &Value) -> Result<Option<u64>, FieldError> {
    match value {
        Value::Null => Ok(None),
        _ => value.as_u64().map(Some).ok_or_else(|| wrong(name, value, "a whole number or None")),
    }
}

fn layers(name: &str, value: &Value) -> Result<std::collections::BTreeSet<usize>, FieldError> {
    let layer = |v: &Value| v.as_u64().map(|layer| layer as usize);
    let list = value.as_array().and_then(|list| list.iter().map(layer).collect());
    list.ok_or_else(|| wrong(name, value, "a list of layers, as in [0, 1]"))
}

fn reduction_factor(name: &str, value: &Value) -> Result<ReductionFactor, FieldError> {
    let wrong = || wrong(name, value, "a number, or a map as in {'1': 16, 'default': 8}");
    let Value::Object(map) = value else { return value.as_f64().map(Into::into).ok_or_else(wrong) };
    let mut factor = ReductionFactor { default: None, layers: Default::default() };
    for (layer, value) in map {
        let value = value.as_f64().ok_or_else(wrong)?;
        match layer.as_str() {
            "default" => factor.default = Some(value),
            layer => _ = factor.layers.insert(layer.parse().map_err(|_| wrong())?, value),
        }
    }
    Ok(factor)
}

fn reduction_factor_value(factor: &ReductionFactor) -> Value {
    match factor.default {
        Some(default) if factor.layers.is_empty() => whole(default),
        default => {
            let layers = factor.layers.iter().map(|(layer, f)| (layer.to_string(), whole(*f)));
            layers.chain(default.map(|f| ("default".to_owned(), whole(f)))).collect::<Map<_, _>>().into()
        }
    }
}

/// A number as AdapterHub writes it: without a point where it is whole.
fn whole(number: f64) -> Value {
    if number.fract() == 0.0 && number.abs() < 1e15 { Value::from(number as i64) } else { Value::from(number) }
}

fn activation(name: &str, value: &Value) -> Result<Activation, FieldError> {
    value
        .as_str()
        .and_then(Activation::from_name)
        .ok_or_else(|| wrong(name, value, format!("one of {}", Activation::names().collect::<Vec<_>>().join(", "))))
}

fn init_weights(name: &str, value: &Value) -> Result<InitWeights, FieldError> {
    value
        .as_str()
        .and_then(InitWeights::from_name)
        .ok_or_else(|| wrong(name, value, format!("one of {}", InitWeights::names().collect::<Vec<_>>().join(", "))))
}

fn residual(name: &str, value: &Value) -> Result<InnerResidual, FieldError> {
    match value {
        Value::Bool(true) => Ok(InnerResidual::Output),
        Value::Bool(false) => Ok(InnerResidual::Input),
        Value::String(s) if s == "post_add" => Ok(InnerResidual::Sum),
        _ => Err(wrong(name, value, "True, False or \"post_add\"")),
    }
}

fn residual_value(residual: InnerResidual) -> Value {
    match residual {
        InnerResidual::Output => true.into(),
        InnerResidual::Input => false.into(),
        InnerResidual::Sum => "post_add".into(),
    }
}

fn scaling(name: &str, value: &Value) -> Result<Scaling, FieldError> {
    match (value.as_str(), value.as_f64()) {
        (Some("learned"), _) => Ok(Scaling::Learned),
        (Some("channel"), _) => Ok(Scaling::Channel),
        (_, Some(number)) => Ok(Scaling::Fixed(number)),
        _ => Err(wrong(name, value, "a number, \"learned\" or \"channel\"")),
    }
}

/// AdapterHub takes a float only, so a whole number is written with its point.
fn scaling_value(scaling: Scaling) -> Value {
    match scaling {
        Scaling::Fixed(s) => Value::from(s),
        Scaling::Learned => "learned".into(),
        Scaling::Channel => "channel".into(),
    }
}
