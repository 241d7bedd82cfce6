//! What enters a low-rank part: the layer's input, after a dropout of its own.

use adaptune_tensor::{Dropout, Scalar};
use adaptune_transformer::Pass;
use ndarray::{ArcArray2, Array2};

/// `x` and the mask over it. Only the layer's own input is kept, which costs nothing; backward drops again.
pub(super) struct Input<S> {
    x: ArcArray2<S>,
    dropout: Option<Dropout>,
}

impl<S: Scalar> Input<S> {
    pub(super) fn new(x: &ArcArray2<S>, rate: f64, pass: Pass) -> Self {
        Self { x: x.clone(), dropout: pass.dropout(rate) }
    }

    /// True if something is dropped.
    pub(super) fn drops(&self) -> bool {
        self.dropout.is_some()
    }

    /// `x` after dropout, `[T, In]`.
    pub(super) fn dropped(&self) -> ArcArray2<S> {
        let Some(dropout) = self.dropout else { return self.x.clone() };
        // What an invertible adapter gives lies column by column.
        let mut x = self.x.as_standard_layout().into_owned();
        dropout.apply(&mut x);
        x.into_shared()
    }

    /// From the gradient of what was dropped to that of `x`.
    pub(super) fn backward(&self, mut d: Array2<S>) -> Array2<S> {
        if let Some(dropout) = self.dropout {
            dropout.apply(&mut d);
        }
        d
    }
}
