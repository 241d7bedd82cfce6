//! What a head for whole sequences reads of the last hidden state.

use adaptune_transformer::Selection;

/// What a head for whole sequences reads of the last hidden state, `[T, D] → [S, D]`.
///
/// The heads of AdapterHub and of transformers know [`Pooling::First`] and [`Pooling::Pooler`]; sentence-transformers trains
/// most of its models with [`Pooling::Mean`].
///
/// ```
/// use adaptune_adapters::Pooling;
/// assert_eq!(Pooling::ALL.map(Pooling::name), ["first", "last", "mean", "max", "pooler", "mean_pooler"]);
/// assert_eq!(Pooling::from_name("mean"), Some(Pooling::Mean));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pooling {
    /// The first token: `[CLS]` in BERT, `<s>` in RoBERTa.
    First,
    /// The last token.
    Last,
    /// The mean over the tokens of the text.
    Mean,
    /// The largest number of each column over the tokens of the text.
    Max,
    /// The base's own layer over the first token that pretraining left, its [pooler](adaptune_transformer::Pooler):
    /// `tanh(W h_0 + b)` in BERT.
    Pooler,
    /// The same layer over the mean of the tokens of the text: what ModernBERT's classifier may read.
    MeanPooler,
}

impl Pooling {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::First, Self::Last, Self::Mean, Self::Max, Self::Pooler, Self::MeanPooler];

    /// Its name, as in files and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Last => "last",
            Self::Mean => "mean",
            Self::Max => "max",
            Self::Pooler => "pooler",
            Self::MeanPooler => "mean_pooler",
        }
    }

    /// The pooling of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|pooling| pooling.name() == name)
    }

    /// The tokens that it reads.
    #[must_use]
    pub fn selection(self) -> Selection {
        match self {
            Self::First | Self::Pooler => Selection::First,
            Self::Last => Selection::Last,
            Self::Mean | Self::MeanPooler => Selection::Mean,
            Self::Max => Selection::Max,
        }
    }

    /// True if what is read goes through the base's pooler.
    #[must_use]
    pub fn is_pooler(self) -> bool {
        matches!(self, Self::Pooler | Self::MeanPooler)
    }

    /// True if the heads of Python's libraries can read the same.
    #[must_use]
    pub fn is_known_in_python(self) -> bool {
        matches!(self, Self::First | Self::Pooler)
    }
}
