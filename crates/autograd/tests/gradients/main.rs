//! Every operation of the tape against finite differences, over random shapes.

mod arithmetic;
mod elementwise;
mod layers;
mod shapes;

use adaptune_autograd::tensor::Seed;
use adaptune_autograd::{Var, check_variables};
use ndarray::{ArrayD, Dimension, IxDyn};
use proptest::prelude::*;

/// What an operation is given and gives, in these tests.
type V = Var<f64, IxDyn>;

/// Numbers in `±1.5`.
fn random(seed: u64, shape: &[usize]) -> ArrayD<f64> {
    adaptune_test_support::random(seed, shape)
}

/// Numbers of both signs, `distance` or more from 0.
fn away_from_zero(seed: u64, shape: &[usize], distance: f64) -> ArrayD<f64> {
    random(seed, shape).mapv(|x| x + distance.copysign(x))
}

/// Numbers from 0.5 to 2.
fn positive(seed: u64, shape: &[usize]) -> ArrayD<f64> {
    random(seed, shape).mapv(|x| 1.25 + x / 2.0)
}

/// Numbers in random order, any two of them at least 0.3 apart.
fn distinct(seed: u64, shape: &[usize]) -> ArrayD<f64> {
    let mut order: Vec<u64> = (0..shape.iter().product::<usize>() as u64).collect();
    order.sort_by_key(|i| Seed::new(seed).bits(*i));
    ArrayD::from_shape_vec(shape, order.into_iter().map(|i| 0.3 * i as f64 - 1.1).collect())
        .expect("as many as the shape has")
}

/// A variable with its rank known when compiling.
fn rank<D: Dimension>(x: &V) -> Var<f64, D> {
    x.clone().into_dimensionality().expect("the rank that the test made it with")
}

/// Up to three axes, up to four long.
fn shape() -> impl Strategy<Value = Vec<usize>> {
    proptest::collection::vec(1usize..5, 0..4)
}

/// The same with at least one axis, and one of the axes.
fn shape_and_axis() -> impl Strategy<Value = (Vec<usize>, usize)> {
    proptest::collection::vec(1usize..5, 1..4).prop_flat_map(|shape| {
        let axes = shape.len();
        (Just(shape), 0..axes)
    })
}

/// Checks all gradients of `f`; the message of a failure names the worst element.
fn check<D: Dimension>(inputs: &[ArrayD<f64>], f: impl Fn(&[V]) -> Var<f64, D>) {
    if let Err(e) = check_variables(inputs, f) {
        panic!("{e}");
    }
}
