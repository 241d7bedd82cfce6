//! Where the names of an expression come from.

/// Gives what goes by the names of an expression: setups `P`, such as an adapter, and fusions `U`.
pub trait Supply<P, U> {
    /// What goes by this name; `None` if nothing does.
    fn adapter(&mut self, name: &str) -> Option<P>;
    /// The fusion of this name, of these parts; `None` if there is none.
    fn fusion(&mut self, name: &str, parts: &[P]) -> Option<U>;
    /// The fusion of these parts where the expression has no name for it; `name` is AdapterHub's, that of its adapters.
    fn unnamed_fusion(&mut self, name: &str, parts: &[P]) -> Option<U> {
        self.fusion(name, parts)
    }
}
