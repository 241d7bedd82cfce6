//! What AdapterHub computes otherwise, or not at all, with models of some families.

use crate::adapter::Adapter;
use crate::core::point::Point;
use adaptune_tensor::Scalar;
use adaptune_transformer::{Config, Sublayer};

/// Why AdapterHub has no such adapter on models of this family, or another one, if that is so.
pub(super) fn refusal<S: Scalar>(adapter: &Adapter<S>, model: &Config) -> Option<String> {
    let (paths, family) = (&model.family.python().adapters, model.family.model_type());
    if !paths.known {
        return Some(format!(
            "AdapterHub has no such adapters on models of the family {family}: their files are this library's alone, laid out as \
             on other families; PEFT's files of LoRA and related methods are read and written"
        ));
    }
    let differs = |point: &Point| matches!(point, Point::Sublayer(at) if paths.differ.contains(&at.sublayer));
    let point = adapter.points().find(differs)?;
    let Point::Sublayer(at) = point else { return None };
    let sublayer = if at.sublayer == Sublayer::Attention { "attention" } else { "feed-forward network" };
    Some(format!(
        "behind the {sublayer} of models of the family {family}, AdapterHub's bottlenecks read the sublayer's residual input in the \
         place of its output, and this library's read the output, as on other families: {point} would be another function"
    ))
}
