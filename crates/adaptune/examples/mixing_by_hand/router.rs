//! A router of three adapters for two tokens.

use super::by_hand::{compare, length, number, show, tape};
use adaptune::autograd::{Tape, Var};
use adaptune::tensor::ndarray::{Array2, Axis, arr1, arr2};
use adaptune::tensor::{matmul, softmax, softmax_backward};
use std::error::Error;
use std::f64::consts::LN_2;

const TOKENS: usize = 2;
const EXPERTS: usize = 3;

/// What is given: tokens `x`, `[T, D]`, the router's `W`, `[N, D]`, for each token the outputs of all adapters, `[N, D]`, and a target.
struct Given {
    x: Array2<f64>,
    w: Array2<f64>,
    u: [Array2<f64>; TOKENS],
    target: Array2<f64>,
}

fn given() -> Given {
    Given {
        x: arr2(&[[1.0, 2.0], [0.0, -1.0]]),
        w: arr2(&[[1.0, 0.0], [0.0, 0.0], [2.0, -1.0]]) * LN_2,
        u: [arr2(&[[1.0, 0.0], [2.0, -1.0], [-2.0, 1.0]]), arr2(&[[0.0, 1.0], [1.0, 1.0], [-1.0, 2.0]])],
        target: arr2(&[[1.0, -1.0], [-1.0, 1.0]]),
    }
}

pub(super) fn run() -> Result<(), Box<dyn Error>> {
    let given = given();
    println!("\n[router-given]");
    show("x", &given.x);
    show("W", &given.w);
    show("u, first", &given.u[0]);
    show("u, second", &given.u[1]);
    show("t", &given.target);
    let (scores, p) = weights(&given);
    let y = mixture(&given, &p);
    println!("\n[router-forward]");
    show("x Wᵀ", &scores);
    show("p", &p);
    show("y", &y);
    println!("loss       {}", number(length(&(&y - &given.target)).powi(2) / 2.0));
    backward(&given, &p, &(&y - &given.target))?;
    chosen(&given, &p);
    balance(&given, &p)
}

fn weights(given: &Given) -> (Array2<f64>, Array2<f64>) {
    let scores = matmul(given.x.view(), given.w.t());
    (scores.clone(), softmax(scores))
}

/// `y_t = Σ_i g_ti u_ti`.
fn mixture(given: &Given, g: &Array2<f64>) -> Array2<f64> {
    let mut y = Array2::zeros((TOKENS, 2));
    for (t, u) in given.u.iter().enumerate() {
        y.row_mut(t).assign(&g.row(t).dot(u));
    }
    y
}

fn backward(given: &Given, p: &Array2<f64>, d_y: &Array2<f64>) -> Result<(), Box<dyn Error>> {
    let mut d_p = Array2::zeros((TOKENS, EXPERTS));
    for (t, u) in given.u.iter().enumerate() {
        d_p.row_mut(t).assign(&u.dot(&d_y.row(t)));
    }
    let d_a = softmax_backward(p.view(), d_p.clone());
    let d_w = matmul(d_a.t(), given.x.view());
    println!("\n[router-backward]");
    show("d_y", d_y);
    show("d_p", &d_p);
    show("d_a", &d_a);
    let (tape_w, tape_x) = on_tape(given)?;
    compare("d_W", &d_w, &tape_w);
    compare("d_x", &matmul(d_a.view(), given.w.view()), &tape_x);
    Ok(())
}

fn on_tape(given: &Given) -> Result<(Array2<f64>, Array2<f64>), Box<dyn Error>> {
    let tape = Tape::new();
    let (x, w) = (tape.variable(given.x.clone()), tape.variable(given.w.clone()));
    let p = tape::softmax(&x.linear(&w, None));
    let rows: Vec<Var<f64, _>> =
        (0..TOKENS).map(|t| p.slice_axis(Axis(0), t..t + 1).matmul(&Var::constant(given.u[t].clone()))).collect();
    let y = adaptune::autograd::concatenate(Axis(0), &rows.iter().collect::<Vec<_>>());
    let mut gradients = tape::squared_error(&y, &given.target).backward()?;
    Ok((tape::take(&mut gradients, &w)?, tape::take(&mut gradients, &x)?))
}

/// The one adapter of each token that weighs most.
fn favourites(p: &Array2<f64>) -> Vec<usize> {
    let largest = |row: &[f64]| (0..row.len()).fold(0, |best, i| if row[i] > row[best] { i } else { best });
    p.rows().into_iter().map(|row| largest(&row.to_vec())).collect()
}

/// With `top=1` one adapter is computed for each token, and weighed by its probability.
fn chosen(given: &Given, p: &Array2<f64>) {
    println!("\n[router-chosen]");
    let mut g = Array2::zeros(p.dim());
    for (t, chosen) in favourites(p).into_iter().enumerate() {
        g[[t, chosen]] = p[[t, chosen]];
    }
    show("g", &g);
    show("y", &mixture(given, &g));
}

/// What the loss of balance is, and its gradient with respect to the scores.
fn balance(given: &Given, p: &Array2<f64>) -> Result<(), Box<dyn Error>> {
    let mut f = arr1(&[0.0; EXPERTS]);
    for chosen in favourites(p) {
        f[chosen] += 1.0 / TOKENS as f64;
    }
    let mean = p.mean_axis(Axis(0)).ok_or("there are tokens")?;
    let d_p = Array2::from_shape_fn(p.dim(), |(_, i)| EXPERTS as f64 * f[i] / TOKENS as f64);
    let d_a = softmax_backward(p.view(), d_p);
    println!("\n[router-balance]");
    show("f", &f);
    show("P", &mean);
    println!("N Σ f P    {}", number(EXPERTS as f64 * f.dot(&mean)));
    let tape = Tape::new();
    let scores = tape.variable(matmul(given.x.view(), given.w.t()));
    let mean = tape::softmax(&scores).mean_axis(Axis(0));
    let mut gradients = (mean * Var::constant(f) * EXPERTS as f64).sum().backward()?;
    compare("d_a", &d_a, &tape::take(&mut gradients, &scores)?);
    Ok(())
}
