//! Exercise 2, what is given: a trainable vector for each block, and where it is plugged in.

use adaptune_tensor::ndarray::{Array1, Ix1};
use adaptune_tensor::{Kind, Parameter, Scalar, parameters};
use adaptune_transformer::{Insertions, Sublayer, SublayerModule, SublayerPoint};

// ANCHOR: given
/// `y = join(o + c, r)` with a trainable `c: [D]`: what attention gives is shifted.
pub struct Shift<S> {
    /// `c`.
    pub shift: Parameter<S, Ix1>,
}

parameters!(Shift { "shift" => shift });
// ANCHOR_END: given

/// One for each block, behind its attention.
pub struct Shifts<S> {
    blocks: Vec<Shift<S>>,
}

parameters!(Shifts { "blocks" => blocks });

impl<S: Scalar> Shifts<S> {
    /// Shifts with these values.
    pub fn new(values: impl IntoIterator<Item = Array1<S>>) -> Self {
        let shift = |values| Shift { shift: Parameter::new(Kind::Weight, values) };
        Self { blocks: values.into_iter().map(shift).collect() }
    }
}

impl<S: Scalar> Insertions<S> for Shifts<S> {
    fn sublayer(&self, point: SublayerPoint) -> Option<&dyn SublayerModule<S>> {
        let module = self.blocks.get(point.layer).map(|module| module as &dyn SublayerModule<S>);
        module.filter(|_| point.sublayer == Sublayer::Attention)
    }
}
