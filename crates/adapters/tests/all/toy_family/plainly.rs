//! The toy family's forward pass written plainly, one number at a time: the oracle of the model.

use adaptune_tensor::{AttentionMask, RmsWeight};
use adaptune_transformer::{Base, BlockNorm, Config, Encoder, LinearPoint, NormKind, Projection, Residual};
use ndarray::{Array1, Array2, ArrayView1, Axis, s};

/// The last hidden state of one sequence, `[n, D]`, before the final norm.
pub(crate) fn hidden(model: &Encoder<f64>, ids: &[u32]) -> Array2<f64> {
    let config = model.config();
    let base = Base::from(model);
    let rows: Vec<usize> = ids.iter().map(|id| *id as usize).collect();
    let scale = config.architecture.embedding_scale.unwrap_or(1.0);
    let mut x = base.token_embeddings().view().select(Axis(0), &rows) * scale;
    for layer in 0..config.layers {
        let block = Plain { model, layer };
        let a = block.norm(BlockNorm::BeforeAttention, &x);
        let o = block.linear(Projection::AttentionOutput, &block.attention(&a));
        let h = match config.architecture.residual {
            Residual::Sandwich => &x + &block.norm(BlockNorm::AfterAttention, &o),
            _ => &x + &o,
        };
        let f = match config.architecture.residual {
            Residual::Parallel => block.feed_forward(&a),
            _ => block.feed_forward(&block.norm(BlockNorm::BeforeFeedForward, &h)),
        };
        x = match config.architecture.residual {
            Residual::Sandwich => h + block.norm(BlockNorm::AfterFeedForward, &f),
            _ => h + f,
        };
    }
    x
}

/// `s ∘ x/√(mean(x²) + ε)`, row by row.
pub(crate) fn rms(config: &Config, weight: ArrayView1<'_, f64>, x: &Array2<f64>) -> Array2<f64> {
    let one = if config.architecture.norm == NormKind::Rms(RmsWeight::OnePlus) { 1.0 } else { 0.0 };
    let mut y = x.clone();
    for mut row in y.rows_mut() {
        let mean = row.iter().map(|v| v * v).sum::<f64>() / row.len() as f64;
        let root = (mean + config.norm_epsilon).sqrt();
        row.iter_mut().zip(weight).for_each(|(v, w)| *v = *v / root * (one + w));
    }
    y
}

struct Plain<'a> {
    model: &'a Encoder<f64>,
    layer: usize,
}

impl Plain<'_> {
    fn norm(&self, norm: BlockNorm, x: &Array2<f64>) -> Array2<f64> {
        let norm = Base::from(self.model).block_norm(self.layer, norm).expect("the family has it");
        rms(self.model.config(), norm.weight(), x)
    }

    fn linear(&self, projection: Projection, x: &Array2<f64>) -> Array2<f64> {
        let layer = self.model.linear(LinearPoint { layer: self.layer, projection }).expect("the family has it");
        assert!(layer.bias().is_none());
        x.dot(&layer.weight().t())
    }

    fn feed_forward(&self, x: &Array2<f64>) -> Array2<f64> {
        let silu = self.linear(Projection::FeedForwardGate, x).mapv(|g| g / (1.0 + (-g).exp()));
        self.linear(Projection::FeedForwardOut, &(silu * self.linear(Projection::FeedForwardIn, x)))
    }

    fn attention(&self, x: &Array2<f64>) -> Array2<f64> {
        let config = self.model.config();
        let (size, group) = (config.head_size(), config.heads / config.key_value_heads());
        let values = self.linear(Projection::Value, x);
        let mut y = Array2::zeros((x.nrows(), config.heads * size));
        for head in 0..config.heads {
            let q = self.head(Projection::Query, BlockNorm::Query, x, head);
            let k = self.head(Projection::Key, BlockNorm::Key, x, head / group);
            let v = values.slice(s![.., head / group * size..(head / group + 1) * size]);
            for i in 0..x.nrows() {
                let seen: Vec<usize> = (0..x.nrows()).filter(|j| self.sees(i, *j)).collect();
                let score =
                    |j: &usize| (config.architecture.attention_scale.expect("set") * q.row(i).dot(&k.row(*j))).exp();
                let total: f64 = seen.iter().map(score).sum();
                let mixed = seen.iter().fold(Array1::zeros(size), |sum, j| sum + &v.row(*j) * (score(j) / total));
                y.slice_mut(s![i, head * size..(head + 1) * size]).assign(&mixed);
            }
        }
        y
    }

    fn sees(&self, i: usize, j: usize) -> bool {
        match self.model.config().architecture.mask.at(self.layer) {
            AttentionMask::CausalWindow(n) => j <= i && i < j + n,
            AttentionMask::Causal => j <= i,
            other => panic!("the toy family has no {other:?}"),
        }
    }

    /// A head of queries or keys, normalised and rotated: `(a + ib) e^(ipθ)` for each pair of dimensions.
    fn head(&self, projection: Projection, norm: BlockNorm, x: &Array2<f64>, head: usize) -> Array2<f64> {
        let config = self.model.config();
        let size = config.head_size();
        let all = self.linear(projection, x);
        let mut y = self.norm(norm, &all.slice(s![.., head * size..(head + 1) * size]).to_owned());
        let Some(rotary) = config.architecture.rotary.at(self.layer) else { return y };
        let pairs = rotary.frequencies.len();
        for (position, mut row) in y.rows_mut().into_iter().enumerate() {
            for (i, frequency) in rotary.frequencies.iter().enumerate() {
                let (a, b, angle) = (row[i], row[i + pairs], position as f64 * frequency);
                row[i] = a * angle.cos() - b * angle.sin();
                row[i + pairs] = a * angle.sin() + b * angle.cos();
            }
        }
        y
    }
}
