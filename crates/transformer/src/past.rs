//! Keys and values of tokens that went before, so that a decoder that writes token by token computes each of them once.

use crate::base::Base;
use crate::batch::{Batch, BatchError};
use crate::encoder::Encoder;
use crate::insertion::Insertions;
use crate::point::{LinearPoint, Projection, SequencePoint, Sublayer, SublayerPoint};
use adaptune_tensor::{Layout, Scalar};
use ndarray::{Array2, ArrayView2, s};
use std::sync::{Mutex, PoisonError};

/// What the blocks of a decoder keep of the tokens that sequences have so far: keys and values, a row for each token.
///
/// [`Base::extend`](crate::Base::extend) computes the next tokens with it, and adds theirs. In f32 the states are to the bit those that a pass over the whole
/// sequences gives. It belongs to one base with one set of modules.
///
/// ```
/// use adaptune_tensor::{AttentionMask, Seed};
/// use adaptune_transformer::{Architecture, Base, Batch, ByLayer, Config, Encoder, Past, Pass, Selection};
/// let architecture = Architecture { mask: ByLayer::every(AttentionMask::Causal), ..Architecture::bert() };
/// let config = Config { vocabulary: 11, positions: 9, architecture, ..Config::bert(8, 3, 2, 12) };
/// let model = Encoder::<f32>::random(config, 0.1, Seed::new(1));
/// let (base, mut past) = (Base::from(&model), Past::new(&model, 2));
/// base.extend(&Batch::from_ids(&[&[1, 2, 3], &[4]]), &mut past, &(), &Selection::Last)?;
/// let last = base.extend(&Batch::from_ids(&[&[5], &[6]]), &mut past, &(), &Selection::Last)?;
/// let whole = base.read(&Batch::from_ids(&[&[1, 2, 3, 5], &[4, 6]]), &(), Pass::evaluate(), &Selection::Last)?;
/// assert_eq!(last, whole.hidden);
/// # Ok::<(), adaptune_transformer::BatchError>(())
/// ```
#[derive(Debug)]
pub struct Past<S> {
    /// How many tokens each sequence has.
    lengths: Vec<usize>,
    /// For each depth keys and values, `[T, D_kv]` each.
    kept: Vec<Mutex<[Array2<S>; 2]>>,
}

impl<S: Scalar> Past<S> {
    /// That of so many sequences without tokens.
    #[must_use]
    pub fn new(model: &Encoder<S>, sequences: usize) -> Self {
        let config = model.config();
        let none = || Mutex::new([(); 2].map(|()| Array2::zeros((0, config.key_value_width()))));
        Self { lengths: vec![0; sequences], kept: (0..config.layers).map(|_| none()).collect() }
    }

    /// How many tokens each sequence has.
    #[must_use]
    pub fn lengths(&self) -> &[usize] {
        &self.lengths
    }

    /// The same of some of the sequences, in this order, such as those that are not complete.
    ///
    /// # Panics
    /// If there is no such sequence.
    #[must_use]
    pub fn select(&self, sequences: &[usize]) -> Self {
        let lengths = sequences.iter().map(|sequence| self.lengths[*sequence]).collect();
        self.rows_of(&self.layout().rows(sequences), lengths)
    }

    /// The same of the first so many tokens of each sequence, or of all that it has, such as those that another text begins with too.
    ///
    /// ```
    /// use adaptune_tensor::Seed;
    /// use adaptune_transformer::{Config, Encoder, Past};
    /// let model = Encoder::<f32>::random(Config::bert(8, 1, 2, 12), 0.1, Seed::new(1));
    /// assert_eq!(Past::new(&model, 2).beginnings(&[3, 0]).lengths(), [0, 0]);
    /// ```
    ///
    /// # Panics
    /// If there is not a number for each sequence.
    #[must_use]
    pub fn beginnings(&self, tokens: &[usize]) -> Self {
        assert_eq!(tokens.len(), self.lengths.len(), "a number for each sequence");
        let lengths: Vec<usize> = self.lengths.iter().zip(tokens).map(|(all, some)| *all.min(some)).collect();
        let layout = self.layout();
        let ranges = layout.ranges().zip(&lengths).map(|(range, length)| range.start..range.start + length);
        let rows: Vec<usize> = ranges.flatten().collect();
        self.rows_of(&rows, lengths)
    }

    /// These rows of what is kept, of sequences of these lengths.
    fn rows_of(&self, rows: &[usize], lengths: Vec<usize>) -> Self {
        let of = |kept: &Mutex<[Array2<S>; 2]>| {
            let kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            Mutex::new(kept.each_ref().map(|array| array.select(ndarray::Axis(0), rows)))
        };
        Self { lengths, kept: self.kept.iter().map(of).collect() }
    }

    fn layout(&self) -> Layout {
        Layout::from_lengths(&self.lengths)
    }

