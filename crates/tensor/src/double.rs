//! Products of f64 matrices, in which gradients are checked: ndarray's own, cut into blocks.

use crate::kernel::{Form, PackedMatrix, Precision, Product, Products, Start, bf16_round};
use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut2, Axis};
use rayon::prelude::*;

/// Multiply-adds that are worth a task of their own.
const BLOCK_WORK: usize = 1 << 24;
/// Each block packs the whole other operand, so a thin one would spend its time on that.
const MIN_BLOCK: usize = 192;

impl Products for f64 {
    fn multiply(_: Precision, product: Product<'_, f64>, parallel: bool) {
        product.check();
        let Product { alpha, a, b, start, mut c } = product;
        let beta = match start {
            Start::Zero => 0.0,
            Start::Result(beta) => beta,
            Start::Given(given) => {
                c.assign(&given);
                1.0
            }
        };
        multiply(alpha, a, b, beta, c, parallel);
    }

    fn product(
        precision: Precision,
        alpha: f64,
        a: ArrayView2<'_, f64>,
        b: ArrayView2<'_, f64>,
        bias: Option<ArrayView1<'_, f64>>,
        parallel: bool,
    ) -> Array2<f64> {
        let mut c = Array2::zeros((a.nrows(), b.ncols()));
        let start = Start::in_each_row(&bias, c.dim());
        Self::multiply(precision, Product { alpha, a, b, start, c: c.view_mut() }, parallel);
        c
    }

    fn product_packed(
        a: ArrayView2<'_, f64>,
        b: &PackedMatrix<f64>,
        transposed: bool,
        bias: Option<ArrayView1<'_, f64>>,
    ) -> Array2<f64> {
        let b = if transposed { array(b).t() } else { array(b).view() };
        Self::product(Precision::Full, 1.0, a, b, bias, true)
    }

    fn pack(b: ArrayView2<'_, f64>, precision: Precision) -> PackedMatrix<f64> {
        PackedMatrix(Form::Array(match precision {
            Precision::Full => b.to_owned(),
            Precision::Bf16 => b.mapv(|x| f64::from(bf16_round(x as f32))),
        }))
    }

    fn add_product_transposed(a: ArrayView2<'_, f64>, b: &PackedMatrix<f64>, mut c: ArrayViewMut2<'_, f64>) {
        let (b, start) = (array(b).t(), Start::Result(1.0));
        let product = Product { alpha: 1.0, a: a.view(), b, start, c: c.view_mut() };
        Self::multiply(Precision::Full, product, true);
    }

    fn unpack(b: &PackedMatrix<f64>) -> Array2<f64> {
        array(b).clone()
    }
}

fn array(b: &PackedMatrix<f64>) -> &Array2<f64> {
    match &b.0 {
        Form::Array(array) => array,
        _ => unreachable!("f64 is packed as an array"),
    }
}

/// `c = α a b + β c`. The cut depends on the shapes alone, so the bits of the result do not depend on the number of
/// threads.
fn multiply(
    alpha: f64,
    a: ArrayView2<'_, f64>,
    b: ArrayView2<'_, f64>,
    beta: f64,
    mut c: ArrayViewMut2<'_, f64>,
    parallel: bool,
) {
    let (m, n) = c.dim();
    let axis = if m >= n { Axis(0) } else { Axis(1) };
    let block = block_length(m.max(n), m.min(n) * a.ncols());
    if !parallel || block >= m.max(n) {
        return general_mat_mul(alpha, &a, &b, beta, &mut c);
    }
    let parts: Vec<_> = c.axis_chunks_iter_mut(axis, block).enumerate().collect();
    parts.into_par_iter().for_each(|(i, mut part)| {
        let range = i * block..i * block + part.len_of(axis);
        if axis == Axis(0) {
            general_mat_mul(alpha, &a.slice_axis(axis, range.into()), &b, beta, &mut part);
        } else {
            general_mat_mul(alpha, &a, &b.slice_axis(axis, range.into()), beta, &mut part);
        }
    });
}

/// How many rows (or columns) a block takes: even shares of `length`, each worth a task.
fn block_length(length: usize, work_per_row: usize) -> usize {
    let least = MIN_BLOCK.max(BLOCK_WORK.div_ceil(work_per_row.max(1)));
    let blocks = (length / least).max(1);
    length.div_ceil(blocks)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::random;
    use crate::{matmul, matmul_reference};
    use approx::assert_abs_diff_eq;
    use ndarray::s;

    /// Large enough for several blocks along each axis, with uneven last blocks and strided operands.
    #[test]
    fn blocks_follow_the_triple_loop() {
        for (m, k, n) in [(1211, 70, 501), (37, 301, 5001), (5001, 301, 37)] {
            assert!(block_length(m.max(n), k * m.min(n)) < m.max(n), "{m} {k} {n} is not cut");
            let (a, b) = (random::<f64>(7, (m, 2 * k)), random::<f64>(8, (k, n)));
            let a = a.slice(s![.., ..;2]);
            assert_abs_diff_eq!(matmul(a, b.view()), matmul_reference(a, b.view()), epsilon = 1e-11);
        }
    }
}
