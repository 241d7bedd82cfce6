//! How a bottleneck is wired to the sublayer that it adapts.
//!
//! A sublayer ends with output `o` and residual input `r`; the base goes on with `LN(o + r)`. With
//! `B` the [bottleneck](super::layer) and `LN_after` an optional norm of the adapter's own:
//!
//! | | sequential | parallel |
//! |---|---|---|
//! | input | `x = LN(o + r)`, or `o` without *norm before* | `x = r` |
//! | inner residual | `e = o`, `x` or `o + r` | `e = o` |
//! | result | `z = LN_after(B(x)) + e`, or `LN_after(B(x) + e)` | `z = LN_after(B(x)) + e` |
//! | next state | `y = LN(z + r)`, or `z` without *norm after* | the same |
//!
//! So Pfeiffer's adapter (sequential, norm before and after, `e = o`) is `y = LN(B(LN(o+r)) + o + r)`:
//! the base's norm is used twice. Houlsby's has no norm before: `y = LN(B(o) + o + r)`. The parallel one
//! is `y = LN(B(r) + o + r)`. AdapterPlus stops at `y = B(x) + x` with `x = LN(o + r)`. Where a
//! block has no norm at this place, `LN` is left out and `o + r` stays.
//!
//! # Gradients
//!
//! Sums hand their gradient to each term; a norm's gradient is in
//! [`layer_norm_input_backward`](adaptune_tensor::layer_norm_input_backward). From `d_y`:
//!
//! ```text
//! d_z = LN'(d_y), also added to d_r            or d_y where there is no norm after
//! d_B, d_e from z                              through LN_after
//! d_x = B'(d_B)                                see the bottleneck
//! d_e goes to d_o, to d_x or to d(o + r)
//! d_x goes through LN' to d(o + r), which goes to d_o and d_r; or straight to d_o, or to d_r
//! ```

use crate::core::layers::TrainableNorm;
use crate::core::module::Module;
use crate::methods::bottleneck::layer::{Bottleneck, BottleneckTrace};
use crate::methods::bottleneck::phm::layer::PhmShared;
use adaptune_tensor::{Gradients, LayerNormTrace, Named, NamedMut, Parameters, Scalar, add, copied, join, parameters};
use adaptune_transformer::{
    Accumulator, Gives, JoinTrace, NextState, Properties, Reads, ResidualJoin, SublayerBackward, SublayerGradient,
    SublayerInput, SublayerModule, SublayerPoint,
};
use ndarray::{ArcArray2, Array2};

/// Which residual the adapter adds to the bottleneck's result; AdapterHub's `residual_before_ln`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InnerResidual {
    /// `o`, the sublayer's output (`True`).
    Output,
    /// `x`, the bottleneck's input (`False`).
    Input,
    /// `o + r`, the sum before the norm (`"post_add"`).
    Sum,
}

/// Where the bottleneck stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// Behind the sublayer.
    Sequential {
        /// The bottleneck reads `LN(o + r)` rather than `o`; AdapterHub's `original_ln_before`.
        norm_before: bool,
        /// What is added to its result.
        residual: InnerResidual,
        /// It is added before the adapter's own norm; AdapterHub's `adapter_residual_before_ln`.
        residual_before_norm: bool,
    },
    /// Beside the sublayer: it reads the sublayer's residual input.
    Parallel,
}

/// A bottleneck, wired: the module at the end of a sublayer.
#[derive(Clone, Debug)]
pub struct BottleneckAdapter<S> {
    bottleneck: Bottleneck<S>,
    position: Position,
    /// `y = LN(z + r)`; AdapterHub's `original_ln_after`.
    norm_after: bool,
    /// `LN_after`.
    own_norm: Option<TrainableNorm<S>>,
}

parameters!(BottleneckAdapter { "bottleneck" => bottleneck, "norm_after" => own_norm });

/// What backward needs.
struct Trace<'a, S> {
    shared: Option<&'a PhmShared<S>>,
    join: ResidualJoin<'a, S>,
    /// The base's next state, where it was read.
    before: Option<NextState<'a, S>>,
    bottleneck: BottleneckTrace<S>,
    own_norm: Option<LayerNormTrace<S>>,
    /// What the last join kept; `z` or `z - o` was given if there is none.
    after: Option<JoinTrace<S>>,
    gives: Gives,
    wants_output: bool,
    wants_residual: bool,
}

impl<S: Scalar> BottleneckAdapter<S> {
    /// Wires a bottleneck. `own_norm` gives it a norm behind (AdapterHub's `ln_after`).
    #[must_use]
    pub fn new(bottleneck: Bottleneck<S>, position: Position, norm_after: bool, own_norm: bool) -> Self {
        let own_norm = own_norm.then(|| TrainableNorm::new(bottleneck.hidden()));
        Self { bottleneck, position, norm_after, own_norm }
    }

