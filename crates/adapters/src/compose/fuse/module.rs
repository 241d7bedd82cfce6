//! The fusion at the end of a sublayer.

use super::node::Fuse;
use crate::compose::changes::{MixedGradient, changes};
use crate::compose::query::Query;
use adaptune_tensor::{Gradients, Parameters, Scalar};
use adaptune_transformer::{
    Insertions, Properties, Reads, SublayerBackward, SublayerInput, SublayerModule, SublayerPoint,
};
use ndarray::Array2;

/// Place of the fusion's random draws, behind those of its parts.
const FUSION: u64 = u64::MAX;

impl<S: Scalar, P: Insertions<S> + Send> SublayerModule<S> for Fuse<S, P> {
    fn forward<'a>(&'a self, input: SublayerInput<'a, S>) -> (Array2<S>, Option<SublayerBackward<'a, S>>) {
        let (point, modules) = (input.point, self.modules(input.point));
        let layer = self.fusion().layer(point).expect("a fusion has a layer wherever its parts have modules");
        let (parts, trace, input) = changes(modules, input);
        let keep = trace.wants_backward(layer.any_trains(), &input);
        let query = self.query(&input);
        let (c, fusion) = layer.forward(query.x(), parts, &input.output, &input.layout, input.pass.at(FUSION), keep);
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
        let reads = SublayerModule::reads(self, input.point);
        let reads = reads.filter(|reads| *reads != Reads::Next || !self.fusion().config().query_before_ln);
        Query::of(input, reads.unwrap_or(Reads::Output))
    }
}
