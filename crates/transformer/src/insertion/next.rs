//! The base's own next state, which modules at the end of a sublayer may read: computed where it is asked for, and once where
//! several modules ask.

use super::join::{JoinTrace, ResidualJoin};
use crate::accumulator::Accumulator;
use adaptune_tensor::{Gradients, Scalar, copied};
use ndarray::{ArcArray2, Array2};
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// The state with which the base would go on, `x = join(o, r)`, and what its backward pass needs.
#[derive(Debug)]
pub struct NextState<'a, S> {
    /// `x`, `[T, D]`; shared, so keeping it costs nothing.
    pub x: ArcArray2<S>,
    source: Source<'a, S>,
}

#[derive(Debug)]
enum Source<'a, S> {
    Own(ResidualJoin<'a, S>, Option<JoinTrace<S>>),
    Shared(SharedNext<S>),
}

impl<'a, S: Scalar> NextState<'a, S> {
    pub(super) fn own(o: &ArcArray2<S>, r: &ArcArray2<S>, join: ResidualJoin<'a, S>, keep: bool) -> Self {
        let (x, trace) = join.forward(copied(o), r, keep);
        Self { x: x.into_shared(), source: Source::Own(join, trace) }
    }

    pub(super) fn shared(o: &ArcArray2<S>, r: &ArcArray2<S>, join: ResidualJoin<'a, S>, of: &SharedNext<S>) -> Self {
        Self { x: of.get(o, r, join), source: Source::Shared(of.clone()) }
    }

    /// Adds the gradients of the norm's weights, those that train; returns `d_o`, and `d_r` if it is wanted. Of a shared state
    /// it returns neither: whoever shares it asks [`SharedNext::backward`].
    ///
    /// # Panics
    /// If nothing was kept in forward.
    #[must_use]
    pub fn backward(
        self,
        d_x: Array2<S>,
        wants_residual: bool,
        gradients: &mut Gradients<S>,
    ) -> (Option<Array2<S>>, Option<Array2<S>>) {
        match self.source {
            Source::Own(join, trace) => {
                let trace = trace.expect("forward keeps what backward needs");
                let (d_o, d_r) = join.backward(&trace, d_x, wants_residual, gradients);
                (Some(d_o), d_r)
            }
            Source::Shared(shared) => {
                shared.add(d_x);
                (None, None)
            }
        }
    }
}

/// A next state that several modules read. It is computed when the first asks for it, and runs backward once.
pub struct SharedNext<S>(Arc<Cell<S>>);

struct Cell<S> {
    keep: bool,
    computed: OnceLock<(ArcArray2<S>, Option<JoinTrace<S>>)>,
    gradient: Mutex<Accumulator<S>>,
}

impl<S> Clone for SharedNext<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S> fmt::Debug for SharedNext<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedNext").field("is computed", &self.0.computed.get().is_some()).finish()
    }
}

impl<S: Scalar> SharedNext<S> {
    /// One that is not computed yet; `keep` says whether backward will run.
    #[must_use]
    pub fn new(keep: bool) -> Self {
        Self(Arc::new(Cell { keep, computed: OnceLock::new(), gradient: Mutex::new(Accumulator::new()) }))
    }

    /// `x`, `[T, D]`. Every call is given the same `o`, `r` and join.
    fn get(&self, o: &ArcArray2<S>, r: &ArcArray2<S>, join: ResidualJoin<'_, S>) -> ArcArray2<S> {
        let compute = || {
            let (x, trace) = join.forward(copied(o), r, self.0.keep);
            (x.into_shared(), trace)
        };
        self.0.computed.get_or_init(compute).0.clone()
    }

    fn add(&self, d_x: Array2<S>) {
        self.0.gradient.lock().unwrap_or_else(PoisonError::into_inner).add(d_x);
    }

    /// Runs backward for all modules that read it, when theirs have run: returns `d_o` and, if it is wanted, `d_r`; neither if
    /// none of them has a gradient for it.
    #[must_use]
    pub fn backward(
        self,
        join: ResidualJoin<'_, S>,
        wants_residual: bool,
        gradients: &mut Gradients<S>,
    ) -> (Option<Array2<S>>, Option<Array2<S>>) {
        let d_x = std::mem::take(&mut *self.0.gradient.lock().unwrap_or_else(PoisonError::into_inner)).into_sum();
        let trace = self.0.computed.get().and_then(|(_, trace)| trace.as_ref());
        let Some((d_x, trace)) = d_x.zip(trace) else { return (None, None) };
        let (d_o, d_r) = join.backward(trace, d_x, wants_residual, gradients);
        (Some(d_o), d_r)
    }
}
