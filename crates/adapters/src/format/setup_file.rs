//! `adapter_setup.json`: how the adapters of a folder are put together, as AdapterHub writes it.

use super::error::Message;
use super::json::{VERSION, text};
use crate::compose::expression::{Expression, NodeExpression};
use serde_json::{Map, Value, json};

/// The name of the file.
pub(super) const FILE: &str = "adapter_setup.json";

/// The text of the file, for an expression and the name of the head.
pub(super) fn setup_text(expression: &Expression, head: Option<&str>) -> String {
    text(&json!({ "adapter_setup": value(expression), "head_setup": head, "version": VERSION }))
}

/// What a file says: the expression, and the name of the head if there is one.
pub(super) fn read(file: &Value) -> Result<(Expression, Option<String>), Message> {
    let setup =
        file.get("adapter_setup").ok_or("\"adapter_setup\" is missing; expected how the adapters are put together")?;
    let head = match file.get("head_setup") {
        None | Some(Value::Null) => None,
        Some(Value::String(name)) => Some(name.clone()),
        Some(other) => return Err(format!("\"head_setup\" is {other}: save the setup with one head only").into()),
    };
    Ok((expression(setup)?, head))
}

fn value(expression: &Expression) -> Value {
    match expression {
        Expression::None => Value::Null,
        Expression::Adapter(name) => json!({ "type": "single", "children": [name] }),
        Expression::Node(NodeExpression { name, parts, weights, options, settings: _, own }) => {
            let children: Vec<Value> = parts.iter().map(value).collect();
            // AdapterHub has no part that is nothing, nor one that no sequence has.
            let sizes = batch_sizes(options, parts.len()).filter(|sizes| name == PER_SEQUENCE && !sizes.contains(&0));
            if let Some(sizes) = sizes.filter(|_| !parts.contains(&Expression::None)) {
                return json!({ "type": BATCH_SPLIT, "children": children, "kwargs": { BATCH_SIZES: sizes } });
            }
            let mut node = json!({ "type": type_of(name), "children": children });
            let weights = (!weights.is_empty()).then(|| (WEIGHTS.to_owned(), json!(weights)));
            let own = own.as_ref().map(|own| (NAME.to_owned(), json!(own)));
            let lists = options.iter().map(|(name, list)| (name.clone(), json!(list)));
            let kwargs: Map<_, _> = lists.chain(weights).chain(own).collect();
            if !kwargs.is_empty() {
                node["kwargs"] = kwargs.into();
            }
            node
        }
    }
}

fn expression(value: &Value) -> Result<Expression, Message> {
    if value.is_null() {
        return Ok(Expression::None);
    }
    let kind = value.get("type").and_then(Value::as_str);
    let children = value.get("children").and_then(Value::as_array);
    let (Some(kind), Some(children)) = (kind, children) else {
        return Err(format!(
            "{value} is no part of a setup: expected null, or an object with \"type\" and \"children\""
        )
        .into());
    };
    if kind == "single" {
        return match children.as_slice() {
            [Value::String(name)] => Ok(Expression::Adapter(name.clone())),
            _ => Err("a \"single\" has one child, the name of an adapter".into()),
        };
    }
    let parts = children.iter().map(expression).collect::<Result<_, _>>()?;
    let no_options = Map::new();
    let options = value.get("kwargs").and_then(Value::as_object).unwrap_or(&no_options);
    if kind == BATCH_SPLIT {
        return batch_split(parts, options);
    }
    let weights = options.get(WEIGHTS).map(weights).transpose()?.unwrap_or_default();
    let own = options.get(NAME).map(own_name).transpose()?;
    let lists = options.iter().filter(|(name, _)| ![WEIGHTS, NAME].contains(&name.as_str()));
    let options = lists.map(|(name, list)| Ok((name.clone(), numbers(name, list)?))).collect::<Result<_, Message>>()?;
    let settings = Vec::new();
    Ok(Expression::Node(NodeExpression { name: name_of(kind), parts, weights, options, settings, own }))
}

/// A choice by sequence that gives each part as many sequences as a number says, one part after the other, is AdapterHub's.
const BATCH_SPLIT: &str = "BatchSplit";
const BATCH_SIZES: &str = "batch_sizes";
const PER_SEQUENCE: &str = "per_sequence";
const PART_OF: &str = "part_of";

fn batch_split(parts: Vec<Expression>, options: &Map<String, Value>) -> Result<Expression, Message> {
    let sizes = options.get(BATCH_SIZES).ok_or("\"BatchSplit\" has no \"batch_sizes\"")?;
    let sizes = numbers(BATCH_SIZES, sizes)?;
    let all = sizes.iter().try_fold(0_usize, |sum, size| sum.checked_add(*size)).unwrap_or(usize::MAX);
    if sizes.len() != parts.len() || all > MOST_SEQUENCES {
        return Err(format!(
            "\"{BATCH_SIZES}\" is {sizes:?}; expected a number for each of {} parts, {MOST_SEQUENCES} in all at most",
            parts.len()
        )
        .into());
    }
    let part_of = sizes.iter().enumerate().flat_map(|(part, size)| vec![part; *size]).collect();
    let options = vec![(PART_OF.to_owned(), part_of)];
    let (name, weights, settings, own) = (PER_SEQUENCE.to_owned(), Vec::new(), Vec::new(), None);
    Ok(Expression::Node(NodeExpression { name, parts, weights, options, settings, own }))
}

/// More sequences than any batch has: a damaged file must not ask for more memory than there is.
const MOST_SEQUENCES: usize = 1 << 20;

