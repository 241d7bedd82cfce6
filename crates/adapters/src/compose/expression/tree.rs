//! How a setup is written down: `stack(german, mood)`.

use super::error::{ExpressionError, PARALLEL};
use crate::compose::error::CompositionError;
use crate::compose::mixing::MixerKind;
use serde_json::Value;
use std::fmt;

/// A setup by the names of its adapters, such as `stack(german, layer_drop(mood, layers=[0, 1]))`.
///
/// A name that is not made of letters, digits and `_-./\\:~@` alone, or is `none`, stands between quotation marks as in JSON. Where a new
/// adapter may stand, a method with its fields does, `seq_bn[reduction_factor=32]`, and `4 x seq_bn` is four of them.
///
/// ```
/// use adaptune_adapters::Expression;
/// let expression: Expression = r#"per_sequence(none, "two words", part_of = [0, 1, 1])"#.parse()?;
/// assert_eq!(expression.to_string(), r#"per_sequence(none, "two words", part_of=[0, 1, 1])"#);
/// assert_eq!(expression.names(), ["two words"]);
/// assert_eq!("average( 0.25*a,.75 * b )".parse::<Expression>()?.to_string(), "average(0.25*a, 0.75*b)");
/// let error = "stack(german mood)".parse::<Expression>().unwrap_err().to_string();
/// assert!(error.contains("`,` or `)` was expected at `mood)`"), "{error}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Expression {
    /// `none`: nothing is plugged in.
    None,
    /// The adapter of this name.
    Adapter(String),
    /// Several, put together.
    Node(NodeExpression),
}

/// A node: `name(part, part, option=[number, number])`, `name(weight*part, weight*part)`, `name(part, part, setting=value)`, or
/// `name(part, part; own)`.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeExpression {
    /// What kind of node.
    pub name: String,
    /// What it is made of.
    pub parts: Vec<Expression>,
    /// The weight of each part, or none at all.
    pub weights: Vec<f64>,
    /// Its lists of numbers, by name.
    pub options: Vec<(String, Vec<usize>)>,
    /// Fields of a fusion or router that is to be made for it, `top=2`.
    pub settings: Vec<(String, Value)>,
    /// The name of its fusion or router, where that is not called as its parts are.
    pub own: Option<String>,
}

impl Expression {
    /// The names of its adapters, each once, in the order in which they first stand there.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        let mut names = Vec::new();
        self.collect_names(&mut names);
        names
    }

    /// The names of its fusions and routers, in the order in which they stand there, those within others first.
    #[must_use]
    pub fn mixers(&self) -> Vec<(MixerKind, String)> {
        let Self::Node(node) = self else { return Vec::new() };
        let kind = match node.name.as_str() {
            FUSE => Some(MixerKind::Fusion),
            ROUTE => Some(MixerKind::Router),
            _ => None,
        };
        let own = kind.map(|kind| (kind, node.own.clone().unwrap_or_else(|| node.default_name())));
        node.parts.iter().flat_map(Self::mixers).chain(own).collect()
    }

    /// The parts of `parallel(a, b)`: adapters that each answer every text with the head of their own. It is no setup, for it gives several
    /// hidden states, so it stands outside of all others.
    ///
    /// ```
    /// use adaptune_adapters::Expression;
    /// let expression: Expression = "parallel(mood, stack(german, topic))".parse()?;
    /// assert_eq!(expression.parallel()?.map(|parts| parts.len()), Some(2));
    /// assert!("stack(german, topic)".parse::<Expression>()?.parallel()?.is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If there are no parts, or weights, lists, settings or a name behind `;` are given.
    pub fn parallel(&self) -> Result<Option<&[Self]>, ExpressionError> {
        let Self::Node(node) = self else { return Ok(None) };
        if node.name != PARALLEL {
            return Ok(None);
        }
        node.weights_if(false)?;
        node.options_in_order(&[])?;
        node.own_if(false)?;
        match node.parts.is_empty() {
            true => Err(CompositionError::Nothing.into()),
            false => Ok(Some(&node.parts)),
        }
    }

    /// The name of the adapter that stands last in it.
    fn last_name(&self) -> Option<&str> {
        match self {
            Self::None => None,
            Self::Adapter(name) => Some(name),
            Self::Node(node) => node.parts.last()?.last_name(),
        }
    }

    fn collect_names<'a>(&'a self, names: &mut Vec<&'a str>) {
        match self {
            Self::None => {}
            Self::Adapter(name) if names.contains(&name.as_str()) => {}
            Self::Adapter(name) => names.push(name),
            Self::Node(node) => node.parts.iter().for_each(|part| part.collect_names(names)),
        }
    }
}

