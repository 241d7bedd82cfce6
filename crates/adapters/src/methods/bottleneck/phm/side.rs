//! The two layers of a bottleneck.

/// Which of a bottleneck's two layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Down,
    Up,
}

impl Side {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Down => "down",
            Self::Up => "up",
        }
    }
}