/// How many sequences each part has, if those of each part stand together, in the order of the parts.
fn batch_sizes(options: &[(String, Vec<usize>)], parts: usize) -> Option<Vec<usize>> {
    let (_, part_of) = options.iter().find(|(name, _)| name == PART_OF)?;
    let mut sizes = vec![0; parts];
    part_of.iter().try_for_each(|part| sizes.get_mut(*part).map(|size| *size += 1))?;
    part_of.is_sorted().then_some(sizes)
}

/// What AdapterHub calls the weights of an average.
const WEIGHTS: &str = "weights";

/// What AdapterHub calls the name of a fusion that is not its adapters' names; so is that of a router.
const NAME: &str = "name";

fn own_name(name: &Value) -> Result<String, Message> {
    Ok(name
        .as_str()
        .ok_or_else(|| format!("\"{NAME}\" is {name}; expected the name of a fusion or a router"))?
        .to_owned())
}

fn weights(list: &Value) -> Result<Vec<f64>, Message> {
    let found = list.as_array().and_then(|list| list.iter().map(Value::as_f64).collect());
    found.ok_or_else(|| format!("\"{WEIGHTS}\" is {list}; expected a list of numbers").into())
}

fn numbers(name: &str, list: &Value) -> Result<Vec<usize>, Message> {
    let number = |value: &Value| usize::try_from(value.as_u64()?).ok();
    let found = list.as_array().and_then(|list| list.iter().map(number).collect());
    found.ok_or_else(|| format!("\"{name}\" is {list}; expected a list of whole numbers").into())
}

/// `per_sequence` as AdapterHub would call its class: `PerSequence`.
fn type_of(name: &str) -> String {
    let capital = |word: &str| {
        let mut chars = word.chars();
        chars.next().map(|first| first.to_uppercase().chain(chars).collect::<String>())
    };
    name.split('_').filter_map(capital).collect()
}

/// `PerSequence` as expressions call it: `per_sequence`.
fn name_of(kind: &str) -> String {
    let mut name = String::new();
    for c in kind.chars() {
        if c.is_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.extend(c.to_lowercase());
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_say_what_expressions_say() {
        for text in [
            "none",
            "a",
            "stack(a, b)",
            "layer_drop(stack(a, none, b), layers=[0, 3])",
            "average(0.25*a, 0.75*b)",
            "stack(l, fuse(a, b; both), fuse(c, d))",
            "route(a, average(b, c); experts)",
            "stack(a, per_sequence(b, none, c, part_of=[0, 0, 2]))",
            "per_sequence(b, c, part_of=[1, 0])",
        ] {
            let expression: Expression = text.parse().expect("an expression");
            let file = serde_json::from_str(&setup_text(&expression, Some("h"))).expect("JSON");
            assert_eq!(read(&file).map_err(|Message(m)| m), Ok((expression, Some("h".to_owned()))), "{text}");
        }
    }

    #[test]
    fn a_choice_by_sequence_is_a_batch_split_where_sequences_of_a_part_stand_together() {
        let kind = |text: &str| value(&text.parse().expect("an expression"))["type"].clone();
        let split = value(&"per_sequence(a, b, part_of=[0, 1, 1])".parse().expect("an expression"));
        assert_eq!((&split["type"], &split["kwargs"]), (&json!("BatchSplit"), &json!({ "batch_sizes": [1, 2] })));
        assert_eq!(kind("per_sequence(a, b, part_of=[1, 0])"), "PerSequence");
        assert_eq!(kind("per_sequence(a, none, part_of=[0, 1])"), "PerSequence");
        assert_eq!(kind("per_sequence(a, b, part_of=[0])"), "PerSequence");
        let wrong = |sizes: Value| {
            let of = |name: &str| json!({ "type": "single", "children": [name] });
            let node =
                json!({ "type": "BatchSplit", "children": [of("a"), of("b")], "kwargs": { "batch_sizes": sizes } });
            expression(&node).map_err(|Message(message)| message).expect_err("it is refused")
        };
        assert!(wrong(json!([1, 2, 3])).contains("a number for each of 2 parts"));
        assert!(wrong(json!([1, u64::MAX / 2])).contains("a number for each of 2 parts"));
        assert!(wrong(json!("two")).contains("a list of whole numbers"));
    }

    #[test]
    fn a_stack_is_written_as_adapterhub_does() {
        let expected = json!({
            "adapter_setup": { "type": "Stack", "children": [
                { "type": "single", "children": ["a"] },
                { "type": "single", "children": ["b"] },
            ] },
            "head_setup": "tag",
            "version": VERSION,
        });
        let text = setup_text(&"stack(a, b)".parse().expect("an expression"), Some("tag"));
        assert_eq!(serde_json::from_str::<Value>(&text).expect("JSON"), expected);
    }

    #[test]
    fn what_is_no_setup_is_refused_with_the_reason() {
        let fails = |file: Value, words: &str| {
            let Err(Message(error)) = read(&file) else { panic!("{file} was read") };
            assert!(error.contains(words), "{error}");
        };
        fails(json!({}), "\"adapter_setup\" is missing");
        fails(json!({ "adapter_setup": null, "head_setup": ["a", "b"] }), "one head only");
        let headless = json!({ "adapter_setup": null, "head_setup": null });
        assert_eq!(
            read(&headless).map_err(|Message(m)| m),
            Ok((Expression::None, None)),
            "what has no head has adapters"
        );
        let with = |setup: Value| json!({ "adapter_setup": setup, "head_setup": "h" });
        fails(with(json!("a")), "\"type\" and \"children\"");
        fails(with(json!({ "type": "single", "children": [] })), "the name of an adapter");
        fails(with(json!({ "type": "LayerDrop", "children": [null], "kwargs": { "layers": [-1] } })), "whole numbers");
    }
}
