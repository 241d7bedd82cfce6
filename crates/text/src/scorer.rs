//! How probable a decoder finds texts, token by token.

use crate::data::cut_note;
use crate::error::{Result, TextError};
use crate::table::{Row, Table, TableKind, Text};
use crate::tokenizer::{Encoded, Tokenizer};
use adaptune_adapters::Setup;
use adaptune_tensor::in_pool;
use adaptune_transformer::{Base, Batch, BatchError, Encoder, Pass, Thawed};
use ndarray::Array2;
use std::sync::Arc;

/// A decoder, perhaps with adapters, that says how probable each token of a text is behind those before it.
///
/// ```no_run
/// use adaptune_text::{Scorer, TextModel};
/// let model = TextModel::open("models/stories260k")?;
/// let scorer = model.scorer()?;
/// let [story] = &scorer.score(&["Once upon a time there was a little girl."])?[..] else { unreachable!() };
/// println!("perplexity {:.1}", story.perplexity().unwrap_or(f64::NAN));
/// # Ok::<(), adaptune_text::TextError>(())
/// ```
#[derive(Debug)]
pub struct Scorer {
    base: Arc<Encoder<f32>>,
    setup: Setup<f32>,
    thawed: Option<Thawed<f32>>,
    tokenizer: Tokenizer,
}

/// How probable a text is.
#[derive(Clone, Debug, PartialEq)]
pub struct Scored {
    /// The ids of its tokens, special ones among them.
    pub tokens: Vec<u32>,
    /// The natural logarithm of the probability of each token but the first, behind those before it.
    pub log_probabilities: Vec<f64>,
}

impl Scored {
    /// `exp` of the mean surprise of a token; `None` of a text of one token, in which there is none.
    #[must_use]
    pub fn perplexity(&self) -> Option<f64> {
        let sum: f64 = self.log_probabilities.iter().sum();
        let count = self.log_probabilities.len();
        (count > 0).then(|| (-sum / count as f64).exp())
    }
}

impl Scorer {
    /// Puts a decoder and its tokenizer together.
    ///
    /// # Errors
    /// In the base tokens see those behind them, or it has no output layer.
    pub fn new(base: Arc<Encoder<f32>>, tokenizer: Tokenizer) -> Result<Self> {
        check_decoder(&base)?;
        Ok(Self { base, setup: Setup::None, thawed: None, tokenizer })
    }

    /// The same with adapters in the base, and trainable copies of its tensors over it. Heads have no part in it.
    ///
    /// # Errors
    /// An adapter lets tokens see those behind them.
    pub fn with_adapters(self, setup: Setup<f32>, thawed: Option<Thawed<f32>>) -> Result<Self> {
        check_causal(&setup, &self.base)?;
        Ok(Self { setup, thawed, ..self })
    }

    /// The tokenizer.
    #[must_use]
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// Returns how probable each text is, in order. Ends of texts that are too long are left out.
    ///
    /// # Errors
    /// The tokenizer refuses a text or finds no token in it, or a probability is not finite.
    pub fn score(&self, texts: &[impl AsRef<str>]) -> Result<Vec<Scored>> {
        let texts: Vec<&str> = texts.iter().map(AsRef::as_ref).collect();
        let at = |text: usize, message: String| TextError::line("texts", text + 1, message);
        Ok(self.score_some(&texts, at)?.0)
    }

    /// Scores every row of a table, in order, and hands each to `take` with its row as soon as it is there; blank texts have no score.
    /// `batch_size` texts are computed at a time. Returns notes: how many texts lost their ends.
    ///
    /// # Errors
    /// As [`Scorer::score`], the table holds no single texts, or `take` fails.
    pub fn score_rows(
        &self,
        table: &Table,
        batch_size: usize,
        mut take: impl FnMut(&Row, Option<&Scored>) -> Result<()>,
    ) -> Result<Vec<String>> {
        if table.kind != TableKind::Single {
            let message = format!("found {}, but one text is scored: choose a column with --text-column", table.kind);
            return Err(TextError::table(&table.name, message));
        }
        let mut cut = 0;
        for rows in table.rows.chunks(batch_size.max(1)) {
            let full: Vec<(&Row, &str)> = rows.iter().filter_map(|row| Some((row, row.text.single()?))).collect();
            let texts: Vec<&str> = full.iter().map(|(_, text)| *text).collect();
            let at = |text: usize, message: String| TextError::line(&table.name, full[text].0.line, message);
            let (scored, truncated) = self.score_some(&texts, at)?;
            let mut found = scored.iter();
            cut += truncated;
            for row in rows {
                take(row, if row.text.single().is_some() { found.next() } else { None })?;
            }
        }
        Ok(cut_note(cut, table.rows.len(), &self.tokenizer).into_iter().collect())
    }

    /// The scores of some texts, and how many of these lost their ends; `at` makes the error of one of them.
    fn score_some(&self, texts: &[&str], at: impl Fn(usize, String) -> TextError) -> Result<(Vec<Scored>, usize)> {
        if texts.is_empty() {
            return Ok((Vec::new(), 0));
        }
        let encode = |(i, text): (usize, &&str)| self.encode(text).map_err(|error| at(i, error.to_string()));
        let encoded = texts.iter().enumerate().map(encode).collect::<Result<Vec<Encoded>>>()?;
        let scored = in_pool(|| self.scored(&encoded))?;
        let broken = |one: &Scored| one.log_probabilities.iter().any(|p| !p.is_finite());
        if let Some(text) = scored.iter().position(broken) {
            let message = "a probability is not finite: a number of the base or the adapter is too large, or none";
            return Err(at(text, message.into()));
        }
        Ok((scored, encoded.iter().filter(|encoded| encoded.truncated).count()))
    }

