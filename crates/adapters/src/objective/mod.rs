//! What a run optimises: the targets of one batch, and the loss and gradient of logits by them.
//!
//! | objective | reads | targets | loss |
//! |---|---|---|---|
//! | [`Classification`] | what the head reads, the first token | a class for each sequence | cross-entropy |
//! | [`MultiLabel`] | the same | a truth for each label of each sequence | binary cross-entropy |
//! | [`Hierarchical`] | the same | a label of a tree for each sequence | cross-entropy among siblings, from the top down |
//! | [`Regression`] | the same | a number for each sequence | squared error |
//! | [`Tagging`] | what the head reads, every token | a class for each token, or none | cross-entropy |
//! | [`WeightedClasses`] | what the head reads | a class for each sequence or token, or none | cross-entropy by the class's weight |
//! | [`Spans`] | the same | the first and the last token of a span of each sequence | cross-entropy |
//! | [`MultipleChoice`] | the same | which of an example's sequences is right | cross-entropy over its sequences |
//! | [`MultipleNegatives`] | the same, of a head without layers | which sequence of the batch belongs to each anchor | cross-entropy over scaled cosines |
//! | [`CoSent`] | the same | a score for each pair of sequences | that of all pairs in the wrong order |
//! | [`CosineSimilarity`] | the same | a cosine for each pair of sequences | squared error |
//! | [`Triplets`] | the same | a sequence that is nearer than others | what is missing of a margin |
//! | [`Matryoshka`] | as another objective | as that | that of the beginnings of vectors |
//! | [`MaskedLanguage`] | the places where tokens were hidden | the tokens that stood there | cross-entropy |
//! | [`CausalLanguage`] | the places behind which a token is predicted | the tokens behind them | cross-entropy |
//!
//! A user-defined objective is an implementation of [`Objective`]; the crate `adaptune-train` has an example that trains with
//! one.

pub(crate) mod causal_language;
pub(crate) mod classification;
pub(crate) mod contract;
pub(crate) mod error;
pub(crate) mod hierarchical;
pub(crate) mod masked_language;
pub(crate) mod multi_label;
pub(crate) mod multiple_choice;
mod one_of_rows;
pub(crate) mod regression;
pub(crate) mod similarity;
pub(crate) mod spans;
pub(crate) mod tagging;
pub(crate) mod through_head;
pub(crate) mod weighted_classes;

pub use causal_language::CausalLanguage;
pub use classification::Classification;
pub use contract::Objective;
pub use error::TargetError;
pub use hierarchical::Hierarchical;
pub use masked_language::MaskedLanguage;
pub use multi_label::MultiLabel;
pub use multiple_choice::MultipleChoice;
pub use regression::Regression;
pub use similarity::{CoSent, CosineSimilarity, Distance, Matryoshka, MultipleNegatives, Triplets, UnitRows};
pub use spans::Spans;
pub use tagging::Tagging;
pub use weighted_classes::WeightedClasses;
