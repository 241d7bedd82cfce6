//! The fields of a [`BottleneckConfig`] by AdapterHub's names: what configuration strings and
//! `adapter_config.json` set, one table for both; and its entry among the methods.

use super::names;
use crate::core::hub_names::HubNames;
use crate::core::stored::Stored;
use crate::methods::bottleneck::compacter::Compacter;
use crate::methods::bottleneck::config::{BottleneckConfig, ReductionFactor};
use crate::methods::bottleneck::layer::{Bottleneck, Scaling};

use crate::core::by_point::ByPoint;
use crate::core::error::MethodError;
use crate::core::fields::{FieldError, activation, boolean, layers, number, seed, unknown, whole, wrong};
use crate::core::init::InitWeights;
use crate::core::method_config::MethodConfig;
use crate::core::modules::Modules;
use crate::core::point::Point;
use crate::core::size::Size;
use crate::methods::bottleneck::invertible::{Coupling, Invertible};
use crate::methods::bottleneck::phm::layer::PhmShared;
use crate::methods::bottleneck::wiring::{BottleneckAdapter, InnerResidual};
use adaptune_tensor::{Activation, Scalar, Seed};
use adaptune_transformer::{Config, SequencePoint};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

impl MethodConfig for BottleneckConfig {
    const ARCHITECTURE: Option<&'static str> = None;
    const REQUIRED: &'static [&'static str] = &["mh_adapter", "output_adapter", "reduction_factor", "non_linearity"];

    fn ground() -> Self {
        Self::base()
    }

    fn set(&mut self, name: &str, value: &Value) -> Result<(), FieldError> {
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
            "use_gating" => self.use_gating = boolean(name, value)?,
            "phm_layer" => self.phm_layer = boolean(name, value)?,
            "inv_adapter" => self.inv_adapter = coupling(name, value)?,
            "inv_adapter_reduction_factor" if value.is_null() => self.inv_adapter_reduction_factor = None,
            "inv_adapter_reduction_factor" => self.inv_adapter_reduction_factor = Some(number(name, value)?),
            _ if self.phm.set(name, value)? => {}
            _ => return Err(unknown(name, &Self::base().fields())),
        }
        Ok(())
    }

    fn fields(&self) -> Map<String, Value> {
        let mut fields = Map::new();
        self.phm.fields(&mut fields);
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
        set("use_gating", self.use_gating.into());
        set("phm_layer", self.phm_layer.into());
        set("inv_adapter", coupling_value(self.inv_adapter));
        set("inv_adapter_reduction_factor", self.inv_adapter_reduction_factor.map_or(Value::Null, whole));
        fields
    }

    /// Two fields are written as Python can read them, which they only need to be for training on: Xavier's initial
    /// values as Kaiming's, and all of a Compacter's as BERT's, at any others of which AdapterHub stops; and stochastic depth as 0, since AdapterHub refuses it, even where it only evaluates, on
    /// machines without torchvision.
    fn file_fields(&self) -> Result<Map<String, Value>, String> {
        let mut fields = self.fields();
        if self.init_weights == InitWeights::Xavier {
            fields.insert("init_weights".into(), InitWeights::MamAdapter.name().into());
        }
        if self.phm_layer {
            fields.insert("init_weights".into(), InitWeights::Bert.name().into());
        }
        fields.insert("stochastic_depth".into(), json!(0.0));
        Ok(fields)
    }

    /// Files without a version were written when `gelu` still named the approximation with tanh.
    fn written_by(&mut self, version: Option<&str>) -> Result<(), String> {
        if version.is_none() && self.non_linearity == Activation::Gelu {
            self.non_linearity = Activation::GeluTanh;
        }
        Ok(())
    }

    fn check(&self, model: &Config) -> Result<(), MethodError> {
        self.bottlenecks(model).map(|_| ())
    }

    fn size(&self, model: &Config) -> Result<Size, MethodError> {
        self.computed_size(model)
    }

    fn modules<S: Scalar>(&self, model: &Config, seed: Seed, modules: &mut Modules<S>) -> Result<(), MethodError> {
        let seed = self.init_weights_seed.map_or(seed, Seed::new);
        let identity = self.init_weights.starts_as_identity();
        if let Some((coupling, factor)) = self.invertible() {
            let seed = seed.named("invertible");
            let width = model.embedded_width();
            let module = Invertible::new(coupling, width, factor, self.non_linearity, identity, seed);
            modules.place(SequencePoint::Embeddings, module)?;
        }
        let shapes = self.bottlenecks(model)?;
        let shared = self.phm_layer && self.phm.shares();
        let widths = shapes.first().map(|(_, shape)| (shape.hidden, shape.bottleneck));
        let adapters = shapes.into_iter().map(|(point, shape)| {
            let seed = seed.at(point.layer as u64).at(point.sublayer as u64);
            let bottleneck = Bottleneck::new(shape, self.init_weights, seed);
            let wired = BottleneckAdapter::new(bottleneck, self.position(), self.original_ln_after, self.ln_after);
            (Point::from(point), wired)
        });
        match widths.filter(|_| shared) {
            Some(widths) => {
                let adapters: BTreeMap<Point, BottleneckAdapter<S>> = adapters.collect();
                let points: Vec<Point> = adapters.keys().copied().collect();
                let shared = PhmShared::new(&self.phm, widths, identity, seed);
                modules.share("", points, Compacter { shared, adapters: ByPoint(adapters) })
            }
            None => adapters.into_iter().try_for_each(|(point, adapter)| modules.place(point, adapter)),
        }
    }

    fn stored(&self, names: &dyn HubNames, adapter: &str, point: Option<Point>, parameter: &str) -> Stored {
        names::stored(names, adapter, point, parameter, self.ln_before)
    }
}

fn coupling(name: &str, value: &Value) -> Result<Option<Coupling>, FieldError> {
    match value.as_str() {
        None if value.is_null() => Ok(None),
        Some("nice") => Ok(Some(Coupling::Nice)),
        Some("glow") => Ok(Some(Coupling::Glow)),
        _ => Err(wrong(name, value, "\"nice\", \"glow\" or None")),
    }
}

fn coupling_value(coupling: Option<Coupling>) -> Value {
    match coupling {
        None => Value::Null,
        Some(Coupling::Nice) => "nice".into(),
        Some(Coupling::Glow) => "glow".into(),
    }
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
