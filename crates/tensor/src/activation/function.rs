//! Each activation and its derivative, of one number.

use crate::Scalar;

/// Evaluates an expression with the function of an activation, from the module [`value`] or [`derivative`]. The choice stands outside of
/// the expression's loop, so that the loop is compiled for each function alone. Whoever calls it imports the module and `Activation`.
macro_rules! with_function {
    ($activation:expr, $of:ident, $f:ident => $expression:expr) => {{
        macro_rules! with {
            ($function:ident) => {{
                let $f = $of::$function;
                $expression
            }};
        }
        match $activation {
            Activation::Identity => with!(identity),
            Activation::Relu => with!(relu),
            Activation::Gelu => with!(gelu),
            Activation::GeluTanh => with!(gelu_tanh),
            Activation::Silu => with!(silu),
            Activation::Tanh => with!(tanh),
            Activation::Sigmoid => with!(sigmoid),
            Activation::LeakyRelu => with!(leaky_relu),
        }
    }};
}
pub(crate) use with_function;

/// `φ(x)`.
pub(crate) mod value {
    use super::{LEAK, Scalar, gelu_tanh_inner, normal_distribution};

    #[inline(always)]
    pub(crate) fn identity<S: Scalar>(x: S) -> S {
        x
    }

    #[inline(always)]
    pub(crate) fn relu<S: Scalar>(x: S) -> S {
        if x > S::zero() { x } else { S::zero() }
    }

    #[inline(always)]
    pub(crate) fn gelu<S: Scalar>(x: S) -> S {
        x * normal_distribution(x)
    }

    #[inline(always)]
    pub(crate) fn gelu_tanh<S: Scalar>(x: S) -> S {
        S::from_f64(0.5) * x * (S::one() + gelu_tanh_inner(x).tanh())
    }

    #[inline(always)]
    pub(crate) fn silu<S: Scalar>(x: S) -> S {
        x * sigmoid(x)
    }

    #[inline(always)]
    pub(crate) fn tanh<S: Scalar>(x: S) -> S {
        x.tanh()
    }

    #[inline(always)]
    pub(crate) fn sigmoid<S: Scalar>(x: S) -> S {
        super::sigmoid(x)
    }

    #[inline(always)]
    pub(crate) fn leaky_relu<S: Scalar>(x: S) -> S {
        if x > S::zero() { x } else { x * S::from_f64(LEAK) }
    }
}

/// `φ'(x)`.
pub(crate) mod derivative {
    use super::{LEAK, Scalar, gelu_tanh_inner, normal_distribution};
    use std::f64::consts::{PI, SQRT_2};

    #[inline(always)]
    pub(crate) fn identity<S: Scalar>(_: S) -> S {
        S::one()
    }

    #[inline(always)]
    pub(crate) fn relu<S: Scalar>(x: S) -> S {
        if x > S::zero() { S::one() } else { S::zero() }
    }

    /// `Φ(x) + x e^(−x²/2)/√(2π)`.
    #[inline(always)]
    pub(crate) fn gelu<S: Scalar>(x: S) -> S {
        let density = (x * x * S::from_f64(-0.5)).exp() * S::from_f64(1.0 / (SQRT_2 * PI.sqrt()));
        normal_distribution(x) + x * density
    }

    /// `(1 + t)/2 + x/2 (1 − t²) √(2/π)(1 + 3 · 0.044715 x²)` with `t = tanh(…)`.
    #[inline(always)]
    pub(crate) fn gelu_tanh<S: Scalar>(x: S) -> S {
        let t = gelu_tanh_inner(x).tanh();
        let inner = S::from_f64((2.0 / PI).sqrt()) * (S::one() + S::from_f64(3.0 * 0.044_715) * x * x);
        S::from_f64(0.5) * (S::one() + t + x * (S::one() - t * t) * inner)
    }

    /// `σ(x)(1 + x(1 − σ(x)))`.
    #[inline(always)]
    pub(crate) fn silu<S: Scalar>(x: S) -> S {
        let s = super::sigmoid(x);
        s * (S::one() + x * (S::one() - s))
    }

    #[inline(always)]
    pub(crate) fn tanh<S: Scalar>(x: S) -> S {
        S::one() - x.tanh() * x.tanh()
    }

    #[inline(always)]
    pub(crate) fn sigmoid<S: Scalar>(x: S) -> S {
        super::sigmoid(x) * (S::one() - super::sigmoid(x))
    }

    #[inline(always)]
    pub(crate) fn leaky_relu<S: Scalar>(x: S) -> S {
        if x > S::zero() { S::one() } else { S::from_f64(LEAK) }
    }
}

/// The slope of a leaky ReLU where `x` is negative.
const LEAK: f64 = 0.01;

/// The logistic function `1/(1 + e^−x)`, from 0 to 1.
#[inline(always)]
#[must_use]
pub fn sigmoid<S: Scalar>(x: S) -> S {
    S::one() / (S::one() + (-x).exp())
}

/// `Φ(x) = (1 + erf(x/√2)) / 2`.
#[inline(always)]
fn normal_distribution<S: Scalar>(x: S) -> S {
    S::from_f64(0.5) * (S::one() + (x * S::from_f64(std::f64::consts::FRAC_1_SQRT_2)).erf())
}

/// `√(2/π)(x + 0.044715 x³)`.
#[inline(always)]
fn gelu_tanh_inner<S: Scalar>(x: S) -> S {
    S::from_f64((2.0 / std::f64::consts::PI).sqrt()) * (x + S::from_f64(0.044_715) * x * x * x)
}
