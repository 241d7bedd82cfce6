//! Modules at the end of a sublayer.

use super::join::ResidualJoin;
use super::next::{NextState, SharedNext};
use super::properties::Properties;
use crate::pass::Pass;
use crate::point::SublayerPoint;
use adaptune_tensor::{Gradients, Layout, Scalar};
use ndarray::{ArcArray2, Array2};

/// A module at the end of a sublayer: every bottleneck adapter, fusion, routing.
pub trait SublayerModule<S: Scalar>: Send + Sync {
    /// Returns the next state, `[T, D]`, and its backward pass if any gradient is wanted.
    fn forward<'a>(&'a self, input: SublayerInput<'a, S>) -> (Array2<S>, Option<SublayerBackward<'a, S>>);

    /// What it promises about itself at one of its points.
    fn properties(&self, point: SublayerPoint) -> Properties;

    /// Returns its input `x`, if it only adds a function of that to the sublayer's output: `z = o + c(x)`; `None` if it does
    /// anything else. Adapter fusion mixes such additions, and makes its queries of what was read.
    fn reads(&self, point: SublayerPoint) -> Option<Reads>;
}

/// What a module at the end of a sublayer reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    /// The state with which the base would go on, `join(o, r)`.
    Next,
    /// The sublayer's output `o`.
    Output,
    /// Its residual input `r`.
    Residual,
}

impl Reads {
    /// That of the last of several modules, if all of them do nothing but add.
    #[must_use]
    pub fn of_last(modules: impl IntoIterator<Item = Option<Self>>) -> Option<Self> {
        modules.into_iter().collect::<Option<Vec<_>>>()?.pop()
    }

    /// That of all of them, if they agree.
    #[must_use]
    pub fn of_all(modules: impl IntoIterator<Item = Option<Self>>) -> Option<Self> {
        let reads = modules.into_iter().collect::<Option<Vec<_>>>()?;
        reads.iter().all(|one| Some(one) == reads.first()).then(|| reads.first().copied()).flatten()
    }
}

/// What a [`SublayerModule`] sees.
pub struct SublayerInput<'a, S> {
    /// Where it is, for modules that stand at several points.
    pub point: SublayerPoint,
    /// `o`, output of the sublayer after its dropout, `[T, D]`; shared like `r`.
    pub output: ArcArray2<S>,
    /// `r`, the sublayer's residual input, `[T, D]`; shared, so keeping it costs nothing.
    pub residual: ArcArray2<S>,
    /// How the base makes the next state of the two.
    pub join: ResidualJoin<'a, S>,
    /// That state, where it is computed for several modules; [`SublayerInput::next`] takes it then.
    pub next: Option<SharedNext<S>>,
    /// The sequences.
    pub layout: Layout,
    /// Dropout and whether gradients are wanted at all.
    pub pass: Pass,
    /// True if `d_o` is wanted.
    pub wants_output: bool,
    /// True if `d_r` is wanted.
    pub wants_residual: bool,
    /// What is asked for: anything but [`Gives::Next`] only if [`Properties::may_be_followed`].
    pub gives: Gives,
}

/// What a module at the end of a sublayer is asked for. Let it make the output `z` of the output `o`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gives {
    /// The next state, `join(z, r)`.
    Next,
    /// `z`: another module comes behind and takes it for the sublayer's output.
    Output,
    /// `z - o`: it is put together with what other modules change of the same output.
    Change,
}

impl<'a, S: Scalar> SublayerInput<'a, S> {
    /// Returns what the base does by itself, where `z = o`: the next state, `o` alone, or a change of nothing.
    #[must_use]
    pub fn base(self) -> (Array2<S>, Option<SublayerBackward<'a, S>>) {
        match self.gives {
            Gives::Next => self.base_next(),
            Gives::Output => {
                let pass_on = |d, _: &mut _| SublayerGradient { d_output: Some(d), d_residual: None };
                let keep = self.pass.gradients() && self.wants_output;
                (self.output.into_owned(), keep.then(|| -> SublayerBackward<'a, S> { Box::new(pass_on) }))
            }
            Gives::Change => (Array2::zeros(self.output.dim()), None),
        }
    }

    fn base_next(self) -> (Array2<S>, Option<SublayerBackward<'a, S>>) {
        let keep = self.wants_backward(false);
        let Self { output, residual, join, wants_output, wants_residual, .. } = self;
        let (next, trace) = join.forward(output.into_owned(), &residual, keep);
        let backward = trace.map(|trace| -> SublayerBackward<'a, S> {
            Box::new(move |d_next, gradients| {
                let (d_output, d_residual) = join.backward(&trace, d_next, wants_residual, gradients);
                SublayerGradient { d_output: wants_output.then_some(d_output), d_residual }
            })
        });
        (next, backward)
    }

    /// Returns the state with which the base would go on, `join(o, r)`, for a module that reads it; what backward needs is
    /// kept if `keep` says so.
    #[must_use]
    pub fn next(&self, keep: bool) -> NextState<'a, S> {
        match &self.next {
            Some(shared) => NextState::shared(&self.output, &self.residual, self.join, shared),
            None => NextState::own(&self.output, &self.residual, self.join, keep),
        }
    }

    /// True if backward must run: the module trains, the base's norm does, or `d_o` or `d_r` is wanted.
    #[must_use]
    pub fn wants_backward(&self, module_trains: bool) -> bool {
        self.pass.gradients() && (module_trains || self.join.trains() || self.wants_output || self.wants_residual)
    }
}

/// Takes the gradient of the next state; returns those of `o` and `r` that were wanted.
pub type SublayerBackward<'a, S> = Box<dyn FnOnce(Array2<S>, &mut Gradients<S>) -> SublayerGradient<S> + Send + 'a>;

/// Gradients with respect to the inputs of a [`SublayerModule`], `None` where not wanted.
#[derive(Debug)]
pub struct SublayerGradient<S> {
    /// `d_o`, `[T, D]`.
    pub d_output: Option<Array2<S>>,
    /// `d_r`, `[T, D]`.
    pub d_residual: Option<Array2<S>>,
}
