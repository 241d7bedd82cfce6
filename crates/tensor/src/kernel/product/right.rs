//! The right operand as tiles read it: panels that are packed, behind columns that are read where they lie.

use super::pack::Panels;
use super::tile::{Kernel, Shape};
use ndarray::ArrayView2;

/// A right operand `[K, N]`.
#[derive(Clone, Copy)]
pub(super) struct Right<'a> {
    /// The columns that are read where they lie: whole panels, whose rows lie in one piece.
    pub(super) direct: Option<ArrayView2<'a, f32>>,
    /// The columns behind them.
    pub(super) panels: Panels<'a>,
}

impl<'a> Right<'a> {
    pub(super) fn packed(panels: Panels<'a>) -> Self {
        Self { direct: None, panels }
    }

    /// Of the tiles that read it.
    pub(super) fn shape(&self) -> Shape {
        self.panels.shape
    }

    fn direct_columns(&self) -> usize {
        self.direct.map_or(0, |direct| direct.ncols())
    }

    /// `N`.
    pub(super) fn columns(&self) -> usize {
        self.direct_columns() + self.panels.columns
    }

    /// `K`.
    pub(super) fn depth(&self) -> usize {
        self.panels.depth
    }

    /// Where the panel of `column`, where a tile begins, begins in the slice `k..k + depth`, and the way to its next
    /// row.
    pub(super) fn panel<K: Kernel>(&self, k: usize, depth: usize, column: usize) -> (*const f32, isize) {
        assert!(
            column.is_multiple_of(self.shape().columns) && column < self.columns() && k + depth <= self.depth(),
            "a panel"
        );
        if let Some(direct) = self.direct.filter(|direct| column < direct.ncols()) {
            let row = direct.strides()[0];
            // Wrapping, because an operand without depth has no first number.
            return (direct.as_ptr().wrapping_offset(k as isize * row).wrapping_add(column), row);
        }
        let panel = self.panels.panel::<K>(k, depth, column - self.direct_columns());
        (panel.as_ptr(), (panel.len() / depth.max(1)) as isize)
    }
}
