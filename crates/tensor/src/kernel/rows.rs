//! Element-wise work on rows, compiled for each set of vector instructions and chosen at run time.
//!
//! A loop here is plain Rust, which the compiler turns into vector instructions as wide as it is allowed. So each function
//! is compiled for the baseline, for AVX2 and for AVX-512, and the [path](super::ProductPath) of the process says which is
//! called. It is compiled here, for both number types, and in no crate that calls it: these loops are where the time goes, and other
//! crates may be compiled for less speed.
//!
//! **Same bits.** Only what is computed for each element by itself is spread over vectors: the compiler neither fuses nor
//! reorders, and a maximum does not depend on the order. So all paths give the same bits. The plain function, which is what
//! stands here, is the oracle of the others. Sums have one order on every path: that of 32 lanes.

use super::loops::{AdamWStep, Loops};
use super::product::{ProductPath, path};
use crate::Scalar;
use crate::activation::Activation;
use crate::activation::function::{derivative, value, with_function};
use crate::random::Seed;
use std::mem::MaybeUninit;

/// Defines functions that are compiled for each path. A body is inlined into each copy, and so must be what it calls: a `for` loop is,
/// `for_each` need not be.
macro_rules! for_each_path {
    ($(fn $name:ident<S>($($arg:ident: $type:ty),*) $(-> $out:ty)? $body:block)*) => {
        $(mod $name {
            use super::*;

            #[inline(always)]
            pub(super) fn on<S: Scalar>(path: ProductPath, $($arg: $type),*) $(-> $out)? {
                match path {
                    // SAFETY: a path is only chosen where the processor has its instructions.
                    #[cfg(target_arch = "x86_64")]
                    ProductPath::Avx512 => unsafe { avx512($($arg),*) },
                    // SAFETY: as above.
                    #[cfg(target_arch = "x86_64")]
                    ProductPath::Avx2 => unsafe { avx2($($arg),*) },
                    // NEON is part of the baseline where there is any.
                    _ => plain($($arg),*),
                }
            }

            #[inline(always)]
            fn plain<S: Scalar>($($arg: $type),*) $(-> $out)? $body

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2")]
            fn avx2<S: Scalar>($($arg: $type),*) $(-> $out)? {
                plain($($arg),*)
            }

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
            fn avx512<S: Scalar>($($arg: $type),*) $(-> $out)? {
                plain($($arg),*)
            }
        })*

        for_each_path!(implement f32, $($name($($arg: $type),*) $(-> $out)?;)*);
        for_each_path!(implement f64, $($name($($arg: $type),*) $(-> $out)?;)*);
    };
    (implement $number:ident, $($name:ident($($arg:ident: $type:ty),*) $(-> $out:ty)?;)*) => {
        mod $number {
            use super::*;
            type S = std::primitive::$number;

            impl Loops for S {
                $(fn $name($($arg: $type),*) $(-> $out)? {
                    $name::on::<S>(path(), $($arg),*)
                })*
            }
        }
    };
}

