//! What modules promise about themselves.

/// What a module promises about itself.
///
/// There is no default: whoever writes a module, or wraps others, decides each of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Properties {
    /// What the module gives for a token depends on nothing but what it sees of the same token and on the sequence that this
    /// belongs to: not on other tokens, not on its position, not on how long the sequence is. Then tokens that are not
    /// read may be left out, see [`Selection`](crate::Selection), and `layout` has only those that are read. A
    /// module that averages over a sequence must not say so.
    pub token_wise: bool,
    /// What the module gives for a token depends on no later token. Token-wise modules are causal.
    pub causal: bool,
    /// Another module may come behind it at the same point.
    ///
    /// At the end of a sublayer it then heeds [`SublayerInput::gives`](crate::SublayerInput::gives).
    pub may_be_followed: bool,
    /// It computes with the weights of the linear layer that it stands at, and not by [`LinearInput::layer`](crate::LinearInput::layer)
    /// alone, so no other module may be in the layer before it.
    pub needs_plain_weight: bool,
}

impl Properties {
    /// The promises of several modules at one point, upon each other or each for its own sequences: what all of them promise.
    #[must_use]
    pub fn all(of: impl IntoIterator<Item = Self>) -> Self {
        let everything = Self { token_wise: true, causal: true, may_be_followed: true, needs_plain_weight: false };
        of.into_iter().fold(everything, |a, b| Self {
            token_wise: a.token_wise && b.token_wise,
            causal: a.causal && b.causal,
            may_be_followed: a.may_be_followed && b.may_be_followed,
            needs_plain_weight: a.needs_plain_weight || b.needs_plain_weight,
        })
    }
}
