//! Element-wise activation functions with their derivatives.

use crate::Scalar;
use crate::kernel::{mapped, rows};
use crate::profile;
use crate::rows::{for_each_row, standard};
use ndarray::{Array2, ArrayView2};
use std::f64::consts::{FRAC_1_SQRT_2, PI, SQRT_2};

/// An activation function. Names follow the `hidden_act` of Hugging Face configurations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// `x`.
    Identity,
    /// `max(x, 0)`; its derivative at 0 is taken as 0.
    Relu,
    /// `x Φ(x)` with the normal distribution function `Φ` (Hendrycks and Gimpel, 2016).
    Gelu,
    /// `x/2 (1 + tanh(√(2/π)(x + 0.044715 x³)))`, the approximation of GELU that GPT-2 uses.
    GeluTanh,
    /// `x σ(x)`, also called swish.
    Silu,
    /// `tanh x`.
    Tanh,
    /// `σ(x) = 1/(1 + e^(−x))`.
    Sigmoid,
    /// `x` where positive, `0.01 x` elsewhere.
    LeakyRelu,
}

const NAMES: &[(&str, Activation)] = &[
    ("relu", Activation::Relu),
    ("gelu", Activation::Gelu),
    ("gelu_new", Activation::GeluTanh),
    ("swish", Activation::Silu),
    ("tanh", Activation::Tanh),
    ("sigmoid", Activation::Sigmoid),
    ("leakyrelu", Activation::LeakyRelu),
    ("linear", Activation::Identity),
    ("silu", Activation::Silu),
    ("gelu_pytorch_tanh", Activation::GeluTanh),
    ("gelu_fast", Activation::GeluTanh),
    ("gelu_python", Activation::Gelu),
];

/// Evaluates an expression with the function of an activation.
macro_rules! each {
    ($activation:expr, $S:ident, $f:ident => $expression:expr) => {{
        macro_rules! with {
            ($function:expr) => {{
                let $f = $function;
                $expression
            }};
        }
        match $activation {
            Self::Identity => with!(|x: $S| x),
            Self::Relu => with!(|x: $S| if x > $S::zero() { x } else { $S::zero() }),
            Self::Gelu => with!(gelu::<$S>),
            Self::GeluTanh => with!(gelu_tanh::<$S>),
            Self::Silu => with!(|x: $S| x * sigmoid(x)),
            Self::Tanh => with!($S::tanh),
            Self::Sigmoid => with!(sigmoid::<$S>),
            Self::LeakyRelu => with!(|x: $S| if x > $S::zero() { x } else { x * $S::from_f64(0.01) }),
        }
    }};
}

impl Activation {
    /// The activation of a Hugging Face or AdapterHub name, upper or lower case.
    ///
    /// ```
    /// use adaptune_tensor::Activation;
    /// assert_eq!(Activation::from_name("swish"), Some(Activation::Silu));
    /// ```
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let name = name.to_lowercase();
        NAMES.iter().find(|(n, _)| *n == name).map(|(_, a)| *a)
    }

    /// All names that [`Activation::from_name`] knows.
    pub fn names() -> impl Iterator<Item = &'static str> {
        NAMES.iter().map(|(n, _)| *n)
    }

    /// The name under which AdapterHub knows it.
    #[must_use]
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(_, a)| *a == self).map_or("linear", |(n, _)| n)
    }

    /// `y = φ(x)`, element by element, in place.
    #[must_use]
    pub fn forward<S: Scalar>(self, x: Array2<S>) -> Array2<S> {
        let _span = profile::moving::<S>("activation", x.shape(), 2);
        let mut y = standard(x);
        each!(self, S, f => map(&mut y, f));
        y
    }

    /// `y = φ(x)`, element by element; `x` stays as it is, for [`Activation::backward`].
    #[must_use]
    pub fn apply<S: Scalar>(self, x: ArrayView2<'_, S>) -> Array2<S> {
        let _span = profile::moving::<S>("activation", x.shape(), 2);
        each!(self, S, f => mapped(x, f))
    }

    /// `d_x = d_y ∘ φ'(x)`; `x` is what [`Activation::forward`] or [`Activation::apply`] was given.
    ///
    /// # Panics
    /// If the shapes differ.
    #[must_use]
    pub fn backward<S: Scalar>(self, x: ArrayView2<'_, S>, d_y: Array2<S>) -> Array2<S> {
        assert_eq!(x.dim(), d_y.dim(), "a gradient has the shape of its value");
        let _span = profile::moving::<S>("activation, backward", x.shape(), 3);
        let mut d = standard(d_y);
        let zero = S::zero();
        match self {
            Self::Identity => {}
            Self::Relu => chain(&mut d, x, |x| if x > zero { S::one() } else { zero }),
            Self::Gelu => chain(&mut d, x, d_gelu),
            Self::GeluTanh => chain(&mut d, x, d_gelu_tanh),
            Self::Silu => chain(&mut d, x, d_silu),
            Self::Tanh => chain(&mut d, x, |x| S::one() - x.tanh() * x.tanh()),
            Self::Sigmoid => chain(&mut d, x, |x| sigmoid(x) * (S::one() - sigmoid(x))),
            Self::LeakyRelu => chain(&mut d, x, |x| if x > zero { S::one() } else { S::from_f64(0.01) }),
        }
        d
    }
}

