//! Exercise 1: gradients of every parameter and of the input against finite differences.

mod common;

use adaptune_autograd::check_gradients;
use adaptune_exercises::answers::bottleneck::backward;
use adaptune_exercises::bottleneck::ScaledBottleneck;
use adaptune_tensor::ndarray::Array2;
use common::{matrix, vector};

const T: usize = 4;
const D: usize = 5;
const M: usize = 3;

/// Puts values in the place of some of the numbers that a bottleneck computes with, or of its input.
type Set<'a> = dyn Fn(&mut ScaledBottleneck, &mut Array2<f64>, &[f64]) + 'a;

#[test]
fn backward_belongs_to_forward() {
    let bottleneck = ScaledBottleneck {
        w_down: matrix(M, D, "w_down"),
        b_down: vector(M, "b_down"),
        w_up: matrix(D, M, "w_up"),
        b_up: vector(D, "b_up"),
        s: 1.7,
    };
    let (x, d_u) = (matrix(T, D, "x"), matrix(T, D, "d_u"));
    let (_, trace) = bottleneck.forward(x.clone());
    let filled = backward(&bottleneck, &trace, &d_u);
    let (d_x, d) = filled.expect("docs/exercises/src/blank/bottleneck.rs is to be filled in");
    assert_eq!(d_x.dim(), (T, D), "the shape of d_x");
    assert_eq!((d.w_down.dim(), d.w_up.dim()), ((M, D), (D, M)), "the shapes of d_W_down and d_W_up");
    assert_eq!((d.b_down.len(), d.b_up.len()), (M, D), "the lengths of d_b_down and d_b_up");

    // One at a time, so that what is wrong is named.
    let loss = |b: &ScaledBottleneck, x: &Array2<f64>| (b.forward(x.clone()).0 * &d_u).sum();
    let check = |name: &str, point: Vec<f64>, gradient: Vec<f64>, set: &Set| {
        let f = |values: &[f64]| {
            let (mut bottleneck, mut x) = (bottleneck.clone(), x.clone());
            set(&mut bottleneck, &mut x, values);
            loss(&bottleneck, &x)
        };
        if let Err(mismatch) = check_gradients(f, &point, &gradient) {
            panic!("d_{name}: {mismatch}");
        }
    };
    let list = |values: &Array2<f64>| values.iter().copied().collect::<Vec<f64>>();
    check("s", vec![bottleneck.s], vec![d.s], &|b, _, v| b.s = v[0]);
    check("W_up", list(&bottleneck.w_up), list(&d.w_up), &|b, _, v| put(b.w_up.iter_mut(), v));
    check("b_up", bottleneck.b_up.to_vec(), d.b_up.to_vec(), &|b, _, v| put(b.b_up.iter_mut(), v));
    check("W_down", list(&bottleneck.w_down), list(&d.w_down), &|b, _, v| put(b.w_down.iter_mut(), v));
    check("b_down", bottleneck.b_down.to_vec(), d.b_down.to_vec(), &|b, _, v| put(b.b_down.iter_mut(), v));
    check("x", list(&x), list(&d_x), &|_, x, v| put(x.iter_mut(), v));
}

fn put<'a>(places: impl Iterator<Item = &'a mut f64>, values: &[f64]) {
    places.zip(values).for_each(|(place, value)| *place = *value);
}