    /// How all tokens lie, when those are added that lie as `new` says.
    fn with(&self, new: &Layout) -> Layout {
        let lengths: Vec<usize> = self.lengths.iter().zip(new.ranges()).map(|(past, new)| past + new.len()).collect();
        Layout::from_lengths(&lengths)
    }

    /// Adds keys and values of new tokens at a depth; returns those of all tokens, and how they lie.
    pub(crate) fn extended(
        &self,
        depth: usize,
        [keys, values]: [Array2<S>; 2],
        new: &Layout,
    ) -> (Array2<S>, Array2<S>, Layout) {
        let (past, all) = (self.layout(), self.with(new));
        let mut kept = self.kept[depth].lock().unwrap_or_else(PoisonError::into_inner);
        for (kept, added) in kept.iter_mut().zip([keys, values]) {
            *kept = joined([(kept.view(), &past), (added.view(), new)], &all);
        }
        let [keys, values] = kept.clone();
        (keys, values, all)
    }

    /// The rows of new tokens among all, those that are read or all of them, and how all lie.
    pub(crate) fn rows(&self, read: Option<&[u32]>, new: &Layout) -> (Vec<u32>, Layout) {
        let all = self.with(new);
        let of_sequence = |(sequence, range): (usize, std::ops::Range<usize>)| {
            let first = all.range(sequence).start + self.lengths[sequence];
            (first..first + range.len()).map(|row| row as u32).collect::<Vec<_>>()
        };
        let rows: Vec<u32> = new.ranges().enumerate().flat_map(of_sequence).collect();
        let rows = read.map_or(rows.clone(), |read| read.iter().map(|row| rows[*row as usize]).collect());
        (rows, all)
    }

    pub(crate) fn length(&self, sequence: usize) -> usize {
        self.lengths.get(sequence).copied().unwrap_or(0)
    }

    /// Counts the tokens of a pass, when all blocks have added theirs.
    pub(crate) fn count(&mut self, batch: &Batch) {
        self.lengths = self.with(batch.layout()).ranges().map(|range| range.len()).collect();
    }

    /// Checks that it is that of so many sequences, behind as many blocks as the model has.
    pub(crate) fn check(&self, batch: &Batch, layers: usize) -> Result<(), BatchError> {
        let (sequences, blocks, expected) = (self.lengths.len(), self.kept.len(), batch.layout().sequences());
        match (sequences, blocks) == (expected, layers) {
            true => Ok(()),
            false => Err(BatchError::OtherState { sequences, blocks, expected, layers }),
        }
    }
}

impl<S: Scalar> Base<'_, S> {
    /// True if every module gives a token what it gives it among all before it: those that look at one token, and prefixes.
    #[must_use]
    pub fn may_extend(self, insertions: &dyn Insertions<S>) -> bool {
        let blocks = || 0..self.config().blocks();
        let linear = |at: LinearPoint| insertions.linear(at).is_none_or(|module| module.properties(at).token_wise);
        let sublayer =
            |at: SublayerPoint| insertions.sublayer(at).is_none_or(|module| module.properties(at).token_wise);
        let sequence =
            |at: SequencePoint| insertions.sequence(at).is_none_or(|module| module.properties(at).token_wise);
        let attention = |layer: usize| insertions.attention(layer).is_none_or(|module| module.properties(layer).causal);
        sequence(SequencePoint::Embeddings)
            && blocks().all(|layer| {
                Projection::ALL.into_iter().all(|projection| linear(LinearPoint { layer, projection }))
                    && Sublayer::ALL.into_iter().all(|of| sublayer(SublayerPoint { layer, sublayer: of }))
                    && sequence(SequencePoint::Block(layer))
                    && attention(layer)
            })
    }
}

