//! Functions of each element by itself.

use crate::{away_from_zero, check, positive, random, shape};
use adaptune_autograd::tensor::{Activation, Dropout, Seed};
use adaptune_autograd::{Tape, Var};
use ndarray::{arr1, s};
use proptest::prelude::*;

proptest! {
    #[test]
    fn smooth_functions(shape in shape(), seed: u64) {
        let x = [random(seed, &shape)];
        check(&x, |x| x[0].exp());
        check(&x, |x| x[0].erf());
        check(&x, |x| x[0].square());
        check(&x, |x| x[0].tanh());
        check(&x, |x| x[0].sigmoid());
    }

    #[test]
    fn functions_of_positive_numbers(shape in shape(), seed: u64) {
        let x = [positive(seed, &shape)];
        check(&x, |x| x[0].ln());
        check(&x, |x| x[0].sqrt());
    }

    #[test]
    fn functions_with_a_kink_or_pole_at_zero(shape in shape(), n in -3i32..6, seed: u64) {
        let x = [away_from_zero(seed, &shape, 0.5)];
        check(&x, |x| x[0].abs());
        if n != 0 {
            check(&x, |x| x[0].powi(n));
        }
    }

    #[test]
    fn activations(shape in shape(), seed: u64) {
        let x = [away_from_zero(seed, &shape, 0.05)];
        for name in Activation::names() {
            let activation = Activation::from_name(name).expect("a name of the list");
            check(&x, |x| x[0].activate(activation));
        }
    }

    #[test]
    fn dropout(shape in shape(), rate in 0.1f64..0.9, seed: u64) {
        let dropout = Dropout::new(rate, Seed::new(seed).named("test"));
        check(&[random(seed, &shape)], |x| x[0].dropout(dropout));
    }

    /// Functions that want rows in memory order get them, whatever the order of their input.
    #[test]
    fn transposed_inputs(m in 1usize..5, n in 1usize..5, seed: u64) {
        let x = [away_from_zero(seed, &[m, n], 0.05)];
        let dropout = Dropout::new(0.4, Seed::new(seed));
        check(&x, |x| x[0].t().activate(Activation::Gelu));
        check(&x, |x| x[0].activate(Activation::Silu).t());
        check(&x, |x| x[0].t().dropout(dropout).t().dropout(dropout.at(1)));
    }
}

#[test]
fn powers_are_products() {
    let x = Var::constant(arr1(&[-1.5, 0.5, 2.0]));
    for n in 1..9 {
        let product = (1..n).fold(x.clone(), |y, _| y * &x);
        assert_eq!(x.powi(n).value(), product.value(), "x^{n}");
        assert_eq!(x.powi(-n).value(), (1.0_f64 / &x.powi(n)).value(), "x^-{n}");
    }
}

#[test]
fn a_power_of_zero_depends_on_nothing() {
    let x = Tape::new().variable(arr1(&[0.0, 2.0]));
    assert!(!x.powi(0).needs_gradient());
    assert_eq!(x.powi(0).value(), arr1(&[1.0, 1.0]));
}

#[test]
fn absolute_values_are_flat_at_zero() {
    let x = Tape::new().variable(arr1(&[-2.0, 0.0, 3.0]));
    let d_x = x.abs().sum().backward().expect("it depends on x").take(&x);
    assert_eq!(d_x, Some(arr1(&[-1.0, 0.0, 1.0])));
}

/// An element is dropped or kept by its place in row-major order, as in `adaptune-tensor`.
#[test]
fn dropout_counts_row_by_row() {
    let dropout = Dropout::new(0.5, Seed::new(3));
    let x = Var::constant(random(1, &[3, 5]));
    let (flat, mut plain) =
        (x.reshape(15).dropout(dropout), random(1, &[3, 5]).into_dimensionality().expect("two axes"));
    dropout.apply(&mut plain);
    assert_eq!(flat.value().slice(s![5..10]), plain.row(1));
    assert!(plain.iter().any(|x| *x == 0.0) && plain.iter().any(|x| *x != 0.0));
}
