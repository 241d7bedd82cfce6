//! What a method gives to be one: the trait that every configuration type implements.

use crate::core::error::MethodError;
use crate::core::fields::FieldError;
use crate::core::hub_names::HubNames;
use crate::core::modules::Modules;
use crate::core::point::Point;
use crate::core::size::Size;
use crate::core::stored::Stored;
use adaptune_tensor::{Scalar, Seed};
use adaptune_transformer::Config;
use serde_json::{Map, Value};

/// The configuration of a method, and all that the rest of the crate has to know of it.
///
/// Fields have AdapterHub's names. One table serves configuration strings and files: what [`MethodConfig::fields`]
/// gives, [`MethodConfig::set`] takes.
///
/// ```
/// use adaptune_adapters::{BottleneckConfig, MethodConfig};
/// let mut config = BottleneckConfig::seq_bn();
/// config.set("dropout", &0.25.into())?;
/// assert_eq!(config.fields()["dropout"], 0.25);
/// # Ok::<(), adaptune_adapters::FieldError>(())
/// ```
pub trait MethodConfig: Sized {
    /// AdapterHub's `architecture` in `adapter_config.json`; bottlenecks have none.
    const ARCHITECTURE: Option<&'static str>;
    /// Fields that no file of this kind goes without.
    const REQUIRED: &'static [&'static str] = &[];

    /// The configuration that the fields of a file are set on: AdapterHub's defaults.
    fn ground() -> Self;

    /// All fields by their AdapterHub names.
    fn fields(&self) -> Map<String, Value>;

    /// Sets a field by its AdapterHub name.
    ///
    /// # Errors
    /// If there is no such field (the nearest name is offered), or the value is of the wrong kind.
    fn set(&mut self, name: &str, value: &Value) -> Result<(), FieldError>;

    /// The fields as AdapterHub can read them.
    ///
    /// # Errors
    /// If AdapterHub does not have such a configuration: the reason.
    fn file_fields(&self) -> Result<Map<String, Value>, String> {
        Ok(self.fields())
    }

    /// Told which version of AdapterHub wrote the file that was just read: a field may have changed its meaning since.
    ///
    /// # Errors
    /// If AdapterHub means something else by this configuration than we do: the reason.
    fn written_by(&mut self, _version: Option<&str>) -> Result<(), String> {
        Ok(())
    }

    /// True if initial values depend on the base's weights, not only on their shapes.
    fn needs_base(&self) -> bool {
        false
    }

    /// Checks the configuration by itself and against a model.
    ///
    /// # Errors
    /// If fields contradict each other, name layers that are not there, or leave nothing to add.
    fn check(&self, model: &Config) -> Result<(), MethodError>;

    /// Returns how many numbers such an adapter takes, by formula.
    ///
    /// # Errors
    /// As [`MethodConfig::check`].
    fn size(&self, model: &Config) -> Result<Size, MethodError>;

    /// Adds the modules to those of an adapter, with initial values that depend on seed and place alone.
    ///
    /// # Errors
    /// As [`MethodConfig::check`], and if a point is taken.
    fn modules<S: Scalar>(&self, model: &Config, seed: Seed, modules: &mut Modules<S>) -> Result<(), MethodError>;

    /// How AdapterHub stores an array of the adapter called `adapter`: the parameter or constant that goes by this
    /// name at this point, or at none.
    fn stored(&self, names: &dyn HubNames, adapter: &str, point: Option<Point>, parameter: &str) -> Stored;
}
