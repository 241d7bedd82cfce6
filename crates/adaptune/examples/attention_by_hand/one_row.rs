//! A softmax of three scores.

use super::by_hand::{assert_close, compare, number, show, tape};
use adaptune::autograd::Tape;
use adaptune::tensor::ndarray::{Array2, Axis, arr2};
use adaptune::tensor::{softmax, softmax_backward};
use std::error::Error;
use std::f64::consts::LN_2;

pub(super) fn run() -> Result<(), Box<dyn Error>> {
    let s = arr2(&[[LN_2, 0.0, 0.0]]);
    let d_p = arr2(&[[1.0, 2.0, -1.0]]);
    forward(&s);
    nudges(&s);
    backward(&s, &d_p)
}

fn forward(s: &Array2<f64>) {
    println!("[one-row-forward]");
    show("s", s);
    show("e^s", &s.mapv(f64::exp));
    show("p", &softmax(s.clone()));
}

/// What each weight does when a score grows by a little, beside its derivative.
fn nudges(s: &Array2<f64>) {
    const NUDGE: f64 = 1.0 / 1024.0;
    println!("\n[one-row-nudges]");
    println!("nudged     change of p / nudge              p_i (δ_ij − p_j)");
    let p = softmax(s.clone());
    for j in 0..s.ncols() {
        let mut nudged = s.clone();
        nudged[[0, j]] += NUDGE;
        let change = (softmax(nudged) - &p) / NUDGE;
        let derivative = |i: usize| p[[0, i]] * (f64::from(u8::from(i == j)) - p[[0, j]]);
        let changes = change.iter().map(|change| format!("{change:>9.4}")).collect::<String>();
        let derivatives = (0..s.ncols()).map(|i| number(derivative(i))).collect::<Vec<_>>().join(" ");
        println!("s[{j}]     {changes}       {derivatives}");
    }
}

fn backward(s: &Array2<f64>, d_p: &Array2<f64>) -> Result<(), Box<dyn Error>> {
    println!("\n[one-row-backward]");
    let p = softmax(s.clone());
    // ANCHOR: softmax-backward
    let along = (&p * d_p).sum_axis(Axis(1)).insert_axis(Axis(1)); // Σ_k p_k d_p_k: one number for each row
    let d_s = &p * &(d_p - &along);
    // ANCHOR_END: softmax-backward
    show("p", &p);
    show("d_p", d_p);
    show("Σ p d_p", &along);
    show("d_p − Σ", &(d_p - &along));
    compare("d_s", &d_s, &on_tape(s, d_p)?);
    assert_close("softmax_backward", &d_s, &softmax_backward(p.view(), d_p.clone()));
    Ok(())
}

fn on_tape(s: &Array2<f64>, d_p: &Array2<f64>) -> Result<Array2<f64>, Box<dyn Error>> {
    let tape = Tape::new();
    let s = tape.variable(s.clone());
    let mut gradients = tape::weighted(&tape::softmax(&s), d_p).backward()?;
    tape::take(&mut gradients, &s)
}
