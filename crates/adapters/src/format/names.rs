//! Where AdapterHub keeps each parameter: its tensor names.

use super::stored::Stored;
use crate::point::Point;
use adaptune_transformer::{Family, SequencePoint, Sublayer, SublayerPoint};

/// A parameter of a bottleneck.
///
/// Mostly it has one name; AdapterHub lists the norm before a bottleneck twice, under the name that counts
/// when it reads and under another.
pub(crate) fn bottleneck(
    family: Family,
    adapter: &str,
    point: Option<Point>,
    parameter: &str,
    norm_before: bool,
) -> Stored {
    let module = module_path(family, point);
    match point {
        None => return Stored::same(format!("{module}.{adapter}.{parameter}")),
        Some(Point::Sequence(_)) => return Stored::same(format!("invertible_adapters.{adapter}.{parameter}")),
        _ => {}
    }
    let parts = parts(parameter, norm_before);
    Stored::under(parts.into_iter().map(|part| format!("{module}.adapters.{adapter}.{part}")))
}

/// The path of the module that holds what adapters have at a point, without the model's prefix.
pub(crate) fn module_path(family: Family, point: Option<Point>) -> String {
    match (point, family) {
        (Some(Point::Linear(point)), _) => point.path(family),
        (Some(Point::Sublayer(SublayerPoint { layer, sublayer })), Family::DistilBert) => match sublayer {
            Sublayer::Attention => format!("transformer.layer.{layer}.attention_adapters"),
            Sublayer::FeedForward => format!("transformer.layer.{layer}.output_adapters"),
        },
        (Some(Point::Sublayer(SublayerPoint { layer, sublayer })), _) => match sublayer {
            Sublayer::Attention => format!("encoder.layer.{layer}.attention.output"),
            Sublayer::FeedForward => format!("encoder.layer.{layer}.output"),
        },
        (Some(Point::Attention(layer)), Family::DistilBert) => format!("transformer.layer.{layer}.attention"),
        (Some(Point::Attention(layer)), _) => format!("encoder.layer.{layer}.attention.self"),
        (Some(Point::Sequence(SequencePoint::Embeddings)), _) => "embeddings".to_owned(),
        (Some(Point::Sequence(SequencePoint::Block(layer))), Family::DistilBert) => {
            format!("transformer.layer.{layer}")
        }
        (Some(Point::Sequence(SequencePoint::Block(layer))), _) => format!("encoder.layer.{layer}"),
        (None, _) => "shared_parameters".to_owned(),
    }
}

/// The names of a bottleneck's parameter within its module. The down-projection stands in a
/// sequence behind the norm, if there is one.
fn parts(parameter: &str, norm_before: bool) -> Vec<String> {
    let down = usize::from(norm_before);
    if let Some(part) = parameter.strip_prefix("bottleneck.norm_before.") {
        return vec![format!("adapter_down.0.{part}"), format!("adapter_norm_before.{part}")];
    }
    if let Some(part) = parameter.strip_prefix("bottleneck.down.") {
        return vec![format!("adapter_down.{down}.{part}")];
    }
    let name = match parameter {
        "norm_after.weight" => "adapter_norm_after.weight".to_owned(),
        "norm_after.bias" => "adapter_norm_after.bias".to_owned(),
        other => match other.strip_prefix("bottleneck.") {
            Some(part) => part.strip_prefix("up.").map_or_else(|| part.to_owned(), |part| format!("adapter_up.{part}")),
            None => other.to_owned(),
        },
    };
    vec![name]
}

/// The tensor name of a head's parameter (`layer.1.weight`). AdapterHub counts dropouts and
/// activations as modules too.
pub(crate) fn head_tensor_name(head: &str, parameter: &str, has_activation: bool) -> String {
    let step = if has_activation { 3 } else { 2 };
    let mut parts = parameter.splitn(3, '.').skip(1);
    let layer: usize = parts.next().and_then(|l| l.parse().ok()).unwrap_or(0);
    format!("heads.{head}.{}.{}", 1 + layer * step, parts.next().unwrap_or(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_adapterhubs() {
        let point = |sublayer| Some(Point::Sublayer(SublayerPoint { layer: 3, sublayer }));
        let name = |family, sublayer, parameter, norm| bottleneck(family, "a", point(sublayer), parameter, norm).names;
        assert_eq!(
            name(Family::Bert, Sublayer::FeedForward, "bottleneck.down.weight", false),
            ["encoder.layer.3.output.adapters.a.adapter_down.0.weight"]
        );
        assert_eq!(
            name(Family::Roberta, Sublayer::Attention, "bottleneck.norm_before.bias", true),
            [
                "encoder.layer.3.attention.output.adapters.a.adapter_down.0.bias",
                "encoder.layer.3.attention.output.adapters.a.adapter_norm_before.bias"
            ]
        );
        assert_eq!(
            name(Family::DistilBert, Sublayer::FeedForward, "bottleneck.down.bias", true),
            ["transformer.layer.3.output_adapters.adapters.a.adapter_down.1.bias"]
        );
        assert_eq!(head_tensor_name("a", "layer.1.weight", true), "heads.a.4.weight");
        assert_eq!(head_tensor_name("a", "layer.1.bias", false), "heads.a.3.bias");
    }
}
