//! `exp` and `erf` for `f32`, without branches, so that the compiler can turn loops over them into
//! vector instructions. The functions of the standard library and of libm are their oracles.

/// `e^x` to about 1e-7 relative; the result stays finite: `x` is clamped to `[−87.3, 88.3]`.
///
/// `x = n ln 2 + r` with whole `n` and `|r| ≤ ln 2 / 2`; then `e^x = 2^n e^r`, where `e^r` is its
/// Taylor polynomial of degree 7 and `2^n` is written into the exponent bits.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    // Adding 1.5 · 2²³ leaves the nearest whole number in the low bits of the mantissa.
    const ROUND: f32 = 12_582_912.0;
    // ln 2 in two parts: the first has few bits, so n · LN_2_HIGH is exact.
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    let x = if x < -87.3 { -87.3 } else { x };
    let x = if x > 88.3 { 88.3 } else { x };
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = (x - n * LN_2_HIGH) - n * LN_2_LOW;
    let series = polynomial(r, &[1.0, 1.0, 0.5, 1.0 / 6.0, 1.0 / 24.0, 1.0 / 120.0, 1.0 / 720.0, 1.0 / 5040.0]);
    series * f32::from_bits(shifted.to_bits().wrapping_shl(23).wrapping_add(0x3f80_0000))
}

/// The error function to about 4e-7: `x P(x²) / Q(x²)` on `[−4, 4]`, beyond which f32 is at ±1.
///
/// The coefficients are our own minimax fit of the relative error (2.5e-8 in exact arithmetic) by
/// iteratively reweighted least squares at 400 Chebyshev nodes. The first is the slope at 0, `2/√π`, which lies
/// halfway between two numbers of f32: the fit takes the lower one.
#[inline(always)]
pub(crate) fn erf(x: f32) -> f32 {
    const SLOPE: f32 = std::f32::consts::FRAC_2_SQRT_PI - f32::EPSILON;
    const P: [f32; 6] = [SLOPE, 0.193_540_19, 0.053_101_074, 3.883_126_5e-3, 2.845_597_3e-4, 1.986_804e-6];
    const Q: [f32; 6] = [1.0, 0.504_853_1, 0.115_347_96, 0.015_206_818, 1.185_515_9e-3, 3.742_007_4e-5];
    let x = if x < -4.0 { -4.0 } else { x };
    let x = if x > 4.0 { 4.0 } else { x };
    let t = x * x;
    x * polynomial(t, &P) / polynomial(t, &Q)
}

/// `c[0] + c[1] x + c[2] x² + …` by Horner's rule.
#[inline(always)]
fn polynomial<const N: usize>(x: f32, coefficients: &[f32; N]) -> f32 {
    let mut sum = coefficients[N - 1];
    for c in coefficients[..N - 1].iter().rev() {
        sum = sum * x + c;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(limit: f32) -> impl Iterator<Item = f32> {
        (-400_000..=400_000).map(move |i| i as f32 / 400_000.0 * limit)
    }

    #[test]
    fn exp_follows_the_standard_library() {
        for x in grid(87.0) {
            let (fast, exact) = (f64::from(exp(x)), f64::from(x).exp());
            assert!((fast / exact - 1.0).abs() < 2e-7, "exp({x}) = {fast}, not {exact}");
        }
        assert!(exp(-1e30) < 1.3e-38 && exp(1e30).is_finite() && exp(f32::NAN).is_nan());
        assert_eq!(exp(0.0), 1.0);
    }

    #[test]
    fn erf_follows_libm() {
        for x in grid(7.0) {
            let (fast, exact) = (f64::from(erf(x)), libm::erf(f64::from(x)));
            assert!((fast - exact).abs() < 4e-7, "erf({x}) = {fast}, not {exact}");
        }
        assert!(erf(f32::NAN).is_nan() && erf(f32::INFINITY) > 0.999_999);
    }
}
