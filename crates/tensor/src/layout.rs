//! How the tokens of a batch lie: all sequences end to end, without padding.

use std::ops::Range;
use std::sync::Arc;

/// Where each sequence of a ragged batch begins and ends among its `T` tokens.
///
/// Arrays of a batch are `[T, hidden]`; sequence `s` is the rows [`Layout::range`]`(s)`. A module
/// may put tokens into every sequence (prompts); the layout remembers which, so that what follows
/// can still find the text. Cloning is cheap.
///
/// ```
/// use adaptune_tensor::Layout;
/// let layout = Layout::from_lengths(&[3, 1, 5]);
/// assert_eq!((layout.sequences(), layout.tokens()), (3, 9));
/// assert_eq!(layout.range(2), 4..9);
/// assert_eq!(layout.prepend(2).range(1), 5..8);
/// assert_eq!(layout.insert(1, 2).text(0).collect::<Vec<_>>(), [0, 3, 4]);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Layout {
    offsets: Arc<[usize]>,
    /// What was put into each sequence, in the order in which it was; mostly nothing, which allocates nothing.
    inserted: Option<Arc<[Vec<Inserted>]>>,
    /// The groups of each sequence, if they matter to something.
    groups: Option<Groups>,
}

/// The groups that each sequence belongs to, and how much.
type Groups = Arc<[Vec<(usize, f64)>]>;

/// `tokens` new ones before token number `at` of a sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Inserted {
    at: usize,
    tokens: usize,
}

impl Layout {
    /// A layout of sequences with these lengths (in tokens).
    #[must_use]
    pub fn from_lengths(lengths: &[usize]) -> Self {
        let mut offsets = Vec::with_capacity(lengths.len() + 1);
        offsets.push(0);
        for length in lengths {
            offsets.push(offsets[offsets.len() - 1] + length);
        }
        Self { offsets: offsets.into(), inserted: None, groups: None }
    }

    /// `S`, the number of sequences.
    #[must_use]
    pub fn sequences(&self) -> usize {
        self.offsets.len() - 1
    }

    /// `T`, the number of tokens of all sequences together.
    #[must_use]
    pub fn tokens(&self) -> usize {
        self.offsets[self.sequences()]
    }

    /// The rows of one sequence, inserted tokens included.
    ///
    /// # Panics
    /// If there is no such sequence.
    #[must_use]
    pub fn range(&self, sequence: usize) -> Range<usize> {
        self.offsets[sequence]..self.offsets[sequence + 1]
    }

