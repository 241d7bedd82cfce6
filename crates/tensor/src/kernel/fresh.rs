//! New arrays that are written once, without being cleared first.

use crate::Scalar;
use crate::activation::Activation;
use ndarray::{Array2, ArrayView2};
use rayon::prelude::*;
use std::mem::MaybeUninit;

/// Elements that are written together: enough to be worth a thread, few enough to share out evenly.
pub(crate) const PIECE: usize = 1 << 14;

/// `y = φ(x)`, element by element, in parallel; `x` stays.
pub(crate) fn activated<S: Scalar>(activation: Activation, x: ArrayView2<'_, S>) -> Array2<S> {
    let x = x.as_standard_layout();
    let mut y = Array2::uninit(x.dim());
    let into = y.as_slice_mut().expect("a new array has standard layout");
    let pieces = into.par_chunks_mut(PIECE).zip(x.as_slice().expect("standard layout").par_chunks(PIECE));
    pieces.for_each(|(into, x)| S::activate_into(activation, x, into));
    // SAFETY: the pieces of `x` are as long as those of `y`, together as long as both, and each was written to its end.
    unsafe { y.assume_init() }
}

/// A copy in standard layout, made in parallel.
pub(crate) fn copied<S: Scalar>(x: ArrayView2<'_, S>) -> Array2<S> {
    activated(Activation::Identity, x)
}

/// Zeros, written in parallel.
pub(crate) fn zeros<S: Scalar>(shape: (usize, usize)) -> Array2<S> {
    let mut zeros = Array2::uninit(shape);
    let into = zeros.as_slice_mut().expect("a new array has standard layout");
    into.par_chunks_mut(PIECE).for_each(|into| into.fill(MaybeUninit::new(S::zero())));
    // SAFETY: the pieces are all of it, and each was filled.
    unsafe { zeros.assume_init() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::random;

    #[test]
    fn every_element_is_written() {
        for shape in [(0, 3), (1, 1), (5, 7), (131, 257), (3, PIECE)] {
            let x = random::<f32>(1, shape);
            let relu = |v: f32| v.max(0.0);
            assert_eq!(activated(Activation::Relu, x.view()), x.mapv(relu), "{shape:?}");
            assert_eq!(activated(Activation::Relu, x.t()), x.t().mapv(relu), "{shape:?}, transposed");
            assert_eq!(copied(x.t()), x.t(), "{shape:?}, copied");
            assert_eq!(zeros::<f32>(shape), Array2::zeros(shape), "{shape:?}");
        }
    }
}