impl NodeExpression {
    /// The weights, of a node that may have some.
    pub(in crate::compose) fn weights_if(&self, weighted: bool) -> Result<Vec<f64>, ExpressionError> {
        match weighted || self.weights.is_empty() {
            true => Ok(self.weights.clone()),
            false => Err(ExpressionError::NoWeights { node: self.name.clone() }),
        }
    }

    /// Refuses the name of a fusion or router, and settings for one, in a node that has nothing such; and both together.
    pub(in crate::compose) fn own_if(&self, has: bool) -> Result<(), ExpressionError> {
        let (node, found) = (self.name.clone(), names(&self.settings));
        match &self.own {
            Some(own) if !has => Err(ExpressionError::NoOwn { node, own: own.clone() }),
            Some(own) if !found.is_empty() => Err(ExpressionError::SettingsOfNamed { node, found, own: own.clone() }),
            None if !has && !found.is_empty() => Err(ExpressionError::NoSettings { node, found }),
            _ => Ok(()),
        }
    }

    /// What AdapterHub calls a fusion that has no name of its own: the names of its adapters with commas between, that of the
    /// uppermost one where a part is a stack.
    #[must_use]
    pub fn default_name(&self) -> String {
        self.parts.iter().filter_map(Expression::last_name).collect::<Vec<_>>().join(",")
    }

    /// The lists of these names, in their order.
    pub(in crate::compose) fn options_in_order(&self, names: &[&str]) -> Result<Vec<Vec<usize>>, ExpressionError> {
        let find = |name: &&str| self.options.iter().find(|(known, _)| known == name).map(|(_, list)| list.clone());
        let found: Option<Vec<_>> = names.iter().map(find).collect();
        if let Some((option, _)) = self.settings.iter().find(|(name, _)| names.contains(&name.as_str())) {
            return Err(ExpressionError::NoList { node: self.name.clone(), option: option.clone() });
        }
        found.filter(|found| found.len() == self.options.len()).ok_or_else(|| ExpressionError::Options {
            node: self.name.clone(),
            found: self::names(&self.options),
            expected: names.join(", "),
        })
    }
}

/// The names in front, with commas between.
fn names<T>(of: &[(String, T)]) -> String {
    of.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ")
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str(NONE),
            Self::Adapter(name) => f.write_str(&shown(name)),
            Self::Node(NodeExpression { name, parts, weights, options, settings, own }) => {
                let weights = weights.iter().map(|weight| format!("{weight}*")).chain(std::iter::repeat(String::new()));
                let parts = weights.zip(parts).map(|(weight, part)| format!("{weight}{part}"));
                let options = options.iter().map(|(name, list)| format!("{}={list:?}", shown(name)));
                let settings = settings.iter().map(|(name, value)| format!("{}={}", shown(name), written(value)));
                let own = own.as_ref().map(|own| format!("; {}", shown(own))).unwrap_or_default();
                write!(f, "{name}({}{own})", parts.chain(options).chain(settings).collect::<Vec<_>>().join(", "))
            }
        }
    }
}

pub(super) const NONE: &str = "none";
/// The node that has a fusion.
pub(in crate::compose) const FUSE: &str = "fuse";
/// The node that has a router.
pub(in crate::compose) const ROUTE: &str = "route";

/// A name as it is read, between quotation marks where it needs them.
fn shown(name: &str) -> String {
    match name != NONE && (is_name(name) || is_method(name)) {
        true => name.to_owned(),
        false => Value::from(name).to_string(),
    }
}

/// A setting as it is read.
fn written(value: &Value) -> String {
    match value {
        Value::String(word) => shown(word),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        other => other.to_string(),
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(is_plain)
}

/// True of a method with its fields, `seq_bn[reduction_factor=32]`.
fn is_method(text: &str) -> bool {
    let fields = |fields: &str| fields.strip_suffix(']').is_some_and(|f| !f.contains(['[', ']', '"']));
    text.split_once('[').is_some_and(|(name, rest)| is_name(name) && fields(rest))
}

/// What a name without quotation marks is made of, those of folders among them.
pub(super) fn is_plain(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | '\\' | ':' | '~' | '@')
}
