//! Names and values that describe adapters and heads, by which runs are told apart.

use adaptune_adapters::{Adapter, AdapterModel, Head, HeadConfig, Method, Mixing, Pooling};
use adaptune_tensor::{Named, Parameters, Scalar, Seed};

/// Names and values.
pub(crate) type Description = Vec<(String, String)>;

/// A number that changes with any change of names, shapes or values.
fn fingerprint<S: Scalar>(arrays: &Named<'_, S>) -> String {
    let mut seed = Seed::new(arrays.len() as u64);
    for (name, array) in arrays {
        seed = array.shape().iter().fold(seed.named(name), |seed, n| seed.at(*n as u64));
        seed = array.values().iter().fold(seed, |seed, value| seed.at(value.to_f64().to_bits()));
    }
    format!("{:016x}", seed.bits(0))
}

/// The head of a task.
pub(crate) fn head<S: Scalar>(head: &Head<S>) -> Description {
    let HeadConfig { task, labels, layers, activation, pooling, bias, dropout } = head.config();
    let parts = [
        ("head's name", head.name().to_owned()),
        ("head's task", format!("{task:?}")),
        ("head's labels", labels.join(", ")),
        ("head's layers", layers.to_string()),
        ("head's form", format!("activation {activation:?}, bias {bias}, dropout {dropout:?}")),
        ("head's pooling", pooling.map_or("as the task", Pooling::name).to_owned()),
    ];
    parts.map(|(name, value)| (name.to_owned(), value)).to_vec()
}

/// The fields of a method.
pub(super) fn fields(method: Option<&Method>, name: impl Fn(String) -> String) -> Description {
    let fields = method.map(Method::fields).unwrap_or_default();
    fields.into_iter().map(|(field, value)| (name(field), value.to_string())).collect()
}

/// How several adapters are put together, and each of several that train.
pub(super) fn setup<S: Scalar>(model: &AdapterModel<S>) -> Description {
    let (setup, mut parts) = (model.setup(), Description::new());
    if !setup.parts().is_empty() {
        parts.push(("setup".to_owned(), setup.to_string()));
    }
    for trains in setup.training().into_iter().filter(|_| model.adapter().is_none()) {
        let named = |(name, value): (String, String)| (format!("{}: {name}", trains.name()), value);
        parts.extend(adapter(Some(trains)).into_iter().map(named));
    }
    setup.mixings().into_iter().for_each(|of| parts.extend(mixing(of)));
    parts
}

/// The fields of a fusion or a router, and its numbers where it does not train.
fn mixing<S: Scalar>(mixing: &dyn Mixing<S>) -> Description {
    let of = format!("{} {}", mixing.kind(), mixing.name());
    let fields = mixing.fields().into_iter().map(|(field, value)| (format!("{of}: {field}"), value.to_string()));
    let numbers = mixing.is_frozen().then(|| (format!("{of}: fingerprint"), fingerprint(&mixing.parameters())));
    fields.chain(numbers).collect()
}

/// Two methods may have parameters of the same shapes, so each field of the method counts. What user-defined modules compute
/// cannot be compared; their numbers are.
pub(super) fn adapter<S: Scalar>(adapter: Option<&Adapter<S>>) -> Description {
    let Some(adapter) = adapter else { return vec![("adapter's name".into(), "none".into())] };
    let mut parts = vec![("adapter's name".to_owned(), adapter.name().to_owned())];
    parts.extend(fields(adapter.method(), |field| format!("adapter's {field}")));
    parts.push(("fingerprint of the adapter's constants".into(), fingerprint(&adapter.constants())));
    parts
}

/// The adapters that the model's own stands upon. No part of them is in the checkpoint.
pub(super) fn below<S: Scalar>(model: &AdapterModel<S>) -> Description {
    let mut parts = vec![("number of adapters below".to_owned(), model.below().len().to_string())];
    for (i, adapter) in (1..).zip(model.below()) {
        parts.push((format!("name of adapter {i} below"), adapter.name().to_owned()));
        parts.extend(fields(adapter.method(), |field| format!("{field} of adapter {i} below")));
        let numbers: Named<'_, S> = adapter.parameters().into_iter().chain(adapter.constants()).collect();
        parts.push((format!("fingerprint of adapter {i} below"), fingerprint(&numbers)));
    }
    parts
}
