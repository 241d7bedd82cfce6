//! A batch of token sequences.

use adaptune_tensor::Layout;
use thiserror::Error;

/// Sequences of tokens, end to end, without padding.
///
/// ```
/// use adaptune_transformer::Batch;
/// let batch = Batch::from_ids(&[&[2, 5, 3], &[2, 3]]);
/// assert_eq!((batch.token_ids(), batch.layout().sequences()), (&[2, 5, 3, 2, 3][..], 2));
/// ```
#[derive(Clone, Debug)]
pub struct Batch {
    token_ids: Vec<u32>,
    token_types: Vec<u32>,
    layout: Layout,
}

/// Tokens that a model cannot take.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum BatchError {
    /// Ids and types are not as many.
    #[error("sequence {sequence} has {ids} token ids but {types} token types: give one type for each token")]
    TokenTypes {
        /// The sequence, from 0.
        sequence: usize,
        /// Its token ids.
        ids: usize,
        /// Its token types.
        types: usize,
    },
    /// A sequence without tokens.
    #[error("sequence {sequence} is empty: every sequence needs at least one token")]
    Empty {
        /// The sequence, from 0.
        sequence: usize,
    },
    /// Tokens that cannot be computed one after the other.
    #[error(
        "tokens cannot be computed one after the other here: the model is no decoder, or an adapter in it looks at other tokens or adds \
         some (prompts, ReFT, gates, splits do)"
    )]
    NotByToken,
    /// A sequence that is longer than the model's positions.
    #[error("sequence {sequence} has {tokens} tokens, but the model has positions for {limit}: truncate it")]
    TooLong {
        /// The sequence, from 0.
        sequence: usize,
        /// Its length.
        tokens: usize,
        /// What the model can take.
        limit: usize,
    },
    /// The insertions were put together for another batch.
    #[error("the batch has {found} sequences, but {expected} were told which adapter is theirs: name one for each")]
    Rows {
        /// For how many sequences there is one.
        expected: usize,
        /// The sequences of the batch.
        found: usize,
    },
    /// Groups are given for another number of sequences than there are.
    #[error("groups are given for {found} sequences, but the batch has {expected}: give some for each")]
    GroupCount {
        /// For how many they are given.
        found: usize,
        /// The sequences of the batch.
        expected: usize,
    },
    /// A sequence without a group, where what is plugged in differs by group.
    #[error(
        "sequence {sequence} belongs to no group, and an adapter here differs by group, of which there are {groups}: say which one is \
         the sequence's, with Batch::with_groups"
    )]
    NoGroup {
        /// The sequence, from 0.
        sequence: usize,
        /// How many there are.
        groups: usize,
    },
    /// A group that there is not.
    #[error("sequence {sequence} belongs to group {group}, but there are {groups}, counted from 0")]
    Group {
        /// The sequence, from 0.
        sequence: usize,
        /// The group.
        group: usize,
        /// How many there are.
        groups: usize,
    },
    /// A place that cannot be read.
    #[error(
        "place {place} cannot be read: places come sequence by sequence and are below {tokens}, the number of tokens"
    )]
    Place {
        /// The place.
        place: usize,
        /// The tokens of the batch.
        tokens: usize,
    },
    /// A state that was made for another reader.
    #[error(
        "the state holds {found} of the last block, but {expected} is to be read: run the lower blocks again for it"
    )]
    State {
        /// What it holds.
        found: String,
        /// What is to be read.
        expected: String,
    },
    /// A state of other sequences than the batch's, or behind more blocks than the model has.
    #[error(
        "the state has {sequences} sequences behind {blocks} blocks, but the batch has {expected} and the model {layers}"
    )]
    OtherState {
        /// The state's sequences.
        sequences: usize,
        /// The blocks it stands behind.
        blocks: usize,
        /// The batch's sequences.
        expected: usize,
        /// The model's blocks.
        layers: usize,
    },
    /// A token that is not in the vocabulary.
    #[error("token id {id} is not below the vocabulary size {size}: does the tokenizer belong to this model?")]
    TokenId {
        /// The id.
        id: u32,
        /// Rows of the embedding table.
        size: usize,
    },
    /// A token type that the model does not have.
    #[error("token type {id} is not below {size}, the number of types this model has")]
    TokenType {
        /// The type.
        id: u32,
        /// Rows of the table.
        size: usize,
    },
}

