//! Attention over few things for each token: `N` of them, `u_i: [T, D]` each. Every row is computed by itself, and each array is gone
//! through once; the plain versions below are what the tests hold these against.

use adaptune_tensor::Scalar;
use ndarray::{Array2, ArrayView1, ArrayView2, CowArray, Ix2};
use rayon::prelude::*;

/// Rows that a thread takes at a time.
const ROWS: usize = 32;

/// Calls `work(t, row)` for each row of an array of zeros of this size, and returns it.
fn rows_in_parallel<S: Scalar>((rows, columns): (usize, usize), work: impl Fn(usize, &mut [S]) + Sync) -> Array2<S> {
    let mut all = vec![S::zero(); rows * columns];
    all.par_chunks_mut(ROWS * columns.max(1)).enumerate().for_each(|(piece, values)| {
        values.chunks_mut(columns.max(1)).enumerate().for_each(|(row, values)| work(piece * ROWS + row, values));
    });
    Array2::from_shape_vec((rows, columns), all).expect("as many numbers as there are places")
}

/// Arrays whose rows lie together.
fn standard<'u, S: Scalar>(u: &'u [Array2<S>]) -> Vec<CowArray<'u, S, Ix2>> {
    u.iter().map(|u| u.as_standard_layout()).collect()
}

fn row<'a, S>(of: &'a CowArray<'_, S, Ix2>, t: usize) -> &'a [S] {
    let columns = of.ncols();
    &of.as_slice().expect("standard layout")[t * columns..(t + 1) * columns]
}

/// `Σ_i p_ti u_i,t`, `[T, D]`, for `p: [T, N]`.
pub(super) fn mixed<S: Scalar>(p: ArrayView2<'_, S>, u: &[Array2<S>]) -> Array2<S> {
    let parts = standard(u);
    rows_in_parallel(u[0].dim(), |t, sum| {
        for (p, u) in p.row(t).iter().zip(&parts) {
            sum.iter_mut().zip(row(u, t)).for_each(|(sum, u)| *sum += *p * *u);
        }
    })
}

/// `p_t u_t + q_t v_t` for each row `t`, `[T, D]`.
pub(super) fn weighed<S: Scalar>(
    (p, u): (ArrayView1<'_, S>, ArrayView2<'_, S>),
    (q, v): (ArrayView1<'_, S>, ArrayView2<'_, S>),
) -> Array2<S> {
    let (u, v) = (u.as_standard_layout(), v.as_standard_layout());
    rows_in_parallel(u.dim(), |t, sum| {
        let (p, q) = (p[t], q[t]);
        sum.iter_mut().zip(row(&u, t)).zip(row(&v, t)).for_each(|((sum, u), v)| *sum = *u * p + q * *v);
    })
}

/// `a_t · u_i,t` for each token and thing, `[T, N]`.
pub(super) fn products<S: Scalar>(a: ArrayView2<'_, S>, u: &[Array2<S>]) -> Array2<S> {
    rows_in_parallel((a.nrows(), u.len()), |t, products| {
        products.iter_mut().zip(u).for_each(|(product, u)| *product = a.row(t).dot(&u.row(t)));
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use adaptune_tensor::Seed;
    use ndarray::{Axis, Zip};

    fn numbers(rows: usize, columns: usize, seed: u64) -> Array2<f32> {
        Array2::from_shape_fn((rows, columns), |(i, j)| Seed::new(seed).at(i as u64).unit(j as u64) as f32 - 0.5)
    }

    /// Plainly, thing after thing: to the bit, below and above the rows that one thread takes.
    #[test]
    fn rows_side_by_side_are_those_of_one_after_the_other() {
        for (tokens, width, things) in [(1, 5, 1), (7, 3, 2), (65, 9, 3), (131, 33, 4)] {
            let u: Vec<Array2<f32>> = (0..things).map(|i| numbers(tokens, width, 7 + i as u64)).collect();
            let (p, a) = (numbers(tokens, things, 1), numbers(tokens, width, 2));
            let mut sum = Array2::<f32>::zeros((tokens, width));
            let mut dots = Array2::zeros((tokens, things));
            for (i, u) in u.iter().enumerate() {
                for (t, mut sum) in sum.outer_iter_mut().enumerate() {
                    sum.scaled_add(p[(t, i)], &u.row(t));
                }
                Zip::from(dots.column_mut(i)).and(a.rows()).and(u.rows()).for_each(|dot, a, u| *dot = a.dot(&u));
            }
            assert_eq!(mixed(p.view(), &u), sum);
            assert_eq!(products(a.view(), &u), dots);
            let expected = &a * &p.column(0).insert_axis(Axis(1)) + &u[0] * &p.column(things - 1).insert_axis(Axis(1));
            let transposed = u[0].t().as_standard_layout().into_owned().reversed_axes();
            let found = weighed((p.column(0), a.view()), (p.column(things - 1), transposed.view()));
            assert_eq!(found, expected);
        }
    }
}
