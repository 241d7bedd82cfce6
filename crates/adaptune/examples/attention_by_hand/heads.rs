//! One head: three tokens, two wide.

use super::by_hand::{assert_close, compare, number, show, tape};
use adaptune::autograd::Tape;
use adaptune::tensor::ndarray::{Array2, Axis, arr2};
use adaptune::tensor::{
    Attention, AttentionGradients, AttentionNeeds, Layout, Precision, attention, attention_backward, matmul, softmax,
};
use std::error::Error;
use std::f64::consts::{LN_2, SQRT_2};

/// Queries, keys and values, each `[T, K]`.
#[derive(Clone)]
pub(super) struct Head {
    pub(super) q: Array2<f64>,
    pub(super) k: Array2<f64>,
    pub(super) v: Array2<f64>,
}

/// What backward needs.
pub(super) struct Trace {
    scores: Array2<f64>,
    p: Array2<f64>,
}

impl Head {
    /// Scores are multiples of ln 2, so their exponentials are powers of two.
    pub(super) fn of_the_book() -> Self {
        let q = arr2(&[[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]]) * (SQRT_2 * LN_2);
        let k = arr2(&[[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]);
        Self { q, k, v: arr2(&[[4.0, 0.0], [0.0, 4.0], [-4.0, 4.0]]) }
    }

    pub(super) fn target() -> Array2<f64> {
        arr2(&[[0.0, 1.0], [1.0, 3.0], [-1.0, 1.0]])
    }

    pub(super) fn scale(&self) -> f64 {
        1.0 / (self.q.ncols() as f64).sqrt()
    }

    // ANCHOR: attention
    /// The result, `[T, K]`.
    pub(super) fn forward(&self) -> (Array2<f64>, Trace) {
        let scores = matmul(self.q.view(), self.k.t()) * self.scale(); // [T, K] [K, T] = [T, T]
        let p = softmax(scores.clone()); // each row adds up to 1
        let o = matmul(p.view(), self.v.view()); // [T, T] [T, K] = [T, K]
        (o, Trace { scores, p })
    }

    /// From `d_o`, `[T, K]`, to the gradients of queries, keys and values; and those on the way, of weights and scores.
    pub(super) fn backward(&self, Trace { p, .. }: &Trace, d_o: &Array2<f64>) -> (Head, [Array2<f64>; 2]) {
        let v = matmul(p.t(), d_o.view()); // d_v: [T, T] [T, K] = [T, K]
        let d_p = matmul(d_o.view(), self.v.t()); // [T, K] [K, T] = [T, T]
        let along = (p * &d_p).sum_axis(Axis(1)).insert_axis(Axis(1)); // [T, 1]
        let d_s = p * &(&d_p - &along); // [T, T]
        let q = matmul(d_s.view(), self.k.view()) * self.scale(); // d_q: [T, T] [T, K] = [T, K]
        let k = matmul(d_s.t(), self.q.view()) * self.scale(); // d_k: [T, T] [T, K] = [T, K]
        (Head { q, k, v }, [d_p, d_s])
    }
    // ANCHOR_END: attention

    fn loss(&self) -> f64 {
        (self.forward().0 - Self::target()).mapv(|error| error * error).sum() / 2.0
    }
}

pub(super) fn run() -> Result<(), Box<dyn Error>> {
    let head = Head::of_the_book();
    forward(&head);
    backward(&head)?;
    nudges(&head);
    Ok(())
}

fn forward(head: &Head) {
    println!("\n[attention-forward]");
    let (o, trace) = head.forward();
    show("q", &head.q);
    show("k", &head.k);
    show("v", &head.v);
    show("s", &trace.scores);
    show("e^s", &trace.scores.mapv(f64::exp));
    show("p", &trace.p);
    show("o", &o);
    show("t", &Head::target());
    println!("loss       {}", number(head.loss()));
}

fn backward(head: &Head) -> Result<(), Box<dyn Error>> {
    println!("\n[attention-backward]");
    let (o, trace) = head.forward();
    let d_o = o - Head::target();
    let (d, [d_p, d_s]) = head.backward(&trace, &d_o);
    let tape = on_tape(head)?;
    show("d_o", &d_o);
    compare("d_v", &d.v, &tape.v);
    show("d_p", &d_p);
    show("d_s", &d_s);
    compare("d_q", &d.q, &tape.q);
    compare("d_k", &d.k, &tape.k);
    held_against_the_library(head, &d_o, &d);
    Ok(())
}

fn on_tape(head: &Head) -> Result<Head, Box<dyn Error>> {
    let tape = Tape::new();
    let [q, k, v] = [&head.q, &head.k, &head.v].map(|array| tape.variable(array.clone()));
    let o = tape::attention(&q, &k, &v, head.scale());
    let mut gradients = tape::squared_error(&o, &Head::target()).backward()?;
    let mut take = |variable| tape::take(&mut gradients, variable);
    Ok(Head { q: take(&q)?, k: take(&k)?, v: take(&v)? })
}

fn held_against_the_library(head: &Head, d_o: &Array2<f64>, d: &Head) {
    let layout = Layout::from_lengths(&[head.q.nrows()]);
    let description = Attention::new(1, head.q.ncols(), layout.clone(), layout);
    let Head { q, k, v } = head.clone();
    let (o, trace) = attention(q, k, v, description, Precision::Full, None, true);
    assert_close("o", &head.forward().0, &o);
    let needs = AttentionNeeds { queries: true, keys: true, values: true, ..AttentionNeeds::default() };
    let AttentionGradients { d_queries, d_keys, d_values, .. } =
        attention_backward(trace.expect("it was asked for"), d_o.view(), needs);
    for (name, derived, library) in [("d_q", &d.q, d_queries), ("d_k", &d.k, d_keys), ("d_v", &d.v, d_values)] {
        assert_close(name, derived, &library.expect("it was asked for"));
    }
}

/// What the loss does when an element grows by a little, beside its derivative.
fn nudges(head: &Head) {
    const NUDGE: f64 = 1.0 / 65_536.0;
    type Place = fn(&mut Head) -> &mut f64;
    let places: [(&str, Place); 5] = [
        ("v[0][0]", |head| &mut head.v[[0, 0]]),
        ("v[2][1]", |head| &mut head.v[[2, 1]]),
        ("q[0][0]", |head| &mut head.q[[0, 0]]),
        ("q[2][1]", |head| &mut head.q[[2, 1]]),
        ("k[1][0]", |head| &mut head.k[[1, 0]]),
    ];
    let (o, trace) = head.forward();
    let (mut d, _) = head.backward(&trace, &(o - Head::target()));
    println!("\n[attention-nudges]");
    println!("element    change/nudge  derivative");
    for (name, place) in places {
        let mut nudged = head.clone();
        *place(&mut nudged) += NUDGE;
        println!("{name:<10} {:>12.4} {:>11}", (nudged.loss() - head.loss()) / NUDGE, number(*place(&mut d)).trim());
    }
}
