//! Fusions and routers as one type.

use super::fuse::Fusion;
use super::mixing::Mixing;
use super::route::Router;
use adaptune_tensor::Scalar;

/// What a node mixes its parts with.
#[derive(Clone, Debug)]
pub enum Mixer<S> {
    /// Of a [`Fuse`](crate::Fuse).
    Fusion(Fusion<S>),
    /// Of a [`Route`](crate::Route).
    Router(Router<S>),
}

impl<S: Scalar> Mixer<S> {
    /// The fusion or router.
    #[must_use]
    pub fn mixing(&self) -> &dyn Mixing<S> {
        match self {
            Self::Fusion(fusion) => fusion,
            Self::Router(router) => router,
        }
    }

    /// The fusion or router, to be changed.
    #[must_use]
    pub fn mixing_mut(&mut self) -> &mut dyn Mixing<S> {
        match self {
            Self::Fusion(fusion) => fusion,
            Self::Router(router) => router,
        }
    }
}

impl<S> From<Fusion<S>> for Mixer<S> {
    fn from(fusion: Fusion<S>) -> Self {
        Self::Fusion(fusion)
    }
}

impl<S> From<Router<S>> for Mixer<S> {
    fn from(router: Router<S>) -> Self {
        Self::Router(router)
    }
}
