//! Element-wise work on rows, compiled for each set of vector instructions and chosen at run time.
//!
//! A loop here is plain Rust, which the compiler turns into vector instructions as wide as it is allowed. So each function
//! is compiled for the baseline, for AVX2 and for AVX-512, and the [path](super::ProductPath) of the process says which is
//! called. It is compiled here, for both number types, and in no crate that calls it: these loops are where the time goes, and other
//! crates may be compiled for less speed.
//!
//! **Same bits.** Only what is computed for each element by itself is spread over vectors: the compiler neither fuses nor
//! reorders, and a maximum does not depend on the order. So all paths give the same bits. The plain function, which is what
//! stands here, is the oracle of the others. Sums are added in the order of the elements on every path.

use super::loops::{AdamWStep, GROUP, Loops};
use super::product::{ProductPath, path};
use crate::Scalar;
use crate::activation::{Activation, with_function};
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

    fn exp_into<S>(x: &[S], shift: S, out: &mut [S]) {
        for (out, x) in out.iter_mut().zip(x) {
            *out = (*x - shift).exp();
        }
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

    fn sum_of_squares<S>(row: &[S]) -> f64 {
        let (eights, rest) = row.as_chunks::<8>();
        let mut sums = [0.0; 8];
        for eight in eights {
            for (sum, v) in sums.iter_mut().zip(eight) {
                *sum += v.to_f64() * v.to_f64();
            }
        }
        let rest: f64 = rest.iter().map(|v| v.to_f64() * v.to_f64()).sum();
        sums.into_iter().sum::<f64>() + rest
    }

    fn sums<S>(group: &[S], columns: usize) -> [S; GROUP] {
        sums_of(group.len() / columns, columns, |r, i| group[r * columns + i])
    }

    fn sums_of_products<S>(a: &[S], b: &[S], columns: usize) -> [S; GROUP] {
        sums_of(a.len() / columns, columns, |r, i| a[r * columns + i] * b[r * columns + i])
    }

    fn sums_of_squared_deviations<S>(group: &[S], means: &[S; GROUP], columns: usize) -> [S; GROUP] {
        let deviation = |r: usize, i| group[r * columns + i] - means[r];
        sums_of(group.len() / columns, columns, |r, i| deviation(r, i) * deviation(r, i))
    }
}

/// `Σ_i f(r, i)` for each row `r` of a group, in the order of `i`: rows side by side, since within a row each addition has to
/// wait for the one before.
#[inline(always)]
fn sums_of<S: Scalar>(rows: usize, columns: usize, f: impl Fn(usize, usize) -> S) -> [S; GROUP] {
    let mut sums = [S::zero(); GROUP];
    if rows == GROUP {
        for i in 0..columns {
            for (r, sum) in sums.iter_mut().enumerate() {
                *sum += f(r, i);
            }
        }
    } else {
        for (r, sum) in sums.iter_mut().enumerate().take(rows) {
            (0..columns).for_each(|i| *sum += f(r, i));
        }
    }
    sums
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

    /// A row for each element of `v`: each becomes a sum.
    fn summed<S: Scalar>(v: &mut [S], sums: impl Fn(usize) -> [S; GROUP]) {
        let columns = v.len().div_ceil(GROUP).max(1);
        let sums = sums(columns);
        v.iter_mut().zip(sums).for_each(|(v, sum)| *v = sum);
    }

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
            ("exp_into", |path, v, x, _| exp_into::on(path, x, S::from_f64(0.3), v)),
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
            ("sum_of_squares", |path, v, x, _| {
                v.iter_mut().for_each(|v| *v = S::from_f64(sum_of_squares::on(path, x)));
            }),
            ("sums", |path, v, x, _| summed(v, |columns| sums::on(path, whole_rows(x, columns), columns))),
            ("sums_of_products", |path, v, x, y| {
                summed(v, |columns| {
                    sums_of_products::on(path, whole_rows(x, columns), whole_rows(y, columns), columns)
                });
            }),
            ("sums_of_squared_deviations", |path, v, x, y| {
                let means = std::array::from_fn(|r| y.get(r).copied().unwrap_or(S::one()));
                summed(v, |columns| sums_of_squared_deviations::on(path, whole_rows(x, columns), &means, columns));
            }),
        ]
    }

    /// As many elements as make whole rows, at most a group of them.
    fn whole_rows<S>(x: &[S], columns: usize) -> &[S] {
        &x[..(x.len() / columns).min(GROUP) * columns]
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

    #[test]
    fn the_largest_is_found_wherever_it_stands() {
        for length in LENGTHS {
            let row = row::<f32>(length, "largest");
            assert_eq!(f32::largest(&row), row.iter().copied().fold(f32::NEG_INFINITY, f32::max));
        }
    }
}
