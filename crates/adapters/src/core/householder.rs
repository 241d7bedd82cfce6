//! Orthonormal rows that stay orthonormal whatever an optimiser does: a product of reflections (Householder, 1958).
//!
//! What trains is `X: [R, D]`. With `v_i` the row `i` of `X` behind its diagonal, a 1 on it and zeros before it:
//!
//! ```text
//! H_i = I − 2 v_i v_iᵀ / (v_iᵀ v_i)                 a reflection: H_i H_i = I
//! q_i = s_i H_0 H_1 … H_{R−1} e_i                   row i of the result, s_i the sign of X_ii
//! ```
//!
//! Every matrix with orthonormal rows, `R < D`, is one of these. It is the parametrisation that PyTorch chooses (so files
//! are exchanged with AdapterHub), but for an orthogonal `[D, D]` that PyTorch multiplies by in the end: a point to begin
//! from, 16,000 numbers for each of a hidden size of 128. Here that point is `I`; what comes with another is factored
//! again, see [`refactored`]. Projecting back after each step instead would leave the optimiser's moments pointing
//! where no step can go.
//!
//! # Gradients
//!
//! A reflection `y = H p` is its own transpose and its own inverse. So backward finds `p = H y` again and keeps
//! nothing, and with `n = v·v`:
//!
//! ```text
//! d_p = H d_y
//! d_v = −(2/n) [(d_y·v) p + (v·p) d_y − (2/n)(v·p)(d_y·v) v]         summed over the rows
//! ```
//!
//! `d_X` is `d_v` behind the diagonal; the diagonal and what is before it have none.

use adaptune_tensor::{Gradients, Kind, Parameter, Scalar, Seed, init, parameters};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, Ix2, s};

/// `X`, `[R, D]`, with `R < D`.
#[derive(Clone, Debug)]
pub(crate) struct Orthonormal<S> {
    original: Parameter<S, Ix2>,
}

parameters!(Orthonormal { "original" => original });

impl<S: Scalar> Orthonormal<S> {
    /// Directions drawn evenly.
    pub(crate) fn new(rank: usize, hidden: usize, seed: Seed) -> Self {
        let original = factor(init::normal((rank, hidden), 1.0, seed));
        Self { original: Parameter::new(Kind::Frame, original) }
    }

    /// The orthonormal rows `q`, `[R, D]`.
    pub(crate) fn rows(&self) -> Array2<S> {
        rows(self.original.view())
    }

    /// Adds `d_X` from the gradient of the rows; `rows` is what [`Orthonormal::rows`] gave.
    pub(crate) fn backward(&self, rows: Array2<S>, d_rows: Array2<S>, gradients: &mut Gradients<S>) {
        if self.original.trains() {
            gradients.add(&self.original, backward(self.original.view(), rows, d_rows));
        }
    }
}

/// `v_i`, `[D]`.
fn reflector<S: Scalar>(x: ArrayView2<'_, S>, i: usize) -> Array1<S> {
    let mut v = x.row(i).to_owned();
    v.slice_mut(s![..i]).fill(S::zero());
    v[i] = S::one();
    v
}

fn sign<S: Scalar>(v: S) -> S {
    if v < S::zero() { -S::one() } else { S::one() }
}

/// `y = p − 2 (v·p)/(v·v) v`, in place.
fn reflect<S: Scalar>(v: ArrayView1<'_, S>, mut p: ArrayViewMut1<'_, S>) {
    let along = S::from_f64(-2.0) * v.dot(&p) / v.dot(&v);
    p.scaled_add(along, &v);
}

fn rows<S: Scalar>(x: ArrayView2<'_, S>) -> Array2<S> {
    let mut q = Array2::zeros(x.dim());
    q.diag_mut().iter_mut().zip(x.diag()).for_each(|(q, x)| *q = sign(*x));
    for i in (0..x.nrows()).rev() {
        let v = reflector(x, i);
        q.rows_mut().into_iter().for_each(|row| reflect(v.view(), row));
    }
    q
}

