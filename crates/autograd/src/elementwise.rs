//! Functions of each element by itself, over arrays of any rank.

use crate::shape::{reshaped, rows, shared_rows};
use crate::{Var, record};
use adaptune_tensor::{Activation, Dropout, Scalar};
use ndarray::{Array, Dimension};
use std::f64::consts::PI;

impl<S: Scalar, D: Dimension + 'static> Var<S, D> {
    /// `y = e^x`: `d_x = d_y ∘ y`.
    #[must_use]
    pub fn exp(&self) -> Self {
        self.through_result(S::exp, |y| y)
    }

    /// `y = ln x`: `d_x = d_y / x`.
    #[must_use]
    pub fn ln(&self) -> Self {
        self.through_input(S::ln, |x| S::one() / x)
    }

    /// `y = √x`: `d_x = d_y / 2y`, infinite at 0.
    #[must_use]
    pub fn sqrt(&self) -> Self {
        self.through_result(S::sqrt, |y| S::from_f64(0.5) / y)
    }

    /// `y = |x|`: `d_x = d_y ∘ sign(x)`, where the sign of 0 is taken as 0.
    #[must_use]
    pub fn abs(&self) -> Self {
        self.through_input(S::abs, sign)
    }

    /// `y = erf x`, the error function: `d_x = d_y ∘ 2/√π e^(−x²)`.
    #[must_use]
    pub fn erf(&self) -> Self {
        self.through_input(S::erf, |x| S::from_f64(2.0 / PI.sqrt()) * (-x * x).exp())
    }

    /// `y = x²`: `d_x = 2 d_y ∘ x`.
    #[must_use]
    pub fn square(&self) -> Self {
        self.through_input(|x| x * x, |x| x + x)
    }

    /// `y = x^n`: `d_x = n d_y ∘ x^(n−1)`. The result is a constant for `n = 0`.
    #[must_use]
    pub fn powi(&self, n: i32) -> Self {
        if n == 0 {
            return Self::constant(Array::ones(self.raw_dim()));
        }
        self.through_input(move |x| power(x, n.into()), move |x| S::from_f64(n.into()) * power(x, i64::from(n) - 1))
    }

    /// `y = tanh x`; the same as [`Activation::Tanh`].
    #[must_use]
    pub fn tanh(&self) -> Self {
        self.activate(Activation::Tanh)
    }

    /// `y = 1/(1 + e^(−x))`; the same as [`Activation::Sigmoid`].
    #[must_use]
    pub fn sigmoid(&self) -> Self {
        self.activate(Activation::Sigmoid)
    }

    /// `y = φ(x)`: `d_x = d_y ∘ φ'(x)`.
    #[must_use]
    pub fn activate(&self, activation: Activation) -> Self {
        let shape = self.raw_dim();
        record(self, |_| {
            let x = shared_rows(self);
            let y = reshaped(activation.forward(x.to_owned()), shape.clone());
            (y, move |d_y| reshaped(activation.backward(x.view(), rows(d_y)), shape))
        })
    }

    /// `y = m ∘ x / (1 − rate)` with the mask `m` of `dropout`: `d_x = m ∘ d_y / (1 − rate)`.
    ///
    /// The mask is drawn again in backward instead of being kept. Elements count row by row.
    #[must_use]
    pub fn dropout(&self, dropout: Dropout) -> Self {
        let apply = move |x: Array<S, D>| {
            let shape = x.raw_dim();
            let mut x = rows(x);
            dropout.apply(&mut x);
            reshaped(x, shape)
        };
        record(self, |_| (apply(self.to_array()), apply))
    }

    /// `y = f(x)` with `f'` as a function of `x`, which is kept.
    pub(crate) fn through_input(&self, f: impl Fn(S) -> S, derivative: impl Fn(S) -> S + Send + 'static) -> Self {
        record(self, |_| {
            let x = self.to_shared();
            (x.mapv(f), move |mut d_y: Array<S, D>| {
                d_y.zip_mut_with(&x, |d, x| *d *= derivative(*x));
                d_y
            })
        })
    }

    /// `y = f(x)` with `f'` as a function of `y`, which is kept, shared with the result.
    fn through_result(&self, f: impl Fn(S) -> S, derivative: impl Fn(S) -> S + Send + 'static) -> Self {
        record(self, |_| {
            let y = self.value().mapv(f).into_shared();
            (y.clone(), move |mut d_y: Array<S, D>| {
                d_y.zip_mut_with(&y, |d, y| *d *= derivative(*y));
                d_y
            })
        })
    }
}

fn sign<S: Scalar>(x: S) -> S {
    let zero = S::zero();
    if x > zero {
        S::one()
    } else if x < zero {
        -S::one()
    } else {
        zero
    }
}

/// `x^n` by squaring; `n` is wide enough for `n − 1` of any `i32`.
fn power<S: Scalar>(x: S, n: i64) -> S {
    if n < 0 {
        return S::one() / power(x, -n);
    }
    let half = if n > 1 { power(x, n / 2) } else { S::one() };
    let even = half * half;
    if n % 2 == 1 { even * x } else { even }
}