    fn encode(&self, text: &str) -> Result<Encoded> {
        let encoded = self.tokenizer.encode(&Text::Single(text.to_owned()))?;
        match encoded.token_ids.is_empty() {
            false => Ok(encoded),
            true => Err(TextError::Tokenizer(
                "the text yields no token; expected something that the tokenizer knows".into(),
            )),
        }
    }

    fn scored(&self, encoded: &[Encoded]) -> Result<Vec<Scored>> {
        let failed = |error: BatchError| TextError::Train(error.into());
        let batch = Batch::from_ids(&encoded.iter().map(|one| &one.token_ids[..]).collect::<Vec<_>>());
        let base = Base::new(&self.base, self.thawed.as_ref());
        let passed = base.forward(&batch, &self.setup, Pass::evaluate()).map_err(failed)?;
        // Behind the last token of a text there is none to be probable.
        let (mut rows, mut next) = (Vec::new(), Vec::new());
        for (sequence, one) in encoded.iter().enumerate() {
            let places: Vec<usize> = passed.layout.text(sequence).collect();
            rows.extend_from_slice(&places[..places.len().saturating_sub(1)]);
            next.extend_from_slice(&one.token_ids[1..]);
        }
        let hidden: Array2<f32> = passed.hidden.select(ndarray::Axis(0), &rows);
        let found = base.next_log_probabilities(hidden.view(), &next);
        let mut found = found.expect("that it has an output layer was checked").into_iter();
        let of = |one: &Encoded| Scored {
            tokens: one.token_ids.clone(),
            log_probabilities: found.by_ref().take(one.token_ids.len() - 1).collect(),
        };
        Ok(encoded.iter().map(of).collect())
    }
}

/// Checks that a base is a decoder with its output layer.
pub(crate) fn check_decoder(base: &Encoder<f32>) -> Result<()> {
    let config = base.config();
    let family = config.family.model_type();
    if !config.is_causal() {
        return Err(TextError::Model(format!(
            "this is an encoder ({family}): its tokens see those behind them, so it has no probability of a next token; \
             expected a decoder such as llama or qwen2"
        )));
    }
    if Base::from(base).output().is_none() {
        return Err(TextError::Model(format!(
            "the checkpoint ({family}) holds the blocks without the output layer, lm_head.weight: expected that of the whole \
             language model"
        )));
    }
    Ok(())
}

/// Checks that no module lets tokens see those behind them.
pub(crate) fn check_causal(setup: &Setup<f32>, base: &Encoder<f32>) -> Result<()> {
    if let Some(point) = setup.not_causal(base.config()) {
        return Err(TextError::Model(format!(
            "{point}: the adapter's module there looks at a whole sequence (as gates do), so that tokens would see what comes \
             behind them; a decoder needs adapters that do not"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TextModel;
    use adaptune_adapters::Adapter;
    use adaptune_tensor::Seed;
    use adaptune_test_support::assets;

    fn stories() -> Option<Scorer> {
        let model = TextModel::open(assets()?.join("models/stories260k").to_str()?).expect("a model");
        Some(model.scorer().expect("a decoder"))
    }

    /// transformers' numbers, in double precision.
    #[test]
    fn a_real_decoder_finds_texts_as_probable_as_python_does() {
        let Some(scorer) = stories() else { return };
        let found = scorer.score(&["The dog", "Once upon a time there was a little girl."]).expect("they are scored");
        assert_eq!(found[0].tokens, [1, 291, 400, 428]);
        let expected: [&[f64]; 2] = [
            &[-6.6011667, -5.9946719, -0.170788],
            &[
                -0.2437435, -0.0175127, -0.0121104, -0.0007239, -3.5498419, -0.150518, -0.0018248, -0.7586622,
                -0.4755188, -0.0071773, -0.0006273, -3.4677181,
            ],
        ];
        for (found, expected) in found.iter().zip(expected) {
            assert_eq!(found.log_probabilities.len(), expected.len());
            let off = found.log_probabilities.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            assert!(off < 2e-5, "{off}");
        }
        assert!(
            (found[0].perplexity().expect("it has tokens") - ((6.6011667 + 5.9946719 + 0.170788) / 3.0_f64).exp())
                .abs()
                < 1e-2
        );
        assert_eq!(scorer.score(&["The dog"]).expect("it is scored"), found[..1], "alone it is the same to the bit");
    }

    #[test]
    fn what_sees_the_future_is_refused() {
        let Some(scorer) = stories() else { return };
        let adapter =
            |method: &str| Adapter::<f32>::on("a", &method.parse().expect("a method"), &scorer.base, Seed::new(1));
        let error = adapter("lora[use_gating=True]").map(|_| ()).expect_err("it averages").to_string();
        assert!(error.contains("layer.0.query: the module there looks at a whole sequence"), "{error}");
        let plain = Setup::from(adapter("seq_bn").expect("it fits"));
        let before = scorer.score(&["The dog"]).expect("it is scored");
        let with = scorer.with_adapters(plain, None).expect("it looks at tokens one by one");
        assert_eq!(with.score(&["The dog"]).expect("it is scored"), before, "a new adapter changes nothing");
        let builtin = TextModel::open("builtin").expect("a model");
        let error = builtin.scorer().expect_err("it is an encoder").to_string();
        assert!(error.contains("this is an encoder (bert)"), "{error}");
    }
}
