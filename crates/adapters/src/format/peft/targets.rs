//! Which layers `target_modules` names, by PEFT's rules.
//!
//! A list names modules by their whole path or by its end, cut at a point: `dense` is every `….dense`, and `output.dense` is
//! `….attention.output.dense` too. A text is a pattern for the whole path, or `all-linear`.

use crate::core::point::Point;
use adaptune_transformer::{Config, Family, LinearPoint, Projection};
use serde_json::Value;

/// The module that a tensor belongs to, `bert.encoder.layer.0.attention.self.query` of `….query.lora_A.weight`.
pub(super) fn module_of(tensor: &str) -> Option<&str> {
    let ends =
        [".lora_A.weight", ".lora_B.weight", ".lora_magnitude_vector", ".ia3_l", ".vera_lambda_b", ".vera_lambda_d"];
    ends.iter().find_map(|end| tensor.strip_suffix(end))
}

/// The layer of a module's path, with the family's prefix or without.
pub(super) fn point(module: &str, family: Family) -> Option<Point> {
    let module = module.strip_prefix(family.prefix()).unwrap_or(module);
    let layer: usize = module.split('.').find_map(|part| part.parse().ok())?;
    let mut points = Projection::ALL.into_iter().map(|projection| LinearPoint { layer, projection });
    points.find(|point| point.own_path(family).as_deref() == Some(module)).map(Point::from)
}

/// True if an entry of a list names a module.
pub(super) fn names(entry: &str, module: &str) -> bool {
    module == entry || module.strip_suffix(entry).is_some_and(|rest| rest.ends_with('.'))
}

/// `layers_pattern` must name the list of blocks that the base has; PEFT would find no layer by another.
pub(super) fn check_pattern(file: &Value, model: &Config) -> Result<(), String> {
    let blocks = model.family.tensors().block;
    let said = match file.get("layers_pattern").unwrap_or(&Value::Null) {
        Value::Null => return Ok(()),
        Value::String(text) => vec![text.as_str()],
        Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
        other => return Err(format!("layers_pattern is {other}, but must be the name of a list of blocks")),
    };
    let known = |pattern: &&str| pattern.is_empty() || names(pattern, blocks);
    match said.is_empty() || said.iter().any(known) {
        true => Ok(()),
        false => Err(format!(
            "layers_pattern={} names no list of blocks of this base; its blocks are in {blocks}: was it trained on another \
             base?",
            file["layers_pattern"]
        )),
    }
}

/// All layers of a model's blocks, with their paths.
fn modules(model: &Config) -> Vec<(Point, String)> {
    let path = |p: LinearPoint| Some((p.into(), format!("{}{}", model.family.prefix(), p.path(model.family)?)));
    model.linear_points().into_iter().filter_map(path).collect()
}

/// The layers that a list of `target_modules` names; `None` where it or `exclude_modules` is a pattern, which the weights then stand for.
pub(super) fn named(file: &Value, model: &Config) -> Result<Option<Vec<Point>>, String> {
    let texts = |key: &str| -> Option<Vec<&str>> { file.get(key)?.as_array()?.iter().map(Value::as_str).collect() };
    let Some(entries) = texts("target_modules") else {
        return match file.get("target_modules") {
            Some(Value::String(_)) => Ok(None),
            _ => Err("\"target_modules\" is missing; expected a list of module names, or a pattern".into()),
        };
    };
    if file.get("exclude_modules").is_some_and(Value::is_string) {
        return Ok(None);
    }
    let excluded = texts("exclude_modules").unwrap_or_default();
    let layers: Option<Vec<usize>> = match file.get("layers_to_transform") {
        Some(Value::Array(list)) => list.iter().map(|n| n.as_u64().map(|n| n as usize)).collect(),
        Some(Value::Number(n)) => n.as_u64().map(|n| vec![n as usize]),
        _ => None,
    };
    let wanted = |(point, module): &(Point, String)| {
        let layer = |layers: &Vec<usize>| matches!(point, Point::Linear(p) if layers.contains(&p.layer));
        entries.iter().any(|entry| names(entry, module))
            && !excluded.iter().any(|entry| names(entry, module))
            && layers.as_ref().is_none_or(layer)
    };
    let mut points: Vec<Point> = modules(model).into_iter().filter(wanted).map(|(point, _)| point).collect();
    points.sort();
    Ok(Some(points))
}

/// A list that names these layers and no other: short names where they suffice, whole paths where not.
pub(super) fn list(points: &[Point], model: &Config) -> Vec<String> {
    let paths = |point: &Point| match point {
        Point::Linear(point) => point.path(model.family),
        _ => None,
    };
    let whole: Vec<String> = points.iter().filter_map(paths).collect();
    let mut short: Vec<String> = whole.iter().filter_map(|path| short_name(path)).collect();
    short.sort();
    short.dedup();
    // The pooler, and the layers of heads, are modules too.
    let others = ["pooler.dense", "classifier", "classifier.dense", "classifier.out_proj", "pre_classifier"];
    let clean = others.iter().all(|other| !short.iter().any(|entry| names(entry, other)));
    let file = serde_json::json!({ "target_modules": short });
    let same = named(&file, model).is_ok_and(|found| found.is_some_and(|found| found == points));
    if clean && same { short } else { whole }
}

