//! What may be chosen: methods with the alternatives of their fields, and learning rates.

use super::error::SearchError;
use adaptune_adapters::{Method, MethodError};
use adaptune_transformer::Config;
use serde_json::{Value, json};

/// What a search chooses from: a method, a value of each of its fields, and a learning rate.
#[derive(Clone, Debug, PartialEq)]
pub struct Space {
    /// The methods.
    pub methods: Vec<SearchedMethod>,
    /// Learning rates of methods that name none themselves.
    pub rates: Vec<f64>,
}

/// A method with alternatives of its fields. Fields that are not named are as in its preset.
///
/// It is read from a configuration string whose fields may have several values, with `|` between them. In `each(…)` stand
/// reduction factors of which every block has one of its own, `none` for a block without an adapter. Learning rates may follow.
///
/// ```
/// use adaptune_train::search::SearchedMethod;
/// let text = "seq_bn[reduction_factor=each(16|64|none), non_linearity=relu|gelu]@1e-3|3e-3";
/// let method: SearchedMethod = text.parse()?;
/// assert_eq!(method.factors, [None, Some(64.0), Some(16.0)]); // from the narrowest on
/// assert_eq!((method.fields[0].1.len(), method.rates.len()), (2, 2));
/// # Ok::<(), adaptune_train::search::SearchError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct SearchedMethod {
    /// The name of a preset.
    pub name: String,
    /// Fields by AdapterHub's names, each with its alternatives.
    pub fields: Vec<(String, Vec<Value>)>,
    /// Reduction factors, of which every block has one of its own; `None` is no adapter. From the narrowest on; empty if blocks do
    /// not differ.
    pub factors: Vec<Option<f64>>,
    /// Learning rates; empty for those of the space.
    pub rates: Vec<f64>,
}

impl Space {
    /// Returns a space for a model: sequential and parallel bottlenecks with a width for every block, LoRA, and IA3; with the learning rate that is usual
    /// for the model, half of it and twice as much, and a higher one for IA3.
    #[must_use]
    pub fn usual(model: &Config, rate: f64) -> Self {
        let bottleneck = |name: &str, fields: &[(&str, &[Value])]| SearchedMethod {
            factors: factors(model.hidden),
            ..SearchedMethod::of(name, fields)
        };
        let lower_half: Vec<usize> = (0..model.blocks() / 2).collect();
        let activations = ("non_linearity", &[json!("relu"), json!("gelu"), json!("swish")][..]);
        let leave_out = &[json!([]), json!(lower_half)][..];
        let both = &[json!(false), json!(true)][..];
        let lora = [
            ("r", &[json!(1), json!(2), json!(4), json!(8), json!(16)][..]),
            ("alpha", &[json!(8), json!(16), json!(32)]),
            ("attn_matrices", &[json!(["q", "v"]), json!(["q", "k", "v"])]),
            ("intermediate_lora", both),
            ("output_lora", both),
            ("leave_out", leave_out),
        ];
        let methods = vec![
            bottleneck("seq_bn", &[activations]),
            bottleneck("double_seq_bn", &[activations]),
            bottleneck("par_bn", &[activations, ("scaling", &[json!(1.0), json!(4.0), json!("learned")])]),
            SearchedMethod::of("lora", &lora),
            SearchedMethod {
                rates: vec![5.0 * rate, 10.0 * rate],
                ..SearchedMethod::of("ia3", &[("output_lora", both)])
            },
        ];
        Self { methods, rates: vec![0.5 * rate, rate, 2.0 * rate] }
    }

    /// Checks that there is something to choose, and that every alternative is a value of its field and fits the model.
    ///
    /// # Errors
    /// As soon as one is not.
    pub fn check(&self, model: &Config) -> Result<(), SearchError> {
        if self.methods.is_empty() {
            return Err(SearchError::Empty("methods"));
        }
        let rates = || self.methods.iter().flat_map(|method| &method.rates).chain(&self.rates);
        if let Some(rate) = rates().find(|rate| !(rate.is_finite() && **rate > 0.0)) {
            return Err(SearchError::Rate(*rate));
        }
        for method in &self.methods {
            if self.rates_of(method).is_empty() {
                return Err(SearchError::Empty("learning rates"));
            }
            method.check(model)?;
        }
        Ok(())
    }

    /// Returns the learning rates of a method.
    pub(super) fn rates_of<'a>(&'a self, method: &'a SearchedMethod) -> &'a [f64] {
        if method.rates.is_empty() { &self.rates } else { &method.rates }
    }
}

impl SearchedMethod {
    /// A method whose blocks do not differ, with the learning rates of the space.
    fn of(name: &str, fields: &[(&str, &[Value])]) -> Self {
        let fields = fields.iter().map(|(name, values)| ((*name).to_owned(), values.to_vec())).collect();
        Self { name: name.to_owned(), fields, factors: Vec::new(), rates: Vec::new() }
    }

    /// Returns the preset.
    pub(super) fn preset(&self) -> Result<Method, SearchError> {
        Ok(self.name.parse()?)
    }

    fn check(&self, model: &Config) -> Result<(), SearchError> {
        let preset = self.preset()?;
        let factors = self.factors.iter().flatten().map(|factor| ("reduction_factor", json!(factor)));
        let fields =
            self.fields.iter().flat_map(|(name, values)| values.iter().map(|value| (name.as_str(), value.clone())));
        for (name, value) in factors.chain(fields) {
            let mut method = preset.clone();
            let named = |source| SearchError::Field { method: self.name.clone(), source };
            method.set(name, &value).map_err(named)?;
            // Some values go with others alone; those that fit nothing are found by their fields.
            if let Err(source @ MethodError::NoLayer { .. }) = method.check(model) {
                return Err(SearchError::DoesNotFit {
                    configuration: format!("{}[{name}={value}]", self.name),
                    source,
                });
            }
        }
        match self.fields.iter().find(|(_, values)| values.is_empty()) {
            Some((name, _)) => Err(SearchError::Form { text: self.name.clone(), why: format!("{name} has no values") }),
            None => Ok(()),
        }
    }
}

/// No adapter, and widths that double from about one unit to a quarter of the hidden size.
fn factors(hidden: usize) -> Vec<Option<f64>> {
    let powers = (2..).map(|power| f64::from(1 << power)).take_while(|factor| *factor <= hidden.max(4) as f64);
    let mut widening: Vec<Option<f64>> = powers.map(Some).collect();
    widening.reverse();
    [None].into_iter().chain(widening).collect()
}
