//! The output layer of a language model: from hidden states to the words of the vocabulary, in pieces.

use crate::base::{Base, BaseTable};
use crate::point::Part;
use adaptune_tensor::{
    Gradients, Scalar, linear_cross_entropy, linear_cross_entropy_backward, linear_cross_entropy_weight_backward,
    matmul,
};
use ndarray::{Array2, ArrayView1, ArrayView2, Axis, Slice};

/// Numbers that are held at once: no array of all tokens by all words exists, of which there may be hundreds of thousands.
const PIECE: usize = 1 << 22;

impl<'a, S: Scalar> Base<'a, S> {
    /// The output layer of the language model, `[V, D]`: a table of its own, or that of the token embeddings. `None` if it has one of its
    /// own that the checkpoint did not hold, or stands behind a head (as BERT's does).
    #[must_use]
    pub fn output(self) -> Option<BaseTable<'a, S>> {
        let config = self.config();
        match config.architecture.untied_output {
            true => self.table(Part::Output),
            false => (config.embedding_width() == config.hidden).then(|| self.token_embeddings()),
        }
    }

    /// Returns the logits of the next token behind each row of `hidden: [N, D]`, `[N, V]`; `None` if there is no
    /// [output layer](Base::output).
    #[must_use]
    pub fn next_logits(self, hidden: ArrayView2<'_, S>) -> Option<Array2<S>> {
        Some(matmul(hidden, self.output()?.view().t()))
    }

    /// Returns the logarithm of the probability of the token `next[i]` behind row `i` of `hidden: [N, D]`, in double precision, computed in
    /// pieces; `None` if there is no [output layer](Base::output).
    ///
    /// # Panics
    /// If there are not as many tokens as rows, or one is not in the vocabulary.
    #[must_use]
    pub fn next_log_probabilities(self, hidden: ArrayView2<'_, S>, next: &[u32]) -> Option<Vec<f64>> {
        assert_eq!(hidden.nrows(), next.len(), "a token for each row");
        let output = self.output()?;
        let rows = (PIECE / output.view().nrows().max(1)).max(1);
        let mut all = Vec::with_capacity(next.len());
        for (piece, next) in next.chunks(rows).enumerate() {
            let first = piece * rows;
            let hidden = hidden.slice_axis(Axis(0), Slice::from(first..first + next.len()));
            let logits = matmul(hidden, output.view().t());
            all.extend(logits.outer_iter().zip(next).map(|(logits, next)| log_probability(logits, *next as usize)));
        }
        Some(all)
    }

    /// Returns the cross-entropy of the tokens `next` behind the rows of `hidden: [N, D]`, each weighing `weight`; `None` if there is no
    /// [output layer](Base::output). No array of all rows by all words is made.
    ///
    /// # Panics
    /// As [`Base::next_log_probabilities`].
    #[must_use]
    pub fn next_loss(self, hidden: ArrayView2<'_, S>, next: &[u32], weight: S) -> Option<S> {
        Some(linear_cross_entropy(hidden, self.output()?.view(), next, weight))
    }

    /// Returns the same loss with `d_hidden`, `[N, D]`, and adds the gradient of the output layer if it is thawed.
    ///
    /// # Panics
    /// As [`Base::next_log_probabilities`].
    #[must_use]
    pub fn next_loss_backward(
        self,
        hidden: ArrayView2<'_, S>,
        next: &[u32],
        weight: S,
        gradients: &mut Gradients<S>,
    ) -> Option<(S, Array2<S>)> {
        let output = self.output()?;
        if output.trains() {
            let d_output = linear_cross_entropy_weight_backward(hidden, output.view(), next, weight);
            output.add_gradient(d_output, gradients);
        }
        Some(linear_cross_entropy_backward(hidden, output.view(), next, weight))
    }
}

/// `x_i − log Σ_j exp(x_j)`.
fn log_probability<S: Scalar>(logits: ArrayView1<'_, S>, token: usize) -> f64 {
    let most = logits.iter().fold(f64::NEG_INFINITY, |most, logit| most.max(logit.to_f64()));
    let sum: f64 = logits.iter().map(|logit| (logit.to_f64() - most).exp()).sum();
    logits[token].to_f64() - most - sum.ln()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Architecture, Batch, Config, Encoder, Pass};
    use adaptune_tensor::Seed;

    #[test]
    fn probabilities_of_all_words_sum_to_one_whichever_table_they_come_from() {
        for untied_output in [false, true] {
            let architecture = Architecture { untied_output, ..Architecture::bert() };
            let config = Config { vocabulary: 11, positions: 9, architecture, ..Config::bert(6, 2, 2, 7) };
            let encoder = Encoder::<f64>::random(config, 0.4, Seed::new(1));
            let base = Base::from(&encoder);
            let hidden = base.forward(&Batch::from_ids(&[&[1, 2, 3]]), &(), Pass::evaluate()).unwrap().hidden;
            let table = if untied_output { Part::Output } else { Part::Tokens };
            let logits = base.next_logits(hidden.view()).unwrap();
            assert_eq!(logits, hidden.dot(&base.table(table).unwrap().view().t()));
            for row in 0..3 {
                let rows = hidden.select(Axis(0), &[row; 11]);
                let next: Vec<u32> = (0..11).collect();
                let found = base.next_log_probabilities(rows.view(), &next).unwrap();
                assert!((found.iter().map(|p| p.exp()).sum::<f64>() - 1.0).abs() < 1e-12);
                let by_hand = logits[(row, 4)] - logits.row(row).mapv(f64::exp).sum().ln();
                assert!((found[4] - by_hand).abs() < 1e-12);
                let loss = base.next_loss(rows.view(), &next, 0.5).unwrap();
                assert!((loss + 0.5 * found.iter().sum::<f64>()).abs() < 1e-11);
            }
        }
    }
}
