//! What several modules at the end of one sublayer change of its output, each of the same one.
//!
//! With the sublayer's output `o`, module `i` gives the change `c_i`. A node mixes these to one, `c`, and the sublayer ends with
//! `z = o + c` as it would have with `o`. What modules read of the base, the state behind its join, is computed once.

use adaptune_tensor::{Gradients, Scalar, add, copied};
use adaptune_transformer::{
    Accumulator, Gives, JoinTrace, ResidualJoin, SharedNext, SublayerBackward, SublayerGradient, SublayerInput,
    SublayerModule,
};
use ndarray::Array2;

/// What the backward pass of the modules needs.
pub(super) struct Changes<'a, S> {
    backwards: Vec<Option<SublayerBackward<'a, S>>>,
    /// What they read together, unless it is shared with others yet, who run it backward then.
    next: Option<SharedNext<S>>,
}

/// Gradients of what was mixed: of the modules' changes, those that are wanted, and of what the mixing itself read.
pub(super) struct MixedGradient<S> {
    pub(super) parts: Vec<Option<Array2<S>>>,
    pub(super) output: Accumulator<S>,
    pub(super) residual: Accumulator<S>,
}

impl<S: Scalar> MixedGradient<S> {
    /// Those of the changes alone.
    pub(super) fn of_parts(parts: Vec<Option<Array2<S>>>) -> Self {
        Self { parts, output: Accumulator::new(), residual: Accumulator::new() }
    }
}

/// Returns the changes, `[T, D]` each, and the input with its [next state](SublayerInput::next) shared by all who read it.
pub(super) fn changes<'a, S: Scalar>(
    modules: Vec<&'a dyn SublayerModule<S>>,
    mut input: SublayerInput<'a, S>,
) -> (Vec<Array2<S>>, Changes<'a, S>, SublayerInput<'a, S>) {
    let own = input.next.is_none().then(|| SharedNext::new(input.pass.gradients()));
    input.next = own.clone().or(input.next);
    let of = |(i, module): (usize, &'a dyn SublayerModule<S>)| {
        let (output, residual) = (input.output.clone(), input.residual.clone());
        let (next, layout, pass) = (input.next.clone(), input.layout.clone(), input.pass.at(i as u64));
        module.forward(SublayerInput { output, residual, next, layout, pass, gives: Gives::Change, ..input })
    };
    let (changes, backwards) = modules.into_iter().enumerate().map(of).unzip();
    (changes, Changes { backwards, next: own }, input)
}

impl<'a, S: Scalar> Changes<'a, S> {
    /// That of modules which the mixing itself runs backward; what they read together is `next`, unless others share it yet.
    pub(super) fn mixed_alone(next: Option<SharedNext<S>>) -> Self {
        Self { backwards: Vec::new(), next }
    }

    /// Which of the modules want the gradients of their changes.
    pub(super) fn wanted(&self) -> Vec<bool> {
        self.backwards.iter().map(Option::is_some).collect()
    }

    /// True if backward must run; `mixing_trains` says whether parameters of the mixing train.
    pub(super) fn wants_backward(&self, mixing_trains: bool, input: &SublayerInput<'a, S>) -> bool {
        input.wants_backward(mixing_trains || self.backwards.iter().any(Option::is_some))
    }

    /// Returns what the sublayer [gives](SublayerInput::gives) with the change `c`, `[T, D]`, and, if `keep` says so, its backward
    /// pass; `mixed_backward` returns the gradients of what was mixed for `d_c`.
    pub(super) fn end(
        self,
        c: Array2<S>,
        mixed_backward: impl FnOnce(Array2<S>, &mut Gradients<S>) -> MixedGradient<S> + Send + 'a,
        input: SublayerInput<'a, S>,
        keep: bool,
    ) -> (Array2<S>, Option<SublayerBackward<'a, S>>) {
        let SublayerInput { output, residual, join, gives, wants_output, wants_residual, .. } = input;
        let (y, after) = match gives {
            Gives::Change => (c, None),
            Gives::Output => (add(c, &output), None),
            Gives::Next => join.forward(add(c, &output), &residual, keep),
        };
        let backward = move |d_y, gradients: &mut Gradients<S>| {
            let mut d = Sums::default();
            let d_z = d.before_the_join(join, after, d_y, wants_residual, gradients);
            if gives != Gives::Change && wants_output {
                d.output.add(copied(&d_z));
            }
            let MixedGradient { parts, output, residual } = mixed_backward(d_z, gradients);
            d.add(SublayerGradient { d_output: output.into_sum(), d_residual: residual.into_sum() });
            for (backward, d_c) in self.backwards.into_iter().zip(parts) {
                if let Some((backward, d_c)) = backward.zip(d_c) {
                    d.add(backward(d_c, gradients));
                }
            }
            if let Some(next) = self.next {
                let (d_output, d_residual) = next.backward(join, wants_residual, gradients);
                d.add(SublayerGradient { d_output, d_residual });
            }
            let (d_output, d_residual) = (d.output.into_sum(), d.residual.into_sum());
            SublayerGradient { d_output: d_output.filter(|_| wants_output), d_residual }
        };
        (y, keep.then(|| -> SublayerBackward<'a, S> { Box::new(backward) }))
    }
}

/// The gradients of output and residual, as they come in.
struct Sums<S> {
    output: Accumulator<S>,
    residual: Accumulator<S>,
}

impl<S: Scalar> Default for Sums<S> {
    fn default() -> Self {
        Self { output: Accumulator::new(), residual: Accumulator::new() }
    }
}

impl<S: Scalar> Sums<S> {
    fn add(&mut self, d: SublayerGradient<S>) {
        self.output.add_some(d.d_output);
        self.residual.add_some(d.d_residual);
    }

    /// From `d_y` to `d_z`.
    fn before_the_join(
        &mut self,
        join: ResidualJoin<'_, S>,
        after: Option<JoinTrace<S>>,
        d_y: Array2<S>,
        wants_residual: bool,
        gradients: &mut Gradients<S>,
    ) -> Array2<S> {
        let Some(after) = after else { return d_y };
        let (d_z, d_residual) = join.backward(&after, d_y, wants_residual, gradients);
        self.residual.add_some(d_residual);
        d_z
    }
}
