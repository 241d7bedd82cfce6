//! What a block of the built-in model computes of one sentence, step by step: the output is the book's first chapter.
//!
//! ```sh
//! cargo run --package adaptune --example frozen_block
//! ```
//!
//! Everything is computed here from the weights, with products and sums alone, and compared with what the library computes.

use adaptune::tensor::ndarray::{Array2, ArrayView2, Axis, concatenate, s};
use adaptune::tensor::{Activation, layer_norm, linear, matmul, softmax};
use adaptune::transformer::{Base, Batch, BlockNorm, LinearPoint, Projection};
use support::{Outcome, Studio};

mod support;

const SENTENCE: &str = "The service was not clever.";
/// The token that is followed, and how many of its channels are printed.
const FOLLOWED: &str = "clever";
const SHOWN: usize = 6;
/// The head whose weights are printed.
const HEAD: usize = 0;

fn main() -> Outcome<()> {
    let studio = Studio::open()?;
    let ids = studio.ids(SENTENCE)?;
    let names: Vec<String> =
        ids.iter().map(|id| studio.tokeniser.id_to_token(*id).unwrap_or_else(|| id.to_string())).collect();
    let followed = names.iter().position(|name| name == FOLLOWED).ok_or("the sentence has the word")?;
    let batch = Batch::from_ids(&[&ids]);
    let block = Block { base: Base::from(studio.base.as_ref()), layer: 0, followed };

    tokens(&names, &ids);
    let x = block.base.lower(&batch, &(), 0, None)?.hidden().to_owned();
    println!("\n[embeddings]");
    x.rows().into_iter().zip(&names).for_each(|(row, name)| println!("{name:<10} {}", numbers(&row.to_vec())));
    let after_attention = block.attention(&x, &names);
    let state = block.feed_forward(&after_attention);

    let expected = block.base.lower(&batch, &(), 1, None)?.hidden().to_owned();
    let difference = (&state - &expected).iter().fold(0.0_f32, |most, d| most.max(d.abs()));
    assert!(difference < 1e-5, "the library computes something else: {difference}");
    sizes(&studio, x.dim());
    Ok(())
}

fn tokens(names: &[String], ids: &[u32]) {
    println!("[tokens]\n{SENTENCE}");
    println!("{}", names.iter().map(|name| format!("{name:>8}")).collect::<String>());
    println!("{}", ids.iter().map(|id| format!("{id:>8}")).collect::<String>());
}

/// The lowest block, and the token that is printed.
struct Block<'a> {
    base: Base<'a, f32>,
    layer: usize,
    followed: usize,
}

impl Block<'_> {
    /// `y = x Wᵀ + b` with a frozen layer.
    fn layer(&self, projection: Projection, x: &Array2<f32>) -> Array2<f32> {
        let layer = self.base.linear(LinearPoint { layer: self.layer, projection }).expect("BERT has it");
        linear(x.view(), layer.weight(), layer.bias())
    }

    fn norm(&self, norm: BlockNorm, x: Array2<f32>) -> Array2<f32> {
        let norm = self.base.block_norm(self.layer, norm).expect("BERT has it");
        layer_norm(x, norm.weight(), norm.bias(), norm.epsilon(), false).0
    }

    fn show(&self, name: &str, x: &Array2<f32>) {
        println!("{name:<14} {}", numbers(&x.row(self.followed).to_vec()));
    }

    /// The first half: from the state `x`, `[T, D]`, to the next state, `[T, D]`.
    fn attention(&self, x: &Array2<f32>, names: &[String]) -> Array2<f32> {
        // ANCHOR: attention
        let [q, k, v] = [Projection::Query, Projection::Key, Projection::Value].map(|p| self.layer(p, x)); // [T, D] each
        let width = self.base.config().head_size(); // D / H
        let heads: Vec<Array2<f32>> = (0..self.base.config().heads)
            .map(|head| {
                let part = s![.., head * width..(head + 1) * width];
                let (q, k, v) = (q.slice(part), k.slice(part), v.slice(part)); // [T, D / H]
                let scores = matmul(q, k.t()) / (width as f32).sqrt(); // [T, T]
                let weights = softmax(scores); // each row adds up to 1
                if head == HEAD {
                    table(&weights, names);
                }
                matmul(weights.view(), v) // [T, D / H]
            })
            .collect();
        let views: Vec<ArrayView2<'_, f32>> = heads.iter().map(|head| head.view()).collect();
        let all = concatenate(Axis(1), &views).expect("heads are equally long"); // [T, D]
        let o = self.layer(Projection::AttentionOutput, &all); // [T, D]
        let sum = x + &o;
        let y = self.norm(BlockNorm::AfterAttention, sum.clone());
        // ANCHOR_END: attention
        println!("\n[after-attention]");
        self.show("x", x);
        self.show("o", &o);
        self.show("x + o", &sum);
        self.show("y", &y);
        y
    }

    /// The second half, likewise.
    fn feed_forward(&self, y: &Array2<f32>) -> Array2<f32> {
        // ANCHOR: feed-forward
        let wide = Activation::Gelu.forward(self.layer(Projection::FeedForwardIn, y)); // [T, F]
        let f = self.layer(Projection::FeedForwardOut, &wide); // [T, D]
        let sum = y + &f;
        let z = self.norm(BlockNorm::AfterFeedForward, sum.clone());
        // ANCHOR_END: feed-forward
        println!("\n[after-feed-forward]");
        self.show("y", y);
        self.show("f", &f);
        self.show("y + f", &sum);
        self.show("z", &z);
        z
    }
}

/// How many numbers a block has, and a bottleneck beside it.
fn sizes(studio: &Studio, (tokens, d): (usize, usize)) {
    let (f, m) = (studio.base.config().feed_forward, d / 4);
    let (attention, feed_forward) = (4 * (d * d + d), 2 * d * f + f + d);
    println!("\n[sizes]");
    println!("T = {tokens}, D = {d}, F = {f}, H = {}", studio.base.config().heads);
    println!("attention      4 (D² + D)       {attention:>8}");
    println!("feed-forward   2 D F + F + D    {feed_forward:>8}");
    println!("two norms      4 D              {:>8}", 4 * d);
    println!("the block                       {:>8}", attention + feed_forward + 4 * d);
    println!("a bottleneck   2 D M + M + D    {:>8}   with M = {m}", 2 * d * m + m + d);
}

/// Weights of attention: in each row what a token takes from the tokens above.
fn table(weights: &Array2<f32>, names: &[String]) {
    println!("\n[attention-weights]");
    println!("          {}", names.iter().map(|name| format!("{name:>9}")).collect::<String>());
    for (row, name) in weights.rows().into_iter().zip(names) {
        println!("{name:<10}{}", row.iter().map(|weight| format!("{weight:>9.3}")).collect::<String>());
    }
}

fn numbers(row: &[f32]) -> String {
    row.iter().take(SHOWN).map(|number| format!("{:>8.3}", number + 0.0)).collect::<String>() + "  ..."
}