    /// The rows of one sequence that hold its text, in order.
    ///
    /// # Panics
    /// If there is no such sequence.
    pub fn text(&self, sequence: usize) -> impl ExactSizeIterator<Item = usize> + '_ {
        let (range, inserted) = (self.range(sequence), self.inserted(sequence));
        let text = range.len() - inserted.iter().map(|i| i.tokens).sum::<usize>();
        (0..text).map(move |token| range.start + place(inserted, token))
    }

    /// True if every token is one of the text: nothing was inserted.
    #[must_use]
    pub fn is_text(&self) -> bool {
        self.inserted.iter().flat_map(|all| all.iter()).flatten().all(|i| i.tokens == 0)
    }

    /// The rows of all sequences, in order.
    pub fn ranges(&self) -> impl ExactSizeIterator<Item = Range<usize>> + '_ {
        (0..self.sequences()).map(|s| self.range(s))
    }

    /// The length of the longest sequence, 0 without any.
    #[must_use]
    pub fn longest(&self) -> usize {
        self.ranges().map(|r| r.len()).max().unwrap_or(0)
    }

    /// The same sequences with `tokens` more in front of each.
    #[must_use]
    pub fn prepend(&self, tokens: usize) -> Self {
        self.insert(0, tokens)
    }

    /// The same sequences with `tokens` more in each, before its token number `at`, or at its end if it is shorter.
    #[must_use]
    pub fn insert(&self, at: usize, tokens: usize) -> Self {
        let offsets = self.offsets.iter().enumerate().map(|(s, o)| o + s * tokens).collect();
        let more = |s| self.inserted(s).iter().copied().chain([Inserted { at, tokens }]).collect();
        let inserted = Some((0..self.sequences()).map(more).collect());
        Self { offsets, inserted, groups: self.groups.clone() }
    }

    /// The row of the first token of each sequence.
    ///
    /// ```
    /// use adaptune_tensor::Layout;
    /// assert_eq!(Layout::from_lengths(&[3, 1, 2]).first_rows(), [0, 3, 4]);
    /// ```
    #[must_use]
    pub fn first_rows(&self) -> Vec<u32> {
        self.ranges().map(|range| range.start as u32).collect()
    }

    /// Some of the sequences, in the order in which they are named.
    ///
    /// ```
    /// use adaptune_tensor::Layout;
    /// let layout = Layout::from_lengths(&[3, 1, 2]);
    /// assert_eq!(layout.select(&[2, 0]).ranges().collect::<Vec<_>>(), [0..2, 2..5]);
    /// assert_eq!(layout.rows(&[2, 0]), [4, 5, 0, 1, 2]);
    /// ```
    ///
    /// # Panics
    /// If there is no such sequence.
    #[must_use]
    pub fn select(&self, sequences: &[usize]) -> Self {
        let lengths: Vec<usize> = sequences.iter().map(|s| self.range(*s).len()).collect();
        let chosen = |all: &Arc<[Vec<Inserted>]>| sequences.iter().map(|s| all[*s].clone()).collect();
        let groups = |all: &Groups| sequences.iter().map(|s| all[*s].clone()).collect();
        let (inserted, groups) = (self.inserted.as_ref().map(chosen), self.groups.as_ref().map(groups));
        Self { inserted, groups, ..Self::from_lengths(&lengths) }
    }

    /// The rows of some of the sequences, in the order in which these are named.
    ///
    /// # Panics
    /// If there is no such sequence.
    #[must_use]
    pub fn rows(&self, sequences: &[usize]) -> Vec<usize> {
        sequences.iter().flat_map(|s| self.range(*s)).collect()
    }

    /// The layout of which these are the parts: the inverse of [`Layout::select`] where every sequence is named once.
    ///
    /// # Panics
    /// If the parts do not name the sequences from 0 on, each once.
    #[must_use]
    pub fn join(parts: &[(&[usize], &Self)]) -> Self {
        let count = parts.iter().map(|(sequences, _)| sequences.len()).sum();
        let mut found: Vec<Option<(&Self, usize)>> = vec![None; count];
        for (sequences, part) in parts {
            sequences.iter().enumerate().for_each(|(i, s)| found[*s] = Some((part, i)));
        }
        let found: Vec<(&Self, usize)> = found.into_iter().map(|f| f.expect("every sequence is in one part")).collect();
        let lengths: Vec<usize> = found.iter().map(|(part, i)| part.range(*i).len()).collect();
        let inserted = parts.iter().any(|(_, part)| part.inserted.is_some());
        let all = || found.iter().map(|(part, i)| part.inserted(*i).to_vec()).collect();
        let grouped = parts.iter().any(|(_, part)| part.groups.is_some());
        let groups = || found.iter().map(|(part, i)| part.groups(*i).to_vec()).collect();
        Self { inserted: inserted.then(all), groups: grouped.then(groups), ..Self::from_lengths(&lengths) }
    }

    /// The same sequences, each belonging to groups by the weights beside them, which sum to 1: mostly to one alone.
    ///
    /// A group is whatever somebody parts sequences by, such as domains; modules that differ by group look at it.
    ///
    /// ```
    /// use adaptune_tensor::Layout;
    /// let layout = Layout::from_lengths(&[3, 1]).with_groups(vec![vec![(4, 1.0)], vec![(0, 0.5), (2, 0.5)]]);
    /// assert_eq!(layout.groups(0), [(4, 1.0)]);
    /// assert_eq!(layout.select(&[1]).with_lengths(&[7]).groups(0), [(0, 0.5), (2, 0.5)]);
    /// ```
    ///
    /// # Panics
    /// If they are not as many as sequences.
    #[must_use]
    pub fn with_groups(self, groups: Vec<Vec<(usize, f64)>>) -> Self {
        assert_eq!(groups.len(), self.sequences(), "groups for each sequence");
        Self { groups: Some(groups.into()), ..self }
    }

    /// The groups that a sequence belongs to, and how much; nothing where it belongs to none.
    ///
    /// # Panics
    /// If there is no such sequence.
    #[must_use]
    pub fn groups(&self, sequence: usize) -> &[(usize, f64)] {
        self.groups.as_ref().map_or(&[], |all| &all[sequence])
    }

    /// The same sequences, of the groups of others; of none where these have none.
    ///
    /// # Panics
    /// If they are not as many.
    #[must_use]
    pub fn grouped_as(self, other: &Self) -> Self {
        assert_eq!(other.sequences(), self.sequences(), "groups for each sequence");
        Self { groups: other.groups.clone(), ..self }
    }

    /// As many sequences of other lengths, of the same groups.
    ///
    /// # Panics
    /// If there is not a length for each.
    #[must_use]
    pub fn with_lengths(&self, lengths: &[usize]) -> Self {
        assert_eq!(lengths.len(), self.sequences(), "a length for each sequence");
        Self { groups: self.groups.clone(), ..Self::from_lengths(lengths) }
    }

    /// What was put into a sequence.
    fn inserted(&self, sequence: usize) -> &[Inserted] {
        self.inserted.as_ref().map_or(&[], |all| &all[sequence])
    }
}

