//! A bottleneck whose up-projection begins at zero, and its first steps: the output is the book's chapter on that.
//!
//! ```sh
//! cargo run --package adaptune --example zero_start
//! ```
//!
//! The bottleneck is that of `bottleneck_by_hand`, with other starts, and learns by gradient descent from one token.

use adaptune::adapters::bottleneck::PlainBottleneck;
use adaptune::tensor::ndarray::{Array, Array1, Array2, Dimension, arr2};

const RATE: f64 = 0.125;
const STEPS: usize = 3;

fn main() {
    let down = arr2(&[[0.5, 0.25, 0.5], [0.25, 0.5, -0.5]]);
    let up = arr2(&[[0.5, 1.0], [-0.5, 0.5], [1.0, -1.0]]);
    let (no_down, no_up) = (Array2::zeros((2, 3)), Array2::zeros((3, 2)));
    println!("rate {RATE}");
    learn("up-is-zero", &down, &no_up);
    learn("both-are-zero", &no_down, &no_up);
    learn("down-is-zero", &no_down, &up);
    learn("none-is-zero", &down, &up);
}

/// Prints what each step finds: the loss, the gradients, and what becomes of the weights.
fn learn(part: &str, w_down: &Array2<f64>, w_up: &Array2<f64>) {
    println!("\n[{part}]");
    let (x, target) = (arr2(&[[1.0, 2.0, -1.0]]), arr2(&[[2.0, 3.0, -2.0]]));
    let mut bottleneck = PlainBottleneck {
        w_down: w_down.clone(),
        b_down: Array1::zeros(2),
        w_up: w_up.clone(),
        b_up: Array1::zeros(3),
    };
    println!("step     loss   |d_W_up|   |d_b_up|  |d_W_down|  |d_b_down|     |W_up|");
    for step in 1..=STEPS {
        // ANCHOR: step
        let (u, trace) = bottleneck.forward(x.clone());
        let d_u = &x + &u - &target; // of the loss ½ Σ (x + u − t)²
        let (_, d) = bottleneck.backward(&trace, &d_u);
        let loss = d_u.mapv(|e| e * e).sum() / 2.0;
        // ANCHOR_END: step
        let lengths = [length(&d.w_up), length(&d.b_up), length(&d.w_down), length(&d.b_down)];
        let [up, b_up, down, b_down] = lengths.map(|length| format!("{length:>10.4}"));
        println!("{step:>4} {loss:>8.4} {up} {b_up}  {down}  {b_down} {:>10.4}", length(&bottleneck.w_up));
        descend(&mut bottleneck, &d);
    }
}

// ANCHOR: descend
fn descend(bottleneck: &mut PlainBottleneck<f64>, d: &PlainBottleneck<f64>) {
    bottleneck.w_down.scaled_add(-RATE, &d.w_down);
    bottleneck.b_down.scaled_add(-RATE, &d.b_down);
    bottleneck.w_up.scaled_add(-RATE, &d.w_up);
    bottleneck.b_up.scaled_add(-RATE, &d.b_up);
}
// ANCHOR_END: descend

/// The root of the sum of squares.
fn length<D: Dimension>(values: &Array<f64, D>) -> f64 {
    values.iter().map(|value| value * value).sum::<f64>().sqrt()
}
