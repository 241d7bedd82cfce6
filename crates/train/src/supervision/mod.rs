//! From examples to what a run optimises and how it is scored: which objective the targets of a batch make, and which scores
//! its predictions.
//!
//! [`Trainer::new`](crate::Trainer::new) and [`evaluate`](crate::evaluate) take the one of the data's task, [`of`] it;
//! [`Trainer::supervised`](crate::Trainer::supervised) and [`evaluate_by`](crate::evaluate_by) take one of the caller's. The
//! example `own_objective` has one.

pub(crate) mod answers;
pub(crate) mod argmax;
pub(crate) mod choices;
pub(crate) mod classes;
pub(crate) mod contract;
pub(crate) mod embeddings;
pub(crate) mod hidden_tokens;
pub(crate) mod label_sets;
pub(crate) mod next_tokens;
pub(crate) mod numbers;
pub(crate) mod paths;
pub(crate) mod tags;
pub(crate) mod threshold;
pub(crate) mod weighted;

pub use answers::Answers;
pub use argmax::argmax;
pub use choices::Choices;
pub use classes::Classes;
pub use contract::Supervision;
pub use embeddings::{EmbeddingLoss, Embeddings};
pub use hidden_tokens::HiddenTokens;
pub use label_sets::LabelSets;
pub use next_tokens::NextTokens;
pub use numbers::Numbers;
pub use paths::Paths;
pub use tags::Tags;
pub use threshold::ClassThreshold;
pub use weighted::Weighted;

use adaptune_adapters::{Outputs, Task};
use adaptune_tensor::Scalar;

static USUAL_EMBEDDINGS: Embeddings = Embeddings::USUAL;
static LABELS_ABOVE_A_HALF: LabelSets = LabelSets::HALF;

/// The supervision that the targets of a task call for.
#[must_use]
pub fn of<S: Scalar>(task: Task) -> &'static dyn Supervision<S> {
    match task.description().outputs {
        Outputs::Labels { .. } if task.reads_every_token() => &Tags,
        Outputs::Labels { .. } => &Classes::MOST_PROBABLE,
        Outputs::AnyLabels { .. } => &LABELS_ABOVE_A_HALF,
        Outputs::LabelTree { .. } => &Paths,
        Outputs::Number => &Numbers,
        Outputs::Span => &Answers,
        Outputs::Choice => &Choices,
        Outputs::Vocabulary => &HiddenTokens,
        Outputs::NextToken => &NextTokens,
        Outputs::Vector => &USUAL_EMBEDDINGS,
    }
}
