//! A split at one point: the two shapes that have one.

use super::node::Split;
use crate::compose::shares::{linear_with, sublayer_with};
use adaptune_tensor::Scalar;
use adaptune_transformer::{
    Insertions, LinearBackward, LinearInput, LinearModule, LinearPoint, Properties, Reads, SublayerBackward,
    SublayerInput, SublayerModule, SublayerPoint,
};
use ndarray::Array2;

impl<S: Scalar, P: Insertions<S> + Send> LinearModule<S> for Split<P> {
    fn forward<'a>(&'a self, input: LinearInput<'a, S>) -> (Array2<S>, Option<LinearBackward<'a, S>>) {
        let shares = self.shares(&input.layout);
        linear_with(self.parts(), shares, &input)
    }

    fn properties(&self, point: LinearPoint) -> Properties {
        let modules = self.parts().iter().filter_map(|part| part.linear(point));
        by_place(Properties::all(modules.map(|module| module.properties(point))))
    }
}

impl<S: Scalar, P: Insertions<S> + Send> SublayerModule<S> for Split<P> {
    fn forward<'a>(&'a self, input: SublayerInput<'a, S>) -> (Array2<S>, Option<SublayerBackward<'a, S>>) {
        let shares = self.shares(&input.layout);
        sublayer_with(self.parts(), shares, input)
    }

    fn properties(&self, point: SublayerPoint) -> Properties {
        let modules = self.parts().iter().filter_map(|part| part.sublayer(point));
        by_place(Properties::all(modules.map(|module| module.properties(point))))
    }

    fn reads(&self, point: SublayerPoint) -> Option<Reads> {
        Reads::of_all(self.parts().iter().filter_map(|part| part.sublayer(point)).map(|module| module.reads(point)))
    }
}

/// What a token gets depends on where it stands.
fn by_place(modules: Properties) -> Properties {
    Properties { token_wise: false, ..modules }
}
