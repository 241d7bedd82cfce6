//! A product and what it is added to.

use ndarray::{ArrayView1, ArrayView2, ArrayViewMut2, LinalgScalar, s};
use std::ops::Range;

/// `c = α a b + start`.
#[derive(Debug)]
pub struct Product<'a, S, C = ArrayViewMut2<'a, S>> {
    /// `α`.
    pub alpha: S,
    /// `[M, K]`.
    pub a: ArrayView2<'a, S>,
    /// `[K, N]`.
    pub b: ArrayView2<'a, S>,
    /// What is added.
    pub start: Start<'a, S>,
    /// `[M, N]`.
    pub c: C,
}

/// What a product is added to.
#[derive(Clone, Copy, Debug)]
pub enum Start<'a, S> {
    /// Nothing; what the result held is not looked at.
    Zero,
    /// `β` times what the result held.
    Result(S),
    /// This, `[M, N]`.
    Given(ArrayView2<'a, S>),
}

impl<S> Product<'_, S> {
    /// # Panics
    /// If the shapes do not fit.
    pub(crate) fn check(&self) {
        let Self { a, b, c, start, .. } = self;
        assert_eq!(a.ncols(), b.nrows(), "inner lengths of a product: {:?} × {:?}", a.dim(), b.dim());
        assert_eq!((a.nrows(), b.ncols()), c.dim(), "shape of a product's result");
        assert!(start.fits(c.dim()), "what is added has the shape of the result");
    }
}

impl<'a, S> Start<'a, S> {
    /// A bias, `[N]`, in each row of a result `[M, N]`, if there is one.
    ///
    /// # Panics
    /// If it has not a number for each column.
    pub(crate) fn in_each_row(bias: &'a Option<ArrayView1<'_, S>>, shape: (usize, usize)) -> Self {
        let rows = |bias: &'a ArrayView1<'_, S>| bias.broadcast(shape).expect("a bias has a number for each column");
        bias.as_ref().map_or(Self::Zero, |bias| Self::Given(rows(bias)))
    }
}

impl<S: Copy> Start<'_, S> {
    /// The same, lent for a shorter time.
    pub(super) fn view(&self) -> Start<'_, S> {
        match self {
            Self::Zero => Start::Zero,
            Self::Result(beta) => Start::Result(*beta),
            Self::Given(view) => Start::Given(view.view()),
        }
    }
}

impl<S> Start<'_, S> {
    pub(super) fn part(self, rows: Range<usize>, columns: Range<usize>) -> Self {
        match self {
            Self::Given(view) => Self::Given(view.slice_move(s![rows, columns])),
            other => other,
        }
    }

    pub(super) fn transposed(self) -> Self {
        match self {
            Self::Given(view) => Self::Given(view.reversed_axes()),
            other => other,
        }
    }

    pub(super) fn fits(&self, shape: (usize, usize)) -> bool {
        if let Self::Given(view) = self { view.dim() == shape } else { true }
    }
}

impl<S: LinalgScalar> Start<'_, S> {
    /// `β` times what the result held, where a `β` of zero does not look at it.
    pub(crate) fn scaled(beta: S) -> Self {
        if beta.is_zero() { Self::Zero } else { Self::Result(beta) }
    }
}
