//! A choice among modules at the end of a sublayer.

use super::node::Route;
use crate::compose::changes::Changes;
use crate::compose::query::Query;
use crate::compose::shares::sublayer_parts;
use adaptune_tensor::{Gradients, Scalar};
use adaptune_transformer::{
    Insertions, Properties, Reads, SharedNext, SublayerBackward, SublayerInput, SublayerModule, SublayerPoint,
};
use ndarray::Array2;

/// Place of the router's random draws, behind those of the parts.
const ROUTER: u64 = u64::MAX;

impl<S: Scalar, P: Insertions<S> + Send> SublayerModule<S> for Route<S, P> {
    fn forward<'a>(&'a self, mut input: SublayerInput<'a, S>) -> (Array2<S>, Option<SublayerBackward<'a, S>>) {
        let layer = self.router().layer(input.point).expect("a router has a layer wherever its parts have modules");
        let own = input.next.is_none().then(|| SharedNext::new(input.pass.gradients()));
        input.next = own.clone().or(input.next);
        let query = Query::of(&input, SublayerModule::reads(self, input.point).unwrap_or(Reads::Output));
        let wants_query = query.wants_gradient(&input);
        let (shares, choice) = layer.forward(&query.x(), &input.layout, input.pass.at(ROUTER), wants_query);
        let (c, mut parts) = sublayer_parts(self.parts(), shares, &input);
        let keep = input.wants_backward(choice.is_some() || parts.want_backward());
        let backward = move |d_c: Array2<S>, gradients: &mut Gradients<S>| {
            let (mut mixed, d_weights) = parts.backward(d_c, choice.is_some(), gradients);
            if let Some(choice) = choice {
                let d_x = layer.backward(choice, &d_weights, parts.shares(), wants_query, gradients);
                query.backward(d_x, &mut mixed, gradients);
            }
            mixed
        };
        Changes::mixed_alone(own).end(c, backward, input, keep)
    }

    fn properties(&self, point: SublayerPoint) -> Properties {
        let modules = self.parts().iter().filter_map(|part| part.sublayer(point));
        self.routed(Properties::all(modules.map(|module| module.properties(point))))
    }

    fn reads(&self, point: SublayerPoint) -> Option<Reads> {
        Reads::of_all(self.parts().iter().filter_map(|part| part.sublayer(point)).map(|module| module.reads(point)))
    }
}
