//! A prefix of one token before a head of attention.

use super::by_hand::{compare, length, number, show, tape};
use super::{RATE, STEPS};
use adaptune::adapters::prefix::PlainPrefix;
use adaptune::autograd::{Tape, Var, concatenate};
use adaptune::tensor::ndarray::{Array2, Axis, arr2};
use adaptune::tensor::{matmul, softmax, softmax_backward};
use std::error::Error;
use std::f64::consts::{LN_2, SQRT_2};

/// Queries, keys, values and target of three tokens, each `[T, K]`.
struct Head {
    q: Array2<f64>,
    k: Array2<f64>,
    v: Array2<f64>,
    target: Array2<f64>,
}

/// `1/√K`.
const SCALE: f64 = 1.0 / SQRT_2;

fn head() -> Head {
    Head {
        q: arr2(&[[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]]) * (SQRT_2 * LN_2),
        k: arr2(&[[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]),
        v: arr2(&[[4.0, 0.0], [0.0, 4.0], [-4.0, 4.0]]),
        target: arr2(&[[0.0, 1.0], [1.0, 3.0], [-1.0, 1.0]]),
    }
}

impl Head {
    /// Weights, `[T, P + T]`, and result, `[T, K]`.
    fn forward(&self, k: &Array2<f64>, v: &Array2<f64>) -> (Array2<f64>, Array2<f64>) {
        let p = softmax(matmul(self.q.view(), k.t()) * SCALE);
        let o = matmul(p.view(), v.view());
        (p, o)
    }

    /// From `d_o` to the gradients of keys and values.
    fn backward(&self, p: &Array2<f64>, v: &Array2<f64>, d_o: &Array2<f64>) -> [Array2<f64>; 2] {
        let d_scores = softmax_backward(p.view(), matmul(d_o.view(), v.t()));
        [matmul(d_scores.t(), self.q.view()) * SCALE, matmul(p.t(), d_o.view())]
    }
}

pub(super) fn run() -> Result<(), Box<dyn Error>> {
    let head = head();
    let prefix = PlainPrefix { keys: arr2(&[[2.0, 2.0]]), values: arr2(&[[2.0, -2.0]]) };
    println!("\n[prefix-given]");
    show("P_k", &prefix.keys);
    show("P_v", &prefix.values);
    show_forward(&head, "prefix-forward", &prefix);
    backward(&head, &prefix)?;
    let nothing = PlainPrefix { keys: Array2::zeros((1, 2)), values: Array2::zeros((1, 2)) };
    show_forward(&head, "prefix-zero", &nothing);
    steps(&head, nothing);
    Ok(())
}

fn show_forward(head: &Head, part: &str, prefix: &PlainPrefix<f64>) {
    println!("\n[{part}]");
    let (keys, values) = prefix.forward(&head.k, &head.v);
    let (p, o) = head.forward(&keys, &values);
    show("k", &keys);
    show("v", &values);
    show("p", &p);
    show("o", &o);
    println!("loss       {}", number(length(&(&o - &head.target)).powi(2) / 2.0));
}

fn backward(head: &Head, prefix: &PlainPrefix<f64>) -> Result<(), Box<dyn Error>> {
    println!("\n[prefix-backward]");
    let (keys, values) = prefix.forward(&head.k, &head.v);
    let (p, o) = head.forward(&keys, &values);
    let [d_keys, d_values] = head.backward(&p, &values, &(o - &head.target));
    let ([d_k, d_v], d) = prefix.backward(&d_keys, &d_values);
    let [tape_keys, tape_values, tape_k, tape_v] = on_tape(head, prefix)?;
    compare("d_P_k", &d.keys, &tape_keys);
    compare("d_k", &d_k, &tape_k);
    compare("d_P_v", &d.values, &tape_values);
    compare("d_v", &d_v, &tape_v);
    Ok(())
}

fn on_tape(head: &Head, prefix: &PlainPrefix<f64>) -> Result<[Array2<f64>; 4], Box<dyn Error>> {
    let tape = Tape::new();
    let [keys, values, k, v] =
        [&prefix.keys, &prefix.values, &head.k, &head.v].map(|array| tape.variable(array.clone()));
    let (all_k, all_v) = (concatenate(Axis(0), &[&keys, &k]), concatenate(Axis(0), &[&values, &v]));
    let o = tape::attention(&Var::constant(head.q.clone()), &all_k, &all_v, SCALE);
    let mut gradients = tape::squared_error(&o, &head.target).backward()?;
    let mut take = |variable| tape::take(&mut gradients, variable);
    Ok([take(&keys)?, take(&values)?, take(&k)?, take(&v)?])
}

fn steps(head: &Head, mut prefix: PlainPrefix<f64>) {
    println!("\n[prefix-steps]");
    println!("step     loss    |d_P_k|    |d_P_v|      |P_k|      |P_v|");
    for step in 1..=STEPS {
        let (keys, values) = prefix.forward(&head.k, &head.v);
        let (p, o) = head.forward(&keys, &values);
        let d_o = o - &head.target;
        let [d_keys, d_values] = head.backward(&p, &values, &d_o);
        let (_, d) = prefix.backward(&d_keys, &d_values);
        let loss = length(&d_o).powi(2) / 2.0;
        let [d_k, d_v, k, v] = [&d.keys, &d.values, &prefix.keys, &prefix.values].map(length);
        println!("{step:>4} {loss:>8.4} {d_k:>10.4} {d_v:>10.4} {k:>10.4} {v:>10.4}");
        prefix.keys.scaled_add(-RATE, &d.keys);
        prefix.values.scaled_add(-RATE, &d.values);
    }
}
