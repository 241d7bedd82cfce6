//! How a setup is written down: `stack(german, mood)`.

use super::error::CompositionError;
use crate::core::nearest::did_you_mean;
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// More nodes within each other than anybody writes: reading a text must not need more stack than there is.
const DEEPEST: usize = 32;

/// A setup by the names of its adapters, such as `stack(german, layer_drop(mood, layers=[0, 1]))`.
///
/// A name that is not made of letters, digits and `_-./\\:~@` alone, or is `none`, stands between quotation marks as in JSON.
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

/// A node: `name(part, part, option=[number, number])`, `name(weight*part, weight*part)`, or `name(part, part; own)`.
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
    /// The name of what it has of its own, such as a fusion, where it is not called as its parts are.
    pub own: Option<String>,
}

/// Why an expression is none, or makes no setup.
#[derive(Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExpressionError {
    /// It cannot be read.
    #[error("`{text}` is no setup: {expected} was expected at `{at}`; write it as in stack(german, mood)")]
    Syntax {
        /// The whole text.
        text: String,
        /// What would have been right.
        expected: &'static str,
        /// What is there, to the end of the text.
        at: String,
    },
    /// Too many nodes within each other.
    #[error("a setup has at most {DEEPEST} nodes within each other")]
    TooDeep,
    /// There is no such node.
    #[error("there is no node `{name}`{suggestion} (there are: {known})")]
    UnknownNode {
        /// The name.
        name: String,
        /// The nearest one, as words.
        suggestion: String,
        /// All that there are.
        known: String,
    },
    /// A node has not the lists of numbers that it needs.
    #[error("{node} has the options [{found}], but needs [{expected}], each once")]
    Options {
        /// What expressions call the node.
        node: String,
        /// The names given.
        found: String,
        /// The names that it has.
        expected: String,
    },
    /// Weights where a node has none.
    #[error("{node} has no weights: leave out the numbers before `*`")]
    NoWeights {
        /// What expressions call the node.
        node: String,
    },
    /// Something of its own where a node has nothing.
    #[error("{node} has nothing of its own that could be called `{own}`: leave out what stands behind `;`")]
    NoOwn {
        /// What expressions call the node.
        node: String,
        /// What stands behind `;`.
        own: String,
    },
    /// There is no fusion of a name.
    #[error(
        "no fusion `{name}` is there to be put into the setup: give it, or name the right one, as in fuse(a, b; NAME)"
    )]
    UnknownFusion {
        /// The name.
        name: String,
    },
    /// Nothing goes by a name.
    #[error("no adapter `{name}` is there to be put into the setup: give it, or correct the name")]
    UnknownAdapter {
        /// The name.
        name: String,
    },
    /// What was put together means nothing together.
    #[error(transparent)]
    Composition(#[from] CompositionError),
}

impl ExpressionError {
    pub(super) fn unknown_node(name: &str, known: &[&str]) -> Self {
        Self::UnknownNode {
            name: name.to_owned(),
            suggestion: did_you_mean(name, known.iter().copied()),
            known: known.join(", "),
        }
    }
}

impl Expression {
    /// The names of its adapters, each once, in the order in which they first stand there.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        let mut names = Vec::new();
        self.collect_names(&mut names);
        names
    }

    /// The names of its fusions, in the order in which they stand there, those within others first.
    #[must_use]
    pub fn fusions(&self) -> Vec<String> {
        let Self::Node(node) = self else { return Vec::new() };
        let own = node.own.clone().or_else(|| (node.name == FUSE).then(|| node.default_name()));
        node.parts.iter().flat_map(Self::fusions).chain(own).collect()
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
    pub(super) fn weights_if(&self, weighted: bool) -> Result<Vec<f64>, ExpressionError> {
        match weighted || self.weights.is_empty() {
            true => Ok(self.weights.clone()),
            false => Err(ExpressionError::NoWeights { node: self.name.clone() }),
        }
    }

    /// Refuses a name of something of its own in a node that has nothing such.
    pub(super) fn own_if(&self, has: bool) -> Result<(), ExpressionError> {
        match &self.own {
            Some(own) if !has => Err(ExpressionError::NoOwn { node: self.name.clone(), own: own.clone() }),
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
    pub(super) fn options_in_order(&self, names: &[&str]) -> Result<Vec<Vec<usize>>, ExpressionError> {
        let find = |name: &&str| self.options.iter().find(|(known, _)| known == name).map(|(_, list)| list.clone());
        let found: Option<Vec<_>> = names.iter().map(find).collect();
        found.filter(|found| found.len() == self.options.len()).ok_or_else(|| ExpressionError::Options {
            node: self.name.clone(),
            found: self.options.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", "),
            expected: names.join(", "),
        })
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str(NONE),
            Self::Adapter(name) => f.write_str(&shown(name)),
            Self::Node(NodeExpression { name, parts, weights, options, own }) => {
                let weights = weights.iter().map(|weight| format!("{weight}*")).chain(std::iter::repeat(String::new()));
                let parts = weights.zip(parts).map(|(weight, part)| format!("{weight}{part}"));
                let options = options.iter().map(|(name, list)| format!("{}={list:?}", shown(name)));
                let own = own.as_ref().map(|own| format!("; {}", shown(own))).unwrap_or_default();
                write!(f, "{name}({}{own})", parts.chain(options).collect::<Vec<_>>().join(", "))
            }
        }
    }
}

const NONE: &str = "none";
/// The node that has a fusion.
pub(super) const FUSE: &str = "fuse";

