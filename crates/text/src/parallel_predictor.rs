//! A base with several adapters, each with its head: from texts to an answer of each.

use crate::data::cut_note;
use crate::error::{Result, TextError};
use crate::input_form::InputForm;
use crate::predictor::{Prediction, Reader, TextPredictor};
use crate::table::{Row, Table};
use crate::thresholds::Thresholds;
use crate::tokenizer::Tokenizer;
use adaptune_adapters::{AdapterPool, HeadConfig};
use adaptune_train::{Dataset, predict_parallel};
use adaptune_transformer::{Encoder, Insertions};
use std::ops::Range;
use std::sync::Arc;
use std::vec::IntoIter;

/// A base with several adapters, each with its head: every text is answered by each of them.
///
/// Where the adapters leave lower blocks alone (`leave_out=[0,1]`), these are computed once for all. Each answer is the one that the
/// adapter would give alone.
///
/// ```
/// use adaptune_text::{ParallelPredictor, Table, TextModel};
///
/// let model = TextModel::open("builtin")?;
/// let folder = tempfile::tempdir()?;
/// for task in ["sentiment", "topic"] {
///     let train = Table::read(format!("builtin:{task}@A:dev"))?;
///     model.training("seq_bn[leave_out=[0]]").epochs(1).run(&train)?.save(folder.path().join(task))?;
/// }
/// let mut predictor = ParallelPredictor::new(model.base().clone());
/// for task in ["sentiment", "topic"] {
///     predictor.add(task, model.with_adapter(folder.path().join(task))?)?;
/// }
/// let answers = predictor.predict(&["a text", "and another one"])?;
/// assert_eq!((answers.len(), answers[0].len()), (2, 2));
/// assert!(["positive", "negative"].contains(&answers[1][0].label().as_str()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct ParallelPredictor {
    pool: AdapterPool<f32>,
    members: Vec<Member>,
}

/// What is known of one adapter beside what the pool has.
#[derive(Debug)]
struct Member {
    name: String,
    tokenizer: Tokenizer,
    input: Option<InputForm>,
    thresholds: Thresholds,
}

impl ParallelPredictor {
    /// A base without adapters.
    #[must_use]
    pub fn new(base: Arc<Encoder<f32>>) -> Self {
        Self { pool: AdapterPool::new(base), members: Vec::new() }
    }

    /// Takes in an adapter with its head, under a name of its own.
    ///
    /// # Errors
    /// As [`AdapterPool::add`]: the name is taken, the base is another one, or has tensors thawed; or it is a tree of adapters, which
    /// differ by domain.
    pub fn add(&mut self, name: &str, predictor: TextPredictor) -> Result<()> {
        let (model, tokenizer, input, thresholds) = predictor.into_parts();
        if model.setup().groups().is_some() {
            return Err(TextError::Method(format!("{name} is a tree of adapters, and these answer by themselves")));
        }
        self.pool.add(name, model).map_err(adaptune_train::TrainError::from)?;
        self.members.push(Member { name: name.to_owned(), tokenizer, input, thresholds });
        Ok(())
    }

    /// The name and the head of each adapter, in the order in which they were added.
    pub fn heads(&self) -> impl ExactSizeIterator<Item = (&str, &HeadConfig)> {
        self.members.iter().map(|member| (member.name.as_str(), self.reader(member).head))
    }

    /// The form of the texts in the training of each adapter, as far as it is known.
    pub fn inputs(&self) -> impl ExactSizeIterator<Item = Option<&InputForm>> {
        self.members.iter().map(|member| member.input.as_ref())
    }

    /// Predicts the label of each text, in order, by each adapter; blank texts have none.
    ///
    /// # Errors
    /// As [`ParallelPredictor::predict_rows`].
    pub fn predict(&self, texts: &[impl AsRef<str>]) -> Result<Vec<Vec<Prediction>>> {
        let mut all = Vec::with_capacity(texts.len());
        self.predict_rows(&Table::of_texts(texts), 64, |_, predictions| {
            all.push(predictions.to_vec());
            Ok(())
        })?;
        Ok(all)
    }

