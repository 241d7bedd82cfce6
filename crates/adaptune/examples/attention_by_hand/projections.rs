//! The same head behind three linear layers, which all read the same tokens.

use super::by_hand::{assert_close, compare, show, tape};
use super::heads::Head;
use adaptune::autograd::{Tape, Var};
use adaptune::tensor::ndarray::{Array2, arr2};
use adaptune::tensor::{linear, matmul};
use std::error::Error;

/// Weights, each `[K, D]`.
struct Weights {
    q: Array2<f64>,
    k: Array2<f64>,
    v: Array2<f64>,
}

fn tokens() -> Array2<f64> {
    arr2(&[[1.0, 0.0, 0.0], [1.0, 1.0, 0.0], [1.0, 1.0, 1.0]])
}

impl Weights {
    /// The weights with which [`tokens`] have the queries, keys and values of the book: column `t` is row `t` less the row before.
    fn of_the_book() -> Self {
        let Head { q, k, v } = Head::of_the_book();
        let differences = |rows: Array2<f64>| {
            let mut weight = rows.t().to_owned();
            for t in (1..rows.nrows()).rev() {
                let before = weight.column(t - 1).to_owned();
                weight.column_mut(t).scaled_add(-1.0, &before);
            }
            weight
        };
        Self { q: differences(q), k: differences(k), v: differences(v) }
    }
}

pub(super) fn run() -> Result<(), Box<dyn Error>> {
    println!("\n[projections]");
    let (x, weights) = (tokens(), Weights::of_the_book());
    let [q, k, v] = [&weights.q, &weights.k, &weights.v].map(|w| linear(x.view(), w.view(), None));
    let head = Head { q, k, v };
    assert_close("q", &head.q, &Head::of_the_book().q);
    show("x", &x);
    show("W_q", &weights.q);
    show("W_k", &weights.k);
    show("W_v", &weights.v);
    let (o, trace) = head.forward();
    let (d, _) = head.backward(&trace, &(o - Head::target()));
    // ANCHOR: three-ways
    let by_queries = matmul(d.q.view(), weights.q.view()); // [T, K] [K, D] = [T, D]
    let by_keys = matmul(d.k.view(), weights.k.view());
    let by_values = matmul(d.v.view(), weights.v.view());
    let d_x = &by_queries + &by_keys + &by_values;
    // ANCHOR_END: three-ways
    show("d_q W_q", &by_queries);
    show("d_k W_k", &by_keys);
    show("d_v W_v", &by_values);
    compare("d_x", &d_x, &on_tape(&x, &weights, head.scale())?);
    Ok(())
}

fn on_tape(x: &Array2<f64>, weights: &Weights, scale: f64) -> Result<Array2<f64>, Box<dyn Error>> {
    let tape = Tape::new();
    let x = tape.variable(x.clone());
    let [q, k, v] = [&weights.q, &weights.k, &weights.v].map(|w| x.linear(&Var::constant(w.clone()), None));
    let o = tape::attention(&q, &k, &v, scale);
    let mut gradients = tape::squared_error(&o, &Head::target()).backward()?;
    tape::take(&mut gradients, &x)
}
