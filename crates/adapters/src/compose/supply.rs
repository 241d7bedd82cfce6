//! Adapters and fusions by name, for expressions.

/// Looks up the names of an expression: setups `P`, such as an adapter, and fusions `U`.
pub trait Supply<P, U> {
    /// The adapter or setup of this name; `None` if there is none.
    fn adapter(&mut self, name: &str) -> Option<P>;
    /// The fusion of this name, of these parts; `None` if there is none.
    fn fusion(&mut self, name: &str, parts: &[P]) -> Option<U>;
    /// The fusion of these parts where the expression has no name for it; `name` is AdapterHub's, that of its adapters.
    fn unnamed_fusion(&mut self, name: &str, parts: &[P]) -> Option<U> {
        self.fusion(name, parts)
    }
}
