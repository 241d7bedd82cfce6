//! One bottleneck forward and backward with numbers that can be computed by hand: the output is the book's chapter on gradients.
//!
//! ```sh
//! cargo run --package adaptune --example bottleneck_by_hand
//! ```
//!
//! Hidden size 3, a bottleneck of two units, the residual connection `y = x + u`, and the loss `½ Σ (y − t)²`. Every number is a
//! sum of halves, so none is rounded. Each gradient is printed as backward computes it and as the tape finds it.

use adaptune::adapters::bottleneck::PlainBottleneck;
use adaptune::autograd::{Tape, Var};
use adaptune::tensor::Activation;
use adaptune::tensor::ndarray::{Array1, Array2, Ix2, arr1, arr2};
use by_hand::{compare, show};
use std::error::Error;

mod by_hand;

fn main() -> Result<(), Box<dyn Error>> {
    let x = arr2(&[[1.0, 2.0, -1.0], [2.0, -1.0, 0.5]]);
    let target = arr2(&[[2.0, 3.0, -2.0], [2.0, 0.5, 1.0]]);
    let one = |all: &Array2<f64>| all.slice_axis(adaptune::tensor::ndarray::Axis(0), (0..1).into()).to_owned();
    given();
    forward("one-token-forward", &one(&x), &one(&target));
    nudges(&one(&x), &one(&target));
    backward("one-token-backward", &one(&x), &one(&target))?;
    forward("two-tokens-forward", &x, &target);
    backward("two-tokens-backward", &x, &target)
}

/// Two units: down to them, and up again.
fn bottleneck() -> PlainBottleneck<f64> {
    PlainBottleneck {
        w_down: arr2(&[[0.5, -0.25, 0.5], [0.25, 0.5, -0.5]]),
        b_down: arr1(&[0.25, -0.25]),
        w_up: arr2(&[[0.5, 1.0], [-0.5, 0.5], [1.0, -1.0]]),
        b_up: arr1(&[0.25, 0.0, -0.25]),
    }
}

fn given() {
    println!("[given]");
    let PlainBottleneck { w_down, b_down, w_up, b_up } = bottleneck();
    show("W_down", &w_down);
    show("b_down", &b_down);
    show("W_up", &w_up);
    show("b_up", &b_up);
}

fn forward(part: &str, x: &Array2<f64>, target: &Array2<f64>) {
    println!("\n[{part}]");
    let (u, trace) = bottleneck().forward(x.clone());
    show("x", x);
    show("h", &trace.h);
    show("a", &trace.a);
    show("u", &u);
    let y = x + &u;
    show("y", &y);
    show("t", target);
    println!("loss       {:>8}", (&y - target).mapv(|e| e * e).sum() / 2.0);
}

/// What the loss does when a parameter grows by a little, beside its derivative.
fn nudges(x: &Array2<f64>, target: &Array2<f64>) {
    const NUDGE: f64 = 1.0 / 1024.0;
    type Place = fn(&mut PlainBottleneck<f64>) -> &mut f64;
    let places: [(&str, Place); 6] = [
        ("W_up[0][0]", |p| &mut p.w_up[[0, 0]]),
        ("W_up[0][1]", |p| &mut p.w_up[[0, 1]]),
        ("b_up[0]", |p| &mut p.b_up[0]),
        ("W_down[0][0]", |p| &mut p.w_down[[0, 0]]),
        ("W_down[1][0]", |p| &mut p.w_down[[1, 0]]),
        ("b_down[1]", |p| &mut p.b_down[1]),
    ];
    let plain = bottleneck();
    let loss = |p: &PlainBottleneck<f64>| (x + &p.forward(x.clone()).0 - target).mapv(|e| e * e).sum() / 2.0;
    let (u, trace) = plain.forward(x.clone());
    let (_, mut d) = plain.backward(&trace, &(x + &u - target));
    println!("\n[nudges]");
    println!("parameter           loss     loss, nudged   change/nudge  derivative");
    for (name, place) in places {
        let mut nudged = plain.clone();
        *place(&mut nudged) += NUDGE;
        let (before, after, derivative) = (loss(&plain), loss(&nudged), *place(&mut d) + 0.0);
        println!("{name:<14}{before:>10} {after:>16.10} {:>14.6} {derivative:>11}", (after - before) / NUDGE);
    }
}

fn backward(part: &str, x: &Array2<f64>, target: &Array2<f64>) -> Result<(), Box<dyn Error>> {
    println!("\n[{part}]");
    let plain = bottleneck();
    let (u, trace) = plain.forward(x.clone());
    let d_y = x + &u - target;
    let (d_x, d) = plain.backward(&trace, &d_y);
    let d_a = d_y.dot(&plain.w_up);
    let d_h = &d_a * &trace.h.mapv(|h| f64::from(u8::from(h > 0.0)));
    show("d_y", &d_y);
    show("d_u", &d_y);
    let tape = OnTape::run(&plain, x, target)?;
    compare("d_W_up", &d.w_up, &tape.w_up);
    compare("d_b_up", &d.b_up, &tape.b_up);
    show("d_a", &d_a);
    show("d_h", &d_h);
    compare("d_W_down", &d.w_down, &tape.w_down);
    compare("d_b_down", &d.b_down, &tape.b_down);
    show("d_h W_down", &d_x);
    compare("d_x", &(d_x + d_y), &tape.x);
    Ok(())
}

/// Gradients that nobody derived.
struct OnTape {
    w_down: Array2<f64>,
    b_down: Array1<f64>,
    w_up: Array2<f64>,
    b_up: Array1<f64>,
    x: Array2<f64>,
}

impl OnTape {
    fn run(plain: &PlainBottleneck<f64>, x: &Array2<f64>, target: &Array2<f64>) -> Result<Self, Box<dyn Error>> {
        let tape = Tape::new();
        let x: Var<f64, Ix2> = tape.variable(x.clone());
        let (w_down, b_down) = (tape.variable(plain.w_down.clone()), tape.variable(plain.b_down.clone()));
        let (w_up, b_up) = (tape.variable(plain.w_up.clone()), tape.variable(plain.b_up.clone()));
        // ANCHOR: tape
        let h = x.linear(&w_down, Some(&b_down));
        let u = h.activate(Activation::Relu).linear(&w_up, Some(&b_up));
        let error = &x + &u - Var::constant(target.clone());
        let loss = error.square().sum() * 0.5;
        let mut gradients = loss.backward()?;
        // ANCHOR_END: tape
        let lost = "the loss depends on it";
        Ok(Self {
            w_down: gradients.take(&w_down).ok_or(lost)?,
            b_down: gradients.take(&b_down).ok_or(lost)?,
            w_up: gradients.take(&w_up).ok_or(lost)?,
            b_up: gradients.take(&b_up).ok_or(lost)?,
            x: gradients.take(&x).ok_or(lost)?,
        })
    }
}
