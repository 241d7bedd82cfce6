//! `+ - * /` with broadcasting, between variables and with plain numbers.
//!
//! Where an input was broadcast, each of its elements was used several times, and its gradient is
//! the sum over those uses: that is [`sum_to`]. The formulas below leave it out.

use crate::shape::sum_to;
use crate::{Var, record};
use adaptune_tensor::Scalar;
use ndarray::{ArcArray, Array, DimMax, Dimension};
use std::ops::{Add, Div, Mul, Neg, Sub};

type Broadcast<D, E> = <D as DimMax<E>>::Output;

/// `y = a + b`: `d_a = d_y`, `d_b = d_y`. Keeps nothing.
fn add<S: Scalar, D: Dimension + DimMax<E> + 'static, E: Dimension + 'static>(
    a: &Var<S, D>,
    b: &Var<S, E>,
) -> Var<S, Broadcast<D, E>> {
    assert_broadcast(a, b);
    let shapes = (a.raw_dim(), b.raw_dim());
    record((a, b), |needs| (&a.value() + &b.value(), move |d_y| sum_to_both(d_y, needs, shapes)))
}

/// `y = a − b`: `d_a = d_y`, `d_b = −d_y`. Keeps nothing.
fn subtract<S: Scalar, D: Dimension + DimMax<E> + 'static, E: Dimension + 'static>(
    a: &Var<S, D>,
    b: &Var<S, E>,
) -> Var<S, Broadcast<D, E>> {
    assert_broadcast(a, b);
    let shapes = (a.raw_dim(), b.raw_dim());
    record((a, b), |needs| {
        let backward = move |d_y| {
            let (d_a, d_b) = sum_to_both(d_y, needs, shapes);
            (d_a, d_b.map(|d| -d))
        };
        (&a.value() - &b.value(), backward)
    })
}

/// `y = a ∘ b`: `d_a = d_y ∘ b`, `d_b = d_y ∘ a`. Keeps `b` only for `a`, and `a` only for `b`.
fn multiply<S: Scalar, D: Dimension + DimMax<E> + 'static, E: Dimension + 'static>(
    a: &Var<S, D>,
    b: &Var<S, E>,
) -> Var<S, Broadcast<D, E>> {
    assert_broadcast(a, b);
    let (shape_a, shape_b) = (a.raw_dim(), b.raw_dim());
    record((a, b), |needs| {
        let (kept_b, kept_a) = (needs.0.then(|| b.to_shared()), needs.1.then(|| a.to_shared()));
        let backward = move |d_y: Array<S, _>| {
            let (for_a, for_b) = for_both(d_y.into_shared(), needs);
            let d_a = for_a.zip(kept_b).map(|(d, b)| sum_to(times(d, &b), shape_a));
            let d_b = for_b.zip(kept_a).map(|(d, a)| sum_to(times(d, &a), shape_b));
            (d_a, d_b)
        };
        (&a.value() * &b.value(), backward)
    })
}

/// `y = a / b`: `d_a = d_y / b`, `d_b = −d_y / b ∘ a / b`. Keeps `b`, and `a` only for `b`.
fn divide<S: Scalar, D: Dimension + DimMax<E> + 'static, E: Dimension + 'static>(
    a: &Var<S, D>,
    b: &Var<S, E>,
) -> Var<S, Broadcast<D, E>> {
    assert_broadcast(a, b);
    let (shape_a, shape_b) = (a.raw_dim(), b.raw_dim());
    record((a, b), |needs| {
        let (kept_b, kept_a) = (b.to_shared(), needs.1.then(|| a.to_shared()));
        let backward = move |d_y: Array<S, _>| {
            let (for_a, for_b) = for_both(over(d_y.into_shared(), &kept_b), needs);
            let d_b = for_b.zip(kept_a).map(|(d, a)| -sum_to(over(times(d, &a), &kept_b), shape_b));
            (for_a.map(|d| sum_to(d, shape_a)), d_b)
        };
        (&a.value() / &b.value(), backward)
    })
}

