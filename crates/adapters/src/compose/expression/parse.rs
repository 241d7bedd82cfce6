//! Reading expressions.

use super::error::{DEEPEST, ExpressionError};
use super::tree::{Expression, NONE, NodeExpression, is_plain};
use crate::core::literal;
use serde_json::Value;
use std::str::FromStr;

/// More copies of one adapter than anybody chooses among: a slip of the finger must not ask for more memory than there is.
const MOST_COPIES: usize = 1024;

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
            name if self.rest.starts_with('[') => Ok(Expression::Adapter(format!("{name}{}", self.fields()?))),
            name => Ok(Expression::Adapter(name.to_owned())),
        }
    }

    /// The fields of a method, with the brackets around them.
    fn fields(&mut self) -> Result<&'t str, ExpressionError> {
        let mut open = 0_usize;
        for (at, c) in self.rest.char_indices() {
            match c {
                '[' => open += 1,
                ']' if open == 1 => return Ok(self.skip(at + 1)),
                ']' => open -= 1,
                _ => {}
            }
        }
        Err(self.expected("`]` behind the fields of a method"))
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
        let (parts, weights, options, settings) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut node = NodeExpression { name: name.to_owned(), parts, weights, options, settings, own: None };
        if self.takes(')') {
            return Ok(Expression::Node(node));
        }
        loop {
            self.element(&mut node, depth)?;
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

    /// One of what has commas between: a part, with its weight or how often it stands there, a list, or a setting.
    fn element(&mut self, node: &mut NodeExpression, depth: usize) -> Result<(), ExpressionError> {
        let here = self.rest;
        match self.expression(depth + 1)? {
            Expression::Adapter(option) if self.takes('=') => match self.rest.starts_with('[') {
                true => node.options.push((option, self.numbers()?)),
                false => node.settings.push((option, self.value()?)),
            },
            Expression::Adapter(weight) if self.takes('*') => {
                node.weights.push(self.weight(&weight, here)?);
                node.parts.push(self.expression(depth + 1)?);
            }
            Expression::Adapter(count) if self.rest.starts_with("x ") => {
                self.skip(1);
                let count = self.count(&count, here)?;
                let part = self.expression(depth + 1)?;
                node.parts.extend(std::iter::repeat_n(part, count));
            }
            part => node.parts.push(part),
        }
        match !node.weights.is_empty() && node.weights.len() != node.parts.len() {
            true => Err(Self { text: self.text, rest: here }.expected("a weight for each part or for none, 0.3*a,")),
            false => Ok(()),
        }
    }

    /// What stands before `x`.
    fn count(&self, count: &str, here: &'t str) -> Result<usize, ExpressionError> {
        let count = count.parse().ok().filter(|count| (1..=MOST_COPIES).contains(count));
        count.ok_or_else(|| Self { text: self.text, rest: here }.expected("how many, as in 4 x seq_bn,"))
    }

    /// What stands behind `=`, if it is no list.
    fn value(&mut self) -> Result<Value, ExpressionError> {
        if self.rest.starts_with('"') {
            return Ok(self.quoted()?.into());
        }
        let (word, here) = (self.word(), self.rest);
        literal::parse(word).map_err(|_| Self { text: self.text, rest: here }.expected("a value"))
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
            "n(a[b=1,c=True], top=2, by=word, h=True, q=0.5, l=[1])",
            r#"n("a[b=[1]]", a="b c")"#,
        ] {
            let expression: Expression = text.parse().unwrap();
            assert_eq!(expression.to_string().parse(), Ok(expression), "{text}");
        }
    }

    #[test]
    fn several_of_one_kind_are_counted() {
        let expression: Expression = " route(2 x seq_bn[reduction_factor = 32], a , top = 2)".parse().unwrap();
        let expected = "route(seq_bn[reduction_factor = 32], seq_bn[reduction_factor = 32], a, top=2)";
        assert_eq!(expression.to_string(), expected);
        let error = |text: &str| text.parse::<Expression>().unwrap_err().to_string();
        assert!(error("route(two x a)").contains("how many"), "{}", error("route(two x a)"));
        assert!(error("route(0 x a)").contains("how many"), "{}", error("route(0 x a)"));
        assert!(error("route(2 x seq_bn[a=1)").contains("`]`"), "{}", error("route(2 x seq_bn[a=1)"));
    }
}