/// Where in its sequence a token of the text has come to stand.
fn place(inserted: &[Inserted], token: usize) -> usize {
    inserted.iter().fold(token, |place, i| if place >= i.at { place + i.tokens } else { place })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_found_among_what_was_inserted() {
        let layout = Layout::from_lengths(&[3, 1]);
        let text = |layout: &Layout, s| layout.text(s).collect::<Vec<_>>();
        assert!(layout.is_text() && text(&layout, 1) == [3]);
        let prompted = layout.insert(1, 2);
        assert_eq!((text(&prompted, 0), text(&prompted, 1)), (vec![0, 3, 4], vec![5]));
        assert_eq!((prompted.range(1), prompted.is_text()), (5..8, false));
        let twice = prompted.prepend(4);
        assert_eq!((text(&twice, 0), text(&twice, 1)), (vec![4, 7, 8], vec![13]));
        assert_eq!(layout.insert(2, 1).text(1).collect::<Vec<_>>(), [4], "it came to the end of a shorter sequence");
    }

    #[test]
    fn parts_with_other_insertions_are_one_layout() {
        let layout = Layout::from_lengths(&[3, 1, 2, 4]);
        let (even, odd) = ([2, 0], [1, 3]);
        let prompted = layout.select(&even).prepend(2);
        let joined = Layout::join(&[(&even, &prompted), (&odd, &layout.select(&odd))]);
        assert_eq!(joined.ranges().map(|r| r.len()).collect::<Vec<_>>(), [5, 1, 4, 4]);
        let text = |s| joined.text(s).collect::<Vec<_>>();
        assert_eq!([text(0), text(1), text(2)], [vec![2, 3, 4], vec![5], vec![8, 9]]);
        assert!(!joined.is_text() && joined.select(&odd).is_text());
        assert_eq!(joined.select(&even), prompted);
        assert_eq!(Layout::join(&[(&[1, 0], &layout.select(&[1, 0])), (&[2, 3], &layout.select(&[2, 3]))]), layout);
    }
}