/// `y = x + c`: `d_x = d_y`.
fn add_number<S: Scalar, D: Dimension + 'static>(x: &Var<S, D>, c: S) -> Var<S, D> {
    record(x, |_| (&x.value() + c, |d_y| d_y))
}

/// `y = x − c`: `d_x = d_y`.
fn subtract_number<S: Scalar, D: Dimension + 'static>(x: &Var<S, D>, c: S) -> Var<S, D> {
    record(x, |_| (&x.value() - c, |d_y| d_y))
}

/// `y = c x`: `d_x = c d_y`.
fn multiply_number<S: Scalar, D: Dimension + 'static>(x: &Var<S, D>, c: S) -> Var<S, D> {
    record(x, |_| (&x.value() * c, move |d_y| d_y * c))
}

/// `y = x / c`: `d_x = d_y / c`.
fn divide_number<S: Scalar, D: Dimension + 'static>(x: &Var<S, D>, c: S) -> Var<S, D> {
    record(x, |_| (&x.value() / c, move |d_y| d_y / c))
}

/// `y = c − x`: `d_x = −d_y`.
fn subtract_from_number<S: Scalar, D: Dimension + 'static>(c: S, x: &Var<S, D>) -> Var<S, D> {
    record(x, |_| (x.value().mapv(|x| c - x), |d_y: Array<S, D>| -d_y))
}

/// `y = c / x`: `d_x = −d_y ∘ y / x`. Keeps `x`, and computes `y = c / x` again.
fn divide_number_by<S: Scalar, D: Dimension + 'static>(c: S, x: &Var<S, D>) -> Var<S, D> {
    x.through_input(move |x| c / x, move |x| -(c / x) / x)
}

impl<S: Scalar, D: Dimension + 'static> Neg for &Var<S, D> {
    type Output = Var<S, D>;

    /// `y = −x`: `d_x = −d_y`.
    fn neg(self) -> Var<S, D> {
        record(self, |_| (self.value().mapv(|x| -x), |d_y: Array<S, D>| -d_y))
    }
}

impl<S: Scalar, D: Dimension + 'static> Neg for Var<S, D> {
    type Output = Self;

    fn neg(self) -> Self {
        -&self
    }
}

/// Something for each of two inputs, if it needs it.
type Both<A, B> = (Option<A>, Option<B>);

/// `d` for each input, shared: whoever comes to it last need not copy it.
fn for_both<S: Scalar, D: Dimension>(
    d: ArcArray<S, D>,
    (a_needs, b_needs): (bool, bool),
) -> Both<ArcArray<S, D>, ArcArray<S, D>> {
    (a_needs.then(|| d.clone()), b_needs.then_some(d))
}

/// `d` summed to the shapes of both inputs. The smaller sum goes first, so that of a bias and what it is added to, the
/// latter gets `d` itself.
fn sum_to_both<S: Scalar, D: Dimension, E: Dimension, F: Dimension>(
    d: Array<S, F>,
    needs: (bool, bool),
    (shape_a, shape_b): (D, E),
) -> Both<Array<S, D>, Array<S, E>> {
    let b_first = shape_b.size() < shape_a.size();
    let (for_a, for_b) = for_both(d.into_shared(), needs);
    let (to_a, to_b) = (|d| sum_to(d, shape_a), |d| sum_to(d, shape_b));
    if b_first {
        let d_b = for_b.map(to_b);
        return (for_a.map(to_a), d_b);
    }
    (for_a.map(to_a), for_b.map(to_b))
}

/// `d ∘ x`, `x` broadcast to the shape of `d`.
fn times<S: Scalar, D: Dimension, E: Dimension>(mut d: ArcArray<S, D>, x: &ArcArray<S, E>) -> ArcArray<S, D> {
    d *= x;
    d
}

/// `d / x`, `x` broadcast to the shape of `d`.
fn over<S: Scalar, D: Dimension, E: Dimension>(mut d: ArcArray<S, D>, x: &ArcArray<S, E>) -> ArcArray<S, D> {
    d /= x;
    d
}

