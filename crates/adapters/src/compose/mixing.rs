//! What nodes have of their own beside their parts: fusions and routers.

use super::watch::MixingRecord;
use adaptune_tensor::{Gradients, Parameters, Scalar};
use serde_json::{Map, Value};
use std::fmt;

/// The two kinds of what mixes adapters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MixerKind {
    /// Attention over what adapters give: [`Fusion`](crate::Fusion).
    Fusion,
    /// A choice among adapters: [`Router`](crate::Router).
    Router,
}

impl MixerKind {
    /// `fusion` or `router`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Fusion => "fusion",
            Self::Router => "router",
        }
    }
}

impl fmt::Display for MixerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A fusion or a router, as a part of a setup that has a name, is trained and saved.
pub trait Mixing<S: Scalar>: Parameters<S> {
    /// Which of them it is.
    fn kind(&self) -> MixerKind;

    /// Its name. Several of the same adapters differ in their names.
    fn name(&self) -> &str;

    /// All fields of its configuration.
    fn fields(&self) -> Map<String, Value>;

    /// True if it stays as it is, though what it mixes, or a head, may train.
    fn is_frozen(&self) -> bool;

    /// Says whether it stays as it is; a frozen one is no part of what trains from now on.
    fn set_frozen(&mut self, frozen: bool);

    /// Returns what the loss of every step of training has besides that of the examples, and adds its gradients.
    fn penalty(&self, gradients: &mut Gradients<S>) -> S;

    /// Says where to write down what it weighs its adapters, which have these names, by; nowhere if there is nothing.
    fn watch(&mut self, record: Option<&MixingRecord>, adapters: &[String]);
}

/// What the parameters of a fusion or router are called after, where others train too. It may have the name of an adapter.
pub(super) fn member_name<S: Scalar>(of: &dyn Mixing<S>) -> String {
    format!("{}:{}", of.kind(), of.name())
}
