//! Attention over sequences of different lengths, and its gradient held against finite differences.
//!
//! ```sh
//! cargo run --package adaptune-tensor --example ragged_attention
//! ```

use adaptune_tensor::ndarray::{Array2, s};
use adaptune_tensor::{
    Attention, AttentionGradients, AttentionNeeds, AttentionTrace, Layout, Precision, Seed, attention,
    attention_backward, init,
};

const HEADS: usize = 2;
const HEAD_SIZE: usize = 3;
const WIDTH: usize = HEADS * HEAD_SIZE;

fn main() {
    let layout = Layout::from_lengths(&[4, 1, 2]);
    for (sequence, rows) in layout.ranges().enumerate() {
        println!("sequence {sequence}: rows {rows:?} of {}, none of them padding", layout.tokens());
    }
    let inputs = Inputs::random(layout);
    a_lone_token_gives_its_own_value(&inputs);
    company_changes_nothing(&inputs);
    gradients_follow_differences(&inputs);
}

/// Queries, keys and values, each `[T, WIDTH]`.
#[derive(Clone)]
struct Inputs {
    layout: Layout,
    queries: Array2<f64>,
    keys: Array2<f64>,
    values: Array2<f64>,
}

impl Inputs {
    fn random(layout: Layout) -> Self {
        let draw = |name| init::normal((layout.tokens(), WIDTH), 1.0, Seed::new(1).named(name));
        Self { queries: draw("queries"), keys: draw("keys"), values: draw("values"), layout }
    }

    /// One of the sequences as a batch by itself.
    fn alone(&self, sequence: usize) -> Self {
        let rows = self.layout.range(sequence);
        let cut = |array: &Array2<f64>| array.slice(s![rows.clone(), ..]).to_owned();
        let layout = Layout::from_lengths(&[rows.len()]);
        Self { queries: cut(&self.queries), keys: cut(&self.keys), values: cut(&self.values), layout }
    }

    /// The result, `[T, WIDTH]`, and what backward needs.
    fn attend(&self) -> (Array2<f64>, AttentionTrace<f64>) {
        let Self { layout, queries, keys, values } = self.clone();
        let description = Attention::new(HEADS, HEAD_SIZE, layout.clone(), layout);
        let (result, trace) = attention(queries, keys, values, description, Precision::Full, None, true);
        (result, trace.expect("it was asked for"))
    }

    /// A number to differentiate: `Σ c ∘ attention(Q, K, V)`.
    fn loss(&self, c: &Array2<f64>) -> f64 {
        (self.attend().0 * c).sum()
    }
}

/// A softmax over one score is 1, so a sequence of one token gets its own value back.
fn a_lone_token_gives_its_own_value(inputs: &Inputs) {
    let (result, _) = inputs.attend();
    let row = inputs.layout.range(1).start;
    println!("\nsequence 1 attends to itself alone, so its result is its value:");
    println!("  result {:.3}\n  value  {:.3}", result.row(row), inputs.values.row(row));
    assert!((&result.row(row) - &inputs.values.row(row)).iter().all(|difference| difference.abs() < 1e-12));
}

/// Tokens of other sequences are not masked out: they never meet.
fn company_changes_nothing(inputs: &Inputs) {
    let (together, _) = inputs.attend();
    let (alone, _) = inputs.alone(2).attend();
    assert_eq!(alone, together.slice(s![inputs.layout.range(2), ..]));
    println!("\nsequence 2 gives the same bits alone as in this batch");
}

/// `∂loss/∂x ≈ (loss(x + h) − loss(x − h)) / 2h` for some elements `x`.
fn gradients_follow_differences(inputs: &Inputs) {
    const H: f64 = 1e-5;
    let c = init::normal((inputs.layout.tokens(), WIDTH), 1.0, Seed::new(2));
    let needs = AttentionNeeds { queries: true, keys: true, values: true, ..AttentionNeeds::default() };
    let AttentionGradients { d_queries, d_keys, d_values, .. } = attention_backward(inputs.attend().1, c.view(), needs);
    let parts: [(&str, Option<Array2<f64>>, Choose); 3] = [
        ("query", d_queries, |inputs| &mut inputs.queries),
        ("key", d_keys, |inputs| &mut inputs.keys),
        ("value", d_values, |inputs| &mut inputs.values),
    ];
    println!("\nderivative of Σ c ∘ result by   backward   differences");
    for (name, gradient, choose) in parts {
        let gradient = gradient.expect("it was asked for");
        for place in [[0, 1], [3, 5], [6, 2]] {
            let shifted = |by: f64| {
                let mut inputs = inputs.clone();
                choose(&mut inputs)[place] += by;
                inputs.loss(&c)
            };
            let differences = (shifted(H) - shifted(-H)) / (2.0 * H);
            println!("  {name:<5} {place:?} {:>23.6} {differences:>13.6}", gradient[place]);
            assert!((gradient[place] - differences).abs() < 1e-8, "backward is wrong");
        }
    }
}

/// Which of the three arrays an element is taken from.
type Choose = fn(&mut Inputs) -> &mut Array2<f64>;
