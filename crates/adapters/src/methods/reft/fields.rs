//! The fields of a [`ReftConfig`] by AdapterHub's names, and its entry among the methods.

use super::config::ReftConfig;
use super::layer::Reft;
use crate::core::error::MethodError;
use crate::core::fields::{FieldError, activation, boolean, count, layers, number, seed, unknown, wrong};
use crate::core::hub_names::HubNames;
use crate::core::method_config::MethodConfig;
use crate::core::modules::Modules;
use crate::core::point::Point;
use crate::core::size::{PointSize, Size, linear, product, sum};
use crate::core::stored::{Form, Stored};
use adaptune_tensor::{Activation, Scalar, Seed};
use adaptune_transformer::{Config, SequencePoint};
use serde_json::{Map, Value, json};

impl MethodConfig for ReftConfig {
    const ARCHITECTURE: Option<&'static str> = Some("reft");
    const REQUIRED: &'static [&'static str] = &["layers", "prefix_positions", "suffix_positions", "r", "orthogonality"];

    fn ground() -> Self {
        Self::loreft()
    }

    fn fields(&self) -> Map<String, Value> {
        let layers = self.layers.as_ref().map_or("all".into(), |layers| layers.iter().copied().collect::<Value>());
        let fields = json!({
            "layers": layers,
            "prefix_positions": self.prefix_positions,
            "suffix_positions": self.suffix_positions,
            "r": self.r,
            "orthogonality": self.orthogonality,
            "subtract_projection": self.subtract_projection,
            "tied_weights": self.tied_weights,
            "dropout": self.dropout,
            "non_linearity": if self.non_linearity == Activation::Identity { None } else { Some(self.non_linearity.name()) },
            "init_weights_seed": self.init_weights_seed,
            "output_reft": true,
            "dtype": null,
        });
        fields.as_object().cloned().unwrap_or_default()
    }

    fn set(&mut self, name: &str, value: &Value) -> Result<(), FieldError> {
        match name {
            "layers" if *value == "all" => self.layers = None,
            "layers" => self.layers = Some(layers(name, value)?),
            "prefix_positions" => self.prefix_positions = count(name, value)?,
            "suffix_positions" => self.suffix_positions = count(name, value)?,
            "r" => self.r = count(name, value)?,
            "orthogonality" => self.orthogonality = boolean(name, value)?,
            "subtract_projection" => self.subtract_projection = boolean(name, value)?,
            "tied_weights" => self.tied_weights = boolean(name, value)?,
            "dropout" => self.dropout = number(name, value)?,
            "non_linearity" if value.is_null() => self.non_linearity = Activation::Identity,
            "non_linearity" => self.non_linearity = activation(name, value)?,
            "init_weights_seed" => self.init_weights_seed = seed(name, value)?,
            "output_reft" if *value == true => {}
            "output_reft" => return Err(wrong(name, value, "True: ReFT has no other place")),
            // A number format of PyTorch's: here every number has that of the run.
            "dtype" if value.is_null() || value.is_string() => {}
            "dtype" => return Err(wrong(name, value, "a name or None")),
            _ => return Err(unknown(name, &self.fields())),
        }
        Ok(())
    }

    fn file_fields(&self) -> Result<Map<String, Value>, String> {
        let mut fields = self.fields();
        if self.subtract_projection {
            fields.remove("subtract_projection");
        }
        Ok(fields)
    }

    fn check(&self, model: &Config) -> Result<(), MethodError> {
        self.blocks(model).map(|_| ())
    }

    /// Files hold a square matrix beside what makes rows orthonormal, from which PyTorch begins.
    fn size(&self, model: &Config) -> Result<Size, MethodError> {
        let (units, rows) = (if self.tied_weights { 1 } else { 2 }, product(&[self.r, model.hidden]));
        let unit = sum([linear(self.r, model.hidden, true), rows]);
        let square = if self.orthogonality { product(&[model.hidden, model.hidden]) } else { 0 };
        let one = |layer: usize| {
            let size = PointSize::trained(Point::from(SequencePoint::Block(layer)), unit.saturating_mul(units as u64));
            PointSize { stored: sum([unit, square]).saturating_mul(units as u64), ..size }
        };
        Ok(Size::of(self.blocks(model)?.into_iter().map(one).collect()))
    }

    fn modules<S: Scalar>(&self, model: &Config, seed: Seed, modules: &mut Modules<S>) -> Result<(), MethodError> {
        let seed = self.init_weights_seed.map_or(seed, Seed::new).named("reft");
        for layer in self.blocks(model)? {
            modules.place(SequencePoint::Block(layer), Reft::new(self, model.hidden, seed.at(layer as u64)))?;
        }
        Ok(())
    }

    fn stored(&self, names: &dyn HubNames, adapter: &str, point: Option<Point>, parameter: &str) -> Stored {
        let module = format!("{}.reft_layer.refts.{adapter}", names.module(point));
        let unit =
            parameter.split(".source.").next().and_then(|unit| unit.split(".projection.").next()).unwrap_or_default();
        let part = &parameter[unit.len()..];
        let parametrised = format!("{module}.{unit}.projection.parametrizations.weight");
        match part {
            ".projection.original" => Stored::same(format!("{parametrised}.original"))
                .as_form(Form::Frame)
                .beside(format!("{parametrised}.0.base")),
            part => Stored::same(format!("{module}.{unit}{}", part.replace(".source.", ".learned_source."))),
        }
    }
}
