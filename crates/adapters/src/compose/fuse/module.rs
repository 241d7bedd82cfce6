//! The fusion at the end of a sublayer.

use super::node::Fuse;
use crate::compose::changes::{MixedGradient, changes};
use adaptune_tensor::{Gradients, Parameters, Scalar};
use adaptune_transformer::{
    Insertions, NextState, Properties, Reads, SublayerBackward, SublayerInput, SublayerModule, SublayerPoint,
};
use ndarray::{ArcArray2, Array2};

/// Place of the fusion's random draws, behind those of its parts.
const FUSION: u64 = u64::MAX;

impl<S: Scalar, P: Insertions<S> + Send> SublayerModule<S> for Fuse<S, P> {
    fn forward<'a>(&'a self, input: SublayerInput<'a, S>) -> (Array2<S>, Option<SublayerBackward<'a, S>>) {
        let (point, modules) = (input.point, self.modules(input.point));
        let layer = self.fusion().layer(point).expect("a fusion has a layer wherever its parts have modules");
        let (parts, trace, input) = changes(modules, input);
        let keep = trace.wants_backward(layer.any_trains(), &input);
        let query = self.query(&input);
        let (c, fusion) = layer.forward(query.x(), parts, &input.output, input.pass.at(FUSION), keep);
        let (wants, wants_query) = (trace.wanted(), query.wants_gradient(&input));
        let backward = move |d_c: Array2<S>, gradients: &mut Gradients<S>| {
            let fusion = fusion.expect("forward keeps what backward needs");
            let d = layer.backward(fusion, &d_c, &wants, wants_query, gradients);
            let mut mixed = MixedGradient::of_parts(d.parts);
            mixed.output.add_some(d.output);
            query.backward(d.query, &mut mixed, gradients);
            mixed
        };
        trace.end(c, backward, input, keep)
    }

    fn properties(&self, point: SublayerPoint) -> Properties {
        Properties::all(self.modules(point).into_iter().map(|module| module.properties(point)))
    }

    fn reads(&self, point: SublayerPoint) -> Option<Reads> {
        Reads::of_last(self.modules(point).into_iter().map(|module| module.reads(point)))
    }
}

impl<S: Scalar, P: Insertions<S>> Fuse<S, P> {
    /// The modules of its parts at a point.
    fn modules(&self, point: SublayerPoint) -> Vec<&dyn SublayerModule<S>> {
        self.parts().iter().filter_map(|part| part.sublayer(point)).collect()
    }

    /// What queries are made of: what the last of the parts reads, or the sublayer's output.
    fn query<'a>(&self, input: &SublayerInput<'a, S>) -> Query<'a, S>
    where
        P: Send,
    {
        match SublayerModule::reads(self, input.point) {
            Some(Reads::Residual) => Query::Residual(input.residual.clone()),
            Some(Reads::Next) if !self.fusion().config().query_before_ln => Query::Next(input.next(false)),
            _ => Query::Output(input.output.clone()),
        }
    }
}

/// What queries are made of, `[T, D]`.
enum Query<'a, S> {
    /// The state with which the base would go on; several share it.
    Next(NextState<'a, S>),
    Output(ArcArray2<S>),
    Residual(ArcArray2<S>),
}

impl<S: Scalar> Query<'_, S> {
    fn x(&self) -> ArcArray2<S> {
        match self {
            Self::Next(next) => next.x.clone(),
            Self::Output(x) | Self::Residual(x) => x.clone(),
        }
    }

    fn wants_gradient(&self, input: &SublayerInput<'_, S>) -> bool {
        match self {
            Self::Next(_) => input.wants_output || input.wants_residual || input.join.trains(),
            Self::Output(_) => input.wants_output,
            Self::Residual(_) => input.wants_residual,
        }
    }

    /// Takes `d_x` to where `x` came from.
    fn backward(self, d_x: Option<Array2<S>>, mixed: &mut MixedGradient<S>, gradients: &mut Gradients<S>) {
        let Some(d_x) = d_x else { return };
        match self {
            Self::Next(next) => {
                let (d_output, d_residual) = next.backward(d_x, true, gradients);
                mixed.output.add_some(d_output);
                mixed.residual.add_some(d_residual);
            }
            Self::Output(_) => mixed.output.add(d_x),
            Self::Residual(_) => mixed.residual.add(d_x),
        }
    }
}
