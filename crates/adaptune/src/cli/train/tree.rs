//! `tree(METHOD)` in `--method`: an adapter for each domain of the data, and for all above them.

use super::super::folder::{RunFolder, TRAINED};
use super::super::misused::misuse;
use adaptune_adapters::format::setup_expression;
use adaptune_adapters::{Expression, NodeExpression};
use adaptune_text::Domains;
use anyhow::{Context, Result, bail};
use std::path::Path;

/// What expressions call it.
const TREE: &str = "tree";
/// Its list of numbers.
const PARENTS: &str = "parents";

/// What new adapters of a tree are, and the tree that they are put into.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tree {
    method: String,
    grown: Option<Grown>,
}

/// A tree that was trained before.
#[derive(Clone, Debug, PartialEq)]
struct Grown {
    /// The folder of each of its adapters.
    folders: Vec<String>,
    domains: Domains,
}

impl Tree {
    /// That of an expression, if it has one.
    ///
    /// # Errors
    /// There are two, it names something else than one method and at most one folder of a tree, or that cannot be read.
    pub(super) fn of(expression: &Expression) -> Result<Option<Self>> {
        match nodes(expression).as_slice() {
            [] => Ok(None),
            [node] => Self::of_node(node).with_context(|| format!("--method {expression}")).map(Some),
            _ => misuse!("--method {expression}: one tree can be trained at a time"),
        }
    }

    fn of_node(node: &NodeExpression) -> Result<Self> {
        if !node.options.is_empty() || !node.settings.is_empty() || !node.weights.is_empty() || node.own.is_some() {
            misuse!("tree(METHOD) has no options in training: what is whose parent follows from --domain-column");
        }
        let names = node.parts.iter().map(|part| match part {
            Expression::Adapter(name) => Ok(name.as_str()),
            other => misuse!("{other} cannot be a part of a tree; expected a method, tree(seq_bn)"),
        });
        let (folders, methods): (Vec<&str>, Vec<&str>) =
            names.collect::<Result<Vec<_>>>()?.into_iter().partition(|name| Path::new(name).is_dir());
        match (folders.as_slice(), methods.as_slice()) {
            ([], [method]) => Ok(Self { method: (*method).to_owned(), grown: None }),
            ([folder], [method]) => Ok(Self { method: (*method).to_owned(), grown: Some(Grown::open(folder)?) }),
            _ => misuse!(
                "expected one method for all new adapters, tree(seq_bn), or a trained tree and one method for new leaves, \
                 tree(DIR, seq_bn)"
            ),
        }
    }

    /// The domains of that tree, to which new ones may come.
    pub(super) fn domains(&self) -> Option<&Domains> {
        self.grown.as_ref().map(|grown| &grown.domains)
    }

    /// How many of the domains are there already.
    fn there(&self) -> usize {
        self.grown.as_ref().map_or(0, |grown| grown.folders.len())
    }

    /// The names of the new adapters.
    pub(super) fn new_names(&self, domains: &Domains) -> Vec<String> {
        domains.adapter_names().split_off(self.there())
    }

    /// The expression with all adapters of the tree in it.
    pub(super) fn expand(&self, expression: &Expression, domains: &Domains) -> Expression {
        let Expression::Node(node) = expression else { return expression.clone() };
        if node.name != TREE {
            let parts = node.parts.iter().map(|part| self.expand(part, domains)).collect();
            return Expression::Node(NodeExpression { parts, ..node.clone() });
        }
        let there = self.grown.iter().flat_map(|grown| grown.folders.iter().cloned());
        let new = std::iter::repeat(self.method.clone());
        let parts = there.chain(new).take(domains.paths().len()).map(Expression::Adapter).collect();
        let options = vec![(PARENTS.to_owned(), domains.parents())];
        Expression::Node(NodeExpression { parts, options, ..node.clone() })
    }
}

impl Grown {
    fn open(folder: &str) -> Result<Self> {
        let path = Path::new(folder);
        let run = RunFolder::new(path, TRAINED).run_file()?;
        let domains = run.and_then(|run| run.input).and_then(|input| input.domains);
        let (Some(Expression::Node(node)), Some(domains)) = (setup_expression(path)?, domains) else {
            bail!("{folder} holds no tree of adapters; expected one that train --method 'tree(METHOD)' wrote");
        };
        let names = node.parts.iter().map(|part| match part {
            Expression::Adapter(name) => Some(path.join(name).display().to_string()),
            _ => None,
        });
        let folders = names.collect::<Option<Vec<_>>>().filter(|folders| folders.len() == domains.paths().len());
        match folders.filter(|_| node.name == TREE) {
            Some(folders) => Ok(Self { folders, domains }),
            None => bail!("{folder}: new leaves can be put into a tree alone, and this is a {}", node.name),
        }
    }
}

/// All trees of an expression.
fn nodes(expression: &Expression) -> Vec<&NodeExpression> {
    let Expression::Node(node) = expression else { return Vec::new() };
    let own = (node.name == TREE).then_some(node);
    own.into_iter().chain(node.parts.iter().flat_map(nodes)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_is_an_adapter_for_each_domain() {
        let file = tempfile::Builder::new().suffix(".tsv").tempfile().expect("a file");
        std::fs::write(&file, "text\tlabel\tdomain\na\tx\tnews/sport\nb\ty\tbooks\n").expect("it is written");
        let table = adaptune_text::Table::read(file.path()).expect("a table");
        let domains = Domains::of(&table, "domain").expect("domains");
        let expression: Expression = "stack(runs/lang, tree(lora[r=2]))".parse().expect("an expression");
        let tree = Tree::of(&expression).expect("a tree").expect("a tree");
        let expanded = tree.expand(&expression, &domains).to_string();
        let expected = "stack(runs/lang, tree(lora[r=2], lora[r=2], lora[r=2], lora[r=2], parents=[0, 0, 0, 2]))";
        assert_eq!(expanded, expected);
        assert_eq!(tree.new_names(&domains), ["root", "books", "news", "news-sport"]);
        assert_eq!(Tree::of(&"fuse(a, b)".parse().expect("an expression")).expect("none"), None);
    }

    #[test]
    fn what_is_no_tree_to_be_trained_is_refused() {
        for (text, words) in [
            ("tree(seq_bn, parents=[0])", "follows from --domain-column"),
            ("tree(seq_bn, lora)", "one method for all new adapters"),
            ("tree(stack(a, b))", "stack(a, b) cannot be a part of a tree"),
            ("stack(tree(a), tree(b))", "one tree can be trained at a time"),
        ] {
            let error = format!("{:#}", Tree::of(&text.parse().expect("an expression")).expect_err(text));
            assert!(error.contains(words), "{text}: {error}");
        }
    }
}