    /// Predicts the label of every row of a table by each adapter, in order, and hands them to `take` with the row as soon as they are
    /// there; `batch_size` texts are computed at a time. Returns notes: how many texts lost their ends.
    ///
    /// # Errors
    /// No head reads texts of this form, or one was trained on another one; the tokenizer refuses a text; logits are not finite; or
    /// `take` fails.
    pub fn predict_rows(
        &self,
        table: &Table,
        batch_size: usize,
        mut take: impl FnMut(&Row, &[Prediction]) -> Result<()>,
    ) -> Result<Vec<String>> {
        let (tables, most) = (self.tables(table)?, batch_size.max(1));
        let mut cut = vec![0; self.members.len()];
        for first in (0..table.rows.len()).step_by(most) {
            let rows = first..(first + most).min(table.rows.len());
            let mut found = self.predict_some(&tables, rows.clone(), most, &mut cut)?;
            for row in &table.rows[rows] {
                let blank = row.text.is_blank();
                let next = |its: &mut IntoIter<Prediction>| its.next().unwrap_or(Prediction::Blank);
                let of_row: Vec<_> =
                    found.iter_mut().map(|its| if blank { Prediction::Blank } else { next(its) }).collect();
                take(row, &of_row)?;
            }
        }
        let texts = table.rows.iter().map(|row| row.text.count()).sum();
        let notes = cut.into_iter().zip(&self.members).filter_map(|(cut, member)| {
            Some(format!("adapter `{}`: {}", member.name, cut_note(cut, texts, &member.tokenizer)?))
        });
        Ok(notes.collect())
    }

    /// The predictions of each adapter for those rows that are not blank; counts how many of them lost their ends.
    fn predict_some(
        &self,
        tables: &[Table],
        rows: Range<usize>,
        batch_size: usize,
        cut: &mut [usize],
    ) -> Result<Vec<IntoIter<Prediction>>> {
        let with_text = tables.iter().map(|table| table.of_rows_with_text(&table.rows[rows.clone()]));
        let Some(full) = with_text.collect::<Option<Vec<_>>>() else {
            return Ok(vec![Vec::new().into_iter(); tables.len()]);
        };
        let readers: Vec<Reader<'_>> = self.members.iter().map(|member| self.reader(member)).collect();
        let tokens = readers.iter().zip(&full).map(|(reader, rows)| reader.tokens(rows)).collect::<Result<Vec<_>>>()?;
        let names = self.members.iter().map(|member| member.name.as_str());
        let of: Vec<(&str, &Dataset)> = names.zip(&tokens).map(|(name, tokens)| (name, &tokens.dataset)).collect();
        let logits = predict_parallel(&self.pool, &of, batch_size)?;
        let each = readers.iter().zip(&full).zip(&tokens).zip(logits);
        let each = each.zip(cut).map(|((((reader, rows), tokens), logits), cut)| {
            let (predictions, truncated) = reader.predictions(rows, tokens, logits.view());
            *cut += truncated;
            predictions.into_iter()
        });
        Ok(each.collect())
    }

    /// How the head of an adapter has texts, and what its logits mean.
    fn reader<'a>(&'a self, member: &'a Member) -> Reader<'a> {
        let Member { name, tokenizer, input, thresholds } = member;
        let head = self.pool.head(name).expect("every member is in the pool");
        Reader { head, tokenizer, input: input.as_ref(), thresholds }
    }

    /// Returns the texts as each head reads them; refuses those of another form than in its training.
    fn tables(&self, table: &Table) -> Result<Vec<Table>> {
        let of_member = |member: &Member| {
            let reader = self.reader(member);
            let checked = reader
                .check(table)
                .and_then(|()| table.clone().for_task(reader.head.task, reader.has_punctuation_apart()));
            checked.map_err(|source| TextError::OfAdapter { name: member.name.clone(), source: Box::new(source) })
        };
        self.members.iter().map(of_member).collect()
    }
}
