//! The average at one point: the two shapes that have one, forward beside backward.
//!
//! `y = Σ_i w_i y_i`, so `d_y_i = w_i d_y`. Parts without a module give what the layer gives, `y_0`, so it weighs what they do.

use super::node::Average;
use crate::compose::changes::{MixedGradient, changes};
use adaptune_tensor::{Gradients, Scalar};
use adaptune_transformer::{
    Insertions, LinearBackward, LinearInput, LinearModule, LinearPoint, Properties, Reads, SharedOutput,
    SublayerBackward, SublayerInput, SublayerModule, SublayerPoint,
};
use ndarray::{Array2, ArrayView2};

impl<S: Scalar, P: Insertions<S> + Send> LinearModule<S> for Average<P> {
    fn forward<'a>(&'a self, input: LinearInput<'a, S>) -> (Array2<S>, Option<LinearBackward<'a, S>>) {
        let modules = self.modules(|part| part.linear(input.point));
        let (y_0, layer) = input.layer(&input.x, input.wants_input);
        let shared = SharedOutput::new(input.below.len(), input.x.clone(), y_0.into_shared(), layer.is_some());
        let rest = if modules.len() < self.parts().len() {
            S::one() - modules.iter().fold(S::zero(), |sum, (w, _)| sum + *w)
        } else {
            S::zero()
        };
        let (mut y, unmixed) = shared.layer();
        y.mapv_inplace(|y| y * rest);
        let unmixed = unmixed.filter(|_| rest != S::zero());
        let mut backwards: Vec<(S, LinearBackward<'a, S>)> = unmixed.into_iter().map(|b| (rest, b)).collect();
        for (i, (weight, module)) in modules.into_iter().enumerate() {
            let (x, shared, layout) = (input.x.clone(), Some(shared.clone()), input.layout.clone());
            let (below, pass) = (input.below.clone(), input.pass.at(PARTS + i as u64));
            let (part, backward) = module.forward(LinearInput { x, below, shared, layout, pass, ..input });
            y.scaled_add(weight, &part);
            backwards.extend(backward.map(|backward| (weight, backward)));
        }
        let backward = (!backwards.is_empty()).then(|| -> LinearBackward<'a, S> {
            Box::new(move |d_y: ArrayView2<'_, S>, gradients, d_x| {
                for (weight, backward) in backwards {
                    backward(d_y.mapv(|d| d * weight).view(), gradients, d_x);
                }
                if let Some((d_y_0, layer)) = shared.into_gradient().zip(layer) {
                    layer(d_y_0.view(), gradients, d_x);
                }
            })
        });
        (y, backward)
    }

    fn properties(&self, point: LinearPoint) -> Properties {
        let modules = self.parts().iter().filter_map(|part| part.linear(point));
        Properties::all(modules.map(|module| module.properties(point)))
    }
}

/// Places of the parts' random draws, behind that of the layer.
const PARTS: u64 = 2;

impl<S: Scalar, P: Insertions<S> + Send> SublayerModule<S> for Average<P> {
    fn forward<'a>(&'a self, input: SublayerInput<'a, S>) -> (Array2<S>, Option<SublayerBackward<'a, S>>) {
        let modules: Vec<(S, _)> = self.modules(|part| part.sublayer(input.point));
        let (weights, modules): (Vec<S>, Vec<_>) = modules.into_iter().unzip();
        let (parts, trace, input) = changes(modules, input);
        let keep = trace.wants_backward(false, &input);
        let mut change = Array2::zeros(input.output.dim());
        weights.iter().zip(&parts).for_each(|(weight, part)| change.scaled_add(*weight, part));
        let backward = move |d: Array2<S>, _: &mut Gradients<S>| {
            MixedGradient::of_parts(weights.into_iter().map(|weight| Some(d.mapv(|d| d * weight))).collect())
        };
        trace.end(change, backward, input, keep)
    }

    fn properties(&self, point: SublayerPoint) -> Properties {
        let modules = self.parts().iter().filter_map(|part| part.sublayer(point));
        Properties::all(modules.map(|module| module.properties(point)))
    }

    fn reads(&self, point: SublayerPoint) -> Option<Reads> {
        let modules = self.parts().iter().filter_map(|part| part.sublayer(point));
        Reads::of_last(modules.map(|module| module.reads(point)))
    }
}