impl Batch {
    /// A batch of sequences of token ids, all of token type 0.
    #[must_use]
    pub fn from_ids(sequences: &[&[u32]]) -> Self {
        let token_ids: Vec<u32> = sequences.concat();
        let lengths: Vec<usize> = sequences.iter().map(|s| s.len()).collect();
        Self { token_types: vec![0; token_ids.len()], token_ids, layout: Layout::from_lengths(&lengths) }
    }

    /// A batch of sequences, each of token ids and as many token types.
    ///
    /// # Errors
    /// If a sequence has another number of types than of ids.
    pub fn new<'a>(sequences: impl IntoIterator<Item = (&'a [u32], &'a [u32])>) -> Result<Self, BatchError> {
        let (mut token_ids, mut token_types, mut lengths) = (Vec::new(), Vec::new(), Vec::new());
        for (sequence, (ids, types)) in sequences.into_iter().enumerate() {
            if ids.len() != types.len() {
                return Err(BatchError::TokenTypes { sequence, ids: ids.len(), types: types.len() });
            }
            token_ids.extend_from_slice(ids);
            token_types.extend_from_slice(types);
            lengths.push(ids.len());
        }
        Ok(Self { token_ids, token_types, layout: Layout::from_lengths(&lengths) })
    }

    /// Returns the sequences of several batches as one, in order.
    ///
    /// ```
    /// use adaptune_transformer::Batch;
    /// let batch = Batch::join(&[&Batch::from_ids(&[&[2, 5]]), &Batch::from_ids(&[&[7], &[8, 9]])]);
    /// assert_eq!((batch.token_ids(), batch.layout().sequences()), (&[2, 5, 7, 8, 9][..], 3));
    /// ```
    #[must_use]
    pub fn join(batches: &[&Self]) -> Self {
        let mut first = 0;
        let numbers = |batch: &&Self| {
            let numbers: Vec<usize> = (first..first + batch.layout.sequences()).collect();
            first += numbers.len();
            numbers
        };
        let numbers: Vec<_> = batches.iter().map(numbers).collect();
        let layouts: Vec<_> = numbers.iter().zip(batches).map(|(its, batch)| (&its[..], &batch.layout)).collect();
        Self {
            token_ids: batches.iter().flat_map(|batch| &batch.token_ids).copied().collect(),
            token_types: batches.iter().flat_map(|batch| &batch.token_types).copied().collect(),
            layout: Layout::join(&layouts),
        }
    }

    /// The same sequences, each belonging to groups by the weights beside them; see [`Layout::with_groups`].
    ///
    /// ```
    /// use adaptune_transformer::Batch;
    /// let batch = Batch::from_ids(&[&[2, 5, 3], &[2, 3]]).with_groups(vec![vec![(1, 1.0)], vec![(0, 1.0)]])?;
    /// assert_eq!(batch.layout().groups(1), [(0, 1.0)]);
    /// # Ok::<(), adaptune_transformer::BatchError>(())
    /// ```
    ///
    /// # Errors
    /// If they are not as many as sequences.
    pub fn with_groups(self, groups: Vec<Vec<(usize, f64)>>) -> Result<Self, BatchError> {
        let (found, expected) = (groups.len(), self.layout.sequences());
        match found == expected {
            true => Ok(Self { layout: self.layout.with_groups(groups), ..self }),
            false => Err(BatchError::GroupCount { found, expected }),
        }
    }

    /// Checks that every sequence belongs to some of so many groups, and to no others.
    pub(crate) fn check_groups(&self, groups: usize) -> Result<(), BatchError> {
        for sequence in 0..self.layout.sequences() {
            let its = self.layout.groups(sequence);
            if its.is_empty() {
                return Err(BatchError::NoGroup { sequence, groups });
            }
            if let Some((group, _)) = its.iter().find(|(group, _)| *group >= groups) {
                return Err(BatchError::Group { sequence, group: *group, groups });
            }
        }
        Ok(())
    }

    /// The token ids of all sequences, end to end.
    #[must_use]
    pub fn token_ids(&self) -> &[u32] {
        &self.token_ids
    }

    /// The token types (which text of a pair a token belongs to), as many as ids.
    #[must_use]
    pub fn token_types(&self) -> &[u32] {
        &self.token_types
    }

    /// Where each sequence lies.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.layout
    }
}
