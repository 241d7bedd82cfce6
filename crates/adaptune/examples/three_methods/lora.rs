//! LoRA of rank 1 beside a frozen linear layer.

use super::by_hand::{compare, length, number, show, tape};
use super::{RATE, STEPS, tokens_and_target};
use adaptune::adapters::lora::PlainLora;
use adaptune::autograd::{Tape, Var};
use adaptune::tensor::ndarray::{Array1, Array2, arr1, arr2};
use adaptune::tensor::{linear, matmul};
use std::error::Error;

/// `α/R`.
const S: f64 = 2.0;

/// A frozen linear layer, three numbers to three.
struct Frozen {
    w: Array2<f64>,
    b: Array1<f64>,
}

fn frozen() -> Frozen {
    Frozen { w: arr2(&[[1.0, 0.0, 0.5], [0.0, 1.0, 0.0], [-0.5, 0.0, 1.0]]), b: arr1(&[0.25, 0.0, -0.25]) }
}

fn lora() -> PlainLora<f64> {
    PlainLora { a: arr2(&[[0.5, 0.25, 0.5]]), b: arr2(&[[0.5], [-0.25], [0.125]]) }
}

pub(super) fn run() -> Result<(), Box<dyn Error>> {
    let (frozen, lora) = (frozen(), lora());
    println!("[lora-given]");
    show("W", &frozen.w);
    show("b", &frozen.b);
    show("A", &lora.a);
    show("B", &lora.b);
    println!("s          {}", number(S));
    forward(&frozen, &lora);
    backward(&frozen, &lora)?;
    steps(&frozen, "lora-steps", PlainLora { b: Array2::zeros((3, 1)), ..lora });
    Ok(())
}

fn forward(frozen: &Frozen, lora: &PlainLora<f64>) {
    println!("\n[lora-forward]");
    let [x, target] = tokens_and_target();
    let given = linear(x.view(), frozen.w.view(), Some(frozen.b.view()));
    let (u, trace) = lora.forward(x.clone(), S);
    let y = &given + &u;
    show("x", &x);
    show("x Wᵀ + b", &given);
    show("h", &trace.h);
    show("u", &u);
    show("y", &y);
    show("t", &target);
    println!("loss       {}", number((&y - &target).mapv(|error| error * error).sum() / 2.0));
}

fn backward(frozen: &Frozen, lora: &PlainLora<f64>) -> Result<(), Box<dyn Error>> {
    println!("\n[lora-backward]");
    let [x, target] = tokens_and_target();
    let (u, trace) = lora.forward(x.clone(), S);
    let d_y = linear(x.view(), frozen.w.view(), Some(frozen.b.view())) + u - &target;
    let (by_lora, d) = lora.backward(&trace, &d_y, S);
    let by_layer = matmul(d_y.view(), frozen.w.view());
    let (tape_a, tape_b, tape_x) = on_tape(frozen, lora)?;
    show("d_y", &d_y);
    show("d_u", &(&d_y * S));
    compare("d_B", &d.b, &tape_b);
    show("d_h", &matmul((&d_y * S).view(), lora.b.view()));
    compare("d_A", &d.a, &tape_a);
    show("d_h A", &by_lora);
    show("d_y W", &by_layer);
    compare("d_x", &(by_lora + by_layer), &tape_x);
    Ok(())
}

type Three = (Array2<f64>, Array2<f64>, Array2<f64>);

fn on_tape(frozen: &Frozen, lora: &PlainLora<f64>) -> Result<Three, Box<dyn Error>> {
    let ([x, target], tape) = (tokens_and_target(), Tape::new());
    let (x, a, b) = (tape.variable(x), tape.variable(lora.a.clone()), tape.variable(lora.b.clone()));
    let layer = x.linear(&Var::constant(frozen.w.clone()), Some(&Var::constant(frozen.b.clone())));
    let y = layer + x.linear(&a, None).linear(&b, None) * S;
    let mut gradients = tape::squared_error(&y, &target).backward()?;
    let mut take = |variable| tape::take(&mut gradients, variable);
    Ok((take(&a)?, take(&b)?, take(&x)?))
}

/// Gradient descent from a start.
fn steps(frozen: &Frozen, part: &str, mut lora: PlainLora<f64>) {
    println!("\n[{part}]");
    println!("step     loss      |d_A|      |d_B|        |B|");
    let [x, target] = tokens_and_target();
    for step in 1..=STEPS {
        let (u, trace) = lora.forward(x.clone(), S);
        let d_y = linear(x.view(), frozen.w.view(), Some(frozen.b.view())) + u - &target;
        let (_, d) = lora.backward(&trace, &d_y, S);
        let loss = length(&d_y).powi(2) / 2.0;
        let [d_a, d_b, b] = [&d.a, &d.b, &lora.b].map(length);
        println!("{step:>4} {loss:>8.4} {d_a:>10.4} {d_b:>10.4} {b:>10.4}");
        lora.a.scaled_add(-RATE, &d.a);
        lora.b.scaled_add(-RATE, &d.b);
    }
}
