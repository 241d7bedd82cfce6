//! One choice of a space: a configuration and a learning rate.

use super::error::SearchError;
use super::notation::BY_BLOCK;
use super::space::{SearchedMethod, Space};
use adaptune_adapters::{Method, literal};
use adaptune_transformer::Config;
use serde_json::{Map, Value};

/// One choice of a space.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Candidate {
    /// The method's place in the space.
    pub(super) method: usize,
    /// The method's name.
    pub(super) name: String,
    /// Fields that differ from the preset's, each with its value.
    pub(super) fields: Vec<(String, Value)>,
    /// The reduction factor of each block, `None` for one without an adapter; empty where blocks do not differ.
    pub(super) factors: Vec<Option<f64>>,
    pub(super) rate: f64,
}

impl Candidate {
    /// The configuration string.
    pub(super) fn text(&self) -> String {
        let of_blocks = [(BY_BLOCK, factors_by_block(&self.factors)), (LEAVE_OUT, self.left_out())];
        let of_blocks = of_blocks.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let own = self.fields.iter().filter(|(name, _)| name != LEAVE_OUT || self.left_out().is_none());
        let all = of_blocks.chain(own.map(|(name, value)| (name.as_str(), value.clone())));
        let written: Vec<String> = all.map(|(name, value)| format!("{name}={}", literal::written(&value))).collect();
        if written.is_empty() { self.name.clone() } else { format!("{}[{}]", self.name, written.join(",")) }
    }

    /// The configuration.
    ///
    /// # Errors
    /// A field is not known, or its value of another kind.
    pub(super) fn read(&self) -> Result<Method, SearchError> {
        Ok(self.text().parse()?)
    }

    /// How many numbers it trains; `None` if it does not fit the model.
    pub(super) fn size(&self, model: &Config) -> Option<u64> {
        Some(self.read().ok()?.size(model).ok()?.parameters())
    }

    /// Its place in a space.
    pub(super) fn searched<'a>(&self, space: &'a Space) -> &'a SearchedMethod {
        &space.methods[self.method]
    }

    /// Sets a field that blocks have in common.
    pub(super) fn set(&mut self, name: &str, value: Value) {
        match self.fields.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = value,
            None => self.fields.push((name.to_owned(), value)),
        }
    }

    /// The reduction factor of each block, also where all have that of a preset; empty if it has none.
    pub(super) fn factors_of_blocks(&self, model: &Config) -> Vec<Option<f64>> {
        if !self.factors.is_empty() {
            return self.factors.clone();
        }
        let Ok(Method::Bottleneck(config)) = self.read() else { return Vec::new() };
        let factor = |block| config.reduction_factor.of(block).filter(|_| !config.leave_out.contains(&block));
        (0..model.blocks()).map(factor).collect()
    }

    /// The blocks that are left out, if some are by their factors.
    fn left_out(&self) -> Option<Value> {
        let without = || (0..self.factors.len()).filter(|block| self.factors[*block].is_none());
        without().next()?;
        let named = self.fields.iter().filter(|(name, _)| name == LEAVE_OUT).flat_map(|(_, value)| value.as_array());
        let named = named.flatten().filter_map(|block| Some(block.as_u64()? as usize));
        let mut all: Vec<usize> = without().chain(named).collect();
        all.sort_unstable();
        all.dedup();
        Some(all.into())
    }
}

const LEAVE_OUT: &str = "leave_out";

/// A number where all blocks with an adapter have the same factor; else a map, whose default is the most frequent one.
fn factors_by_block(factors: &[Option<f64>]) -> Option<Value> {
    let present = || factors.iter().flatten();
    let count = |wanted: &f64| present().filter(|factor| *factor == wanted).count();
    // Of equally frequent ones the first, which `max_by_key` would not take.
    let most = present().rev().max_by_key(|factor| count(factor))?;
    if present().all(|factor| factor == most) {
        return Some(number(*most));
    }
    let own = factors.iter().enumerate().filter_map(|(block, factor)| Some((block, (*factor)?)));
    let own = own.filter(|(_, factor)| factor != most).map(|(block, factor)| (block.to_string(), number(factor)));
    Some(Value::Object([("default".to_owned(), number(*most))].into_iter().chain(own).collect::<Map<_, _>>()))
}

/// A whole number without a point.
fn number(value: f64) -> Value {
    if value.fract() == 0.0 && value < 1e15 { (value as u64).into() } else { value.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn candidate(factors: &[Option<f64>], fields: &[(&str, Value)]) -> Candidate {
        let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        Candidate { method: 0, name: "seq_bn".into(), fields, factors: factors.to_vec(), rate: 1e-3 }
    }

    #[test]
    fn every_block_has_its_width() {
        let factors = [Some(8.0), None, Some(2.5), Some(8.0)];
        let found = candidate(&factors, &[("non_linearity", json!("gelu")), ("leave_out", json!([3]))]);
        assert_eq!(
            found.text(),
            "seq_bn[reduction_factor={'2': 2.5, 'default': 8},leave_out=[1, 3],non_linearity=gelu]"
        );
        let model = Config::bert(20, 4, 4, 40);
        let bottleneck = |width: u64| 2 * 20 * width + 20 + width;
        assert_eq!(found.size(&model), Some(bottleneck(2) + bottleneck(8)));
        assert_eq!(found.factors_of_blocks(&model), factors);
    }

    #[test]
    fn blocks_that_do_not_differ_have_a_number() {
        assert_eq!(candidate(&[Some(4.0); 3], &[]).text(), "seq_bn[reduction_factor=4]");
        let preset = candidate(&[], &[("leave_out", json!([0]))]);
        assert_eq!(preset.text(), "seq_bn[leave_out=[0]]");
        assert_eq!(preset.factors_of_blocks(&Config::bert(20, 3, 4, 40)), [None, Some(16.0), Some(16.0)]);
    }

    #[test]
    fn what_fits_no_model_has_no_size() {
        let model = Config::bert(20, 2, 4, 40);
        assert_eq!(candidate(&[None, None], &[]).size(&model), None);
        assert_eq!(candidate(&[], &[("dropout", json!("much"))]).size(&model), None);
    }
}