fn backward<S: Scalar>(x: ArrayView2<'_, S>, mut q: Array2<S>, mut d_q: Array2<S>) -> Array2<S> {
    let mut d_x = Array2::zeros(x.dim());
    for i in 0..x.nrows() {
        let v = reflector(x, i);
        let two_by_n = S::from_f64(2.0) / v.dot(&v);
        let mut d_v = Array1::zeros(v.len());
        for (mut p, mut d) in q.rows_mut().into_iter().zip(d_q.rows_mut()) {
            reflect(v.view(), p.view_mut());
            let (d_along, along) = (d.dot(&v), v.dot(&p));
            d_v.scaled_add(-two_by_n * d_along, &p);
            d_v.scaled_add(-two_by_n * along, &d);
            d_v.scaled_add(two_by_n * two_by_n * along * d_along, &v);
            reflect(v.view(), d.view_mut());
        }
        d_x.slice_mut(s![i, i + 1..]).assign(&d_v.slice(s![i + 1..]));
    }
    d_x
}

/// `X` of rows, `[R, D]`: if these are orthonormal, `X` gives them back; else an orthonormal basis of what they span.
fn factor<S: Scalar>(mut rows: Array2<S>) -> Array2<S> {
    let mut x = Array2::zeros(rows.dim());
    for i in 0..rows.nrows() {
        let row = rows.row(i);
        let tail = row.slice(s![i..]);
        let first = sign(tail[0]);
        // Away from the axis, never towards it: so nothing cancels.
        let mut v = tail.to_owned();
        v[0] += first * tail.dot(&tail).sqrt();
        let head = v[0];
        x.slice_mut(s![i, i..]).assign(&(v / head));
        x[[i, i]] = -first;
        let v = reflector(x.view(), i);
        rows.slice_mut(s![i.., ..]).rows_mut().into_iter().for_each(|row| reflect(v.view(), row));
    }
    x
}

/// `X` that gives by itself the rows which `x` gives with PyTorch's `base: [D, D]`. With `I` for a base it is `x`.
pub(crate) fn refactored<S: Scalar>(x: ArrayView2<'_, S>, base: ArrayView2<'_, S>) -> Array2<S> {
    if base == Array2::<S>::eye(base.nrows()) {
        return x.to_owned();
    }
    let (x, base) = (x.mapv(S::to_f64), base.mapv(S::to_f64));
    factor(rows(x.view()).dot(&base.t())).mapv(S::from_f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use adaptune_autograd::check_gradients;
    use adaptune_tensor::{AnyParameter, Parameters};
    use adaptune_test_support::largest_difference;

    #[test]
    fn rows_are_orthonormal_and_come_back() {
        for (rank, hidden) in [(1, 5), (3, 7), (4, 5)] {
            let x: Array2<f64> = init::normal((rank, hidden), 1.3, Seed::new(2));
            let q = rows(x.view());
            assert!(largest_difference(q.dot(&q.t()), Array2::<f64>::eye(rank)) < 1e-14, "{rank} of {hidden}");
            assert!(largest_difference(rows(factor(q.clone()).view()), q) < 1e-14, "{rank} of {hidden}");
        }
    }

    #[test]
    fn a_base_is_taken_in() {
        let (x, square): (Array2<f64>, Array2<f64>) =
            (init::normal((3, 6), 1.3, Seed::new(2)), init::normal((6, 6), 1.0, Seed::new(3)));
        let base = rows(square.view());
        let found = rows(refactored(x.view(), base.view()).view());
        assert!(largest_difference(found, rows(x.view()).dot(&base.t())) < 1e-14);
        assert_eq!(refactored(x.view(), Array2::eye(6).view()), x, "to the bit");
    }

    #[test]
    fn gradients_follow_finite_differences() {
        let mut frame = Orthonormal::<f64>::new(3, 5, Seed::new(4));
        frame.train_from(0);
        let c: Array2<f64> = init::normal((3, 5), 1.0, Seed::new(5));
        let mut gradients = Gradients::new();
        frame.backward(frame.rows(), c.clone(), &mut gradients);
        let gradient: Vec<f64> = gradients.get(adaptune_tensor::Slot(0)).expect("trains").iter().copied().collect();
        let point = frame.original.values().to_vec();
        let f = |x: &[f64]| {
            let x = Array2::from_shape_vec((3, 5), x.to_vec()).expect("its shape");
            (&rows(x.view()) * &c).sum()
        };
        check_gradients(f, &point, &gradient).unwrap_or_else(|e| panic!("{e}"));
        assert!(gradient.iter().filter(|g| **g != 0.0).count() == 4 + 3 + 2, "behind the diagonal, and nowhere else");
    }
}
