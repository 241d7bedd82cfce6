//! What a head predicts: one description a task, and the table that finds it by the names in files.

use adaptune_transformer::Selection;
use std::fmt;

/// What a head predicts.
///
/// Tasks are told apart by their names. A user-defined task is a user-defined description:
///
/// ```
/// use adaptune_adapters::{Outputs, Task, TaskDescription};
/// use adaptune_transformer::Selection;
/// static AUTHOR: TaskDescription = TaskDescription {
///     name: "author",
///     reads: Selection::Mean,
///     outputs: Outputs::Labels { least: 2 },
///     layers: 1,
///     head_type: None,
///     task_type: None,
/// };
/// assert_ne!(Task::new(&AUTHOR), Task::CLASSIFICATION);
/// ```
#[derive(Clone, Copy)]
pub struct Task(&'static TaskDescription);

/// The description of a task.
#[derive(Debug)]
pub struct TaskDescription {
    /// Its name in messages and checkpoints, in small letters.
    pub name: &'static str,
    /// The tokens of the last hidden state that its head reads. They are the same for every batch, so they are no
    /// [`Selection::Places`]; those are a matter of the [objective](crate::Objective).
    pub reads: Selection,
    /// What its head's outputs are.
    pub outputs: Outputs,
    /// How many linear layers its head has, unless its configuration says otherwise.
    pub layers: usize,
    /// What AdapterHub calls such a head (`head_type`); `None` if it has none.
    pub head_type: Option<&'static str>,
    /// What PEFT calls such a task (`task_type`); `None` if it has none.
    pub task_type: Option<&'static str>,
}

/// What the outputs of a head, the columns of its logits, are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outputs {
    /// One for each label, of which one holds.
    Labels {
        /// The fewest labels that make sense.
        least: usize,
    },
    /// One for each label, of which any number hold at once.
    AnyLabels {
        /// The fewest labels that make sense.
        least: usize,
    },
    /// One for each label, coarse or fine, of a [tree](crate::LabelTree), of which those on a path from the top to a leaf hold.
    LabelTree {
        /// The fewest labels that make sense.
        least: usize,
    },
    /// A single one without a name.
    Number,
    /// Two for each token: that a span starts there, and that it ends there.
    Span,
    /// A single one for each of the sequences of an example, of which one is chosen; its head has a label for each choice of an
    /// example.
    Choice,
    /// One for each token of the base's vocabulary, by way of its token embeddings.
    Vocabulary,
    /// One for each token of the base's vocabulary, by its own output layer: the token that comes next. Such a head has no layers, and is in
    /// no file.
    NextToken,
    /// What is read itself, a vector for each sequence that is compared with others: such a head has no layers, and is in no file.
    Vector,
}

static CLASSIFICATION: TaskDescription = TaskDescription {
    name: "classification",
    reads: Selection::First,
    outputs: Outputs::Labels { least: 2 },
    layers: 2,
    head_type: Some("classification"),
    task_type: Some("SEQ_CLS"),
};

static MULTI_LABEL: TaskDescription = TaskDescription {
    name: "multi-label",
    reads: Selection::First,
    outputs: Outputs::AnyLabels { least: 1 },
    layers: 2,
    head_type: Some("multilabel_classification"),
    // PEFT's files do not tell it from a classification.
    task_type: None,
};

static HIERARCHICAL: TaskDescription = TaskDescription {
    name: "hierarchical",
    reads: Selection::First,
    outputs: Outputs::LabelTree { least: 2 },
    layers: 2,
    head_type: Some("classification"),
    // PEFT's files do not tell it from a classification.
    task_type: None,
};

static REGRESSION: TaskDescription = TaskDescription {
    name: "regression",
    reads: Selection::First,
    outputs: Outputs::Number,
    layers: 2,
    head_type: Some("classification"),
    task_type: Some("SEQ_CLS"),
};

static TAGGING: TaskDescription = TaskDescription {
    name: "tagging",
    reads: Selection::All,
    outputs: Outputs::Labels { least: 2 },
    layers: 1,
    head_type: Some("tagging"),
    task_type: Some("TOKEN_CLS"),
};

static QUESTION_ANSWERING: TaskDescription = TaskDescription {
    name: "question answering",
    reads: Selection::All,
    outputs: Outputs::Span,
    layers: 1,
    head_type: Some("question_answering"),
    task_type: Some("QUESTION_ANS"),
};

