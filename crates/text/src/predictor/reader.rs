//! From texts to tokens, and from logits to predictions, as one head has them.

use super::prediction::{Prediction, WordTag};
use crate::data::{Tokenized, by_row};
use crate::error::Result;
use crate::input_form::InputForm;
use crate::table::{ChoiceLabels, Choices, Row, Table, Text};
use crate::thresholds::Thresholds;
use crate::tokenizer::{Encoded, Tokenizer};
use adaptune_adapters::{HeadConfig, LabelTree};
use adaptune_tensor::{sigmoid, softmax};
use adaptune_train::{Answer, AnswerWindow, Dataset, Question, answers, argmax};
use ndarray::{ArrayView1, ArrayView2, Axis, s};
use std::sync::Arc;

/// How one head has its texts, and what its logits mean.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    pub(crate) head: &'a HeadConfig,
    pub(crate) tokenizer: &'a Tokenizer,
    /// The form of the texts in training, if it is known.
    pub(crate) input: Option<&'a InputForm>,
    /// Above which probabilities classes and labels are predicted.
    pub(crate) thresholds: &'a Thresholds,
}

impl Reader<'_> {
    /// True if punctuation stood apart from words in training.
    pub(crate) fn has_punctuation_apart(&self) -> bool {
        self.input.is_some_and(|input| input.punctuation_apart)
    }

    /// Refuses texts in another form than in training.
    pub(crate) fn check(&self, table: &Table) -> Result<()> {
        self.input.map_or(Ok(()), |input| input.check(table))
    }

    /// The tokens of rows without labels, none of which is blank.
    pub(crate) fn tokens(&self, rows: &Table) -> Result<Tokenized> {
        self.tokenizer.tokenize_unlabelled(rows, self.head.task)
    }

    /// What the logits of these rows say, and how many of them lost their ends.
    pub(crate) fn predictions(
        &self,
        rows: &Table,
        tokens: &Tokenized,
        logits: ArrayView2<'_, f32>,
    ) -> (Vec<Prediction>, usize) {
        if self.head.task.predicts_a_span() {
            return (self.answers(&tokens.dataset, logits), 0);
        }
        let mut next = 0;
        let prediction = |(row, its): (&Row, &[Encoded])| {
            let count = if self.head.task.reads_every_token() { its[0].token_ids.len() } else { its.len() };
            let logits = logits.slice(s![next..next + count, ..]);
            next += count;
            self.prediction(row, logits, &its[0])
        };
        let cut = tokens.encoded.iter().filter(|encoded| encoded.truncated).count();
        let each = rows.rows.iter().zip(by_row(rows, &tokens.encoded));
        (each.map(prediction).collect(), cut)
    }

    /// What the logits of a text say, `[1, C]`, for a tagger `[T, C]`, or `[K, 1]` of `K` choices.
    fn prediction(&self, row: &Row, logits: ArrayView2<'_, f32>, encoded: &Encoded) -> Prediction {
        let head = self.head;
        match head.task {
            task if task.predicts_a_number() => Prediction::Number(logits[[0, 0]]),
            task if task.predicts_a_choice() => self.choice(row, logits.column(0)),
            task if task.predicts_a_path() => self.path(logits.row(0)),
            task if task.predicts_any_labels() => self.labels_that_hold(logits.row(0)),
            task if task.reads_every_token() => {
                let starts = encoded.word_starts.iter().flatten();
                let words = if let Text::Words(words) = &row.text { words.as_slice() } else { &[] };
                Prediction::Tags(starts.zip(words).map(|(start, word)| word_tag(head, logits, *start, word)).collect())
            }
            _ => {
                let logits = logits.row(0);
                let class = self.thresholds.class(logits);
                let (label, probabilities) = (head.labels[class].clone(), probabilities(logits));
                Prediction::Class { label, class, logits: logits.to_vec(), probabilities }
            }
        }
    }

    /// The best answer over the windows of each question, from the logits of all of them, `[T, 2]`.
    fn answers(&self, data: &Dataset, logits: ArrayView2<'_, f32>) -> Vec<Prediction> {
        let windows: Vec<&AnswerWindow> =
            data.examples().iter().filter_map(|example| example.target.window()).collect();
        let may_be_none = self.input.is_some_and(|input| input.unanswerable);
        let found = answers(&windows, logits, may_be_none);
        let prediction = |(question, answer): (&Arc<Question>, Answer)| {
            let letters = |byte: usize| question.context.get(..byte).map_or(0, |before| before.chars().count());
            Prediction::Answer {
                text: answer.text(question).to_owned(),
                letters: answer.bytes.map(|(start, end)| (letters(start), letters(end))),
                score: answer.score,
                null_score: answer.null_score,
            }
        };
        found.into_iter().map(prediction).collect()
    }

    /// The choice with the largest logit, `[K]`, called as in training.
    fn choice(&self, row: &Row, logits: ArrayView1<'_, f32>) -> Prediction {
        let Text::Choices(Choices { choices, .. }) = &row.text else { return Prediction::Blank };
        let labels = self.input.and_then(|input| input.choice_labels).unwrap_or(ChoiceLabels::FromZero);
        let choice = argmax(logits);
        Prediction::Choice {
            label: labels.label(choice, choices),
            choice,
            text: choices[choice].clone(),
            logits: logits.to_vec(),
            probabilities: probabilities(logits),
        }
    }

    /// The most probable leaf of the tree of labels, and the probability of every label, coarse or fine.
    fn path(&self, logits: ArrayView1<'_, f32>) -> Prediction {
        // A head has been made of them.
        let tree = LabelTree::of(&self.head.labels).unwrap_or_default();
        let class = tree.most_probable(logits);
        let probabilities = tree.probabilities(logits).into_iter().map(|p| p as f32).collect();
        Prediction::Class { label: self.head.labels[class].clone(), class, logits: logits.to_vec(), probabilities }
    }

    fn labels_that_hold(&self, logits: ArrayView1<'_, f32>) -> Prediction {
        let probabilities: Vec<f32> = logits.iter().copied().map(sigmoid).collect();
        let holds = |(label, _): &(usize, &String)| probabilities[*label] > self.thresholds.of(*label);
        let labels = self.head.labels.iter().enumerate().filter(holds);
        let separator = self.input.and_then(|input| input.label_separator).unwrap_or('|');
        Prediction::Labels {
            labels: labels.map(|(_, name)| name.clone()).collect(),
            separator,
            logits: logits.to_vec(),
            probabilities,
        }
    }
}

fn word_tag(head: &HeadConfig, logits: ArrayView2<'_, f32>, start: Option<usize>, word: &str) -> WordTag {
    let word = word.to_owned();
    let Some(start) = start else {
        return WordTag { word, label: None, logits: Vec::new(), probabilities: Vec::new() };
    };
    let (row, head) = (logits.row(start), &head.labels);
    let (label, probabilities) = (Some(head[argmax(row)].clone()), probabilities(row));
    WordTag { word, label, logits: row.to_vec(), probabilities }
}

fn probabilities(logits: ArrayView1<'_, f32>) -> Vec<f32> {
    softmax(logits.insert_axis(Axis(0)).to_owned()).iter().copied().collect()
}
