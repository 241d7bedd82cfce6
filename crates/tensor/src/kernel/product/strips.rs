//! Strips of a result, each of which one thread computes alone.
//!
//! What one core has just written is slow to read for another. So where packing is a good part of a product, a thread takes some
//! columns of the result, packs what it reads itself, and meets the others once, at the end.

use super::left;
use super::out::Out;
use super::sizes::TASK;
use super::tile::Kernel;
use ndarray::{ArrayView2, Axis};

/// Fewest columns that are worth a strip, which reads all of the left operand.
const COLUMNS: usize = 192;
/// With more rows packing is little of the work, and smaller parts share it out better.
pub(super) const ROWS: usize = 1024;

/// How many strips there are of a product with `N` columns, as many for each thread; one if it is better not cut so.
pub(super) fn count<K: Kernel>(a: ArrayView2<'_, f32>, n: usize) -> usize {
    let (threads, (m, k)) = (rayon::current_num_threads(), a.dim());
    let most = (m * k * n / TASK).min(n / COLUMNS);
    let for_each = match left::lies_well::<K>(a) {
        // Two, so that one thread can take over from another.
        true => Some(most / threads).filter(|strips| *strips >= 2),
        // It is packed for each strip again.
        false => Some(1).filter(|_| most.min(2 * n / m.max(1)) >= threads),
    };
    for_each.filter(|_| threads > 1 && m <= ROWS).map_or(1, |strips| strips * threads)
}

/// So many strips of whole panels, each with its first column.
pub(super) fn cut_out(c: Out<'_>, count: usize, panel: usize) -> Vec<(usize, Out<'_>)> {
    let (n, mut rest, mut first, mut strips) = (c.dim().1, c, 0, Vec::with_capacity(count));
    for i in 1..=count {
        let end = n.min(n.div_ceil(panel) * i / count * panel);
        let (strip, others) = rest.split_at(Axis(1), end - first);
        strips.push((first, strip));
        (rest, first) = (others, end);
    }
    strips
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::pack::DEPTH;
    use super::super::portable::Portable;
    use super::super::tests::bits;
    use super::super::tile::Kernel;
    use super::*;
    use crate::testing::random;
    use crate::{PackedMatrix, Precision, matmul, matmul_in};
    use adaptune_test_support::on_threads;
    use ndarray::Array2;

    /// Products of each kind that packs its right operand on the way, `[m, k] × [k, n]`, in pairs too.
    pub(in super::super) fn products((m, k, n): (usize, usize, usize)) -> Vec<Vec<u32>> {
        let (x, d, bias) = (random(1, (m, k)), random::<f32>(2, (k, n)), random::<f32>(7, (1, n)));
        let w = random::<f32>(3, (n, k));
        let mut products = vec![matmul(x.view(), w.t()), matmul(x.view(), d.view())];
        for precision in [Precision::Full, Precision::Bf16] {
            products.push(matmul_in(precision, x.view(), d.view(), Some(bias.row(0))));
            let (packed, mut sum) = (PackedMatrix::with_precision(w.view(), precision), random(6, (m, n)));
            packed.add_product_transposed(x.view(), &mut sum);
            products.push(sum);
        }
        products.iter().map(bits).collect()
    }

    /// Odd lengths, and more `k` than a slice has; of one product the left operand is packed too.
    fn in_strips() -> Vec<Vec<u32>> {
        let (tall, wide) = (random::<f32>(4, (801, 310)), random::<f32>(5, (801, 777)));
        let mut products = products((301, 801, 1601));
        products.push(bits(&matmul(tall.t(), wide.view())));
        products
    }

    #[test]
    fn strips_change_no_bit() {
        let (x, tall) = (Array2::zeros((301, 801)), Array2::zeros((801, 310)));
        let counts =
            |threads| on_threads(threads, || (count::<Portable>(x.view(), 1601), count::<Portable>(tall.t(), 777)));
        assert_eq!((counts(1), counts(2), counts(3)), ((1, 1), (8, 2), (6, 3)));
        let one = on_threads(1, in_strips);
        assert!(on_threads(2, in_strips) == one && on_threads(3, in_strips) == one);
    }

    #[test]
    fn few_columns_many_rows_and_little_work_are_not_cut() {
        let on_two = |m, k, n| on_threads(2, || count::<Portable>(Array2::zeros((m, k)).view(), n));
        assert_eq!((on_two(500, 384, 767), on_two(1025, 384, 1536), on_two(3, 384, 1536)), (1, 1, 1));
    }

    /// In the panels of every kernel: a strip of a transposed product reads panels of the source across, and none of its own may
    /// reach from one slice of the source into the next.
    #[test]
    fn strips_are_whole_panels_that_divide_a_slice_and_cover_all_columns() {
        fn check<K: Kernel>() {
            for n in (768..4000).step_by(53) {
                let (panel, mut c) = (K::shape(n).columns, Array2::zeros((3, n)));
                let strips = cut_out(Out::of(c.view_mut()), n / COLUMNS, panel);
                let ends = strips.iter().map(|(first, strip)| first + strip.dim().1);
                assert!(DEPTH.is_multiple_of(panel) && strips.iter().all(|(first, _)| first.is_multiple_of(panel)));
                assert!(strips.iter().map(|(first, _)| *first).skip(1).chain([n]).eq(ends), "{n}");
                let widths = || strips.iter().map(|(_, strip)| strip.dim().1);
                assert!(widths().max() <= widths().min().map(|least| least + 2 * panel), "{n} is shared out");
            }
        }
        check::<super::super::portable::Portable>();
        #[cfg(target_arch = "x86_64")]
        check::<super::super::avx2::Avx2>();
        #[cfg(target_arch = "x86_64")]
        check::<super::super::avx512::Avx512>();
        #[cfg(target_arch = "aarch64")]
        check::<super::super::neon::Neon>();
    }
}
