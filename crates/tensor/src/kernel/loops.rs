//! What each number type has to compute on rows.

use crate::activation::Activation;
use crate::random::Seed;
use std::mem::MaybeUninit;

/// What a step of AdamW (Loshchilov and Hutter, 2019) has of its settings.
#[derive(Clone, Copy, Debug)]
pub struct AdamWStep<S> {
    /// What stays of a weight: one less the learning rate times the decay.
    pub kept: S,
    /// The learning rate with the correction of the first moment's bias.
    pub rate: S,
    /// The root of the correction of the second moment's bias.
    pub root_correction2: S,
    /// `1 − β₁`.
    pub rest1: S,
    /// `β₂`.
    pub beta2: S,
    /// `1 − β₂`.
    pub rest2: S,
    /// `ε`.
    pub epsilon: S,
}

/// Element-wise loops over rows, and sums along them, of one number type. Part of [`Scalar`](crate::Scalar), and no business of
/// anybody else.
///
/// Where rows meet, the shorter one ends the loop.
pub trait Loops: Sized {
    /// `v = φ(v)`.
    fn activate(activation: Activation, row: &mut [Self]);

    /// `φ(x)`, into another row; all of it is written if `x` is as long.
    fn activate_into(activation: Activation, x: &[Self], out: &mut [MaybeUninit<Self>]);

    /// `d = d φ'(x)`, the chain rule.
    fn activation_backward(activation: Activation, d: &mut [Self], x: &[Self]);

    /// The largest element; minus infinity of none.
    fn largest(row: &[Self]) -> Self;

    /// `e^(v − shift)`, in place.
    fn exp_minus(row: &mut [Self], shift: Self);

    /// `d = p (d − along)`.
    fn softmax_row_backward(p: &[Self], d: &mut [Self], along: Self);

    /// `v = (v − mean) / deviation`, given `1/deviation`.
    fn normalise(row: &mut [Self], mean: Self, inverse: Self);

    /// `g = (g − mean − x along) / deviation`, given `1/deviation`.
    fn norm_backward(g: &mut [Self], x: &[Self], mean: Self, along: Self, inverse: Self);

    /// `v = v w + b`, without fusing.
    fn scale_and_shift(row: &mut [Self], w: &[Self], b: &[Self]);

    /// `v = v w`.
    fn scale(row: &mut [Self], w: &[Self]);

    /// `v = v w`, the same `w` for all.
    fn scale_by(row: &mut [Self], w: Self);

    /// `v = v + x`.
    fn add_row(row: &mut [Self], x: &[Self]);

    /// Turns each pair `(a, b)` by an angle: `(a cos − b sin, b cos + a sin)`, where `sin` is multiplied by `sign`, 1 or −1.
    fn rotate(a: &mut [Self], b: &mut [Self], cos: &[Self], sin: &[Self], sign: Self);

    /// Dropout: an element stays and grows where the upper half of its 64 random bits is at least `threshold`, else it becomes zero. The
    /// row begins with draw `first`.
    fn drop_out(row: &mut [Self], seed: Seed, threshold: u64, growth: Self, first: u64);

    /// A step of AdamW: `m = m + (1 − β₁)(g − m)`, `v = β₂ v + (1 − β₂) g²`, `p = kept p − rate m / (√v / root_correction2 + ε)`.
    fn adamw(p: &mut [Self], g: &[Self], m: &mut [Self], v: &mut [Self], step: &AdamWStep<Self>);

    /// `Σ_i v_i`. Here and in the other sums element `i` is added to the sum of its lane, `i mod 32`, and the lanes are added up at the
    /// end: an addition need not wait for the one before, and zeros at the end of a row change no bit.
    fn sum_of_row(row: &[Self]) -> Self;

    /// `Σ_i a_i b_i`.
    fn sum_of_products(a: &[Self], b: &[Self]) -> Self;

    /// `Σ_i (v_i − mean)²`.
    fn sum_of_squared_deviations(row: &[Self], mean: Self) -> Self;

    /// `Σ_i e^(v_i − shift)`.
    fn sum_of_exponentials(row: &[Self], shift: Self) -> Self;

    /// `Σ_i v_i²` in double precision.
    fn sum_of_squares(row: &[Self]) -> f64;
}
