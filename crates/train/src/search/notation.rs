//! How the methods of a space are written: configuration strings whose fields may have several values.

use super::error::SearchError;
use super::space::SearchedMethod;
use adaptune_adapters::literal;
use serde_json::Value;
use std::fmt;
use std::str::FromStr;

/// The field whose values each block may have for itself.
pub(super) const BY_BLOCK: &str = "reduction_factor";

impl FromStr for SearchedMethod {
    type Err = SearchError;

    fn from_str(text: &str) -> Result<Self, SearchError> {
        let form = |why: String| SearchError::Form { text: text.trim().into(), why };
        // A sign within brackets belongs to a field.
        let brackets = text.rfind(']').map_or(0, |end| end + 1);
        let (configuration, rates) = match text[brackets..].split_once('@') {
            Some((rest, rates)) => (&text[..brackets + rest.len()], Some(rates)),
            None => (text, None),
        };
        let (name, fields) = literal::name_and_fields(configuration).map_err(form)?;
        if name.is_empty() {
            return Err(form("a name is missing".into()));
        }
        let rates = rates.map_or(Ok(Vec::new()), rates_in).map_err(form)?;
        let mut method = Self { name: name.to_owned(), fields: Vec::new(), factors: Vec::new(), rates };
        for field in literal::split(fields, ',').map_err(form)? {
            let (field, values) = field.split_once('=').ok_or_else(|| form(format!("`{}` has no =", field.trim())))?;
            method.add(field.trim(), values.trim()).map_err(form)?;
        }
        Ok(method)
    }
}

impl SearchedMethod {
    fn add(&mut self, field: &str, values: &str) -> Result<(), String> {
        if self.fields.iter().any(|(known, _)| known == field) || (field == BY_BLOCK && !self.factors.is_empty()) {
            return Err(format!("{field} is named twice"));
        }
        match values.strip_prefix("each(").and_then(|rest| rest.strip_suffix(')')) {
            Some(factors) if field == BY_BLOCK => self.factors = factors_in(factors)?,
            Some(_) => {
                return Err(format!(
                    "each(…) is for {BY_BLOCK}, which blocks can have for themselves, not for {field}"
                ));
            }
            None => self.fields.push((field.to_owned(), values_in(values)?)),
        }
        Ok(())
    }
}

fn values_in(text: &str) -> Result<Vec<Value>, String> {
    literal::split(text, '|')?.into_iter().map(literal::parse).collect()
}

fn rates_in(text: &str) -> Result<Vec<f64>, String> {
    let rate = |text: &str| match text.trim().parse::<f64>() {
        Ok(rate) if rate > 0.0 && rate.is_finite() => Ok(rate),
        _ => Err(format!("the learning rate is {:?}, but must be a number above 0", text.trim())),
    };
    text.split('|').map(rate).collect()
}

/// Sorted from the narrowest on, each once.
fn factors_in(text: &str) -> Result<Vec<Option<f64>>, String> {
    let factor = |text: &str| match text.trim() {
        "none" | "None" => Ok(None),
        text => match text.parse::<f64>() {
            Ok(factor) if factor > 0.0 && factor.is_finite() => Ok(Some(factor)),
            _ => Err(format!("in each(…) stands {text:?}, but must stand a reduction factor, or none for no adapter")),
        },
    };
    let mut factors: Vec<Option<f64>> = text.split('|').map(factor).collect::<Result<_, _>>()?;
    factors.sort_by(|one, other| width(*one).total_cmp(&width(*other)));
    factors.dedup();
    if factors == [None] {
        return Err("each(none) leaves every block without an adapter".into());
    }
    Ok(factors)
}

/// Of a hidden size of 1.
fn width(factor: Option<f64>) -> f64 {
    factor.map_or(0.0, f64::recip)
}

impl fmt::Display for SearchedMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined = |parts: Vec<String>| parts.join("|");
        let factor = |factor: &Option<f64>| factor.map_or("none".to_owned(), |factor| factor.to_string());
        let each = joined(self.factors.iter().map(factor).collect());
        let by_block = (!self.factors.is_empty()).then(|| format!("{BY_BLOCK}=each({each})"));
        let field = |(name, values): &(String, Vec<Value>)| {
            format!("{name}={}", joined(values.iter().map(literal::written).collect()))
        };
        let fields: Vec<String> = by_block.into_iter().chain(self.fields.iter().map(field)).collect();
        f.write_str(&self.name)?;
        if !fields.is_empty() {
            write!(f, "[{}]", fields.join(", "))?;
        }
        if !self.rates.is_empty() {
            write!(f, "@{}", joined(self.rates.iter().map(f64::to_string).collect()))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_as_the_same() {
        for text in [
            "seq_bn",
            "seq_bn[reduction_factor=each(none|64|8)]",
            "lora[r=1|4, attn_matrices=[q, v]|[q, k, v], intermediate_lora=False|True]@0.001|0.003",
            "par_bn[scaling=4.0|learned, leave_out=[]|[0, 1]]",
            "ia3@0.01",
        ] {
            let method: SearchedMethod = text.parse().unwrap();
            assert_eq!(method.to_string(), text);
        }
    }

    #[test]
    fn mistakes_are_explained() {
        for (text, words) in [
            ("", "a name is missing"),
            ("seq_bn[reduction_factor]", "has no ="),
            ("seq_bn[reduction_factor=8", "the ] is missing"),
            ("seq_bn[dropout=each(0|0.1)]", "not for dropout"),
            ("seq_bn[reduction_factor=each(8|wide)]", "\"wide\""),
            ("seq_bn[reduction_factor=each(none)]", "without an adapter"),
            ("seq_bn[reduction_factor=8,reduction_factor=9]", "named twice"),
            ("seq_bn@fast", "\"fast\""),
            ("seq_bn[dropout=0]@0|1e-3", "above 0"),
        ] {
            let message = text.parse::<SearchedMethod>().unwrap_err().to_string();
            assert!(message.contains(words), "{text}: {message}");
        }
    }
}