fn map<S: Scalar>(values: &mut Array2<S>, f: impl Fn(S) -> S + Sync) {
    for_each_row(values, |_, row| rows::map(row, &f));
}

fn chain<S: Scalar>(d: &mut Array2<S>, x: ArrayView2<'_, S>, derivative: impl Fn(S) -> S + Sync) {
    let x = x.as_standard_layout();
    let x = x.as_slice().expect("standard layout");
    for_each_row(d, |t, row| {
        let x = &x[t * row.len()..][..row.len()];
        rows::chain(row, x, &derivative);
    });
}

/// `Φ(x) = (1 + erf(x/√2)) / 2`.
#[inline(always)]
fn normal_distribution<S: Scalar>(x: S) -> S {
    S::from_f64(0.5) * (S::one() + (x * S::from_f64(FRAC_1_SQRT_2)).erf())
}

#[inline(always)]
fn gelu<S: Scalar>(x: S) -> S {
    x * normal_distribution(x)
}

/// `Φ(x) + x e^(−x²/2)/√(2π)`.
#[inline(always)]
fn d_gelu<S: Scalar>(x: S) -> S {
    let density = (x * x * S::from_f64(-0.5)).exp() * S::from_f64(1.0 / (SQRT_2 * PI.sqrt()));
    normal_distribution(x) + x * density
}

#[inline(always)]
fn gelu_tanh_inner<S: Scalar>(x: S) -> S {
    S::from_f64((2.0 / PI).sqrt()) * (x + S::from_f64(0.044_715) * x * x * x)
}

#[inline(always)]
fn gelu_tanh<S: Scalar>(x: S) -> S {
    S::from_f64(0.5) * x * (S::one() + gelu_tanh_inner(x).tanh())
}

/// `(1 + t)/2 + x/2 (1 − t²) √(2/π)(1 + 3 · 0.044715 x²)` with `t = tanh(…)`.
#[inline(always)]
fn d_gelu_tanh<S: Scalar>(x: S) -> S {
    let t = gelu_tanh_inner(x).tanh();
    let inner = S::from_f64((2.0 / PI).sqrt()) * (S::one() + S::from_f64(3.0 * 0.044_715) * x * x);
    S::from_f64(0.5) * (S::one() + t + x * (S::one() - t * t) * inner)
}

/// The logistic function `1/(1 + e^−x)`, from 0 to 1.
#[inline(always)]
#[must_use]
pub fn sigmoid<S: Scalar>(x: S) -> S {
    S::one() / (S::one() + (-x).exp())
}

/// `σ(x)(1 + x(1 − σ(x)))`.
#[inline(always)]
fn d_silu<S: Scalar>(x: S) -> S {
    let s = sigmoid(x);
    s * (S::one() + x * (S::one() - s))
}
