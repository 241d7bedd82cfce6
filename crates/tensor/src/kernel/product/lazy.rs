//! Products with too few columns for each thread to have strips of its own.
//!
//! A part is some rows of a strip here. Who comes to a strip first packs its columns of the right operand; who comes to other rows of
//! it later reads what is there. Nobody waits until all of the operand is packed, and a thread that is ahead takes parts from
//! one that is behind.

use super::cut::cut;
use super::left::{self, Left};
use super::operation::Start;
use super::out::Out;
use super::pack::{DEPTH, Panels, packed_length};
use super::right::Right;
use super::scratch::{Use, with_space};
use super::sizes::{COLUMNS, PACKED, PART, TASK};
use super::strips;
use super::sweep::sweep;
use super::tile::Kernel;
use ndarray::{ArrayView2, Axis, s};
use rayon::prelude::*;
use std::ops::Range;
use std::sync::{Mutex, OnceLock};

/// Most strips for each thread.
const STRIPS: usize = 4;
/// Fewest panels of a strip, which reads all of the left operand.
const PANELS: usize = 2;

/// How many strips there are of a product with `N` columns, `panel` of them in a panel; one if it is better computed otherwise.
pub(super) fn count<K: Kernel>(a: ArrayView2<'_, f32>, n: usize, panel: usize) -> usize {
    let (threads, (m, k)) = (rayon::current_num_threads(), a.dim());
    let strips = (STRIPS * threads).min(m * k * n / TASK).min(n.div_ceil(panel) / PANELS);
    if threads > 1 && m <= strips::ROWS && n <= COLUMNS && left::lies_well::<K>(a) { strips.max(1) } else { 1 }
}

/// Computes `c = α a b + start` in so many strips; `pack(depth, columns, space)` packs a part of `b`.
pub(super) fn multiply<K: Kernel>(
    alpha: f32,
    a: ArrayView2<'_, f32>,
    count: usize,
    start: Start<'_, f32>,
    mut c: Out<'_>,
    pack: impl for<'s> Fn(Range<usize>, Range<usize>, &'s mut [f32]) -> Panels<'s> + Sync,
) {
    let (k, n) = (a.ncols(), c.dim().1);
    // `PACKED` for each strip: a thread works on one at a time, which stays in its second cache.
    let depth = (PACKED * count / n / DEPTH).max(1) * DEPTH;
    with_space(Use::Right, packed_length::<K>(depth.min(k), n), |space| {
        for depth in cut(0..k, depth) {
            let start = if depth.start == 0 { start.view() } else { Start::Result(1.0) };
            let (a, c) = (a.slice(s![.., depth.clone()]), c.columns(0..n));
            in_one_block::<K>(alpha, a, count, start, c, space, |columns, space| pack(depth.clone(), columns, space));
        }
    });
}

/// The same with a `b` that fits into `space`.
fn in_one_block<K: Kernel>(
    alpha: f32,
    a: ArrayView2<'_, f32>,
    count: usize,
    start: Start<'_, f32>,
    c: Out<'_>,
    space: &mut [f32],
    pack: impl for<'s> Fn(Range<usize>, &'s mut [f32]) -> Panels<'s> + Sync,
) {
    let shape = K::shape(c.dim().1);
    let rows = a.nrows().div_ceil(a.nrows().div_ceil(PART.0)).next_multiple_of(shape.rows);
    let (mut packed, mut parts, mut rest) = (Vec::new(), Vec::new(), space);
    for (first, c) in strips::cut_out(c, count, shape.columns) {
        let columns = first..first + c.dim().1;
        let (space, others) = rest.split_at_mut(packed_length::<K>(a.ncols(), columns.len()));
        parts.extend(c.cut(Axis(0), rows).into_iter().map(|(row, c)| (packed.len(), row, c)));
        packed.push(Strip::new(columns, space));
        rest = others;
    }
    parts.into_par_iter().with_max_len(1).for_each(|(number, row, c)| {
        let strip: &Strip<'_> = &packed[number];
        let start = start.view().part(row..row + c.dim().0, strip.columns.clone());
        sweep::<K>(alpha, Left::Direct(a), Right::packed(strip.panels(&pack)), (row, 0), start, c);
    });
}

/// Columns of a right operand, packed when they are needed for the first time.
struct Strip<'a> {
    columns: Range<usize>,
    space: Mutex<Option<&'a mut [f32]>>,
    panels: OnceLock<Panels<'a>>,
}

impl<'a> Strip<'a> {
    fn new(columns: Range<usize>, space: &'a mut [f32]) -> Self {
        Self { columns, space: Mutex::new(Some(space)), panels: OnceLock::new() }
    }

    /// What `pack` made, now or before. It must not share out work: a thread that waited for others meanwhile could take another
    /// part of this strip from them, and wait for itself.
    fn panels(&self, pack: impl Fn(Range<usize>, &'a mut [f32]) -> Panels<'a>) -> Panels<'a> {
        *self.panels.get_or_init(|| {
            let space = self.space.lock().expect("nobody panics with it").take();
            pack(self.columns.clone(), space.expect("it is packed once"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::portable::Portable;
    use super::super::strips::tests::products;
    use super::*;
    use adaptune_test_support::on_threads;
    use ndarray::Array2;

    /// Odd lengths, and more `k` than one block has, of pairs too.
    #[test]
    fn strips_that_are_packed_when_needed_change_no_bit() {
        let x = Array2::zeros((201, 5501));
        let counts = [1, 2, 3].map(|threads| on_threads(threads, || count::<Portable>(x.view(), 401, 48)));
        assert_eq!(counts, [1, 4, 4]);
        let run = |threads| on_threads(threads, || products((201, 5501, 401)));
        let one = run(1);
        assert!(run(2) == one && run(3) == one);
    }

    #[test]
    fn a_strip_is_packed_once() {
        let (mut space, shape) = (vec![0.0; 12], super::super::portable::Portable::shape(4));
        let (strip, calls) = (Strip::new(8..12, &mut space), std::sync::atomic::AtomicUsize::new(0));
        let all: Vec<_> = (0..50)
            .into_par_iter()
            .map(|_| {
                let panels = strip.panels(|columns, space| {
                    assert_eq!((columns, space.len()), (8..12, 12));
                    let before = calls.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    space.fill(before as f32 + 1.0);
                    Panels { numbers: space, depth: 3, columns: 4, shape }
                });
                panels.numbers.iter().sum::<f32>()
            })
            .collect();
        assert_eq!((all, calls.into_inner()), (vec![12.0; 50], 1));
    }

    #[test]
    fn many_rows_few_or_many_columns_and_what_lies_badly_are_computed_otherwise() {
        let on_two = |a: ArrayView2<'_, f32>, n| on_threads(2, || count::<Portable>(a, n, 48));
        let (x, tall) = (Array2::zeros((1025, 384)), Array2::zeros((384, 500)));
        assert_eq!((on_two(x.view(), 384), on_two(x.slice(s![..500, ..]), 96), on_two(tall.t(), 384)), (1, 1, 1));
        assert_eq!((on_two(x.slice(s![..500, ..]), 384), on_two(x.slice(s![..5, ..]), 4032)), (4, 3));
        assert_eq!(on_two(x.slice(s![..5, ..]), 4033), 1, "so much is not packed at a time");
    }
}
