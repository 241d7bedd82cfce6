//! A fusion of three adapters for one token.

use super::by_hand::{compare, length, number, show, tape};
use adaptune::autograd::{Tape, Var};
use adaptune::tensor::ndarray::{Array2, arr2};
use adaptune::tensor::{matmul, softmax, softmax_backward};
use std::error::Error;
use std::f64::consts::LN_2;

/// What trains.
struct Fusion {
    /// `[D, D]` each.
    w_q: Array2<f64>,
    w_k: Array2<f64>,
    w_v: Array2<f64>,
}

/// What is given: `x`, `[1, D]`, that the adapters read, their outputs `u`, `[N, D]`, the sublayer's output `o` and a target.
struct Given {
    x: Array2<f64>,
    u: Array2<f64>,
    o: Array2<f64>,
    target: Array2<f64>,
}

fn fusion() -> Fusion {
    Fusion {
        w_q: arr2(&[[1.0, 0.0], [0.0, 0.5]]) * LN_2,
        w_k: arr2(&[[1.0, 1.0], [0.0, 1.0]]),
        w_v: arr2(&[[1.0, 0.5], [-0.5, 1.0]]),
    }
}

fn given() -> Given {
    Given {
        x: arr2(&[[1.0, 2.0]]),
        u: arr2(&[[1.0, 0.0], [2.0, -1.0], [-2.0, 1.0]]),
        o: arr2(&[[1.0, 1.0]]),
        target: arr2(&[[2.0, 0.5]]),
    }
}

/// All that forward computes on its way.
struct Pass {
    q: Array2<f64>,
    k: Array2<f64>,
    p: Array2<f64>,
    s: Array2<f64>,
    y: Array2<f64>,
}

impl Fusion {
    fn forward(&self, given: &Given) -> Pass {
        // ANCHOR: fusion-forward
        let q = matmul(given.x.view(), self.w_q.t()); // [1, D]: what the token looks for
        let k = matmul(given.u.view(), self.w_k.t()); // [N, D]: what each adapter's output can be found by
        let p = softmax(matmul(q.view(), k.t())); // [1, N]
        let s = matmul(p.view(), given.u.view()); // [1, D]: the mixture
        let y = &given.o + &matmul(s.view(), self.w_v.t()); // [1, D]
        // ANCHOR_END: fusion-forward
        Pass { q, k, p, s, y }
    }

    /// From `d_y` to the gradients of the three matrices, of the adapters' outputs and of `x`; and what lies on the way.
    fn backward(&self, given: &Given, pass: &Pass, d_y: &Array2<f64>) -> Gradients {
        // ANCHOR: fusion-backward
        let d_w_v = matmul(d_y.t(), pass.s.view()); // [D, D]
        let d_s = matmul(d_y.view(), self.w_v.view()); // [1, D]
        let d_p = matmul(d_s.view(), given.u.t()); // [1, N]
        let d_a = softmax_backward(pass.p.view(), d_p.clone()); // [1, N]: of the scores
        let d_q = matmul(d_a.view(), pass.k.view()); // [1, D]
        let d_k = matmul(d_a.t(), pass.q.view()); // [N, D]
        let d_w_q = matmul(d_q.t(), given.x.view()); // [D, D]
        let d_w_k = matmul(d_k.t(), given.u.view()); // [D, D]
        let d_u = matmul(pass.p.t(), d_s.view()) + matmul(d_k.view(), self.w_k.view()); // [N, D], used twice
        let d_x = matmul(d_q.view(), self.w_q.view()); // [1, D]
        // ANCHOR_END: fusion-backward
        Gradients { d_s, d_p, d_a, all: [d_w_v, d_w_q, d_w_k, d_u, d_x] }
    }
}

struct Gradients {
    d_s: Array2<f64>,
    d_p: Array2<f64>,
    d_a: Array2<f64>,
    /// Of `W_v`, `W_q`, `W_k`, `u` and `x`.
    all: [Array2<f64>; 5],
}

pub(super) fn run() -> Result<(), Box<dyn Error>> {
    let (fusion, given) = (fusion(), given());
    println!("[fusion-given]");
    for (name, values) in [("x", &given.x), ("u", &given.u), ("o", &given.o), ("t", &given.target)] {
        show(name, values);
    }
    for (name, values) in [("W_q", &fusion.w_q), ("W_k", &fusion.w_k), ("W_v", &fusion.w_v)] {
        show(name, values);
    }
    let pass = fusion.forward(&given);
    println!("\n[fusion-forward]");
    show("q", &pass.q);
    show("k", &pass.k);
    show("q · k", &matmul(pass.q.view(), pass.k.t()));
    show("p", &pass.p);
    show("s", &pass.s);
    show("y", &pass.y);
    let d_y = &pass.y - &given.target;
    println!("loss       {}", number(length(&d_y).powi(2) / 2.0));
    let d = fusion.backward(&given, &pass, &d_y);
    println!("\n[fusion-backward]");
    show("d_y", &d_y);
    show("d_s", &d.d_s);
    show("d_p", &d.d_p);
    show("d_a", &d.d_a);
    let names = ["d_W_v", "d_W_q", "d_W_k", "d_u", "d_x"];
    for ((name, derived), tape) in names.into_iter().zip(&d.all).zip(&on_tape(&fusion, &given)?) {
        compare(name, derived, tape);
    }
    Ok(())
}

fn on_tape(fusion: &Fusion, given: &Given) -> Result<[Array2<f64>; 5], Box<dyn Error>> {
    let tape = Tape::new();
    let variables = [&fusion.w_v, &fusion.w_q, &fusion.w_k, &given.u, &given.x];
    let variables = variables.map(|array| tape.variable(array.clone()));
    let [w_v, w_q, w_k, u, x] = &variables;
    let scores = x.linear(w_q, None).matmul(&u.linear(w_k, None).t());
    let mixture = tape::softmax(&scores).matmul(u);
    let y = Var::constant(given.o.clone()) + mixture.linear(w_v, None);
    let mut gradients = tape::squared_error(&y, &given.target).backward()?;
    let mut take = |variable| tape::take(&mut gradients, variable);
    Ok([take(w_v)?, take(w_q)?, take(w_k)?, take(u)?, take(x)?])
}