/// A name as it is read, between quotation marks where it needs them.
fn shown(name: &str) -> String {
    match name != NONE && !name.is_empty() && name.chars().all(is_plain) {
        true => name.to_owned(),
        false => serde_json::Value::from(name).to_string(),
    }
}

/// What a name without quotation marks is made of, those of folders among them.
fn is_plain(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | '\\' | ':' | '~' | '@')
}

impl FromStr for Expression {
    type Err = ExpressionError;

    fn from_str(text: &str) -> Result<Self, ExpressionError> {
        let mut reader = Reader { text, rest: text.trim_start() };
        let expression = reader.expression(0)?;
        if reader.rest.is_empty() { Ok(expression) } else { Err(reader.expected("the end")) }
    }
}

/// Reads from the front of what is left of a text; there never is a space in front.
struct Reader<'t> {
    text: &'t str,
    rest: &'t str,
}

impl<'t> Reader<'t> {
    fn expected(&self, expected: &'static str) -> ExpressionError {
        ExpressionError::Syntax { text: self.text.to_owned(), expected, at: self.rest.to_owned() }
    }

    fn skip(&mut self, bytes: usize) -> &'t str {
        let (skipped, rest) = self.rest.split_at(bytes);
        self.rest = rest.trim_start();
        skipped
    }

    /// True if this came next and was skipped.
    fn takes(&mut self, c: char) -> bool {
        let there = self.rest.starts_with(c);
        if there {
            self.skip(c.len_utf8());
        }
        there
    }

    fn word(&mut self) -> &'t str {
        self.skip(self.rest.find(|c| !is_plain(c)).unwrap_or(self.rest.len()))
    }

    fn expression(&mut self, depth: usize) -> Result<Expression, ExpressionError> {
        if depth > DEEPEST {
            return Err(ExpressionError::TooDeep);
        }
        if self.rest.starts_with('"') {
            return Ok(Expression::Adapter(self.quoted()?));
        }
        match self.word() {
            "" => Err(self.expected("a name")),
            name if self.takes('(') => self.node(name, depth),
            NONE => Ok(Expression::None),
            name => Ok(Expression::Adapter(name.to_owned())),
        }
    }

    fn quoted(&mut self) -> Result<String, ExpressionError> {
        let mut values = serde_json::Deserializer::from_str(self.rest).into_iter::<String>();
        match values.next() {
            Some(Ok(name)) => {
                let read = values.byte_offset();
                self.skip(read);
                Ok(name)
            }
            _ => Err(self.expected("a name between quotation marks")),
        }
    }

    /// What stands behind `name(`.
    fn node(&mut self, name: &str, depth: usize) -> Result<Expression, ExpressionError> {
        let (parts, weights, options) = (Vec::new(), Vec::new(), Vec::new());
        let mut node = NodeExpression { name: name.to_owned(), parts, weights, options, own: None };
        if self.takes(')') {
            return Ok(Expression::Node(node));
        }
        loop {
            let here = self.rest;
            match self.expression(depth + 1)? {
                Expression::Adapter(option) if self.takes('=') => node.options.push((option, self.numbers()?)),
                Expression::Adapter(weight) if self.takes('*') => {
                    node.weights.push(self.weight(&weight, here)?);
                    node.parts.push(self.expression(depth + 1)?);
                }
                part => node.parts.push(part),
            }
            if !node.weights.is_empty() && node.weights.len() != node.parts.len() {
                return Err(Self { text: self.text, rest: here }.expected("a weight for each part or for none, 0.3*a,"));
            }
            if self.takes(';') {
                node.own = Some(self.name()?);
                return if self.takes(')') { Ok(Expression::Node(node)) } else { Err(self.expected("`)`")) };
            }
            if self.takes(')') {
                return Ok(Expression::Node(node));
            }
            if !self.takes(',') {
                return Err(self.expected("`,` or `)`"));
            }
        }
    }

    fn name(&mut self) -> Result<String, ExpressionError> {
        if self.rest.starts_with('"') {
            return self.quoted();
        }
        match self.word() {
            "" => Err(self.expected("a name")),
            name => Ok(name.to_owned()),
        }
    }

    /// What stands before `*`.
    fn weight(&self, weight: &str, here: &'t str) -> Result<f64, ExpressionError> {
        let number = weight.parse().ok().filter(|number: &f64| number.is_finite());
        number.ok_or_else(|| Self { text: self.text, rest: here }.expected("a number, as in 0.3*a,"))
    }

    fn numbers(&mut self) -> Result<Vec<usize>, ExpressionError> {
        let mut numbers = Vec::new();
        if !self.takes('[') {
            return Err(self.expected("a list of numbers, such as [0, 1],"));
        }
        while !self.takes(']') {
            if !numbers.is_empty() && !self.takes(',') {
                return Err(self.expected("`,` or `]`"));
            }
            let here = self.rest;
            let number = self.word().parse();
            numbers.push(number.map_err(|_| Self { text: self.text, rest: here }.expected("a number"))?);
        }
        Ok(numbers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever is read is shown so that it is read again.
    #[test]
    fn names_that_need_quotation_marks_have_them() {
        for text in [
            r#"n("a b", "c d"=[1], "none"=[], x=[2])"#,
            r#"n("none", none, "", "(")"#,
            r#""\n\u0000""#,
            "n()",
            "n(0.25*a, -1.5*m(b))",
            r#"n(a, m(b; "b,c"), x=[1]; y)"#,
        ] {
            let expression: Expression = text.parse().unwrap();
            assert_eq!(expression.to_string().parse(), Ok(expression), "{text}");
        }
    }
}
