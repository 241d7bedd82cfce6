//! The number types that everything is generic over.

use crate::approximate;
use crate::kernel::{Loops, Products};
use ndarray::{LinalgScalar, ScalarOperand};
use std::fmt::{Debug, Display};
use std::iter::Sum;
use std::ops::{AddAssign, DivAssign, MulAssign, Neg, SubAssign};

/// A floating-point number: `f32` for runs, `f64` for gradient checks.
///
/// The trait is implemented for these two types only. It carries the few functions that the
/// operations of this crate need, so that no code below has to know which of the two it works on.
///
/// ```
/// use adaptune_tensor::Scalar;
/// fn halve<S: Scalar>(x: S) -> S {
///     x * S::from_f64(0.5)
/// }
/// assert_eq!(halve(3.0_f32), 1.5);
/// ```
pub trait Scalar:
    LinalgScalar
    + Loops
    + Products
    + ScalarOperand
    + Neg<Output = Self>
    + AddAssign
    + SubAssign
    + MulAssign
    + DivAssign
    + PartialOrd
    + Sum
    + Default
    + Debug
    + Display
    + Send
    + Sync
{
    /// The type's name, as error messages show it.
    const NAME: &'static str;

    /// Rounds a double to this type.
    fn from_f64(x: f64) -> Self;
    /// This number as a double, exactly.
    fn to_f64(self) -> f64;
    /// `e^x`; in `f32` to about 1e-7 relative and never infinite, so that loops over it vectorise.
    fn exp(self) -> Self;
    /// Natural logarithm.
    fn ln(self) -> Self;
    /// Square root.
    fn sqrt(self) -> Self;
    /// Hyperbolic tangent.
    fn tanh(self) -> Self;
    /// The error function, `2/√π ∫₀ˣ e^(−t²) dt`; in `f32` to about 4e-7.
    fn erf(self) -> Self;
    /// Absolute value.
    fn abs(self) -> Self;
    /// False for infinities and NaN.
    fn is_finite(self) -> bool;

    /// The larger of two numbers.
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        if other > self { other } else { self }
    }
}

macro_rules! scalar {
    ($type:ident, $exp:path, $erf:path) => {
        impl Scalar for $type {
            const NAME: &'static str = stringify!($type);
            #[inline(always)]
            fn from_f64(x: f64) -> Self {
                x as $type
            }
            #[inline(always)]
            fn to_f64(self) -> f64 {
                f64::from(self)
            }
            #[inline(always)]
            fn exp(self) -> Self {
                $exp(self)
            }
            #[inline]
            fn ln(self) -> Self {
                $type::ln(self)
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                $type::sqrt(self)
            }
            fn tanh(self) -> Self {
                $type::tanh(self)
            }
            #[inline(always)]
            fn erf(self) -> Self {
                $erf(self)
            }
            #[inline(always)]
            fn abs(self) -> Self {
                $type::abs(self)
            }
            #[inline(always)]
            fn is_finite(self) -> bool {
                $type::is_finite(self)
            }
        }
    };
}

scalar!(f32, approximate::exp, approximate::erf);
scalar!(f64, f64::exp, libm::erf);
