//! `rank_pattern` and `alpha_pattern`: LoRAs of several ranks and scales, read as LoRAs of one.
//!
//! With ranks `r_i` and scales `s_i = α_i/r_i` (by the root of `r_i` in rsLoRA), the largest rank `R` and the scale `s` of the others,
//!
//! ```text
//! s_i B_i A_i = s B A     with  A = [A_i ; 0]: [R, In],   B = [s_i/s B_i  0]: [Out, R]
//! ```
//!
//! computes the same. Trained on, the zeros stay zero: the gradient of either goes through the other. Saved again, all have the rank `R`.

use super::config::{flag, number, rank};
use super::targets::module_of;
use crate::format::json::says_something;
use crate::format::tensors::Tensors;
use adaptune_tensor::Scalar;
use ndarray::{ArrayD, Axis, IxDyn, concatenate};
use serde_json::{Map, Value, json};

const A: &str = "lora_A.weight";
const B: &str = "lora_B.weight";

/// True if a file has either pattern.
pub(super) fn any(file: &Value) -> bool {
    ["rank_pattern", "alpha_pattern"].iter().any(|name| file.get(*name).is_some_and(says_something))
}

/// Gives all LoRAs one rank and one scale, and the file as it would say so.
pub(super) fn evened<S: Scalar>(file: &Value, tensors: &mut Tensors<S>) -> Result<Value, String> {
    if !any(file) {
        return Ok(file.clone());
    }
    let patterns = Patterns::read(file)?;
    let names: Vec<String> = tensors.names().into_iter().filter(|name| name.ends_with(A)).collect();
    let mut most = patterns.rank;
    for name in &names {
        most = most.max(patterns.checked_rank(name, tensors.shape(name))?);
    }
    let scale = patterns.scale(patterns.alpha, patterns.rank);
    for name in &names {
        let (rank, alpha) = (patterns.rank_of(module(name))?, patterns.alpha_of(module(name))?);
        let ratio = patterns.scale(alpha, rank) / scale;
        if let Some(a) = tensors.remove_one(name) {
            tensors.insert(name.clone(), longer(&a, 0, most));
        }
        let name = name.replace(A, B);
        if let Some(b) = tensors.remove_one(&name) {
            tensors.insert(name, longer(&b.mapv(|v| v * S::from_f64(ratio)), 1, most));
        }
    }
    let mut evened = file.clone();
    evened["r"] = json!(most);
    evened["lora_alpha"] = json!(if patterns.by_root { scale * (most as f64).sqrt() } else { scale * most as f64 });
    evened["rank_pattern"] = json!({});
    evened["alpha_pattern"] = json!({});
    Ok(evened)
}

/// Zeros behind what is there, up to so many along an axis; what has another number of axes is left as it is, and noticed later.
fn longer<S: Scalar>(array: &ArrayD<S>, axis: usize, most: usize) -> ArrayD<S> {
    let mut shape = array.shape().to_vec();
    if shape.len() != 2 || shape[axis] > most {
        return array.clone();
    }
    shape[axis] = most - shape[axis];
    let zeros = ArrayD::zeros(IxDyn(&shape));
    concatenate(Axis(axis), &[array.view(), zeros.view()]).expect("they differ along that axis alone")
}

/// The path of a tensor's module in the model.
fn module(tensor: &str) -> &str {
    let name = module_of(tensor).unwrap_or(tensor);
    name.strip_prefix("base_model.model.").unwrap_or(name)
}

/// What the file says of ranks and scales.
struct Patterns {
    rank: usize,
    alpha: f64,
    by_root: bool,
    ranks: Map<String, Value>,
    alphas: Map<String, Value>,
}

impl Patterns {
    fn read(file: &Value) -> Result<Self, String> {
        let map = |name: &str| match file.get(name) {
            None | Some(Value::Null) => Ok(Map::new()),
            Some(Value::Object(map)) => Ok(map.clone()),
            Some(other) => Err(format!("{name} is {other}, but must be a map from modules to numbers")),
        };
        let (ranks, alphas) = (map("rank_pattern")?, map("alpha_pattern")?);
        for (name, key) in
            ranks.keys().map(|key| ("rank_pattern", key)).chain(alphas.keys().map(|key| ("alpha_pattern", key)))
        {
            if key.trim_start_matches('^').replace("\\.", ".").contains(|c: char| "^$*+?()[]{}|\\".contains(c)) {
                return Err(format!(
                    "{name} has the key {key:?}, a pattern; names of modules and their ends are read alone"
                ));
            }
        }
        let (rank, alpha) = (rank(file, 8)?, number(file, "lora_alpha", 8.0)?);
        Ok(Self { rank, alpha, by_root: flag(file, "use_rslora")?, ranks, alphas })
    }

    fn scale(&self, alpha: f64, rank: usize) -> f64 {
        alpha / if self.by_root { (rank as f64).sqrt() } else { rank as f64 }
    }

    fn rank_of(&self, module: &str) -> Result<usize, String> {
        match of_module(&self.ranks, "rank_pattern", module)? {
            None => Ok(self.rank),
            Some(found) => rank(&json!({ "r": found }), 8).map_err(|_| wrong("rank_pattern", module, found)),
        }
    }

    fn alpha_of(&self, module: &str) -> Result<f64, String> {
        match of_module(&self.alphas, "alpha_pattern", module)? {
            None => Ok(self.alpha),
            Some(found) => found.as_f64().ok_or_else(|| wrong("alpha_pattern", module, found)),
        }
    }

    /// The rank of a module, which its `A` must have.
    fn checked_rank(&self, name: &str, shape: Option<&[usize]>) -> Result<usize, String> {
        let (expected, found) =
            (self.rank_of(module(name))?, shape.and_then(|shape| shape.first()).copied().unwrap_or(0));
        match found == expected {
            true => Ok(expected),
            false => Err(format!("{name} has the rank {found}, and r and rank_pattern say {expected}")),
        }
    }
}

fn wrong(field: &str, module: &str, found: &Value) -> String {
    format!("{field} says {found} of {module}, which is no number that can be computed with")
}

/// The one value that a map has for a module: its keys are paths or their ends.
fn of_module<'a>(map: &'a Map<String, Value>, field: &str, module: &str) -> Result<Option<&'a Value>, String> {
    let mut values = map.iter().filter(|(key, _)| names(key, module)).map(|(_, value)| value);
    let first = values.next();
    match values.find(|value| Some(*value) != first) {
        // Which of them counts is a matter of their order in Python, which JSON has not.
        Some(_) => Err(format!("{field} names {module} by several keys with several values")),
        None => Ok(first),
    }
}

fn names(key: &str, module: &str) -> bool {
    let key = key.replace("\\.", ".");
    match key.strip_prefix('^') {
        Some(whole) => whole == module,
        None => super::targets::names(&key, module),
    }
}
