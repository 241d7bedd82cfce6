//! LoRAs of layers that are stored as one and are several here, as queries, keys and values are in ModernBERT.
//!
//! Of the stored layer's change `B A` each part has the rows of `B` that are its own, and all of `A`. So what is read computes the
//! same. It trains on as LoRAs of their own, whose `A` differ from then on, which one LoRA of the stored layer cannot be.

use super::targets::module_of;
use crate::format::tensors::Tensors;
use crate::methods::lora::config::LoraConfig;
use adaptune_tensor::Scalar;
use adaptune_transformer::{Config, LinearPoint};
use ndarray::{ArrayD, Axis, Slice};

/// Why PEFT has no such adapter, if it has not.
pub(super) fn refusal(config: &LoraConfig, model: &Config) -> Option<String> {
    let point = |projection| LinearPoint { layer: 0, projection };
    let fused = config.projections().map(point).find(|point| point.is_fused(model.family))?;
    let stored = model.family.tensors().linear(fused.projection)?.path;
    Some(format!(
        "it changes {stored} as one layer, and this adapter changes parts of it, each by an A of its own: attn_matrices=[o] and \
         output_lora=True are layers of their own in models of the family {}",
        model.family.model_type()
    ))
}

/// Gives each part of a stored layer tensors of its own, under the part's own name.
pub(super) fn cut<S: Scalar>(tensors: &mut Tensors<S>, model: &Config) -> Result<(), String> {
    for name in tensors.names() {
        let Some((before, parts, parameter)) = parts_of(&name, model) else { continue };
        if parameter.starts_with("vera_") {
            return Err(format!(
                "{name} is VeRA of a layer that is several here, whose shared matrices are cut otherwise"
            ));
        }
        let Some(whole) = tensors.remove_one(&name) else { continue };
        for part in parts {
            let array = rows(&whole, part, parameter, model);
            let own = part.own_path(model.family).unwrap_or_default();
            tensors.insert(format!("{before}{own}.{parameter}"), array);
        }
    }
    Ok(())
}

/// What stands before the path of a stored layer that holds several, these, and the name of the parameter behind it.
fn parts_of<'a>(name: &'a str, model: &Config) -> Option<(&'a str, Vec<LinearPoint>, &'a str)> {
    let module = module_of(name)?;
    let parameter = &name[module.len() + 1..];
    let of_module = |point: &LinearPoint| {
        let path = point.path(model.family).filter(|path| module.ends_with(path.as_str()));
        path.is_some_and(|path| module.len() == path.len() || module[..module.len() - path.len()].ends_with('.'))
    };
    let points = model.linear_points().into_iter().filter(|point| point.is_fused(model.family));
    let parts: Vec<LinearPoint> = points.filter(of_module).collect();
    let path = parts.first()?.path(model.family)?;
    Some((&module[..module.len() - path.len()], parts, parameter))
}

/// The part's own of a parameter of the stored layer; all of it if it is by inputs, or is not as long as it should be, which is
/// noticed later.
fn rows<S: Scalar>(whole: &ArrayD<S>, part: LinearPoint, parameter: &str, model: &Config) -> ArrayD<S> {
    let stored = model.family.tensors().rows(model, part.projection);
    let by_outputs = |of: usize| match parameter {
        "lora_B.weight" | "lora_magnitude_vector" => whole.shape()[0] == of,
        "ia3_l" => whole.shape() == [of, 1],
        _ => false,
    };
    match stored.filter(|stored| by_outputs(stored.of)) {
        Some(stored) => whole.slice_axis(Axis(0), Slice::from(stored.rows)).to_owned(),
        None => whole.clone(),
    }
}
