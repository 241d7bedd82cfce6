//! Opinions: what is thought of a thing, and what things are judged at all.

use super::kind::Kind::{self, *};

/// The opinion that a word expresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Good,
    Bad,
    /// None: `wooden`.
    Plain,
}

impl Tone {
    /// What denying it comes to.
    pub(crate) fn reversed(self) -> Self {
        match self {
            Self::Good => Self::Bad,
            Self::Bad => Self::Good,
            Self::Plain => Self::Plain,
        }
    }
}

/// What people write reviews of.
pub(crate) const REVIEWED: &[Kind] = &[
    Work, Piece, Show, Contest, Trial, Food, Drink, Eatery, Lodging, Trip, Landscape, Room, Furniture, Device, Vehicle,
    Aspect,
];
