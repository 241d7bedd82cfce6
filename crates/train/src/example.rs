//! Examples: tokens with what they should be predicted as.

use crate::answer::AnswerWindow;
use adaptune_adapters::{LabelTree, Outputs, Task};
use adaptune_transformer::Config;
use std::sync::Arc;

/// One tokenised example: sequences, and what they should be predicted as together.
///
/// ```
/// use adaptune_train::{Example, Sequence, Target};
/// let one = Example::single(vec![2, 7, 3], Target::Class(1));
/// assert_eq!((one.sequences.len(), one.tokens()), (1, 3));
/// // A question with three choices, the last of which is right.
/// let choice = |id| Sequence { token_ids: vec![2, 9, id], token_types: vec![0, 0, 1] };
/// let several = Example { sequences: [4, 5, 6].map(choice).to_vec(), target: Target::Choice(2) };
/// assert_eq!(several.tokens(), 9);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Example {
    /// Its sequences: one, for [`Target::Choice`] one for each choice, for [embeddings](Task::EMBEDDING) those that are compared, and for
    /// [`Target::Next`] texts that are read together and do not see each other.
    pub sequences: Vec<Sequence>,
    /// What it should be predicted as.
    pub target: Target,
}

/// The tokens of one sequence.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sequence {
    /// The tokens, special ones included.
    pub token_ids: Vec<u32>,
    /// Which text of a pair each token belongs to; as many as tokens.
    pub token_types: Vec<u32>,
}

impl Example {
    /// An example of one text, or of any that a base does not tell apart: all token types are 0.
    #[must_use]
    pub fn single(token_ids: Vec<u32>, target: Target) -> Self {
        let token_types = vec![0; token_ids.len()];
        Self::new(token_ids, token_types, target)
    }

    /// An example of one sequence.
    #[must_use]
    pub fn new(token_ids: Vec<u32>, token_types: Vec<u32>, target: Target) -> Self {
        Self { sequences: vec![Sequence { token_ids, token_types }], target }
    }

    /// How many tokens all its sequences have.
    #[must_use]
    pub fn tokens(&self) -> usize {
        self.sequences.iter().map(|sequence| sequence.token_ids.len()).sum()
    }
}

/// What one example should be predicted as.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// A class.
    Class(usize),
    /// A label of a tree, coarse to fine.
    Node {
        /// The tree of all labels of the head.
        tree: Arc<LabelTree>,
        /// The number of the label.
        label: usize,
    },
    /// Whether each label holds, as many as there are labels.
    Labels(Vec<bool>),
    /// A number; for embeddings how near its two sequences are.
    Value(f64),
    /// A class for each token; `None` where a token does not count.
    Tags(Vec<Option<usize>>),
    /// The span that answers a question, in one window of its context.
    Answer(AnswerWindow),
    /// Which of the example's sequences is right, from 0.
    Choice(usize),
    /// That its second sequence belongs to the first one, and those behind, if there are any, do not.
    Related,
    /// Its own tokens, some of which are hidden when a batch is made.
    Tokens,
    /// Its own tokens, each from those before it in its sequence: for every token, through all sequences, whether it is learnt. The first
    /// one of a sequence never is.
    Next(Vec<bool>),
}

impl Target {
    /// The window of a question's context, if it is one.
    #[must_use]
    pub fn window(&self) -> Option<&AnswerWindow> {
        if let Self::Answer(window) = self { Some(window) } else { None }
    }

    /// True if it is of the kind that heads of a task predict.
    #[must_use]
    pub fn is_for(&self, task: Task) -> bool {
        let every = task.reads_every_token();
        match (self, task.description().outputs) {
            (Self::Class(_), Outputs::Labels { .. }) => !every,
            (Self::Tags(_), Outputs::Labels { .. }) => every,
            (Self::Labels(_), Outputs::AnyLabels { .. })
            | (Self::Value(_), Outputs::Number)
            | (Self::Node { .. }, Outputs::LabelTree { .. })
            | (Self::Choice(_), Outputs::Choice) => !every,
            (Self::Value(_) | Self::Related, Outputs::Vector) => !every,
            (Self::Answer(_), Outputs::Span)
            | (Self::Tokens, Outputs::Vocabulary)
            | (Self::Next(_), Outputs::NextToken) => true,
            _ => false,
        }
    }
}

impl Sequence {
    /// What a base cannot take of it.
    pub(crate) fn check(&self, base: &Config) -> Result<(), String> {
        let known = self.token_ids.iter().all(|id| (*id as usize) < base.vocabulary);
        // A base without token types does not look at them.
        let types = if base.token_types == 0 { usize::MAX } else { base.token_types };
        let unknown_type = self.token_types.iter().find(|id| **id as usize >= types);
        match self.token_ids.len() {
            0 => Err("it has no tokens".to_owned()),
            n if n > base.max_tokens() => {
                Err(format!("it has {n} tokens, but the base has positions for {}", base.max_tokens()))
            }
            _ if !known => Err(format!("a token id is not below the base's vocabulary of {}", base.vocabulary)),
            _ => match unknown_type {
                Some(id) => Err(format!("token type {id} is not below {types}, for the base has {types} types")),
                None => Ok(()),
            },
        }
    }
}
