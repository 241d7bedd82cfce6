//! The fields of a [`PrefixConfig`] by AdapterHub's names, and its entry among the methods.

use super::config::PrefixConfig;
use super::layer::PrefixTuning;
use crate::core::error::MethodError;
use crate::core::fields::{FieldError, activation, boolean, count, layers, number, seed, unknown};
use crate::core::hub_names::HubNames;
use crate::core::method_config::MethodConfig;
use crate::core::modules::Modules;
use crate::core::point::Point;
use crate::core::size::{PointSize, Size, linear, product, sum};
use crate::core::stored::Stored;
use adaptune_tensor::{Scalar, Seed};
use adaptune_transformer::Config;
use serde_json::{Map, Value, json};

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

    /// Each block computes the network again, and in training keeps its inside, `h` and `φ(h)`, `[P, B]`.
    fn size(&self, model: &Config) -> Result<Size, MethodError> {
        let layers = self.layers(model)?;
        let (length, width, hidden) = (self.prefix_length, self.bottleneck_size, model.hidden);
        let block = 2usize.saturating_mul(model.key_value_width());
        let columns = layers.len().saturating_mul(block);
        let source = match self.flat {
            true => product(&[length, columns]),
            false => sum([product(&[length, hidden]), linear(width, hidden, true), linear(columns, width, true)]),
        };
        let gates = if self.shared_gating { 1 } else { 2 };
        let gate = |layer: &usize| PointSize::trained(Point::Attention(*layer), linear(gates, hidden, true));
        let mut points = vec![PointSize::trained(None, source)];
        points.extend(layers.iter().filter(|_| self.use_gating).map(gate));
        let inside = if self.flat { 0 } else { product(&[2, length, width]) };
        let (transient, kept) = (sum([inside, product(&[length, block])]), inside.saturating_mul(layers.len() as u64));
        Ok(Size { transient, kept, keys: length as u64, ..Size::of(points) })
    }

    fn modules<S: Scalar>(&self, model: &Config, seed: Seed, modules: &mut Modules<S>) -> Result<(), MethodError> {
        let (seed, layers) = (self.init_weights_seed.map_or(seed, Seed::new), self.layers(model)?);
        let points: Vec<Point> = layers.iter().map(|layer| Point::Attention(*layer)).collect();
        modules.share("", points, PrefixTuning::new(self, layers, model, seed))
    }

    /// The prefixes are the whole model's; every attention layer of the Python model lists them once more.
    fn stored(&self, names: &dyn HubNames, adapter: &str, point: Option<Point>, parameter: &str) -> Stored {
        if point.is_some() {
            let module = names.module(point);
            return Stored::same(format!("{module}.prefix_tuning.prefix_gates.{adapter}.{parameter}"));
        }
        let part = match parameter.split_once('.') {
            Some(("down", part)) => format!("control_trans.0.{part}"),
            Some(("up", part)) => format!("control_trans.2.{part}"),
            _ if parameter == "embedding" => "wte.weight".to_owned(),
            _ => "control_trans".to_owned(),
        };
        let location = names.prefix_location();
        let name = format!("prefix_tunings.{adapter}.{location}.{part}");
        Stored::same(format!("prefix_tuning.{name}")).also_ending(format!(".prefix_tuning.pool.{name}"))
    }
}
