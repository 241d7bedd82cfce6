//! Operators: every way of broadcasting, every mixture of operands.

use crate::{V, away_from_zero, check, random, rank, shape};
use adaptune_autograd::{Tape, Var, ndarray::arr1};
use ndarray::{Dimension, Ix0, Ix1, Ix2, Ix3, IxDyn};
use proptest::prelude::*;

/// Two shapes that broadcast to a common one: axes in front are missing, others have length 1.
fn two_shapes() -> impl Strategy<Value = (Vec<usize>, Vec<usize>)> {
    let flags = || proptest::collection::vec(any::<bool>(), 3);
    (shape(), flags(), flags(), 0usize..4, 0usize..4).prop_map(|(whole, a, b, cut_a, cut_b)| {
        let part = |flags: Vec<bool>, cut: usize| -> Vec<usize> {
            let shrunk = whole.iter().zip(flags).map(|(n, one)| if one { 1 } else { *n });
            shrunk.skip(cut.min(whole.len())).collect()
        };
        // One of the two has all axes, or broadcasting would have nothing to come to.
        (part(a, cut_a), if cut_a > 0 { part(b, 0) } else { part(b, cut_b) })
    })
}

proptest! {
    #[test]
    fn operators_broadcast((m, n) in two_shapes(), seed: u64) {
        let inputs = [random(seed, &m), away_from_zero(seed ^ 1, &n, 0.5)];
        check(&inputs, |x| &x[0] + &x[1]);
        check(&inputs, |x| &x[0] - &x[1]);
        check(&inputs, |x| &x[0] * &x[1]);
        check(&inputs, |x| &x[0] / &x[1]);
    }

    #[test]
    fn numbers_on_either_side(shape in shape(), c in 0.3f64..2.0, seed: u64) {
        let x = [away_from_zero(seed, &shape, 0.5)];
        check(&x, |x| &x[0] + c);
        check(&x, |x| &x[0] - c);
        check(&x, |x| &x[0] * c);
        check(&x, |x| &x[0] / c);
        check(&x, |x| c + &x[0]);
        check(&x, |x| c - &x[0]);
        check(&x, |x| c * &x[0]);
        check(&x, |x| c / &x[0]);
        check(&x, |x| -&x[0]);
    }

    #[test]
    fn a_variable_used_again_and_again(shape in shape(), seed: u64) {
        let x = [away_from_zero(seed, &shape, 0.5)];
        check(&x, |x| &x[0] * &x[0] + &x[0] / (&x[0] * &x[0] + 1.0) - &x[0]);
    }
}

/// Row, column and number on either side of a matrix, with ranks known when compiling.
#[test]
fn ranks_follow_from_both_operands() {
    fn both<D: Dimension + 'static>(shape: &[usize], f: impl Fn(Var<f64, D>, Var<f64, Ix2>) -> [Var<f64, Ix2>; 4]) {
        let inputs = [away_from_zero(1, shape, 0.5), away_from_zero(2, &[3, 4], 0.5)];
        for i in 0..4 {
            check(&inputs, |x| f(rank(&x[0]), rank(&x[1]))[i].clone());
        }
    }
    both::<Ix1>(&[4], |row, x| [&row + &x, &x - &row, &row * &x, &row / &x]);
    both::<Ix2>(&[1, 4], |row, x| [&row + &x, &x - &row, &row * &x, &x / &row]);
    both::<Ix2>(&[3, 1], |column, x| [&column + &x, &column - &x, &x * &column, &x / &column]);
    both::<Ix0>(&[], |number, x| [&x + &number, &number - &x, &number * &x, &number / &x]);

    let blocks = |x: &[V]| -> Var<f64, Ix3> { rank::<Ix3>(&x[0]) * rank::<Ix1>(&x[1]) };
    check(&[random(3, &[2, 3, 4]), random(4, &[4])], blocks);
    // Both sides repeat.
    check(&[random(5, &[3, 1]), random(6, &[4])], |x| rank::<Ix2>(&x[0]) * rank::<Ix1>(&x[1]));
}

#[test]
fn owned_and_borrowed_operands_are_the_same() {
    let (a, b) = (Var::constant(arr1(&[1.5f32, -2.0])), Var::constant(arr1(&[0.5f32, 4.0])));
    let results = [a.clone() / b.clone(), a.clone() / &b, &a / b.clone(), &a / &b];
    assert!(results.iter().all(|y| y.value() == arr1(&[3.0, -0.5])));
    assert_eq!((-a.clone()).value(), arr1(&[-1.5, 2.0]));
    assert_eq!((2.0 - a.clone()).value(), (2.0 - &a).value());
    assert_eq!((a.clone() * 3.0).value(), (3.0 * &a).value());
}

#[test]
fn single_precision_follows_double() {
    fn gradient(narrow: bool) -> Vec<f64> {
        let x = random(7, &[3, 2]);
        if narrow {
            let (tape, x) = (Tape::new(), x.mapv(|x| x as f32));
            let x = tape.variable(x);
            let d = (&x * &x / 3.0 + x.exp()).sum().backward().expect("it depends on x").take(&x);
            return d.expect("the loss depends on it").iter().map(|d| f64::from(*d)).collect();
        }
        let tape = Tape::new();
        let x = tape.variable(x);
        let d = (&x * &x / 3.0 + x.exp()).sum().backward().expect("it depends on x").take(&x);
        d.expect("the loss depends on it").into_iter().collect()
    }
    let close = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-6 * b.abs().max(1.0);
    assert!(gradient(true).iter().zip(&gradient(false)).all(close));
}

#[test]
#[should_panic(expected = "shapes [2, 3] and [4] do not broadcast")]
fn shapes_that_do_not_fit_are_named() {
    let (a, b) = (Var::constant(random(1, &[2, 3])), Var::constant(random(2, &[4])));
    let _: Var<f64, IxDyn> = a + b;
}