    /// The bottleneck's input and, for sequential ones, the inner residual where it is not `o` and what the input came from.
    fn input<'a>(&self, input: &SublayerInput<'a, S>, keep: bool) -> Input<'a, S> {
        let Position::Sequential { norm_before, residual, .. } = self.position else {
            return Input { x: input.residual.clone(), residual: None, before: None };
        };
        if !norm_before {
            // Both `o` and `x` are the output here; `o + r` is refused by the configuration's check.
            return Input { x: input.output.clone(), residual: None, before: None };
        }
        let next = input.next(keep);
        let x = next.x.clone();
        let residual = match residual {
            InnerResidual::Output => None,
            InnerResidual::Input => Some(x.clone()),
            InnerResidual::Sum => Some(add(copied(&input.output), &input.residual).into_shared()),
        };
        Input { x, residual, before: Some(next) }
    }

    /// `z` or `z - o` from `B(x)` and the inner residual, which is `o` unless `residual` says otherwise.
    fn combine(
        &self,
        b: Array2<S>,
        o: &ArcArray2<S>,
        residual: Option<ArcArray2<S>>,
        gives: Gives,
        keep: bool,
    ) -> (Array2<S>, Option<LayerNormTrace<S>>) {
        if self.is_change(gives) {
            return match &self.own_norm {
                Some(norm) => norm.forward(b, keep),
                None => (b, None),
            };
        }
        let e = residual.as_ref().unwrap_or(o);
        let (mut z, trace) = match &self.own_norm {
            None => (add(b, e), None),
            Some(norm) if self.residual_before_norm() => norm.forward(add(b, e), keep),
            Some(norm) => {
                let (b, trace) = norm.forward(b, keep);
                (add(b, e), trace)
            }
        };
        if gives == Gives::Change {
            z -= o;
        }
        (z, trace)
    }

    /// True if what it gives is what it adds to `o`, with nothing to be taken off again.
    fn is_change(&self, gives: Gives) -> bool {
        gives == Gives::Change && self.adds_to_output()
    }

    /// True if all that it does is to add to `o`.
    fn adds_to_output(&self) -> bool {
        match self.position {
            Position::Sequential { residual, residual_before_norm, .. } => {
                residual == InnerResidual::Output && !(residual_before_norm && self.own_norm.is_some())
            }
            Position::Parallel => true,
        }
    }

    fn residual_before_norm(&self) -> bool {
        matches!(self.position, Position::Sequential { residual_before_norm: true, .. })
    }

    fn backward(&self, trace: Trace<'_, S>, d_y: Array2<S>, gradients: &mut Gradients<S>) -> SublayerGradient<S> {
        let (mut d_o, mut d_r) = (Accumulator::new(), Accumulator::new());
        let mut d_z = d_y;
        if let Some(after) = &trace.after {
            let (d, d_residual) = trace.join.backward(after, d_z, trace.wants_residual, gradients);
            d_z = d;
            d_r.add_some(d_residual);
        }
        let is_change = self.is_change(trace.gives);
        if trace.gives == Gives::Change && !is_change {
            d_o.add(d_z.mapv(|d| -d));
        }
        let (d_b, d_e) = self.combine_backward(trace.own_norm.as_ref(), d_z, is_change, gradients);
        let wants_input = self.wants_input(&trace);
        let Trace { shared, before, bottleneck, wants_output, wants_residual, .. } = trace;
        let d_x = self.bottleneck.backward(bottleneck, shared, d_b, wants_input, gradients);
        match (self.position, d_x) {
            (Position::Parallel, d_x) => {
                d_o.add_some(d_e);
                d_r.add_some(d_x);
            }
            (_, None) => {}
            (Position::Sequential { norm_before: false, .. }, Some(d_x)) => {
                d_o.add(d_x);
                d_o.add_some(d_e);
            }
            (Position::Sequential { residual, .. }, Some(d_x)) => {
                let before = before.expect("forward keeps what backward needs");
                let join_backward = |d_x| before.backward(d_x, wants_residual, gradients);
                let (d_output, d_residual) = residual.backward(d_x, d_e, join_backward);
                d_r.add_some(d_residual);
                d_o.add_some(d_output);
            }
        }
        SublayerGradient {
            d_output: d_o.into_sum().filter(|_| wants_output),
            d_residual: d_r.into_sum().filter(|_| wants_residual),
        }
    }

    /// True if anything wants the gradient of the bottleneck's input.
    fn wants_input(&self, trace: &Trace<'_, S>) -> bool {
        match self.position {
            Position::Sequential { norm_before, .. } => {
                trace.wants_output || trace.wants_residual || norm_before && trace.join.trains()
            }
            Position::Parallel => trace.wants_residual,
        }
    }

    /// From `d_z` to the gradients of `B(x)` and, unless only a change was given, of the inner residual.
    fn combine_backward(
        &self,
        trace: Option<&LayerNormTrace<S>>,
        d_z: Array2<S>,
        is_change: bool,
        gradients: &mut Gradients<S>,
    ) -> (Array2<S>, Option<Array2<S>>) {
        let residual = |d: &Array2<S>| (!is_change).then(|| copied(d));
        let Some((norm, trace)) = self.own_norm.as_ref().zip(trace) else {
            let d_e = residual(&d_z);
            return (d_z, d_e);
        };
        let d_e = (!self.residual_before_norm()).then(|| residual(&d_z)).flatten();
        let d = norm.backward(trace, d_z, gradients);
        let d_e = if self.residual_before_norm() { residual(&d) } else { d_e };
        (d, d_e)
    }
}

