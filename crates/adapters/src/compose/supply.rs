//! Adapters and what mixes them by name, for expressions.

use super::mixing::MixerKind;
use serde_json::Value;

/// Looks up the names of an expression: setups `P`, such as an adapter, and what mixes them, `U`: fusions and routers.
pub trait Supply<P, U> {
    /// The adapter or setup of this name; `None` if there is none.
    fn adapter(&mut self, name: &str) -> Option<P>;
    /// What is to mix these parts; `None` if there is none.
    fn mixer(&mut self, wanted: &WantedMixer<'_>, parts: &[P]) -> Option<U>;
}

/// What an expression says of the fusion or router of a node.
#[derive(Clone, Copy, Debug)]
pub struct WantedMixer<'a> {
    /// Which of them.
    pub kind: MixerKind,
    /// The name behind `;`, if there is one.
    pub own: Option<&'a str>,
    /// What AdapterHub calls a fusion without a name of its own: the names of its adapters with commas between.
    pub default_name: &'a str,
    /// Fields that are given, `top=2`, for one that is new.
    pub settings: &'a [(String, Value)],
}

impl WantedMixer<'_> {
    /// Its own name, or else the default one.
    #[must_use]
    pub fn name(&self) -> &str {
        self.own.unwrap_or(self.default_name)
    }
}