/// The end of a path from the last part that says what it is: `query`, `attention.output.dense`.
fn short_name(path: &str) -> Option<String> {
    let behind_number = path.split('.').skip_while(|part| part.parse::<usize>().is_err()).skip(1);
    let parts: Vec<&str> = behind_number.collect();
    let first = if parts.last() == Some(&"dense") { 0 } else { parts.len().checked_sub(1)? };
    Some(parts[first..].join("."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn found(file: Value, layers: usize) -> Vec<String> {
        let model = Config::bert(12, layers, 2, 20);
        let points = named(&file, &model).expect("a good list").expect("a list");
        points.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_list_names_modules_by_the_end_of_their_path() {
        assert_eq!(found(json!({"target_modules": ["query"]}), 2), ["layer.0.query", "layer.1.query"]);
        assert_eq!(
            found(json!({"target_modules": ["output.dense"]}), 1),
            ["layer.0.attention_output", "layer.0.feed_forward_out"],
            "a known trap: the attention's output ends so too"
        );
        assert_eq!(found(json!({"target_modules": ["dense"]}), 1).len(), 3);
        assert_eq!(found(json!({"target_modules": ["uery", "put.dense"]}), 1), [""; 0], "only whole parts count");
        let one = json!({"target_modules": ["bert.encoder.layer.1.output.dense"]});
        assert_eq!(found(one, 2), ["layer.1.feed_forward_out"]);
        let some = json!({"target_modules": ["dense", "key"], "exclude_modules": ["attention.output.dense"],
                          "layers_to_transform": [1]});
        assert_eq!(found(some, 2), ["layer.1.key", "layer.1.feed_forward_in", "layer.1.feed_forward_out"]);
        let model = Config::bert(12, 2, 2, 20);
        assert_eq!(named(&json!({"target_modules": "all-linear"}), &model), Ok(None));
        let without = json!({"target_modules": ["query"], "exclude_modules": r".*\.0\..*"});
        assert_eq!(named(&without, &model), Ok(None));
        assert!(named(&json!({}), &model).unwrap_err().contains("target_modules"));
    }

    #[test]
    fn a_pattern_names_the_list_of_blocks() {
        let model = Config::bert(12, 2, 2, 20);
        for pattern in
            [json!(null), json!("layer"), json!("encoder.layer"), json!(["h", "layer"]), json!(""), json!([])]
        {
            assert_eq!(check_pattern(&json!({ "layers_pattern": pattern }), &model), Ok(()), "{pattern}");
        }
        let error = check_pattern(&json!({"layers_pattern": "h"}), &model).unwrap_err();
        assert!(error.contains("\"h\" names no list of blocks") && error.contains("encoder.layer"), "{error}");
        assert!(check_pattern(&json!({"layers_pattern": 3}), &model).is_err());
    }

    #[test]
    fn what_is_written_names_the_same_layers() {
        for family in [Family::BERT, Family::DISTILBERT] {
            let model = Config { family, ..Config::bert(12, 3, 2, 20) };
            let all = model.projections();
            for projections in [&all[..1], &all[3..4], &all[5..], &all] {
                for layers in [vec![0, 1, 2], vec![1]] {
                    let at =
                        |layer: usize| projections.iter().map(move |p| LinearPoint { layer, projection: *p }.into());
                    let points: Vec<Point> = layers.iter().flat_map(|layer| at(*layer)).collect();
                    let file = json!({"target_modules": list(&points, &model)});
                    assert_eq!(named(&file, &model), Ok(Some(points)), "{file}");
                }
            }
        }
        let queries: Vec<Point> =
            (0..3).map(|layer| LinearPoint { layer, projection: Projection::Query }.into()).collect();
        assert_eq!(list(&queries, &Config::bert(12, 3, 2, 20)), ["query"]);
    }

    #[test]
    fn tensors_say_where_they_belong() {
        let module = module_of("bert.encoder.layer.12.output.dense.lora_B.weight").expect("a tensor of LoRA");
        let here = LinearPoint { layer: 12, projection: Projection::FeedForwardOut };
        assert_eq!(point(module, Family::BERT), Some(here.into()));
        assert_eq!(point("encoder.layer.12.output.dense", Family::BERT), Some(here.into()));
        assert_eq!(point("bert.pooler.dense", Family::BERT), None);
        assert_eq!(module_of("classifier.weight"), None);
    }
}
