//! A tree at one point: the two shapes that have one, forward beside backward.
//!
//! Constant weights, so `d_c_i = w_i d_c`: a part gets gradients of the tokens whose path it is on, and of no others.

use super::node::Tree;
use crate::compose::changes::Changes;
use crate::compose::shares::{linear_parts, sublayer_parts};
use adaptune_tensor::{Gradients, Scalar};
use adaptune_transformer::{
    Accumulator, Insertions, LinearBackward, LinearInput, LinearModule, LinearPoint, Properties, Reads, SharedNext,
    SublayerBackward, SublayerInput, SublayerModule, SublayerPoint,
};
use ndarray::{Array2, ArrayView2};

impl<S: Scalar, P: Insertions<S> + Send> LinearModule<S> for Tree<P> {
    fn forward<'a>(&'a self, input: LinearInput<'a, S>) -> (Array2<S>, Option<LinearBackward<'a, S>>) {
        let (y, mut parts) = linear_parts(self.parts(), self.shares(&input.layout), &input);
        let wanted = parts.want_backward();
        let backward = move |d_y: ArrayView2<'_, S>, gradients: &mut Gradients<S>, d_x: &mut Accumulator<S>| {
            parts.backward(d_y, false, gradients, d_x);
        };
        (y, wanted.then(|| -> LinearBackward<'a, S> { Box::new(backward) }))
    }

    fn properties(&self, point: LinearPoint) -> Properties {
        let modules = self.parts().iter().filter_map(|part| part.linear(point));
        Properties::all(modules.map(|module| module.properties(point)))
    }
}

impl<S: Scalar, P: Insertions<S> + Send> SublayerModule<S> for Tree<P> {
    fn forward<'a>(&'a self, mut input: SublayerInput<'a, S>) -> (Array2<S>, Option<SublayerBackward<'a, S>>) {
        let own = input.next.is_none().then(|| SharedNext::new(input.pass.gradients()));
        input.next = own.clone().or(input.next);
        let (c, mut parts) = sublayer_parts(self.parts(), self.shares(&input.layout), &input);
        let keep = input.wants_backward(parts.want_backward());
        let backward = move |d_c: Array2<S>, gradients: &mut Gradients<S>| parts.backward(d_c, false, gradients).0;
        Changes::mixed_alone(own).end(c, backward, input, keep)
    }

    fn properties(&self, point: SublayerPoint) -> Properties {
        let modules = self.parts().iter().filter_map(|part| part.sublayer(point));
        Properties::all(modules.map(|module| module.properties(point)))
    }

    fn reads(&self, point: SublayerPoint) -> Option<Reads> {
        Reads::of_all(self.parts().iter().filter_map(|part| part.sublayer(point)).map(|module| module.reads(point)))
    }
}
