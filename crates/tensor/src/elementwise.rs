//! Sums, products and copies of whole arrays in parallel: each touches memory once and computes next to nothing, but while one thread
//! does it the others fall asleep.

use crate::Scalar;
use crate::kernel::{self, PIECE};
use crate::profile;
use crate::rows::standard;
use ndarray::{Array2, ArrayBase, ArrayView2, Data, Ix2};
use rayon::prelude::*;

/// `a + b`, in the place of `a`.
///
/// ```
/// use ndarray::arr2;
/// assert_eq!(adaptune_tensor::add(arr2(&[[1.0, 2.0]]), &arr2(&[[0.5, -2.0]])), arr2(&[[1.5, 0.0]]));
/// ```
///
/// # Panics
/// If the shapes differ.
#[must_use]
pub fn add<S: Scalar>(a: Array2<S>, b: &ArrayBase<impl Data<Elem = S>, Ix2>) -> Array2<S> {
    assert_eq!(a.dim(), b.dim(), "shapes of a sum");
    let _span = profile::moving::<S>("sum", a.shape(), 3);
    let (mut a, b) = (standard(a), b.as_standard_layout());
    let sums = a.as_slice_mut().expect("standard layout").par_chunks_mut(PIECE);
    sums.zip(b.as_slice().expect("standard layout").par_chunks(PIECE)).for_each(|(a, b)| S::add_row(a, b));
    a
}

/// `a ∘ b`, in the place of `a`.
///
/// # Panics
/// If the shapes differ.
pub(crate) fn multiply<S: Scalar>(a: Array2<S>, b: ArrayView2<'_, S>) -> Array2<S> {
    assert_eq!(a.dim(), b.dim(), "shapes of an element-wise product");
    let _span = profile::moving::<S>("element-wise product", a.shape(), 3);
    let (mut a, b) = (standard(a), b.as_standard_layout());
    let products = a.as_slice_mut().expect("standard layout").par_chunks_mut(PIECE);
    products.zip(b.as_slice().expect("standard layout").par_chunks(PIECE)).for_each(|(a, b)| S::scale(a, b));
    a
}

/// A copy, in standard layout.
///
/// ```
/// use ndarray::arr2;
/// assert_eq!(adaptune_tensor::copied(&arr2(&[[1.0, 2.0]]).t()), arr2(&[[1.0], [2.0]]));
/// ```
#[must_use]
pub fn copied<S: Scalar>(a: &ArrayBase<impl Data<Elem = S>, Ix2>) -> Array2<S> {
    let _span = profile::moving::<S>("copy", a.shape(), 2);
    kernel::copied(a.view())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::random;

    #[test]
    fn sums_products_and_copies_are_those_of_ndarray() {
        for shape in [(0, 3), (1, 1), (5, 7), (131, 257)] {
            let (a, b) = (random::<f32>(1, shape), random::<f32>(2, shape));
            assert_eq!(add(a.clone(), &b), &a + &b, "{shape:?}");
            assert_eq!(multiply(a.clone(), b.view()), &a * &b, "{shape:?}");
            assert_eq!(copied(&a), a, "{shape:?}");
            let transposed = random::<f32>(3, (shape.1, shape.0)).reversed_axes();
            assert_eq!(add(a.clone(), &transposed), &a + &transposed, "{shape:?}, transposed");
            assert_eq!(add(transposed.clone(), &a), &a + &transposed, "{shape:?}, transposed");
        }
    }
}
