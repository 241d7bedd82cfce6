//! The parts of a model: which one a parameter belongs to, and how many numbers each holds.

/// The part of a model that a parameter belongs to; each part may learn at its own rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The adapter.
    Adapter,
    /// The head.
    Head,
    /// Thawed tensors of the base.
    Thawed,
}

impl Part {
    /// The part that a parameter of this name belongs to, in an [`AdapterModel`](crate::AdapterModel) or a
    /// [`MultiTaskModel`](crate::MultiTaskModel).
    #[must_use]
    pub fn of(name: &str) -> Self {
        match name.split('.').next() {
            Some("head") => Self::Head,
            Some("thawed") => Self::Thawed,
            _ => Self::Adapter,
        }
    }
}

/// How many numbers a model holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// The frozen base.
    pub base: usize,
    /// The adapters that train.
    pub adapter: usize,
    /// The head.
    pub head: usize,
    /// Trainable copies of the base's tensors.
    pub thawed: usize,
}

impl Counts {
    /// Adapter, head and thawed copies.
    #[must_use]
    pub fn trainable(&self) -> usize {
        self.adapter + self.head + self.thawed
    }

    /// What a prediction computes with: a thawed copy stands in for its tensor, so it does not count twice.
    #[must_use]
    pub fn total(&self) -> usize {
        self.base + self.adapter + self.head
    }
}
