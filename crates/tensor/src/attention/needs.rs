//! Which gradients are computed.

/// Which gradients backward computes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AttentionNeeds {
    /// With respect to the queries.
    pub queries: bool,
    /// With respect to the keys.
    pub keys: bool,
    /// With respect to the values.
    pub values: bool,
    /// With respect to the relative bias.
    pub relative_bias: bool,
    /// With respect to positions projected as keys, where there are [terms](super::PositionTerms) of them.
    pub position_keys: bool,
    /// With respect to positions projected as queries.
    pub position_queries: bool,
}

impl AttentionNeeds {
    /// Every one; those of what an attention has not are `None` all the same.
    pub const ALL: Self = Self {
        queries: true,
        keys: true,
        values: true,
        relative_bias: true,
        position_keys: true,
        position_queries: true,
    };

    /// True if any is needed.
    #[must_use]
    pub fn any(self) -> bool {
        self.values || self.d_scores()
    }

    pub(super) fn d_scores(self) -> bool {
        self.queries || self.keys || self.relative_bias || self.positions()
    }

    fn positions(self) -> bool {
        self.position_keys || self.position_queries
    }
}
