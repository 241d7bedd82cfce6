//! Where a product goes.

use super::cut::cut;
use super::tile::Kernel;
use ndarray::{ArrayView2, ArrayViewMut2, Axis, Ix2, RawArrayViewMut, s};
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ops::Range;

/// A part of a result, `[M, N]`, which nobody else sees. It may hold no numbers yet: a product writes all of them before it
/// reads one, unless it starts from the result.
pub(super) struct Out<'a> {
    view: RawArrayViewMut<f32, Ix2>,
    life: PhantomData<&'a mut f32>,
}

// SAFETY: it is as exclusive as the view that it was made from, and numbers go from thread to thread.
unsafe impl Send for Out<'_> {}

impl<'a> Out<'a> {
    /// A result that holds numbers.
    pub(super) fn of(mut view: ArrayViewMut2<'a, f32>) -> Self {
        Self { view: view.raw_view_mut(), life: PhantomData }
    }

    /// A result that is to be written. Nothing may start from it: no [`Start::Result`](super::operation::Start::Result).
    pub(super) fn blank(mut view: ArrayViewMut2<'a, MaybeUninit<f32>>) -> Self {
        Self { view: view.raw_view_mut().cast(), life: PhantomData }
    }

    /// `[M, N]`.
    pub(super) fn dim(&self) -> (usize, usize) {
        self.view.dim()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.view.is_empty()
    }

    /// The way to the next row and to the next column.
    pub(super) fn strides(&self) -> [isize; 2] {
        [self.view.strides()[0], self.view.strides()[1]]
    }

    /// The first number.
    pub(super) fn as_mut_ptr(&mut self) -> *mut f32 {
        self.view.as_mut_ptr()
    }

    /// True if the numbers of each row lie next to each other.
    pub(super) fn has_rows_in_one_piece(&self) -> bool {
        self.strides()[1] == 1 || self.dim().1 <= 1
    }

    pub(super) fn reversed_axes(self) -> Self {
        Self { view: self.view.reversed_axes(), ..self }
    }

    /// Some of its columns.
    pub(super) fn columns(&mut self, columns: Range<usize>) -> Out<'_> {
        Out { view: self.view.raw_view_mut().slice_move(s![.., columns]), life: PhantomData }
    }

    /// What lies before row (or column) `at`, and the rest.
    pub(super) fn split_at(self, axis: Axis, at: usize) -> (Self, Self) {
        let (before, behind) = self.view.split_at(axis, at);
        let part = |view| Self { view, life: PhantomData };
        (part(before), part(behind))
    }

    /// Parts that are `length` rows (or columns) long, each with its first one.
    pub(super) fn cut(self, axis: Axis, length: usize) -> Vec<(usize, Self)> {
        let (all, mut rest, mut parts) = (if axis == Axis(0) { self.dim().0 } else { self.dim().1 }, self, Vec::new());
        for range in cut(0..all, length) {
            let (part, others) = rest.split_at(axis, range.len());
            parts.push((range.start, part));
            rest = others;
        }
        parts
    }

    /// The numbers, to be read.
    ///
    /// # Safety
    /// All of them have been written.
    pub(super) unsafe fn view(&self) -> ArrayView2<'_, f32> {
        // SAFETY: it was made from a view, and is borrowed as long as the new one lives; the caller's promise.
        unsafe { self.view.deref_into_view() }
    }

    /// Writes all numbers; by vectors where the columns of the result lie in one piece.
    pub(super) fn write<K: Kernel>(mut self, numbers: ArrayView2<'_, f32>) {
        let ((m, n), [row, column]) = (self.dim(), self.strides());
        assert!(numbers.dim() == (m, n) && numbers.is_standard_layout(), "what is written has the shape of the result");
        let whole = if row == 1 && column > 0 { m - m % K::LANES } else { 0 };
        for i in (0..whole).step_by(K::LANES) {
            let (source, into) = (numbers.as_ptr(), self.as_mut_ptr());
            // SAFETY: rows `i..i + LANES` are in both; those of the result lie next to each other, its columns `column` apart. That
            // the processor has the kernel's instructions was checked when the product began.
            unsafe { K::transpose(n, source.add(i * n), n as isize, into.add(i), column as usize) };
        }
        let rest = self.split_at(Axis(0), whole).1.view.cast::<MaybeUninit<f32>>();
        // SAFETY: it was made from an exclusive view that lives as long; what may be unwritten is called so.
        unsafe { rest.deref_into_view_mut() }.zip_mut_with(&numbers.slice(s![whole.., ..]), |out, x| {
            out.write(*x);
        });
    }
}
