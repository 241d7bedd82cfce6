//! Element-wise work on rows, compiled for each set of vector instructions and chosen at run time.
//!
//! A loop here is plain Rust, which the compiler turns into vector instructions as wide as it is allowed. So each function
//! is compiled for the baseline, for AVX2 and for AVX-512, and the [path](super::ProductPath) of the process says which is
//! called.
//!
//! **Same bits.** Only what is computed for each element by itself is spread over vectors: the compiler neither fuses nor
//! reorders, and a maximum does not depend on the order. So all paths give the same bits. The plain function, which is what
//! stands here, is the oracle of the others.

use super::product::{ProductPath, path};
use crate::Scalar;
use std::mem::MaybeUninit;

/// Defines functions that are compiled for each path. A body is inlined into each copy, and so must be what it calls.
macro_rules! for_each_path {
    ($(
        $(#[$meta:meta])*
        fn $name:ident<S $(, $F:ident: $input:ty => $output:ty)?>($($arg:ident: $type:ty),*) $(-> $out:ty)? $body:block
    )*) => {$(
        $(#[$meta])*
        pub(crate) fn $name<S: Scalar $(, $F: Fn($input) -> $output)?>($($arg: $type),*) $(-> $out)? {
            $name::on(path(), $($arg),*)
        }

        mod $name {
            use super::*;

            pub(super) fn on<S: Scalar $(, $F: Fn($input) -> $output)?>(path: ProductPath, $($arg: $type),*) $(-> $out)? {
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
            fn plain<S: Scalar $(, $F: Fn($input) -> $output)?>($($arg: $type),*) $(-> $out)? $body

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2")]
            fn avx2<S: Scalar $(, $F: Fn($input) -> $output)?>($($arg: $type),*) $(-> $out)? {
                plain($($arg),*)
            }

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
            fn avx512<S: Scalar $(, $F: Fn($input) -> $output)?>($($arg: $type),*) $(-> $out)? {
                plain($($arg),*)
            }
        }
    )*};
}

for_each_path! {
    /// `v = f(v)`.
    fn map<S, F: S => S>(row: &mut [S], f: F) {
        for v in row {
            *v = f(*v);
        }
    }

    /// `f(x)`, into another row; all of it is written if `x` is as long.
    fn map_into<S, F: S => S>(x: &[S], out: &mut [MaybeUninit<S>], f: F) {
        for (out, x) in out.iter_mut().zip(x) {
            out.write(f(*x));
        }
    }

    /// `d = d f(x)`, the chain rule.
    fn chain<S, F: S => S>(d: &mut [S], x: &[S], f: F) {
        for (d, x) in d.iter_mut().zip(x) {
            *d *= f(*x);
        }
    }

    /// The largest element; minus infinity of none.
    fn maximum<S>(row: &[S]) -> S {
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

    /// `e^(x − shift)`, into another row.
    fn exp_into<S>(x: &[S], shift: S, out: &mut [S]) {
        for (out, x) in out.iter_mut().zip(x) {
            *out = (*x - shift).exp();
        }
    }

    /// `e^(v − shift)`, in place.
    fn exp_minus<S>(row: &mut [S], shift: S) {
        for v in row {
            *v = (*v - shift).exp();
        }
    }

    /// `d = p (d − along)`.
    fn softmax_backward<S>(p: &[S], d: &mut [S], along: S) {
        for (d, p) in d.iter_mut().zip(p) {
            *d = *p * (*d - along);
        }
    }

    /// `v = (v − mean) / deviation`, given `1/deviation`.
    fn normalise<S>(row: &mut [S], mean: S, inverse: S) {
        for v in row {
            *v = (*v - mean) * inverse;
        }
    }

    /// `v = v w + b`, without fusing.
    fn scale_and_shift<S>(row: &mut [S], w: &[S], b: &[S]) {
        for ((v, w), b) in row.iter_mut().zip(w).zip(b) {
            *v = *v * *w + *b;
        }
    }

    /// `v = v w`.
    fn scale<S>(row: &mut [S], w: &[S]) {
        for (v, w) in row.iter_mut().zip(w) {
            *v *= *w;
        }
    }

    /// Turns each pair `(a, b)` by an angle: `(a cos − b sin, b cos + a sin)`, where `sin` is multiplied by `sign`, 1 or −1.
    fn rotate<S>(a: &mut [S], b: &mut [S], cos: &[S], sin: &[S], sign: S) {
        for (((a, b), cos), sin) in a.iter_mut().zip(b).zip(cos).zip(sin) {
            let sin = *sin * sign;
            (*a, *b) = (*a * *cos - *b * sin, *b * *cos + *a * sin);
        }
    }

    /// `g = (g − mean − x along) / deviation`, given `1/deviation`.
    fn norm_backward<S>(g: &mut [S], x: &[S], mean: S, along: S, inverse: S) {
        for (g, x) in g.iter_mut().zip(x) {
            *g = (*g - mean - *x * along) * inverse;
        }
    }

    /// Drops what `keeps` does not keep, and lets the rest grow; the row begins with element `first` of the mask.
    fn drop<S, F: u64 => bool>(row: &mut [S], keeps: F, growth: S, first: u64) {
        for (i, v) in row.iter_mut().enumerate() {
            *v = if keeps(first + i as u64) { *v * growth } else { S::zero() };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Dropout, Seed};

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
    fn works<S: Scalar>() -> [(&'static str, Work<S>); 13] {
        [
            ("map", |path, v, _, _| map::on(path, v, |x| x * x.erf())),
            ("map_into", |path, v, x, _| {
                let mut out = vec![MaybeUninit::new(S::zero()); v.len()];
                map_into::on(path, x, &mut out, |x| x * x.erf());
                // SAFETY: they were written twice.
                v.iter_mut().zip(out).for_each(|(v, out)| *v = unsafe { out.assume_init() });
            }),
            ("chain", |path, v, x, _| chain::on(path, v, x, |x| S::one() / (S::one() + x.exp()))),
            ("maximum", |path, v, x, _| v.iter_mut().for_each(|v| *v = maximum::on(path, x))),
            ("exp_into", |path, v, x, _| exp_into::on(path, x, S::from_f64(0.3), v)),
            ("exp_minus", |path, v, _, _| exp_minus::on(path, v, S::from_f64(-0.7))),
            ("softmax_backward", |path, v, x, _| softmax_backward::on(path, x, v, S::from_f64(0.2))),
            ("normalise", |path, v, _, _| normalise::on(path, v, S::from_f64(0.1), S::from_f64(1.7))),
            ("scale_and_shift", scale_and_shift::on),
            ("norm_backward", |path, v, x, _| {
                norm_backward::on(path, v, x, S::from_f64(0.1), S::from_f64(-0.4), S::from_f64(1.7));
            }),
            ("drop", |path, v, _, _| {
                let mask = Dropout::new(0.3, Seed::new(4));
                drop::on(path, v, |i| mask.keeps(i), mask.growth(), 5);
            }),
            ("scale", |path, v, x, _| scale::on(path, v, x)),
            ("rotate", |path, v, x, y| {
                let (a, b) = v.split_at_mut(v.len() / 2);
                rotate::on(path, a, b, x, y, -S::one());
            }),
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

    #[test]
    fn a_maximum_is_the_largest_wherever_it_stands() {
        for length in LENGTHS {
            let row = row::<f32>(length, "maximum");
            assert_eq!(maximum(&row), row.iter().copied().fold(f32::NEG_INFINITY, f32::max));
        }
    }
}