/// The sum of those that are there.
fn sum<S: Scalar>(a: Option<Array2<S>>, b: Option<Array2<S>>) -> Option<Array2<S>> {
    match (a, b) {
        (Some(a), Some(b)) => Some(add(a, &b)),
        (a, b) => a.or(b),
    }
}

impl InnerResidual {
    /// From the gradients of `x = LN(o + r)` and of the inner residual to those of `o` and `r`; `join` is the join's backward
    /// pass.
    fn backward<S: Scalar>(
        self,
        d_x: Array2<S>,
        d_e: Option<Array2<S>>,
        join: impl FnOnce(Array2<S>) -> (Option<Array2<S>>, Option<Array2<S>>),
    ) -> (Option<Array2<S>>, Option<Array2<S>>) {
        match self {
            Self::Output => {
                let (d_output, d_residual) = join(d_x);
                (sum(d_output, d_e), d_residual)
            }
            Self::Input => join(sum(Some(d_x), d_e).expect("one of them is there")),
            Self::Sum => {
                let (d_output, d_residual) = join(d_x);
                (sum(d_output, d_e.clone()), sum(d_residual, d_e))
            }
        }
    }
}

/// What [`BottleneckAdapter::input`] gives.
struct Input<'a, S> {
    x: ArcArray2<S>,
    residual: Option<ArcArray2<S>>,
    before: Option<NextState<'a, S>>,
}

impl<S: Scalar> Module<S> for BottleneckAdapter<S> {
    fn sublayer(&self) -> Option<&dyn SublayerModule<S>> {
        Some(self)
    }
    fn constants(&self) -> Named<'_, S> {
        let mut all = Vec::new();
        self.list_constants("", &mut all);
        all
    }
    fn constants_mut(&mut self) -> NamedMut<'_, S> {
        let mut all = Vec::new();
        self.list_constants_mut("", &mut all);
        all
    }
}

impl<S: Scalar> BottleneckAdapter<S> {
    /// What it does at the end of a sublayer; `shared` is what its projections share with those of other points.
    pub(crate) fn adapt<'a>(
        &'a self,
        input: SublayerInput<'a, S>,
        shared: Option<&'a PhmShared<S>>,
    ) -> (Array2<S>, Option<SublayerBackward<'a, S>>) {
        let keep = input.wants_backward(self.any_trains() || shared.is_some_and(Parameters::any_trains));
        let ends = self.norm_after && input.gives == Gives::Next;
        let Input { x, residual, before } = self.input(&input, keep);
        let SublayerInput { output: o, residual: r, join, layout, pass, gives, wants_output, wants_residual, .. } =
            input;
        let (b, bottleneck) = self.bottleneck.forward(x, shared, &layout, pass, keep);
        let (z, own_norm) = self.combine(b, &o, residual, gives, keep);
        let (y, after) = if ends { join.forward(z, &r, keep) } else { (z, None) };
        let backward = bottleneck.map(|bottleneck| -> SublayerBackward<'a, S> {
            let trace =
                Trace { shared, join, before, bottleneck, own_norm, after, gives, wants_output, wants_residual };
            Box::new(move |d_y, gradients| self.backward(trace, d_y, gradients))
        });
        (y, backward)
    }

    /// Lists what is drawn once and never trains.
    pub(crate) fn list_constants<'a>(&'a self, name: &str, all: &mut Named<'a, S>) {
        self.bottleneck.list_constants(&join(name, "bottleneck"), all);
    }

    /// The same list, to be read from a file.
    pub(crate) fn list_constants_mut<'a>(&'a mut self, name: &str, all: &mut NamedMut<'a, S>) {
        self.bottleneck.list_constants_mut(&join(name, "bottleneck"), all);
    }
}

impl<S: Scalar> SublayerModule<S> for BottleneckAdapter<S> {
    fn forward<'a>(&'a self, input: SublayerInput<'a, S>) -> (Array2<S>, Option<SublayerBackward<'a, S>>) {
        self.adapt(input, None)
    }
    /// A gate averages over the sequence. Another module may follow one that ends as the base does.
    fn properties(&self, _: SublayerPoint) -> Properties {
        let plain = !self.bottleneck.is_gated();
        Properties { token_wise: plain, causal: plain, may_be_followed: self.norm_after, needs_plain_weight: false }
    }
    fn reads(&self, _: SublayerPoint) -> Option<Reads> {
        let reads = match self.position {
            Position::Sequential { norm_before: true, .. } => Reads::Next,
            Position::Sequential { norm_before: false, .. } => Reads::Output,
            Position::Parallel => Reads::Residual,
        };
        (self.norm_after && self.adds_to_output()).then_some(reads)
    }
}