/// Lengths are compared from the last axis on; equal ones fit, and 1 fits any.
fn assert_broadcast<S: Scalar, D: Dimension, E: Dimension>(a: &Var<S, D>, b: &Var<S, E>) {
    let mut pairs = a.shape().iter().rev().zip(b.shape().iter().rev());
    let fit = pairs.all(|(m, n)| m == n || *m == 1 || *n == 1);
    assert!(fit, "shapes {:?} and {:?} do not broadcast to a common one", a.shape(), b.shape());
}

/// Every mixture of owned and borrowed operands, and a number on the right.
macro_rules! operator {
    ($trait:ident, $method:ident, $between:ident, $with_number:ident) => {
        impl<S: Scalar, D: Dimension + DimMax<E> + 'static, E: Dimension + 'static> $trait<&Var<S, E>> for &Var<S, D> {
            type Output = Var<S, Broadcast<D, E>>;
            fn $method(self, other: &Var<S, E>) -> Self::Output {
                $between(self, other)
            }
        }
        impl<S: Scalar, D: Dimension + DimMax<E> + 'static, E: Dimension + 'static> $trait<Var<S, E>> for &Var<S, D> {
            type Output = Var<S, Broadcast<D, E>>;
            fn $method(self, other: Var<S, E>) -> Self::Output {
                $between(self, &other)
            }
        }
        impl<S: Scalar, D: Dimension + DimMax<E> + 'static, E: Dimension + 'static> $trait<&Var<S, E>> for Var<S, D> {
            type Output = Var<S, Broadcast<D, E>>;
            fn $method(self, other: &Var<S, E>) -> Self::Output {
                $between(&self, other)
            }
        }
        impl<S: Scalar, D: Dimension + DimMax<E> + 'static, E: Dimension + 'static> $trait<Var<S, E>> for Var<S, D> {
            type Output = Var<S, Broadcast<D, E>>;
            fn $method(self, other: Var<S, E>) -> Self::Output {
                $between(&self, &other)
            }
        }
        impl<S: Scalar, D: Dimension + 'static> $trait<S> for &Var<S, D> {
            type Output = Var<S, D>;
            fn $method(self, number: S) -> Var<S, D> {
                $with_number(self, number)
            }
        }
        impl<S: Scalar, D: Dimension + 'static> $trait<S> for Var<S, D> {
            type Output = Var<S, D>;
            fn $method(self, number: S) -> Var<S, D> {
                $with_number(&self, number)
            }
        }
    };
}

operator!(Add, add, add, add_number);
operator!(Sub, sub, subtract, subtract_number);
operator!(Mul, mul, multiply, multiply_number);
operator!(Div, div, divide, divide_number);

/// A number on the left, of one of the two types.
macro_rules! number_first {
    ($($number:ident: $trait:ident $method:ident |$c:ident, $x:ident| $result:expr;)+) => {
        $(
            impl<D: Dimension + 'static> $trait<&Var<$number, D>> for $number {
                type Output = Var<$number, D>;
                fn $method(self, $x: &Var<$number, D>) -> Var<$number, D> {
                    let $c = self;
                    $result
                }
            }
            impl<D: Dimension + 'static> $trait<Var<$number, D>> for $number {
                type Output = Var<$number, D>;
                fn $method(self, x: Var<$number, D>) -> Var<$number, D> {
                    $trait::$method(self, &x)
                }
            }
        )+
    };
}

number_first! {
    f32: Add add |c, x| add_number(x, c);
    f32: Sub sub |c, x| subtract_from_number(c, x);
    f32: Mul mul |c, x| multiply_number(x, c);
    f32: Div div |c, x| divide_number_by(c, x);
    f64: Add add |c, x| add_number(x, c);
    f64: Sub sub |c, x| subtract_from_number(c, x);
    f64: Mul mul |c, x| multiply_number(x, c);
    f64: Div div |c, x| divide_number_by(c, x);
}
