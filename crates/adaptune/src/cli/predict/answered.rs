//! A head that answers, and where its answers stand in what is written.

use adaptune_adapters::HeadConfig;
use adaptune_text::{Dialect, Entity, Prediction};
use adaptune_train::metrics::labels_mark_spans;

/// A head, and where several answer, the name of its adapter.
pub(super) struct Answered<'a> {
    pub(super) name: Option<&'a str>,
    pub(super) head: &'a HeadConfig,
    /// A table has the probability of each label too.
    pub(super) probabilities: bool,
    /// Each label had a column in training, with what said whether it holds; so it has in a table.
    pub(super) marked: bool,
}

/// The columns of answers beside the answer.
const OF_ANSWERS: [&str; 3] = ["score", "start", "end"];
/// Fields of predictions in JSON.
const FIELDS: [&str; 11] =
    ["text", "label", "logits", "probabilities", "entities", "choice", "answer", "start", "end", "score", "null_score"];
/// The field of several in JSON.
pub(super) const ANSWERS: &str = "answers";

impl Answered<'_> {
    /// The names of the columns that are added to a table; only classes have a probability, and only tags that mark spans have
    /// entities. Those of several begin with the adapter's name.
    pub(super) fn columns(&self) -> Vec<String> {
        let labels = |what: &'static str| self.head.labels.iter().map(move |label| format!("{what}_{label}"));
        let parts = [
            (self.has_probability(), vec!["probability".to_owned()]),
            (self.head.task.predicts_a_span(), OF_ANSWERS.map(str::to_owned).to_vec()),
            (self.marks_spans(), vec!["entities".to_owned()]),
            (self.marked, labels("predicted").collect()),
            (self.probabilities && self.has_labels(), labels("probability").collect()),
        ];
        let beside = parts.into_iter().filter(|(is_there, _)| *is_there).flat_map(|(_, columns)| columns);
        match self.name {
            None => std::iter::once("predicted".to_owned()).chain(beside).collect(),
            Some(name) => {
                std::iter::once(name.to_owned()).chain(beside.map(|column| format!("{name}_{column}"))).collect()
            }
        }
    }

    /// What stands in these columns.
    pub(super) fn cells(&self, prediction: &Prediction, dialect: Dialect) -> Vec<String> {
        let mut cells = vec![in_notation(prediction.label(), dialect)];
        if self.has_probability() {
            let numbers = probability(prediction, self.head);
            // Between several a comma could part them.
            let parted = matches!(prediction, Prediction::Labels { separator: ',', .. });
            cells.push(if parted { numbers } else { with_commas(numbers, dialect) });
        }
        if self.head.task.predicts_a_span() {
            let [score, start, end] = of_answer(prediction);
            cells.extend([with_commas(score, dialect), start, end]);
        }
        if self.marks_spans() {
            let entity = |entity: &Entity| format!("{} [{}]", entity.text, entity.kind);
            cells.push(prediction.entities().iter().map(entity).collect::<Vec<_>>().join("; "));
        }
        if self.marked {
            cells.extend(marks(prediction, self.head));
        }
        if self.probabilities && self.has_labels() {
            cells.extend(probabilities(prediction, self.head).into_iter().map(|number| with_commas(number, dialect)));
        }
        cells
    }

    /// The fields that these heads have in JSON.
    pub(super) fn fields(heads: &[Self]) -> Vec<&'static str> {
        match heads {
            [Self { name: None, .. }] => FIELDS.to_vec(),
            _ => vec!["text", ANSWERS],
        }
    }

    /// True of a head that gives a tag to each word.
    pub(super) fn tags(&self) -> bool {
        self.head.task.reads_every_token() && !self.head.task.predicts_a_span()
    }

    /// True of a head for classes or labels of whole texts, each of which has a probability.
    pub(super) fn has_labels(&self) -> bool {
        self.has_probability() && !self.head.task.predicts_a_choice()
    }

    fn marks_spans(&self) -> bool {
        self.tags() && labels_mark_spans(&self.head.labels)
    }

    fn has_probability(&self) -> bool {
        !self.head.task.predicts_a_number() && !self.head.task.reads_every_token()
    }
}

/// 1 or 0 for each label, in the order of the head's; nothing for a blank text.
fn marks(prediction: &Prediction, head: &HeadConfig) -> Vec<String> {
    let mark = |name: &String| match prediction {
        Prediction::Labels { labels, .. } => u8::from(labels.contains(name)).to_string(),
        _ => String::new(),
    };
    head.labels.iter().map(mark).collect()
}

/// The probability of each label, in the order of the head's; nothing for a blank text.
fn probabilities(prediction: &Prediction, head: &HeadConfig) -> Vec<String> {
    match prediction {
        Prediction::Class { probabilities, .. } | Prediction::Labels { probabilities, .. } => {
            probabilities.iter().map(|p| format!("{p:.4}")).collect()
        }
        _ => vec![String::new(); head.labels.len()],
    }
}

/// A number as the table has numbers; anything else as it is.
fn in_notation(label: String, dialect: Dialect) -> String {
    if label.parse::<f64>().is_ok() { with_commas(label, dialect) } else { label }
}

/// Numbers, one or several, as the table has numbers.
fn with_commas(numbers: String, dialect: Dialect) -> String {
    if dialect.decimal_comma { numbers.replace('.', ",") } else { numbers }
}

/// The probability of the label, or of each of the labels between the same separators; nothing where there is none.
pub(super) fn probability(prediction: &Prediction, head: &HeadConfig) -> String {
    match prediction {
        Prediction::Labels { labels, separator, probabilities, .. } => {
            let named = head.labels.iter().zip(probabilities).filter(|(name, _)| labels.contains(name));
            named.map(|(_, p)| format!("{p:.4}")).collect::<Vec<_>>().join(&separator.to_string())
        }
        other => other.probability().map(|p| format!("{p:.4}")).unwrap_or_default(),
    }
}

/// The columns beside the answer: its score, its first letter of the context and the one after its last.
fn of_answer(prediction: &Prediction) -> [String; 3] {
    let Prediction::Answer { letters, score, .. } = prediction else { return Default::default() };
    let letter = |of: fn((usize, usize)) -> usize| letters.map_or(String::new(), |letters| of(letters).to_string());
    [format!("{score:.4}"), letter(|(start, _)| start), letter(|(_, end)| end)]
}
