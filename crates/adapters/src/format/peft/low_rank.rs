//! LoRA and related methods in PEFT's files: which tensors hold them.

use super::files::{Written, peft_type};
use super::{config, fused, patterns, targets};
use crate::adapter::Adapter;
use crate::core::point::Point;
use crate::core::stored::{Form, Stored};
use crate::format::error::FormatError;
use crate::format::files::PEFT;
use crate::format::tensors::Tensors;
use crate::methods::lora::config::{LoraConfig, LoraKind};
use crate::registry::method::Method;
use adaptune_tensor::{AnyParameter, Parameters, Scalar, Seed};
use adaptune_transformer::{Encoder, Family, Projection};
use serde_json::Value;
use std::path::Path;

/// What the files hold of an adapter.
pub(super) fn written<S: Scalar>(
    config: &LoraConfig,
    adapter: &Adapter<S>,
    base: &Encoder<S>,
) -> Result<Written<S>, String> {
    let points: Vec<_> = adapter.points().collect();
    let file = config::fields(config, &points, base.config())?;
    let tensors = arrays(adapter).into_iter().map(|(name, array)| {
        let Stored { mut names, form, .. } = stored(config, base.config().family, &name);
        (names.swap_remove(0), form.write(array.to_view()))
    });
    Ok(Written { file, tensors: tensors.collect() })
}

/// The adapter called `name`, of the tensors of a directory.
pub(super) fn load<S: Scalar>(
    name: &str,
    directory: &Path,
    file: &Value,
    tensors: &mut Tensors<S>,
    base: &Encoder<S>,
) -> Result<Adapter<S>, FormatError> {
    let path = directory.join(PEFT.config);
    let message = |message| FormatError::config(&path, message);
    let file =
        &if peft_type(file) == "LORA" { patterns::evened(file, tensors).map_err(message)? } else { file.clone() };
    fused::cut(tensors, base.config()).map_err(message)?;
    let points = points_of(&tensors.names(), base.config().family);
    let config = config::read(file, &points, base.config()).map_err(message)?;
    let method = Method::Lora(config.clone());
    let adapter = Adapter::blank(name, &method, base.config(), Seed::new(0));
    let mut adapter = adapter.map_err(|e| FormatError::config(&path, e))?;
    for (_, entry) in adapter.entries_mut() {
        for (name, array) in entry.parameters_mut() {
            tensors.take(&stored(&config, base.config().family, &name), array)?;
        }
        for (name, array) in entry.constants_mut() {
            tensors.take(&stored(&config, base.config().family, &name), array)?;
        }
    }
    Ok(adapter)
}

/// The names that a parameter or constant of an adapter may have in PEFT's files, the one that is written first.
///
/// ```
/// use adaptune_adapters::{LoraConfig, format::peft_names};
/// use adaptune_transformer::Family;
/// let [in_a_model, alone] = &peft_names(&LoraConfig::lora(), Family::BERT, "layer.3.query.lora_A")[..] else { panic!() };
/// assert_eq!(in_a_model, "base_model.model.bert.encoder.layer.3.attention.self.query.lora_A.weight");
/// assert_eq!(alone, "base_model.model.encoder.layer.3.attention.self.query.lora_A.weight");
/// ```
#[must_use]
pub fn peft_names(config: &LoraConfig, family: Family, name: &str) -> Vec<String> {
    stored(config, family, name).names
}

/// Parameters, then constants, with their names.
fn arrays<S: Scalar>(adapter: &Adapter<S>) -> Vec<(String, &dyn AnyParameter<S>)> {
    let constants = adapter.entries().flat_map(|(_, entry)| entry.constants());
    adapter.parameters().into_iter().chain(constants).collect()
}

/// The layers that the weights change.
fn points_of(names: &[String], family: Family) -> Vec<Point> {
    let path = |name: &str| {
        let module = name.strip_prefix("base_model.model.").and_then(|rest| targets::module_of(rest));
        module.and_then(|module| targets::point(module, family))
    };
    let mut points: Vec<_> = names.iter().filter_map(|name| path(name)).collect();
    points.sort();
    points.dedup();
    points
}

/// How PEFT stores an array: in a model with a head, or alone.
fn stored(config: &LoraConfig, family: Family, name: &str) -> Stored {
    let (point, parameter) = Point::split(name);
    let Some(Point::Linear(point)) = point else {
        // VeRA's matrices, which no layer owns.
        let shared = parameter.replace("lora_", "vera_");
        return Stored::under([format!("base_model.{shared}"), format!("base_model.model.{shared}")]);
    };
    stored_at(config, family, &point.own_path(family).unwrap_or_default(), point.projection, parameter)
}

/// The same of a parameter of the module at a path, which is stored as one of this projection is.
pub(super) fn stored_at(
    config: &LoraConfig,
    family: Family,
    path: &str,
    projection: Projection,
    parameter: &str,
) -> Stored {
    let (part, form) = match (config.kind(), parameter) {
        (LoraKind::Vera, vector) => (format!("vera_lambda_{vector}"), Form::Same),
        (LoraKind::Ia3, _) if config.scale_inputs.contains(&projection) => ("ia3_l".to_owned(), Form::Row),
        (LoraKind::Ia3, _) => ("ia3_l".to_owned(), Form::Column),
        (_, "m") => ("lora_magnitude_vector".to_owned(), Form::Same),
        (_, matrix) => (format!("{matrix}.weight"), Form::Same),
    };
    let prefixes = [family.prefix(), ""];
    Stored::under(prefixes.map(|prefix| format!("base_model.model.{prefix}{path}.{part}"))).as_form(form)
}
