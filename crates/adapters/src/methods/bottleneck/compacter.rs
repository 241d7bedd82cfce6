//! Bottlenecks that share parameters: one module for all of an adapter's points.

use crate::core::by_point::ByPoint;
use crate::core::module::Module;
use crate::methods::bottleneck::phm::layer::PhmShared;
use crate::methods::bottleneck::phm::stack::Arrays;
use crate::methods::bottleneck::wiring::BottleneckAdapter;
use adaptune_tensor::{Named, NamedMut, Scalar, parameters};
use adaptune_transformer::{Properties, Reads, SublayerBackward, SublayerInput, SublayerModule, SublayerPoint};
use ndarray::Array2;

/// Compacter (Mahabadi, Henderson and Ruder, 2021): wired bottlenecks of hypercomplex layers that share their rule, and
/// perhaps more. The layers are in [`phm`](super::phm).
#[derive(Clone, Debug)]
pub struct Compacter<S> {
    /// What they share.
    pub shared: PhmShared<S>,
    /// The bottleneck of each point.
    pub adapters: ByPoint<BottleneckAdapter<S>>,
}

parameters!(Compacter { "" => shared, "" => adapters });

impl<S: Scalar> SublayerModule<S> for Compacter<S> {
    fn forward<'a>(&'a self, input: SublayerInput<'a, S>) -> (Array2<S>, Option<SublayerBackward<'a, S>>) {
        self.adapters.at(input.point).adapt(input, Some(&self.shared))
    }
    fn properties(&self, point: SublayerPoint) -> Properties {
        self.adapters.at(point).properties(point)
    }
    fn reads(&self, point: SublayerPoint) -> Option<Reads> {
        self.adapters.at(point).reads(point)
    }
}

impl<S: Scalar> Module<S> for Compacter<S> {
    fn sublayer(&self) -> Option<&dyn SublayerModule<S>> {
        Some(self)
    }
    fn constants(&self) -> Named<'_, S> {
        let mut all = Vec::new();
        self.shared.list_arrays(true, "", &mut all);
        self.adapters.0.iter().for_each(|(point, adapter)| adapter.list_constants(&point.to_string(), &mut all));
        all
    }
    fn constants_mut(&mut self) -> NamedMut<'_, S> {
        let mut all = Vec::new();
        self.shared.list_arrays_mut(true, "", &mut all);
        self.adapters
            .0
            .iter_mut()
            .for_each(|(point, adapter)| adapter.list_constants_mut(&point.to_string(), &mut all));
        all
    }
}
