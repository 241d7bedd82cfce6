//! A choice among modules in a linear layer.

use super::node::Route;
use crate::compose::shares::linear_parts;
use adaptune_tensor::{Gradients, Scalar};
use adaptune_transformer::{
    Accumulator, Insertions, LinearBackward, LinearInput, LinearModule, LinearPoint, Properties,
};
use ndarray::{Array2, ArrayView2};

/// Place of the router's random draws, behind those of the parts.
const ROUTER: u64 = u64::MAX;

impl<S: Scalar, P: Insertions<S> + Send> LinearModule<S> for Route<S, P> {
    fn forward<'a>(&'a self, input: LinearInput<'a, S>) -> (Array2<S>, Option<LinearBackward<'a, S>>) {
        let router = self.router().layer(input.point).expect("a router has a layer wherever its parts have modules");
        let wants_input = input.wants_input;
        let (shares, choice) = router.forward(&input.x, &input.layout, input.pass.at(ROUTER), wants_input);
        let (y, mut parts) = linear_parts(self.parts(), shares, &input);
        let wanted = choice.is_some() || parts.want_backward();
        let backward = move |d_y: ArrayView2<'_, S>, gradients: &mut Gradients<S>, d_x: &mut Accumulator<S>| {
            let d_weights = parts.backward(d_y, choice.is_some(), gradients, d_x);
            if let Some(choice) = choice {
                d_x.add_some(router.backward(choice, &d_weights, parts.shares(), wants_input, gradients));
            }
        };
        (y, wanted.then(|| -> LinearBackward<'a, S> { Box::new(backward) }))
    }

    fn properties(&self, point: LinearPoint) -> Properties {
        let modules = self.parts().iter().filter_map(|part| part.linear(point));
        self.routed(Properties::all(modules.map(|module| module.properties(point))))
    }
}