static MULTIPLE_CHOICE: TaskDescription = TaskDescription {
    name: "multiple choice",
    reads: Selection::First,
    outputs: Outputs::Choice,
    layers: 2,
    head_type: Some("multiple_choice"),
    task_type: None,
};

static MASKED_LANGUAGE: TaskDescription = TaskDescription {
    name: "masked language",
    reads: Selection::All,
    outputs: Outputs::Vocabulary,
    layers: 2,
    head_type: None,
    task_type: None,
};

static CAUSAL_LANGUAGE: TaskDescription = TaskDescription {
    name: "causal language",
    reads: Selection::All,
    outputs: Outputs::NextToken,
    layers: 0,
    head_type: None,
    task_type: Some("CAUSAL_LM"),
};

static EMBEDDING: TaskDescription = TaskDescription {
    name: "embedding",
    reads: Selection::Mean,
    outputs: Outputs::Vector,
    layers: 0,
    head_type: None,
    task_type: Some("FEATURE_EXTRACTION"),
};

/// The tasks whose heads files hold. Those of one number come first: in files they are a kind of classification.
const STORED: [Task; 6] = [
    Task::REGRESSION,
    Task::CLASSIFICATION,
    Task::MULTI_LABEL,
    Task::TAGGING,
    Task::QUESTION_ANSWERING,
    Task::MULTIPLE_CHOICE,
];

impl Task {
    /// A class for each sequence.
    pub const CLASSIFICATION: Self = Self(&CLASSIFICATION);
    /// Any number of labels for each sequence.
    pub const MULTI_LABEL: Self = Self(&MULTI_LABEL);
    /// A label of a tree for each sequence, coarse to fine. In files it is a classification, and one thing more says that it is this.
    pub const HIERARCHICAL: Self = Self(&HIERARCHICAL);
    /// A number for each sequence.
    pub const REGRESSION: Self = Self(&REGRESSION);
    /// A class for each token.
    pub const TAGGING: Self = Self(&TAGGING);
    /// The span of a context that answers a question.
    pub const QUESTION_ANSWERING: Self = Self(&QUESTION_ANSWERING);
    /// One of several sequences of an example.
    pub const MULTIPLE_CHOICE: Self = Self(&MULTIPLE_CHOICE);
    /// The tokens that were hidden from the model.
    pub const MASKED_LANGUAGE: Self = Self(&MASKED_LANGUAGE);
    /// The token behind each token, by the base's output layer.
    pub const CAUSAL_LANGUAGE: Self = Self(&CAUSAL_LANGUAGE);
    /// A vector for each sequence, near to those of sequences that mean the same.
    pub const EMBEDDING: Self = Self(&EMBEDDING);

    /// The task that a description describes.
    #[must_use]
    pub const fn new(description: &'static TaskDescription) -> Self {
        Self(description)
    }

