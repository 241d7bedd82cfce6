//! Exercise 4: gradients of a router against finite differences.

mod common;

use adaptune_autograd::check_gradients;
use adaptune_exercises::answers::router::backward;
use adaptune_exercises::router::Router;
use adaptune_tensor::ndarray::Array2;
use common::matrix;

const T: usize = 4;
const D: usize = 5;
const E: usize = 3;

#[test]
fn backward_belongs_to_forward() {
    let router = Router { w: matrix(E, D, "router") };
    let x = matrix(T, D, "x");
    let outputs: Vec<Array2<f64>> = (0..E).map(|expert| matrix(T, D, &format!("expert {expert}"))).collect();
    let d_y = matrix(T, D, "d_y");
    let (_, g) = router.forward(&x, &outputs);
    let d = backward(&router, &x, &outputs, &g, &d_y);
    let d = d.expect("docs/exercises/src/blank/router.rs is to be filled in");
    assert_eq!(d.outputs.len(), E, "gradients of the experts' outputs");

    let list = |x: &Array2<f64>, w: &Array2<f64>, outputs: &[Array2<f64>]| -> Vec<f64> {
        x.iter().chain(w).chain(outputs.iter().flatten()).copied().collect()
    };
    let loss = |values: &[f64]| {
        let (mut x, mut router, mut outputs) = (x.clone(), router.clone(), outputs.clone());
        let places = x.iter_mut().chain(&mut router.w).chain(outputs.iter_mut().flatten());
        places.zip(values).for_each(|(place, value)| *place = *value);
        (router.forward(&x, &outputs).0 * &d_y).sum()
    };
    // In this order: the tokens, the router, the experts' outputs.
    if let Err(mismatch) = check_gradients(loss, &list(&x, &router.w, &outputs), &list(&d.x, &d.w, &d.outputs)) {
        panic!("{mismatch}");
    }
}
