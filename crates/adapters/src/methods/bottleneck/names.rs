//! Where AdapterHub keeps each parameter of a bottleneck: its tensor names.

use crate::core::hub_names::HubNames;
use crate::core::point::Point;
use crate::core::stored::Stored;

/// A parameter of a bottleneck.
///
/// Mostly it has one name; AdapterHub lists the norm before a bottleneck twice, under the name that counts
/// when it reads and under another.
pub(super) fn stored(
    names: &dyn HubNames,
    adapter: &str,
    point: Option<Point>,
    parameter: &str,
    norm_before: bool,
) -> Stored {
    let module = names.module(point);
    match point {
        None => return Stored::same(format!("{module}.{adapter}.{parameter}")),
        Some(Point::Sequence(_)) => return Stored::same(format!("invertible_adapters.{adapter}.{parameter}")),
        _ => {}
    }
    let parts = parts(parameter, norm_before);
    Stored::under(parts.into_iter().map(|part| format!("{module}.adapters.{adapter}.{part}")))
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

#[cfg(test)]
mod tests {
    use super::*;
    use adaptune_transformer::{Family, Sublayer, SublayerPoint};

    #[test]
    fn names_are_adapterhubs() {
        let point = |sublayer| Some(Point::Sublayer(SublayerPoint { layer: 3, sublayer }));
        let name =
            |family: Family, sublayer, parameter, norm| stored(&family, "a", point(sublayer), parameter, norm).names;
        assert_eq!(
            name(Family::BERT, Sublayer::FeedForward, "bottleneck.down.weight", false),
            ["encoder.layer.3.output.adapters.a.adapter_down.0.weight"]
        );
        assert_eq!(
            name(Family::ROBERTA, Sublayer::Attention, "bottleneck.norm_before.bias", true),
            [
                "encoder.layer.3.attention.output.adapters.a.adapter_down.0.bias",
                "encoder.layer.3.attention.output.adapters.a.adapter_norm_before.bias"
            ]
        );
        assert_eq!(
            name(Family::DISTILBERT, Sublayer::FeedForward, "bottleneck.down.bias", true),
            ["transformer.layer.3.output_adapters.adapters.a.adapter_down.1.bias"]
        );
    }
}