    /// Its description.
    #[must_use]
    pub fn description(self) -> &'static TaskDescription {
        self.0
    }

    /// Its name in messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.0.name
    }

    /// True if its head predicts for each token, not for each sequence.
    #[must_use]
    pub fn reads_every_token(self) -> bool {
        self.0.reads == Selection::All
    }

    /// True if its head's outputs are the base's vocabulary.
    #[must_use]
    pub fn predicts_tokens(self) -> bool {
        self.0.outputs == Outputs::Vocabulary
    }

    /// True if its head is the base's output layer, which says what comes next.
    #[must_use]
    pub fn predicts_next_tokens(self) -> bool {
        self.0.outputs == Outputs::NextToken
    }

    /// True if its head has no layers of its own, so that no file holds it.
    #[must_use]
    pub fn has_no_layers(self) -> bool {
        self.predicts_a_vector() || self.predicts_next_tokens()
    }

    /// True if one of its head's labels holds, for each sequence or for each token.
    #[must_use]
    pub fn predicts_one_label(self) -> bool {
        matches!(self.0.outputs, Outputs::Labels { .. })
    }

    /// True if its head scores the sequences of an example, of which one is chosen.
    #[must_use]
    pub fn predicts_a_choice(self) -> bool {
        self.0.outputs == Outputs::Choice
    }

    /// True if any number of its head's labels hold at once.
    #[must_use]
    pub fn predicts_any_labels(self) -> bool {
        matches!(self.0.outputs, Outputs::AnyLabels { .. })
    }

    /// True if its head's labels are a tree, of which those on a path hold.
    #[must_use]
    pub fn predicts_a_path(self) -> bool {
        matches!(self.0.outputs, Outputs::LabelTree { .. })
    }

    /// True if its head says where a span starts and ends.
    #[must_use]
    pub fn predicts_a_span(self) -> bool {
        self.0.outputs == Outputs::Span
    }

    /// True if its head gives what it reads, a vector for each sequence, and has no layers.
    #[must_use]
    pub fn predicts_a_vector(self) -> bool {
        self.0.outputs == Outputs::Vector
    }

    /// True if its head has one output without a name.
    #[must_use]
    pub fn predicts_a_number(self) -> bool {
        self.0.outputs == Outputs::Number
    }

    /// The types of AdapterHub's heads that are tasks here, with commas between.
    pub(crate) fn head_types() -> String {
        let mut types: Vec<&str> = STORED.into_iter().filter_map(|task| task.0.head_type).collect();
        types.dedup();
        types.join(", ")
    }

    /// The task of an AdapterHub head of this `head_type` with so many labels.
    pub(crate) fn of_head_type(head_type: &str, labels: usize) -> Option<Self> {
        STORED.into_iter().find(|task| task.0.head_type == Some(head_type) && task.0.outputs.fit(labels))
    }

    /// The task of a PEFT head of this `task_type` with so many outputs.
    pub(crate) fn of_task_type(task_type: &str, outputs: usize) -> Option<Self> {
        STORED.into_iter().find(|task| task.0.task_type == Some(task_type) && task.0.outputs.fit(outputs))
    }
}

impl Outputs {
    /// The fewest labels that a head's configuration may have.
    pub(super) fn least_labels(self) -> usize {
        match self {
            Self::Labels { least } | Self::AnyLabels { least } | Self::LabelTree { least } => least,
            Self::Number => 1,
            Self::Span | Self::Choice => 2,
            Self::Vocabulary | Self::NextToken | Self::Vector => 0,
        }
    }

    /// True if so many outputs in a file may be these. Too few labels are: that is said when the head is made.
    fn fit(self, outputs: usize) -> bool {
        self != Self::Number || outputs == 1
    }
}

impl PartialEq for Task {
    fn eq(&self, other: &Self) -> bool {
        self.0.name == other.0.name
    }
}

impl Eq for Task {}

/// `MaskedLanguage`: the words of its name, as checkpoints hold them.
impl fmt::Debug for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for word in self.0.name.split_whitespace() {
            let mut letters = word.chars();
            let first = letters.next().into_iter().flat_map(char::to_uppercase);
            f.write_str(&first.chain(letters).collect::<String>())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_files_find_their_task() {
        let hub = |name, labels| Task::of_head_type(name, labels);
        assert_eq!(hub("classification", 1), Some(Task::REGRESSION));
        assert_eq!(hub("classification", 2), Some(Task::CLASSIFICATION));
        assert_eq!(hub("multilabel_classification", 1), Some(Task::MULTI_LABEL));
        assert_eq!(hub("question_answering", 2), Some(Task::QUESTION_ANSWERING));
        assert_eq!(hub("multiple_choice", 4), Some(Task::MULTIPLE_CHOICE));
        assert_eq!((hub("tagging", 1), hub("causal_lm", 2)), (Some(Task::TAGGING), None));
        let peft = |name, outputs| Task::of_task_type(name, outputs);
        assert_eq!((peft("SEQ_CLS", 1), peft("SEQ_CLS", 3)), (Some(Task::REGRESSION), Some(Task::CLASSIFICATION)));
        assert_eq!((peft("TOKEN_CLS", 1), peft("CAUSAL_LM", 1)), (Some(Task::TAGGING), None));
    }

    #[test]
    fn checkpoints_call_tasks_as_they_always_did() {
        let all = [Task::CLASSIFICATION, Task::REGRESSION, Task::TAGGING, Task::MASKED_LANGUAGE, Task::MULTIPLE_CHOICE];
        let names = all.map(|task| format!("{task:?}"));
        assert_eq!(names, ["Classification", "Regression", "Tagging", "MaskedLanguage", "MultipleChoice"]);
    }
}
