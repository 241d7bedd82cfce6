//! What there is to be learnt: tasks, splits, examples.

use super::inference::Verdict;
use super::lexicon::Topic;
use super::subtopic;
use super::word::Tag;

/// A labelled task, the same in both languages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Task {
    /// Is a short review good or bad?
    Sentiment,
    /// What is a text about?
    Topic,
    /// Does one statement follow from another?
    Entailment,
    /// What part of speech is each word?
    Tagging,
    /// What kind of thing within a topic is reviewed, and is it found good or bad?
    Subtopic,
}

impl Task {
    /// All tasks.
    pub const ALL: [Self; 5] = [Self::Sentiment, Self::Topic, Self::Entailment, Self::Tagging, Self::Subtopic];

    /// The task's name, such as `sentiment`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sentiment => "sentiment",
            Self::Topic => "topic",
            Self::Entailment => "entailment",
            Self::Tagging => "tagging",
            Self::Subtopic => "subtopic",
        }
    }

    /// What the task asks, in a line.
    #[must_use]
    pub fn about(self) -> &'static str {
        match self {
            Self::Sentiment => "short reviews, good or bad; negation and `but` decide as much as words",
            Self::Topic => "two sentences about one of six topics, with words of other topics among them",
            Self::Entailment => "pairs of statements: does the second follow, is it excluded, or left open?",
            Self::Tagging => "sentences split into words: the part of speech of each",
            Self::Subtopic => "reviews: the kind of thing, below its topic; with a column opinion, good or bad",
        }
    }

    /// The labels or tags, in the order of their letters.
    #[must_use]
    pub fn labels(self) -> &'static [&'static str] {
        match self {
            Self::Sentiment => &["negative", "positive"],
            Self::Topic => &Topic::NAMES,
            Self::Entailment => &Verdict::NAMES,
            Self::Tagging => &Tag::NAMES,
            Self::Subtopic => &subtopic::NAMES,
        }
    }

    /// The score by which the task is judged, by its name in `adaptune_train::Metrics`.
    #[must_use]
    pub fn metric(self) -> &'static str {
        match self {
            Self::Sentiment | Self::Topic | Self::Entailment | Self::Subtopic => "accuracy",
            Self::Tagging => "token_accuracy",
        }
    }

    /// How many examples a split has in each language.
    #[must_use]
    pub fn size(self, split: Split) -> usize {
        let [train, dev, test] = match self {
            Self::Sentiment => [2000, 500, 1000],
            Self::Topic => [1800, 480, 960],
            Self::Entailment => [2400, 600, 1200],
            Self::Tagging => [1200, 300, 600],
            Self::Subtopic => [2040, 510, 1020],
        };
        match split {
            Split::Train => train,
            Split::Dev => dev,
            Split::Test => test,
        }
    }
}

/// A part of a task's examples; no text is in two of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Split {
    /// To learn from.
    Train,
    /// To choose by.
    Dev,
    /// To judge by.
    Test,
}

impl Split {
    /// All splits.
    pub const ALL: [Self; 3] = [Self::Train, Self::Dev, Self::Test];

    /// `train`, `dev` or `test`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Dev => "dev",
            Self::Test => "test",
        }
    }
}

/// What a model reads, and what it is to say.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Example {
    /// A text and its label.
    Text {
        /// One sentence or two.
        text: String,
        /// One of the task's labels.
        label: &'static str,
    },
    /// Two texts and their label.
    Pair {
        /// What is given.
        premise: String,
        /// What is to be judged.
        hypothesis: String,
        /// One of the task's labels.
        label: &'static str,
    },
    /// A review, and two things that can be said of it.
    Review {
        /// One sentence or more.
        text: String,
        /// One of the task's labels: what is reviewed, a path.
        label: &'static str,
        /// What it is found: `negative` or `positive`.
        opinion: &'static str,
    },
    /// A sentence split into words, marks among them, and the tag of each.
    Tagged {
        /// The words, as many as tags.
        words: Vec<String>,
        /// Each is one of the task's tags.
        tags: Vec<&'static str>,
    },
}
