//! What a computation graph consists of.

/// A graph of values, and what each is computed from.
pub(super) struct Graph {
    /// Of the file.
    pub(super) name: &'static str,
    /// For readers who do not see it.
    pub(super) title: &'static str,
    pub(super) nodes: &'static [Node],
    pub(super) edges: &'static [Edge],
}

/// A value, at a place of a grid.
pub(super) struct Node {
    pub(super) name: &'static str,
    /// Its shape, or how it is computed.
    pub(super) note: &'static str,
    pub(super) kind: Kind,
    /// Column from the left, row from the top; a half is between two.
    pub(super) at: (f64, f64),
}

/// What a value is to training.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Kind {
    /// It is computed.
    Value,
    /// It trains.
    Trained,
    /// It stays as it is, and has no gradient.
    Frozen,
}

/// From a value to one that is computed from it, by their places in the list.
pub(super) type Edge = (usize, usize);

/// A value that is computed.
pub(super) const fn value(name: &'static str, note: &'static str, at: (f64, f64)) -> Node {
    Node { name, note, kind: Kind::Value, at }
}

/// A parameter that trains.
pub(super) const fn trained(name: &'static str, note: &'static str, at: (f64, f64)) -> Node {
    Node { name, note, kind: Kind::Trained, at }
}

/// A parameter that does not.
pub(super) const fn frozen(name: &'static str, note: &'static str, at: (f64, f64)) -> Node {
    Node { name, note, kind: Kind::Frozen, at }
}
