//! Reductions, other shapes, parts and wholes.

use crate::{check, distinct, random, rank, shape, shape_and_axis};
use adaptune_autograd::{Tape, Var, concatenate, stack};
use ndarray::{Axis, Ix2, Ix3, IxDyn, arr1, arr2};
use proptest::prelude::*;

proptest! {
    #[test]
    fn sums_and_means((shape, axis) in shape_and_axis(), seed: u64) {
        let x = [random(seed, &shape)];
        check(&x, |x| x[0].sum());
        check(&x, |x| x[0].mean());
        check(&x, |x| x[0].sum_axis(Axis(axis)));
        check(&x, |x| x[0].mean_axis(Axis(axis)).square());
    }

    #[test]
    fn maxima((shape, axis) in shape_and_axis(), seed: u64) {
        check(&[distinct(seed, &shape)], |x| x[0].max_axis(Axis(axis)));
    }

    #[test]
    fn reshaping(a in 1usize..4, b in 1usize..4, c in 1usize..4, seed: u64) {
        let x = [random(seed, &[a, b, c])];
        check(&x, |x| x[0].reshape((a * c, b)));
        check(&x, |x| x[0].reshape(a * b * c).square());
        check(&x, |x| x[0].t().reshape(IxDyn(&[b, a * c])));
        check(&x, |x| rank::<Ix3>(&x[0]).swap_axes(Axis(0), Axis(1)).exp());
        check(&x, |x| x[0].t().square());
    }

    #[test]
    fn axes_of_length_one((shape, axis) in shape_and_axis(), seed: u64) {
        let x = [random(seed, &shape)];
        check(&x, |x| x[0].insert_axis(Axis(axis)).square());
        check(&x, |x| x[0].insert_axis(Axis(axis)).exp().remove_axis(Axis(axis)));
    }

    #[test]
    fn broadcasting(shape in shape(), m in 1usize..4, n in 1usize..4, seed: u64) {
        let wide: Vec<usize> = [m].into_iter().chain(shape.iter().copied()).collect();
        check(&[random(seed, &shape)], |x| x[0].broadcast(IxDyn(&wide)).square());
        check(&[random(seed, &[m, 1])], |x| rank::<Ix2>(&x[0]).broadcast((m, n)).square());
    }

    #[test]
    fn parts((shape, axis) in shape_and_axis(), from in 0usize..4, indices in proptest::collection::vec(0usize..4, 0..7), seed: u64) {
        let x = [random(seed, &shape)];
        let length = shape[axis];
        let from = from % length;
        check(&x, |x| x[0].slice_axis(Axis(axis), from..length).square());
        check(&x, |x| x[0].index_axis(Axis(axis), from).exp());
        let indices: Vec<usize> = indices.into_iter().map(|i| i % length).collect();
        check(&x, |x| x[0].index_select(Axis(axis), &indices).exp());
    }

    #[test]
    fn rows_of_a_table(v in 1usize..6, d in 1usize..4, ids in proptest::collection::vec(0u32..6, 1..8), seed: u64) {
        let ids: Vec<u32> = ids.into_iter().map(|id| id % v as u32).collect();
        check(&[random(seed, &[v, d])], |x| rank(&x[0]).gather(&ids).square());
    }

    #[test]
    fn wholes((shape, axis) in shape_and_axis(), lengths in proptest::collection::vec(1usize..4, 1..4), seed: u64) {
        let part = |(i, length): (usize, &usize)| {
            let mut shape = shape.clone();
            shape[axis] = *length;
            random(seed ^ i as u64, &shape)
        };
        let parts: Vec<_> = lengths.iter().enumerate().map(part).collect();
        check(&parts, |x| concatenate(Axis(axis), &x.iter().collect::<Vec<_>>()).exp());
        let layers: Vec<_> = (0..lengths.len()).map(|i| random(seed ^ i as u64, &shape)).collect();
        check(&layers, |x| stack(Axis(axis), &x.iter().collect::<Vec<_>>()).exp());
    }
}

#[test]
fn a_part_of_a_part_of_a_transpose() {
    check(&[random(1, &[5, 4])], |x| {
        let x = rank::<Ix2>(&x[0]).t();
        x.slice_axis(Axis(1), 1..4).index_axis(Axis(0), 2).slice_axis(Axis(0), 0..2).square()
    });
}

#[test]
fn the_first_of_equal_maxima_counts_and_nan_is_not_lost() {
    let x = Tape::new().variable(arr2(&[[1.0, 3.0, 3.0], [2.0, f64::NAN, 5.0]]));
    let y = x.max_axis(Axis(1));
    assert!(y.value()[0] == 3.0 && y.value()[1].is_nan());
    let d_x = y.backward_from(arr1(&[7.0, 11.0])).expect("it depends on x").take(&x);
    assert_eq!(d_x, Some(arr2(&[[0.0, 7.0, 0.0], [0.0, 11.0, 0.0]])));
}

/// Of an empty array there is nothing to add up, and nothing to differentiate.
#[test]
fn empty_arrays() {
    let x = Tape::new().variable(ndarray::Array2::<f64>::zeros((0, 3)));
    let y = (&x + &Var::constant(arr1(&[1.0, 2.0, 3.0]))).sum_axis(Axis(0));
    assert_eq!(y.value(), arr1(&[0.0, 0.0, 0.0]));
    let d_x = y.backward_from(arr1(&[1.0, 1.0, 1.0])).expect("it depends on x").take(&x);
    assert_eq!(d_x.expect("the result depends on it").dim(), (0, 3));
    assert!(x.detach().mean().item().is_nan());
}

#[test]
#[should_panic(expected = "shape [2, 3] cannot become [4]")]
fn another_number_of_elements_is_refused() {
    let _ = Var::constant(random(1, &[2, 3])).reshape(4);
}

#[test]
#[should_panic(expected = "range 1..4 of axis 0 of [3]")]
fn a_range_past_the_end_is_refused() {
    let _ = Var::constant(arr1(&[1.0, 2.0, 3.0])).slice_axis(Axis(0), 1..4);
}

#[test]
#[should_panic(expected = "shapes [[2, 3], [2, 2]] do not fit together along axis 0")]
fn parts_that_do_not_fit_are_named() {
    let (a, b) = (Var::constant(random(1, &[2, 3])), Var::constant(random(1, &[2, 2])));
    let _ = concatenate(Axis(0), &[&a, &b]);
}
