//! Questions about a context, which is read window by window, and the best answer over the windows.

use adaptune_tensor::{Scalar, Seed};
use ndarray::{ArrayView2, s};
use std::sync::Arc;

/// What is asked, shared by all windows of its context.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Question {
    /// Where the answer stands.
    pub context: String,
    /// All answers that are right; none if the context has none.
    pub answers: Vec<String>,
}

/// One window of a question's context, as the target of an example.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswerWindow {
    /// The first and the last token of the answer; the first token of the sequence twice, where the window has none.
    pub span: (usize, usize),
    /// The question.
    pub question: Arc<Question>,
    /// The bytes of the context that each token stands for; `None` of tokens that are no part of it.
    pub bytes: Vec<Option<(usize, usize)>>,
}

impl AnswerWindow {
    /// A number that changes with the window and its question.
    pub(crate) fn fingerprint(&self, seed: Seed) -> Seed {
        let places =
            self.bytes.iter().map(|bytes| bytes.map_or(u64::MAX, |(start, end)| (start as u64) << 32 | end as u64));
        let span = [self.span.0 as u64, self.span.1 as u64];
        let texts = self.question.answers.iter().chain([&self.question.context]);
        let letters = texts.flat_map(|text| text.bytes().map(u64::from).chain([u64::MAX]));
        span.into_iter().chain(places).chain(letters).fold(seed, Seed::at)
    }
}

/// The answer that a model gives.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The bytes of the context that it consists of; `None` if the context has none.
    pub bytes: Option<(usize, usize)>,
    /// The logits of its start and its end together.
    pub score: f64,
    /// The same of the first token of the sequence, which stands for no answer, in the window that is surest of an answer.
    pub null_score: f64,
}

/// The most tokens of an answer, as in the scripts of BERT's authors.
pub const LONGEST_ANSWER: usize = 30;

impl Answer {
    /// The best span of at most [`LONGEST_ANSWER`] tokens over all windows of a question, each with its logits, `[T, 2]`. With
    /// `may_be_none` it is no answer where no span has a higher score than no answer.
    ///
    /// # Panics
    /// If there is not a row of logits for each token.
    #[must_use]
    pub fn best<S: Scalar>(windows: &[(&AnswerWindow, ArrayView2<'_, S>)], may_be_none: bool) -> Self {
        let mut best = Self { bytes: None, score: f64::NEG_INFINITY, null_score: f64::INFINITY };
        for (window, logits) in windows {
            assert_eq!(logits.dim(), (window.bytes.len(), 2), "each token has two logits");
            best.null_score = best.null_score.min((logits[[0, 0]] + logits[[0, 1]]).to_f64());
            best.take_better(window, *logits);
        }
        if best.bytes.is_none() || (may_be_none && best.score <= best.null_score) {
            return Self { bytes: None, score: best.null_score, ..best };
        }
        best
    }

    /// Takes the best span of a window, if it is better.
    fn take_better<S: Scalar>(&mut self, window: &AnswerWindow, logits: ArrayView2<'_, S>) {
        for (start, bytes) in window.bytes.iter().enumerate() {
            let Some((first, _)) = bytes else { continue };
            let ends = window.bytes[start..].iter().take(LONGEST_ANSWER).enumerate();
            for (length, end) in ends.map_while(|(length, bytes)| Some((length, (*bytes)?.1))) {
                let score = (logits[[start, 0]] + logits[[start + length, 1]]).to_f64();
                if score > self.score {
                    (self.bytes, self.score) = (Some((*first, end)), score);
                }
            }
        }
    }

    /// Its text, cut from the context; empty if there is none.
    #[must_use]
    pub fn text<'a>(&self, question: &'a Question) -> &'a str {
        self.bytes.and_then(|(start, end)| question.context.get(start..end)).unwrap_or("")
    }
}

/// The best answer to each question of windows in order, from the logits of all of them, `[T, 2]`. Windows of one question follow each
/// other and share it.
pub fn answers<'a, S: Scalar>(
    windows: &[&'a AnswerWindow],
    logits: ArrayView2<'_, S>,
    may_be_none: bool,
) -> Vec<(&'a Arc<Question>, Answer)> {
    let (mut found, mut first) = (Vec::new(), 0);
    for group in windows.chunk_by(|a, b| Arc::ptr_eq(&a.question, &b.question)) {
        let mut with_logits = Vec::with_capacity(group.len());
        for window in group {
            with_logits.push((*window, logits.slice(s![first..first + window.bytes.len(), ..])));
            first += window.bytes.len();
        }
        found.push((&group[0].question, Answer::best(&with_logits, may_be_none)));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array};

    fn window(question: &Arc<Question>, bytes: &[Option<(usize, usize)>]) -> AnswerWindow {
        AnswerWindow { span: (0, 0), question: question.clone(), bytes: bytes.to_vec() }
    }

    /// The end before the start is no span, and neither is one that goes through what is not context.
    #[test]
    fn the_best_span_is_taken_over_all_windows() {
        let question = Arc::new(Question { context: "red green blue".into(), answers: vec![] });
        let one = window(&question, &[None, Some((0, 3)), Some((4, 9)), None]);
        let two = window(&question, &[None, Some((4, 9)), Some((10, 14)), None]);
        let first: Array2<f64> = array![[0.5, 0.5], [0.0, 9.0], [1.0, 0.0], [8.0, 8.0]];
        let second = array![[2.0, 2.0], [0.5, 0.0], [0.0, 2.0], [0.0, 0.0]];
        let answer = Answer::best(&[(&one, first.view())], false);
        assert_eq!((answer.text(&question), answer.score, answer.null_score), ("red", 9.0, 1.0));
        let answer = Answer::best(&[(&two, second.view())], false);
        assert_eq!((answer.text(&question), answer.score), ("green blue", 2.5));
        let answer = Answer::best(&[(&two, second.view())], true);
        assert_eq!((answer.text(&question), answer.score, answer.bytes), ("", 4.0, None));
        // The window that is surest of an answer decides whether there is none.
        let both = ndarray::concatenate![ndarray::Axis(0), first, second];
        let all = answers(&[&one, &two], both.view(), true);
        assert_eq!((all.len(), all[0].1.text(&question), all[0].1.null_score), (1, "red", 1.0));
    }
}