for_each_path! {
    fn activate<S>(activation: Activation, row: &mut [S]) {
        with_function!(activation, value, f => for v in row {
            *v = f(*v);
        });
    }

    fn activate_into<S>(activation: Activation, x: &[S], out: &mut [MaybeUninit<S>]) {
        with_function!(activation, value, f => for (out, x) in out.iter_mut().zip(x) {
            out.write(f(*x));
        });
    }

    fn activation_backward<S>(activation: Activation, d: &mut [S], x: &[S]) {
        with_function!(activation, derivative, f => for (d, x) in d.iter_mut().zip(x) {
            *d *= f(*x);
        });
    }

    fn largest<S>(row: &[S]) -> S {
        const LANES: usize = 16;
        let mut lanes = [S::from_f64(f64::NEG_INFINITY); LANES];
        let (chunks, rest) = row.as_chunks::<LANES>();
        for chunk in chunks {
            for (lane, v) in lanes.iter_mut().zip(chunk) {
                *lane = lane.max(*v);
            }
        }
        lanes.iter().chain(rest).fold(S::from_f64(f64::NEG_INFINITY), |largest, v| largest.max(*v))
    }

    fn exp_minus<S>(row: &mut [S], shift: S) {
        for v in row {
            *v = (*v - shift).exp();
        }
    }

    fn softmax_row_backward<S>(p: &[S], d: &mut [S], along: S) {
        for (d, p) in d.iter_mut().zip(p) {
            *d = *p * (*d - along);
        }
    }

    fn normalise<S>(row: &mut [S], mean: S, inverse: S) {
        for v in row {
            *v = (*v - mean) * inverse;
        }
    }

    fn scale_and_shift<S>(row: &mut [S], w: &[S], b: &[S]) {
        for ((v, w), b) in row.iter_mut().zip(w).zip(b) {
            *v = *v * *w + *b;
        }
    }

    fn scale<S>(row: &mut [S], w: &[S]) {
        for (v, w) in row.iter_mut().zip(w) {
            *v *= *w;
        }
    }

    fn scale_by<S>(row: &mut [S], w: S) {
        for v in row {
            *v *= w;
        }
    }

    fn add_row<S>(row: &mut [S], x: &[S]) {
        for (v, x) in row.iter_mut().zip(x) {
            *v += *x;
        }
    }

    fn rotate<S>(a: &mut [S], b: &mut [S], cos: &[S], sin: &[S], sign: S) {
        for (((a, b), cos), sin) in a.iter_mut().zip(b).zip(cos).zip(sin) {
            let sin = *sin * sign;
            (*a, *b) = (*a * *cos - *b * sin, *b * *cos + *a * sin);
        }
    }

    fn norm_backward<S>(g: &mut [S], x: &[S], mean: S, along: S, inverse: S) {
        for (g, x) in g.iter_mut().zip(x) {
            *g = (*g - mean - *x * along) * inverse;
        }
    }

    fn drop_out<S>(row: &mut [S], seed: Seed, threshold: u64, growth: S, first: u64) {
        for (i, v) in row.iter_mut().enumerate() {
            let keeps = seed.bits(first + i as u64) >> 32 >= threshold;
            *v = if keeps { *v * growth } else { S::zero() };
        }
    }

    fn adamw<S>(p: &mut [S], g: &[S], m: &mut [S], v: &mut [S], step: &AdamWStep<S>) {
        for ((p, g), (m, v)) in p.iter_mut().zip(g).zip(m.iter_mut().zip(v)) {
            *m += step.rest1 * (*g - *m);
            *v = step.beta2 * *v + step.rest2 * *g * *g;
            *p = step.kept * *p - step.rate * (*m / (v.sqrt() / step.root_correction2 + step.epsilon));
        }
    }

    fn sum_of_row<S>(row: &[S]) -> S {
        sum_of(row, row, |v, _| v)
    }

    fn sum_of_products<S>(a: &[S], b: &[S]) -> S {
        sum_of(a, b, |a, b| a * b)
    }

    fn sum_of_squared_deviations<S>(row: &[S], mean: S) -> S {
        sum_of(row, row, |v, _| (v - mean) * (v - mean))
    }

    fn sum_of_exponentials<S>(row: &[S], shift: S) -> S {
        sum_of(row, row, |v, _| (v - shift).exp())
    }

    fn sum_of_squares<S>(row: &[S]) -> f64 {
        sum_of(row, row, |v, _| v.to_f64() * v.to_f64())
    }
}

/// Sums that are added to side by side, as many as fill two of the widest vectors: the second is added to while the first waits.
const LANES: usize = 32;

/// `Σ_i f(a_i, b_i)`, element `i` in lane `i mod 32`. So all paths have the same bits.
#[inline(always)]
fn sum_of<S: Scalar, T: Scalar>(a: &[S], b: &[S], f: impl Fn(S, S) -> T) -> T {
    let mut lanes = [T::zero(); LANES];
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    for (a, b) in a.iter().zip(b) {
        for ((lane, a), b) in lanes.iter_mut().zip(a).zip(b) {
            *lane += f(*a, *b);
        }
    }
    for ((lane, a), b) in lanes.iter_mut().zip(a_rest).zip(b_rest) {
        *lane += f(*a, *b);
    }
    added_up(lanes)
}

