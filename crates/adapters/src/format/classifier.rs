//! The heads of transformers' own model classes, which PEFT trains in `modules_to_save` and AdapterHub calls static heads.
//!
//! | class, `task_type` | BERT, ALBERT, DeBERTa, ModernBERT | RoBERTa, XLM-R, CamemBERT, MPNet | ELECTRA | DistilBERT | EuroBERT |
//! |---|---|---|---|---|---|
//! | `…ForSequenceClassification`, `SEQ_CLS` | `classifier` on the pooler | `classifier.dense`, tanh, `classifier.out_proj` | the same with gelu | `pre_classifier`, relu, `classifier` | `dense`, gelu, `classifier`; not where its `classifier_pooling` is `late` |
//! | `…ForTokenClassification`, `TOKEN_CLS` | `classifier`; not of ModernBERT, whose tokens go through the pooler | `classifier` | the same | the same | the same |
//! | `…ForQuestionAnswering`, `QUESTION_ANS` | `qa_outputs`; not of ModernBERT | `qa_outputs` | the same | the same | the same |
//! | `…ForMultipleChoice`, in AdapterHub's files alone | `classifier` on the pooler | the same | `sequence_summary.summary`, gelu, `classifier` | `pre_classifier`, relu, `classifier` | there is none |

use crate::head::Pooling;
use crate::head::config::HeadConfig;
use crate::head::task::Task;
use adaptune_transformer::family::Classifier;
use adaptune_transformer::{ClassifierReads, Config, Family};

/// The classification head that transformers has for the family.
pub(super) fn classifier(family: Family) -> &'static Classifier {
    &family.python().classifier
}

/// How the names of the classes end whose heads are read, and the `task_type` of each.
const CLASSES: [(&str, &str); 3] = [
    ("ForSequenceClassification", "SEQ_CLS"),
    ("ForTokenClassification", "TOKEN_CLS"),
    ("ForQuestionAnswering", "QUESTION_ANS"),
];

/// How the names of the classes end whose heads choose among several texts; PEFT has no `task_type` for them.
const CHOICE: &str = "ForMultipleChoice";

/// The classes whose heads PEFT's files may hold, for a message.
pub(super) fn classes() -> String {
    listed(CLASSES.map(|(end, _)| format!("…{end}")))
}

/// The classes whose static heads are read, for a message.
pub(super) fn static_classes() -> String {
    format!("{}; and …{CHOICE}", classes())
}

/// True of a class whose heads choose among several texts, if the family has such heads.
pub(super) fn has_choice(class: &str, model: &Config) -> bool {
    class.ends_with(CHOICE) && classifier(model.family).choice.is_some()
}

/// The layers of the family's head that chooses among several texts, and its configuration; `None` if it has none.
pub(super) fn choice(labels: Vec<String>, model: &Config) -> Option<(Vec<&'static str>, HeadConfig)> {
    let classifier = classifier(model.family);
    let head = classifier.choice?;
    let pooling = match model.architecture.classifier_reads {
        ClassifierReads::Mean => Pooling::MeanPooler,
        _ => Pooling::Pooler,
    };
    // How many choices an example has, the file does not say; its labels are those of the model's configuration.
    let labels = if labels.len() < 2 { nameless(2) } else { labels };
    let config = HeadConfig {
        layers: head.layers.len(),
        activation: Some(classifier.activation),
        pooling: head.pooled.then_some(pooling),
        ..HeadConfig::new(Task::MULTIPLE_CHOICE, labels)
    };
    Some((head.layers.to_vec(), config))
}

/// The values of `task_type` whose heads are read, for a message.
pub(super) fn task_types() -> String {
    listed(CLASSES.map(|(_, task_type)| task_type.to_owned()))
}

/// The values of `task_type` whose heads are read.
pub(super) fn of_classes() -> impl Iterator<Item = &'static str> {
    CLASSES.into_iter().map(|(_, task_type)| task_type)
}

/// True if heads of this `task_type` are read, of one family or another.
pub(super) fn is_known(task_type: &str) -> bool {
    of_classes().any(|known| known == task_type)
}

fn listed([first, second, third]: [String; CLASSES.len()]) -> String {
    format!("{first}, {second} and {third}")
}

/// The `task_type` of a model class by the end of its name; `None` for classes whose heads are not read.
pub(super) fn task_type(class: &str) -> Option<&'static str> {
    CLASSES.into_iter().find(|(end, _)| class.ends_with(end)).map(|(_, task_type)| task_type)
}

/// The layers of the heads of a `task_type`, from the first to the last; `None` if no heads of it are read.
pub(super) fn layers(task_type: &str, model: &Config) -> Option<Vec<&'static str>> {
    let (own, reads) = (classifier(model.family), model.architecture.classifier_reads);
    match task_type {
        "TOKEN_CLS" => own.plain_tagger.then(|| vec!["classifier"]),
        "QUESTION_ANS" => own.plain_tagger.then(|| vec!["qa_outputs"]),
        "SEQ_CLS" => (reads != ClassifierReads::EveryToken).then(|| own.layers.to_vec()),
        _ => None,
    }
}

/// The configuration of a head of these layers.
pub(super) fn config(task: Task, layers: &[&str], labels: Vec<String>, model: &Config) -> HeadConfig {
    let classifier = classifier(model.family);
    let pooling = match (classifier.pooled, model.architecture.classifier_reads) {
        (true, ClassifierReads::Mean) => Some(Pooling::MeanPooler),
        (true, _) => Some(Pooling::Pooler),
        (false, ClassifierReads::Mean) => Some(Pooling::Mean),
        (false, _) => None,
    };
    HeadConfig {
        layers: layers.len(),
        activation: Some(classifier.activation),
        pooling: pooling.filter(|_| !task.reads_every_token()),
        ..HeadConfig::new(task, labels)
    }
}

/// The names of classes that have none: `LABEL_0` and so on, as transformers calls them.
pub(super) fn nameless(count: usize) -> Vec<String> {
    (0..count.min(1 << 20)).map(|i| format!("LABEL_{i}")).collect()
}

/// The name of a head's parameter `layer.<i>.<part>` within the model.
pub(super) fn tensor(layers: &[&str], parameter: &str) -> String {
    let mut parts = parameter.splitn(3, '.').skip(1);
    let layer: usize = parts.next().and_then(|n| n.parse().ok()).unwrap_or(0);
    format!("{}.{}", layers[layer], parts.next().unwrap_or_default())
}
