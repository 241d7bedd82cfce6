//! The configuration of ReFT: AdapterHub's `ReftConfig`, typed and checked.

use super::Reft;
use crate::format::{Form, Stored, names};
use crate::method::fields::{activation, boolean, count, layers, number, seed, unknown, wrong};
use crate::method::{FieldError, MethodConfig, MethodError, check_count, check_layers, check_rate};
use crate::modules::Modules;
use crate::point::Point;
use adaptune_tensor::{Activation, Scalar, Seed};
use adaptune_transformer::{Config, Family, SequencePoint};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// LoReFT, NoReFT and DiReFT (Wu et al., 2024); field names are AdapterHub's.
///
/// | field | default | meaning |
/// |---|---|---|
/// | `layers` | "all" | the blocks behind which tokens are moved, from 0 |
/// | `prefix_positions`, `suffix_positions` | 3, 0 | how many first and last tokens of a sequence |
/// | `r` | 1 | the rank `R` |
/// | `orthogonality` | by preset | `Q` has orthonormal rows |
/// | `subtract_projection` | by preset | `h Qᵀ` is subtracted |
/// | `tied_weights` | false | first and last tokens share their parameters |
/// | `dropout` | 0.05 | dropout of the moved tokens, as a whole |
/// | `non_linearity` | None | `φ` |
///
/// AdapterHub does not write `subtract_projection` into its files, and reads a DiReFT as a NoReFT. Here it is written,
/// where it says something; a file of AdapterHub's without it has to be read as it stands, so to load a DiReFT
/// saved by Python add `"subtract_projection": false` to its configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct ReftConfig {
    /// The blocks, from 0; all of them if `None`.
    pub layers: Option<BTreeSet<usize>>,
    /// How many first tokens of a sequence are moved.
    pub prefix_positions: usize,
    /// How many last tokens of a sequence are moved.
    pub suffix_positions: usize,
    /// The rank `R`.
    pub r: usize,
    /// `Q` has orthonormal rows.
    pub orthogonality: bool,
    /// `h Qᵀ` is subtracted.
    pub subtract_projection: bool,
    /// First and last tokens share their parameters.
    pub tied_weights: bool,
    /// Dropout of the moved tokens.
    pub dropout: f64,
    /// `φ`.
    pub non_linearity: Activation,
    /// Seed of the initial values, in place of the run's.
    pub init_weights_seed: Option<u64>,
}

impl ReftConfig {
    /// LoReFT: orthonormal rows.
    #[must_use]
    pub fn loreft() -> Self {
        Self {
            layers: None,
            prefix_positions: 3,
            suffix_positions: 0,
            r: 1,
            orthogonality: true,
            subtract_projection: true,
            tied_weights: false,
            dropout: 0.05,
            non_linearity: Activation::Identity,
            init_weights_seed: None,
        }
    }

    /// NoReFT: any rows.
    #[must_use]
    pub fn noreft() -> Self {
        Self { orthogonality: false, ..Self::loreft() }
    }

    /// DiReFT: any rows, and nothing is subtracted.
    #[must_use]
    pub fn direft() -> Self {
        Self { subtract_projection: false, ..Self::noreft() }
    }

    fn blocks(&self, model: &Config) -> Result<BTreeSet<usize>, MethodError> {
        check_rate("dropout", self.dropout)?;
        check_count("r", self.r)?;
        let most = if self.orthogonality { model.hidden - 1 } else { model.hidden };
        if self.r > most {
            let expected = "at most the hidden size, and less with orthogonality=True";
            return Err(MethodError::Range { field: "r", found: self.r as f64, expected });
        }
        if self.prefix_positions + self.suffix_positions == 0 {
            return Err(MethodError::Nothing("set prefix_positions or suffix_positions"));
        }
        let layers = self.layers.clone().unwrap_or_else(|| (0..model.layers).collect());
        check_layers("layers", &layers, model)?;
        if layers.is_empty() { Err(MethodError::Nothing("layers names none")) } else { Ok(layers) }
    }
}

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

    fn modules<S: Scalar>(&self, model: &Config, seed: Seed, modules: &mut Modules<S>) -> Result<(), MethodError> {
        let seed = self.init_weights_seed.map_or(seed, Seed::new).named("reft");
        for layer in self.blocks(model)? {
            modules.place(SequencePoint::Block(layer), Reft::new(self, model.hidden, seed.at(layer as u64)))?;
        }
        Ok(())
    }

    fn stored(&self, family: Family, adapter: &str, point: Option<Point>, parameter: &str) -> Stored {
        let module = format!("{}.reft_layer.refts.{adapter}", names::module_path(family, point));
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