/// The sum of all lanes, half of them to the other half, until one is left.
#[inline(always)]
fn added_up<S: Scalar>(mut lanes: [S; LANES]) -> S {
    let mut half = LANES / 2;
    while half > 0 {
        let (left, right) = lanes.split_at_mut(half);
        for (left, right) in left.iter_mut().zip(right) {
            *left += *right;
        }
        half /= 2;
    }
    lanes[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lengths around those of vectors.
    const LENGTHS: [usize; 8] = [0, 1, 7, 8, 15, 16, 33, 100];

    fn row<S: Scalar>(length: usize, name: &str) -> Vec<S> {
        let seed = Seed::new(7).named(name);
        (0..length as u64).map(|i| S::from_f64(6.0 * seed.unit(i) - 3.0)).collect()
    }

    fn bits<S: Scalar>(row: &[S]) -> Vec<u64> {
        row.iter().map(|v| v.to_f64().to_bits()).collect()
    }

    type Work<S> = fn(ProductPath, &mut [S], &[S], &[S]);

    /// Each function by name, called by a path.
    fn works<S: Scalar>() -> [(&'static str, Work<S>); 20] {
        [
            ("activate", |path, v, _, _| activate::on(path, Activation::Gelu, v)),
            ("activate_into", |path, v, x, _| {
                let mut out = vec![MaybeUninit::new(S::zero()); v.len()];
                activate_into::on(path, Activation::Silu, x, &mut out);
                // SAFETY: they were written twice.
                v.iter_mut().zip(out).for_each(|(v, out)| *v = unsafe { out.assume_init() });
            }),
            ("activation_backward", |path, v, x, _| activation_backward::on(path, Activation::GeluTanh, v, x)),
            ("largest", |path, v, x, _| v.iter_mut().for_each(|v| *v = largest::on(path, x))),
            ("exp_minus", |path, v, _, _| exp_minus::on(path, v, S::from_f64(-0.7))),
            ("softmax_row_backward", |path, v, x, _| softmax_row_backward::on(path, x, v, S::from_f64(0.2))),
            ("normalise", |path, v, _, _| normalise::on(path, v, S::from_f64(0.1), S::from_f64(1.7))),
            ("scale_and_shift", scale_and_shift::on),
            ("norm_backward", |path, v, x, _| {
                norm_backward::on(path, v, x, S::from_f64(0.1), S::from_f64(-0.4), S::from_f64(1.7));
            }),
            ("drop_out", |path, v, _, _| drop_out::on(path, v, Seed::new(4), 3 << 30, S::from_f64(1.4), 5)),
            ("scale", |path, v, x, _| scale::on(path, v, x)),
            ("scale_by", |path, v, _, _| scale_by::on(path, v, S::from_f64(-1.3))),
            ("add_row", |path, v, x, _| add_row::on(path, v, x)),
            ("rotate", |path, v, x, y| {
                let (a, b) = v.split_at_mut(v.len() / 2);
                rotate::on(path, a, b, x, y, -S::one());
            }),
            ("adamw", |path, v, x, y| {
                let [kept, rate, root_correction2] = [0.99, 0.1, 0.7].map(S::from_f64);
                let [rest1, beta2, rest2, epsilon] = [0.1, 0.97, 0.03, 1e-3].map(S::from_f64);
                let step = AdamWStep { kept, rate, root_correction2, rest1, beta2, rest2, epsilon };
                let (mut mean, mut squares) = (y.to_vec(), vec![S::from_f64(0.3); y.len()]);
                adamw::on(path, v, x, &mut mean, &mut squares, &step);
                v.iter_mut().zip(mean.iter().zip(squares)).for_each(|(v, (m, s))| *v += *m * s);
            }),
            ("sum_of_row", |path, v, x, _| v.fill(sum_of_row::on(path, x))),
            ("sum_of_products", |path, v, x, y| v.fill(sum_of_products::on(path, x, y))),
            ("sum_of_squared_deviations", |path, v, x, _| {
                v.fill(sum_of_squared_deviations::on(path, x, S::from_f64(0.4)));
            }),
            ("sum_of_exponentials", |path, v, x, _| v.fill(sum_of_exponentials::on(path, x, S::from_f64(0.3)))),
            ("sum_of_squares", |path, v, x, _| v.fill(S::from_f64(sum_of_squares::on(path, x)))),
        ]
    }

    /// Every function gives the bits of the portable path on every path that this processor has.
    fn all_paths_agree<S: Scalar>() {
        for (name, work) in works::<S>() {
            for length in LENGTHS {
                let (x, y) = (row::<S>(length, "x"), row::<S>(length, "y"));
                let by = |path| {
                    let mut v = row::<S>(length, name);
                    work(path, &mut v, &x, &y);
                    bits(&v)
                };
                let plain = by(ProductPath::Portable);
                assert!(length < 2 || plain != bits(&row::<S>(length, name)), "{name} does something");
                for path in ProductPath::available() {
                    assert_eq!(by(path), plain, "{name}, {length} elements, {path:?}");
                }
            }
        }
    }

    #[test]
    fn all_paths_give_the_same_bits() {
        all_paths_agree::<f32>();
        all_paths_agree::<f64>();
    }

    /// What is added behind a row of a tile is zero, and must not change the sum of what is seen.
    #[test]
    fn zeros_at_the_end_of_a_row_change_no_sum() {
        for length in LENGTHS {
            let mut row = row::<f32>(length, "sum");
            let sum = f32::sum_of_row(&row);
            let expected: f64 = row.iter().map(|v| f64::from(*v)).sum();
            assert!((f64::from(sum) - expected).abs() < 1e-4, "{sum} {expected}");
            for longer in [length + 1, length + 31, length + 32, length + 50] {
                row.resize(longer, 0.0);
                assert_eq!(f32::sum_of_row(&row).to_bits(), sum.to_bits(), "{length} in {longer}");
            }
        }
    }

    #[test]
    fn the_largest_is_found_wherever_it_stands() {
        for length in LENGTHS {
            let row = row::<f32>(length, "largest");
            assert_eq!(f32::largest(&row), row.iter().copied().fold(f32::NEG_INFINITY, f32::max));
        }
    }
}
