//! Adapters put together in training: what is loaded stays as it is, and what is new of it, or an adapter upon it, trains.

use super::super::args::{AdapterArg, is_composed};
use super::super::misused::{misuse, unreadable};
use super::tree::Tree;
use adaptune_adapters::format::{NewParts, load_composed};
use adaptune_adapters::{AdapterModel, Expression, FusionConfig, Method};
use adaptune_tensor::{Parameters, Seed};
use adaptune_text::Domains;
use adaptune_transformer::Encoder;
use anyhow::{Context, Result, bail};
use std::path::Path;

/// What is put together with what trains.
#[derive(Clone, Debug)]
pub(super) enum Composed {
    /// Folders and new adapters, by `--method`, mixed by new fusions and routers or by those of folders.
    New { expression: Expression, fusion: FusionConfig, tree: Option<Tree>, domains: Option<Domains> },
    /// Adapters that the new one stands upon, by `--below`.
    Below(Expression),
}

impl Composed {
    /// What the options say, if they put anything together.
    pub(super) fn of(method: Option<&str>, below: Option<&AdapterArg>, fusion: Option<&str>) -> Result<Option<Self>> {
        let composed = method.filter(|method| is_composed(method));
        match (composed, below, fusion) {
            (Some(_), Some(below), _) => {
                misuse!("--below {below}: put it into --method, as in 'stack({below}, fuse(DIR, DIR))'")
            }
            (Some(method), None, fusion) => {
                let expression: Expression = method.parse().map_err(unreadable("--method"))?;
                let fusion = fusion.unwrap_or("dynamic").parse().map_err(unreadable("--fusion"))?;
                let tree = Tree::of(&expression)?;
                Ok(Some(Self::New { expression, fusion, tree, domains: None }))
            }
            (None, _, Some(_)) => misuse!("--fusion is for --method 'fuse(DIR, DIR)'; here nothing is fused"),
            (None, Some(below), None) => Ok(Some(Self::Below(expression(below)))),
            (None, None, None) => Ok(None),
        }
    }

    /// What is put together.
    fn expression(&self) -> &Expression {
        match self {
            Self::New { expression, .. } | Self::Below(expression) => expression,
        }
    }

    /// What of it is a tree with an adapter for each domain of the data.
    pub(super) fn tree(&self) -> Option<&Tree> {
        match self {
            Self::New { tree, .. } => tree.as_ref(),
            Self::Below(_) => None,
        }
    }

    /// The same with the domains that the data turned out to have.
    pub(super) fn with_domains(self, found: Option<Domains>) -> Self {
        match self {
            Self::New { expression, fusion, tree, .. } => Self::New { expression, fusion, tree, domains: found },
            below @ Self::Below(_) => below,
        }
    }

    /// Refuses what is neither a folder nor, where new adapters may stand, a method, before any data are read.
    pub(super) fn check(&self) -> Result<()> {
        self.expression().names().into_iter().try_for_each(|name| self.check_name(name))
    }

    fn check_name(&self, name: &str) -> Result<()> {
        if Path::new(name).is_dir() {
            return Ok(());
        }
        match (self, name.parse::<Method>()) {
            (Self::New { .. }, Ok(_)) => Ok(()),
            // What looks like a path was meant as one.
            (Self::New { expression, .. }, Err(error)) if !name.contains(['/', '\\']) => {
                Err(error).with_context(|| format!("{expression}: {name} is no folder, nor a method"))
            }
            _ => bail!("{}: {name} is no folder; expected one that train or a Python library wrote", self.expression()),
        }
    }

    /// The model with these in it; its own adapter stands upon what is below.
    pub(super) fn put_into(
        &self,
        model: AdapterModel<f32>,
        base: &Encoder<f32>,
        seed: Seed,
    ) -> Result<AdapterModel<f32>> {
        match self {
            Self::New { expression, fusion, tree, domains } => {
                let (mut expression, mut names) = (expression.clone(), Vec::new());
                if let Some((tree, domains)) = tree.as_ref().zip(domains.as_ref()) {
                    (expression, names) = (tree.expand(&expression, domains), tree.new_names(domains));
                }
                let parts = load_composed(&expression, base, Some(&NewParts { fusion, seed, names: &names }))?;
                if parts.setup.parameter_count() == 0 {
                    misuse!(
                        "--method {expression}: nothing in it would train; new adapters do, and a new fusion or router, as in \
                         'fuse(DIR, DIR)'"
                    );
                }
                Ok(model.with_setup(parts.setup)?)
            }
            Self::Below(expression) => {
                let below = load_composed(expression, base, None)?.setup;
                let Some(name) = model.adapter().map(|adapter| adapter.name().to_owned()) else {
                    misuse!("--below needs an adapter to stand upon it, and --method has none");
                };
                if below.adapters().iter().any(|adapter| adapter.name() == name) {
                    bail!(
                        "--below {expression} holds an adapter called {name}, as the new one is: call this otherwise, by --name"
                    );
                }
                model.upon_setup(below).context("--below")
            }
        }
    }
}

fn expression(adapter: &AdapterArg) -> Expression {
    match adapter {
        AdapterArg::Folder(folder) => Expression::Adapter(folder.to_string_lossy().into_owned()),
        AdapterArg::Composed(expression) => expression.clone(),
    }
}
