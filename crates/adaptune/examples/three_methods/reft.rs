//! ReFT along one direction.

use super::by_hand::{compare, length, number, show, tape};
use super::{RATE, STEPS, tokens_and_target};
use adaptune::adapters::reft::PlainReft;
use adaptune::autograd::Tape;
use adaptune::tensor::matmul;
use adaptune::tensor::ndarray::{Array1, arr1, arr2};
use std::error::Error;

fn reft() -> PlainReft<f64> {
    PlainReft { w: arr2(&[[0.5, 0.25, 0.5]]), b: arr1(&[0.25]), q: arr2(&[[0.5, 0.5, -0.5]]) }
}

pub(super) fn run() -> Result<(), Box<dyn Error>> {
    let reft = reft();
    println!("\n[reft-given]");
    show("W", &reft.w);
    show("b", &reft.b);
    show("Q", &reft.q);
    forward(&reft);
    backward(&reft)?;
    steps(PlainReft { w: reft.q.clone(), b: Array1::zeros(1), ..reft });
    Ok(())
}

fn forward(reft: &PlainReft<f64>) {
    println!("\n[reft-forward]");
    let [h, target] = tokens_and_target();
    let (moved, trace) = reft.forward(h.clone());
    show("h", &h);
    show("h Wᵀ + b", &(matmul(h.view(), reft.w.t()) + &reft.b));
    show("h Qᵀ", &matmul(h.view(), reft.q.t()));
    show("e", &trace.e);
    show("e Q", &matmul(trace.e.view(), reft.q.view()));
    show("h + e Q", &moved);
    show("t", &target);
    println!("loss       {}", number(length(&(&moved - &target)).powi(2) / 2.0));
}

fn backward(reft: &PlainReft<f64>) -> Result<(), Box<dyn Error>> {
    println!("\n[reft-backward]");
    let [h, target] = tokens_and_target();
    let (moved, trace) = reft.forward(h);
    let d_moved = moved - &target;
    let (d_h, d) = reft.backward(&trace, &d_moved);
    show("d_moved", &d_moved);
    show("d_e", &matmul(d_moved.view(), reft.q.t()));
    let [h, target] = tokens_and_target();
    let tape = Tape::new();
    let (h, w, q) = (tape.variable(h), tape.variable(reft.w.clone()), tape.variable(reft.q.clone()));
    let b = tape.variable(reft.b.clone());
    let e = h.linear(&w, Some(&b)) - h.linear(&q, None);
    let mut gradients = tape::squared_error(&(&h + e.matmul(&q)), &target).backward()?;
    compare("d_W", &d.w, &tape::take(&mut gradients, &w)?);
    compare("d_b", &d.b, &tape::take(&mut gradients, &b)?);
    show("eᵀ d_moved", &matmul(trace.e.t(), d_moved.view()));
    compare("d_Q", &d.q, &tape::take(&mut gradients, &q)?);
    compare("d_h", &d_h, &tape::take(&mut gradients, &h)?);
    Ok(())
}

fn steps(mut reft: PlainReft<f64>) {
    println!("\n[reft-steps]");
    println!("step     loss      |d_W|      |d_b|      |d_Q|        |e|");
    let [h, target] = tokens_and_target();
    for step in 1..=STEPS {
        let (moved, trace) = reft.forward(h.clone());
        let d_moved = moved - &target;
        let (_, d) = reft.backward(&trace, &d_moved);
        let loss = length(&d_moved).powi(2) / 2.0;
        let (d_b, [d_w, d_q, e]) = (length(&d.b), [&d.w, &d.q, &trace.e].map(length));
        println!("{step:>4} {loss:>8.4} {d_w:>10.4} {d_b:>10.4} {d_q:>10.4} {e:>10.4}");
        reft.w.scaled_add(-RATE, &d.w);
        reft.b.scaled_add(-RATE, &d.b);
        reft.q.scaled_add(-RATE, &d.q);
    }
}
