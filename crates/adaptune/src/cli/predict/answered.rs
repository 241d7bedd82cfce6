//! A head that answers, and where its answers stand in what is written.

use adaptune_adapters::HeadConfig;
use adaptune_text::{Dialect, Entity, Prediction};
use adaptune_train::metrics::labels_mark_spans;

/// A head, and where several answer, the name of its adapter.
pub(super) struct Answered<'a> {
    pub(super) name: Option<&'a str>,
    pub(super) head: &'a HeadConfig,
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
        let beside = ["probability"].into_iter().filter(|_| self.has_probability());
        let beside = beside.chain(OF_ANSWERS.into_iter().filter(|_| self.head.task.predicts_a_span()));
        let beside = beside.chain(["entities"].into_iter().filter(|_| self.marks_spans()));
        let (first, beside): (_, Vec<String>) = match self.name {
            None => ("predicted", beside.map(str::to_owned).collect()),
            Some(name) => (name, beside.map(|column| format!("{name}_{column}")).collect()),
        };
        std::iter::once(first.to_owned()).chain(beside).collect()
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

    fn marks_spans(&self) -> bool {
        self.tags() && labels_mark_spans(&self.head.labels)
    }

    fn has_probability(&self) -> bool {
        !self.head.task.predicts_a_number() && !self.head.task.reads_every_token()
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