/// For each sequence the rows of the first array, then those of the second.
fn joined<S: Scalar>(parts: [(ArrayView2<'_, S>, &Layout); 2], all: &Layout) -> Array2<S> {
    let mut y = Array2::zeros((all.tokens(), parts[0].0.ncols()));
    for (sequence, range) in all.ranges().enumerate() {
        let mut row = range.start;
        for (array, layout) in &parts {
            let from = layout.range(sequence);
            y.slice_mut(s![row..row + from.len(), ..]).assign(&array.slice(s![from.clone(), ..]));
            row += from.len();
        }
    }
    y
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Architecture, ByLayer, Config, NormKind, Residual, RotaryPositions};
    use crate::{Pass, Selection};
    use adaptune_tensor::{AttentionMask, RmsWeight, Seed};

    /// Learned positions; and rotated ones with windows, few heads of keys and values, and a layer without positions.
    fn models() -> [Encoder<f32>; 2] {
        let learned = Architecture { mask: ByLayer::every(AttentionMask::Causal), ..Architecture::bert() };
        let rotated = Architecture {
            residual: Residual::PreNorm,
            norm: NormKind::Rms(RmsWeight::Plain),
            learned_positions: false,
            embedding_norm: false,
            final_norm: true,
            gated: true,
            key_value_heads: Some(2),
            query_key_norm: true,
            mask: ByLayer::pattern(vec![AttentionMask::Causal, AttentionMask::CausalWindow(3)]),
            rotary: ByLayer::pattern(vec![
                Some(RotaryPositions::new(50.0, 4)),
                Some(RotaryPositions::new(9.0, 4)),
                None,
            ]),
            ..learned.clone()
        };
        [learned, rotated].map(|architecture| {
            let config = Config { vocabulary: 23, positions: 19, architecture, ..Config::bert(16, 3, 4, 20) };
            Encoder::random(config, 0.4, Seed::new(1))
        })
    }

    #[test]
    fn tokens_one_by_one_are_to_the_bit_what_they_are_together() {
        for model in models() {
            let base = Base::from(&model);
            let sequences: [Vec<u32>; 3] = [3, 1, 7].map(|n| (0..n + 9).map(|t| (n * 5 + t * 7) % 23).collect());
            let mut past = Past::new(&model, 3);
            let mut done = [3, 1, 7];
            let batch = |range: &dyn Fn(usize) -> std::ops::Range<usize>| {
                let parts: Vec<&[u32]> = (0..3).map(|s| &sequences[s][range(s)]).collect();
                Batch::from_ids(&parts)
            };
            base.extend(&batch(&|s| 0..done[s]), &mut past, &(), &Selection::All).expect("a good batch");
            for step in [1, 2, 1, 3] {
                let next = batch(&|s| done[s]..done[s] + step);
                let found = base.extend(&next, &mut past, &(), &Selection::All).expect("a good batch");
                done.iter_mut().for_each(|done| *done += step);
                let all = batch(&|s| 0..done[s]);
                let whole = base.forward(&all, &(), Pass::evaluate()).expect("a good batch").hidden;
                let rows: Vec<usize> = all.layout().ranges().flat_map(|range| range.end - step..range.end).collect();
                assert_eq!(found, whole.select(ndarray::Axis(0), &rows), "{done:?}");
                assert_eq!(past.lengths(), done);
            }
            // Another text that begins alike.
            let mut shorter = past.beginnings(&[2, 5, 99]);
            let (tails, kept): ([&[u32]; 3], _) = ([&[8, 9], &[7], &[1]], shorter.lengths().to_vec());
            assert_eq!(kept, [2, 5, done[2]]);
            let found = base.extend(&Batch::from_ids(&tails), &mut shorter, &(), &Selection::Last);
            let texts = [0, 1, 2].map(|s| [&sequences[s][..kept[s]], tails[s]].concat());
            let texts = Batch::from_ids(&texts.iter().map(Vec::as_slice).collect::<Vec<_>>());
            let whole = base.read(&texts, &(), Pass::evaluate(), &Selection::Last).expect("a batch");
            assert_eq!(found.expect("a batch"), whole.hidden);
            // Only some go on, in another order, and only the last token is read.
            let mut past = past.select(&[2, 0]);
            let two = |range: &dyn Fn(usize) -> std::ops::Range<usize>| {
                Batch::from_ids(&[2, 0].map(|s: usize| &sequences[s][range(s)]))
            };
            let last = base.extend(&two(&|s| done[s]..done[s] + 2), &mut past, &(), &Selection::Last).expect("a batch");
            let whole = base.read(&two(&|s| 0..done[s] + 2), &(), Pass::evaluate(), &Selection::Last).expect("a batch");
            assert_eq!(last, whole.hidden);
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_and_nothing_is_counted() {
        let [model, _] = models();
        let (base, mut past) = (Base::from(&model), Past::new(&model, 2));
        let mut extend = |ids: &[&[u32]]| base.extend(&Batch::from_ids(ids), &mut past, &(), &Selection::Last);
        assert!(
            extend(&[&[1, 2]]).unwrap_err().to_string().contains("2 sequences behind 3 blocks, but the batch has 1")
        );
        let (long, short) = ([1_u32; 18], [2_u32; 4]);
        extend(&[&long, &short]).expect("they fit");
        let error = extend(&[&[3, 4], &[5]]).unwrap_err().to_string();
        assert!(error.contains("2 tokens") && error.contains("positions for 1"), "{error}");
        // A place that is not there is noticed before any block keeps anything.
        let one = Batch::from_ids(&[&[3], &[5]]);
        assert!(base.extend(&one, &mut past, &(), &Selection::Places(vec![2])).is_err());
        assert_eq!(past.lengths(), [18, 4]);
        base.extend(&one, &mut past, &(), &Selection::Last).expect("it is as it was");
        let encoder = Encoder::<f32>::random(Config { vocabulary: 23, ..Config::bert(8, 2, 2, 12) }, 0.1, Seed::new(2));
        let mut past = Past::new(&encoder, 1);
        let error = Base::from(&encoder).extend(&Batch::from_ids(&[&[1]]), &mut past, &(), &Selection::Last);
        assert!(error.unwrap_err().to_string().contains("no decoder"));
    }
}
