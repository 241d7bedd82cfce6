//! Singular values of a matrix, in double precision and without a library: for combining adapters, not for training.
//!
//! One-sided Jacobi (Hestenes, 1958): the columns of `A` are turned against each other, two at a time, until all are
//! orthogonal. Then `A V = U Σ`: their lengths are the singular values, and what turned them is `V`. It is slow for
//! large matrices and as exact as there is for small ones.

use ndarray::{Array1, Array2, ArrayView2, Axis, s};

/// `A = U diag(σ) Vᵀ` with `σ` falling: `U: [m, k]`, `V: [n, k]`, `k` the smaller of `m` and `n`.
pub(crate) struct Svd {
    pub(crate) u: Array2<f64>,
    pub(crate) sigma: Array1<f64>,
    pub(crate) v: Array2<f64>,
}

/// How often all pairs are turned at most; a handful is enough in practice.
const SWEEPS: usize = 60;

/// Columns whose cosine is below this count as orthogonal.
const ORTHOGONAL: f64 = 1e-15;

/// The decomposition of any matrix.
pub(crate) fn svd(a: ArrayView2<'_, f64>) -> Svd {
    if a.nrows() < a.ncols() {
        let Svd { u, sigma, v } = svd(a.t());
        return Svd { u: v, sigma, v: u };
    }
    // Rows of these are the columns of A and V: they lie together.
    let (mut columns, mut v) = (a.t().to_owned(), Array2::eye(a.ncols()));
    for _ in 0..SWEEPS {
        if !sweep(&mut columns, &mut v) {
            break;
        }
    }
    sorted(&columns, &v)
}

/// Turns every pair of columns; false if all were orthogonal already.
fn sweep(columns: &mut Array2<f64>, v: &mut Array2<f64>) -> bool {
    let mut turned = false;
    for p in 0..columns.nrows() {
        for q in p + 1..columns.nrows() {
            let (x, y) = (columns.row(p), columns.row(q));
            let (alpha, beta, gamma) = (x.dot(&x), y.dot(&y), x.dot(&y));
            if gamma.abs() > ORTHOGONAL * (alpha * beta).sqrt() {
                let turn = rotation(alpha, beta, gamma);
                rotate(columns, p, q, turn);
                rotate(v, p, q, turn);
                turned = true;
            }
        }
    }
    turned
}

/// Cosine and sine of the angle that makes two columns orthogonal, from their squared lengths and their product.
fn rotation(alpha: f64, beta: f64, gamma: f64) -> (f64, f64) {
    let zeta = (beta - alpha) / (2.0 * gamma);
    let t = zeta.signum() / (zeta.abs() + (1.0 + zeta * zeta).sqrt());
    let c = 1.0 / (1.0 + t * t).sqrt();
    (c, c * t)
}

fn rotate(rows: &mut Array2<f64>, p: usize, q: usize, (c, s): (f64, f64)) {
    let (mut x, mut y) = rows.multi_slice_mut((s![p, ..], s![q, ..]));
    ndarray::Zip::from(&mut x).and(&mut y).for_each(|x, y| (*x, *y) = (c * *x - s * *y, s * *x + c * *y));
}

fn sorted(columns: &Array2<f64>, v: &Array2<f64>) -> Svd {
    let lengths: Vec<f64> = columns.rows().into_iter().map(|column| column.dot(&column).sqrt()).collect();
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.sort_by(|a, b| lengths[*b].total_cmp(&lengths[*a]));
    let sigma: Array1<f64> = order.iter().map(|i| lengths[*i]).collect();
    let scale = sigma.mapv(|s| if s > 0.0 { 1.0 / s } else { 0.0 });
    let u = columns.select(Axis(0), &order).reversed_axes() * &scale;
    Svd { u, sigma, v: v.select(Axis(0), &order).reversed_axes() }
}

/// `A = Q R` with orthonormal columns of `Q: [m, n]`, by Gram and Schmidt, twice for exactness; columns that depend on
/// earlier ones become zero.
pub(crate) fn thin_qr(a: ArrayView2<'_, f64>) -> (Array2<f64>, Array2<f64>) {
    let n = a.ncols();
    let (mut q, mut r) = (Array2::<f64>::zeros((n, a.nrows())), Array2::zeros((n, n)));
    for j in 0..n {
        let mut column = a.column(j).to_owned();
        let length = column.dot(&column).sqrt();
        for i in (0..j).chain(0..j) {
            let part = q.row(i).dot(&column);
            r[[i, j]] += part;
            column.scaled_add(-part, &q.row(i));
        }
        let rest = column.dot(&column).sqrt();
        if rest > 1e-13 * length {
            r[[j, j]] = rest;
            q.row_mut(j).assign(&(column / rest));
        }
    }
    (q.reversed_axes(), r)
}

#[cfg(test)]
mod tests {
    use super::*;
    use adaptune_tensor::Seed;
    use adaptune_test_support::largest_difference;

    fn random(shape: (usize, usize)) -> Array2<f64> {
        Array2::from_shape_fn(shape, |(i, j)| Seed::new(3).at(i as u64).unit(j as u64) - 0.4)
    }

    #[test]
    fn the_parts_are_orthonormal_and_make_the_matrix_again() {
        for shape in [(7, 5), (5, 7), (6, 6), (9, 1), (1, 4)] {
            let a = random(shape);
            let Svd { u, sigma, v } = svd(a.view());
            assert!(largest_difference((&u * &sigma).dot(&v.t()), a) < 1e-12, "{shape:?}");
            for part in [&u, &v] {
                assert!(largest_difference(part.t().dot(part), Array2::<f64>::eye(sigma.len())) < 1e-12, "{shape:?}");
            }
            assert!(sigma.windows(2).into_iter().all(|pair| pair[0] >= pair[1]));
        }
    }

    #[test]
    fn a_matrix_of_low_rank_has_few_singular_values() {
        let a = random((8, 2)).dot(&random((2, 6)));
        let sigma = svd(a.view()).sigma;
        assert!(sigma[1] > 1e-3 && sigma.iter().skip(2).all(|s| *s < 1e-12), "{sigma}");
    }

    #[test]
    fn columns_become_orthonormal_or_zero() {
        let mut a = random((6, 4));
        let doubled = &a.column(0) * 2.0 + a.column(1);
        a.column_mut(2).assign(&doubled);
        let (q, r) = thin_qr(a.view());
        assert!(largest_difference(q.dot(&r), a) < 1e-12);
        let expected = Array2::from_diag(&ndarray::arr1(&[1.0, 1.0, 0.0, 1.0]));
        assert!(largest_difference(q.t().dot(&q), expected) < 1e-12);
    }
}
