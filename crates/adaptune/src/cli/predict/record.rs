//! One prediction as it is written.

use super::super::report::one_line;
use super::answered::{ANSWERS, Answered, probability};
use adaptune_adapters::HeadConfig;
use adaptune_text::{Choices, Entity, NO_TAG, Prediction, Row, Text, WordTag};
use adaptune_train::json::value;
use adaptune_train::metrics::labels_mark_spans;
use serde_json::{Map, Value, json};

/// A JSON object: the columns that are kept, then the text, then what is predicted, or for several adapters what each predicts, by name.
pub(super) fn json_record(
    kept: Map<String, Value>,
    row: &Row,
    heads: &[Answered<'_>],
    predictions: &[Prediction],
) -> Value {
    let mut record = kept;
    record.insert("text".into(), text(&row.text));
    let mut answers = Map::new();
    for (Answered { name, head, .. }, prediction) in heads.iter().zip(predictions) {
        let Value::Object(fields) = json_fields(prediction, head) else { continue };
        match name {
            None => record.extend(fields),
            Some(name) => _ = answers.insert((*name).to_owned(), fields.into()),
        }
    }
    if !answers.is_empty() {
        record.insert(ANSWERS.into(), answers.into());
    }
    record.into()
}

/// Label, logits in the order of the head's labels, and the probability of each label by name. Nothing is known of a blank text.
fn json_fields(prediction: &Prediction, head: &HeadConfig) -> Value {
    match prediction {
        Prediction::Blank => json!({ "label": null }),
        Prediction::Number(number) => json!({ "label": real(*number), "logits": [real(*number)] }),
        Prediction::Class { label, logits, probabilities, .. } => json!({
            "label": label,
            "logits": reals(logits),
            "probabilities": by_name(head, probabilities),
        }),
        Prediction::Labels { labels, logits, probabilities, .. } => json!({
            "label": labels,
            "logits": reals(logits),
            "probabilities": by_name(head, probabilities),
        }),
        Prediction::Choice { .. } => of_choice(prediction),
        Prediction::Answer { text, letters, score, null_score } => json!({
            "answer": text,
            "start": letters.map(|(start, _)| start),
            "end": letters.map(|(_, end)| end),
            "score": value(*score),
            "null_score": value(*null_score),
        }),
        // What stands at a place is of the word at that place; a word without a tag has null in each list.
        Prediction::Tags(words) => {
            let of = |field: &dyn Fn(&WordTag) -> Value| -> Vec<Value> {
                words.iter().map(|word| if word.label.is_some() { field(word) } else { Value::Null }).collect()
            };
            let mut fields = json!({
                "label": of(&|word| json!(word.label)),
                "logits": of(&|word| reals(&word.logits)),
                "probabilities": of(&|word| by_name(head, &word.probabilities)),
            });
            if labels_mark_spans(&head.labels) {
                fields["entities"] = prediction.entities().iter().map(entity).collect();
            }
            fields
        }
    }
}

/// A span of words, from the first one to the one behind the last.
fn entity(Entity { kind, text, start, end }: &Entity) -> Value {
    json!({ "kind": kind, "text": text, "start": start, "end": end })
}

/// What is said of a choice: its number and its text too, and logits and probabilities in the order of the choices.
fn of_choice(prediction: &Prediction) -> Value {
    let Prediction::Choice { label, choice, text, logits, probabilities } = prediction else { return Value::Null };
    json!({
        "label": label,
        "choice": choice,
        "answer": text,
        "logits": reals(logits),
        "probabilities": reals(probabilities),
    })
}

fn text(text: &Text) -> Value {
    match text {
        Text::Single(text) => json!(text),
        Text::Pair(a, b) => json!([a, b]),
        Text::Words(words) => json!(words),
        Text::Compared(texts) => json!(texts),
        Text::Choices(Choices { context, question, choices }) => {
            json!({ "context": context, "question": question, "choices": choices })
        }
    }
}

/// With as many digits as tell it from other numbers of 32 bits.
fn real(number: f32) -> Value {
    value(number.to_string().parse().unwrap_or(f64::from(number)))
}

fn reals(numbers: &[f32]) -> Value {
    numbers.iter().copied().map(real).collect()
}

fn by_name(head: &HeadConfig, probabilities: &[f32]) -> Value {
    let named = head.labels.iter().cloned().zip(probabilities.iter().copied().map(real));
    Value::Object(named.collect())
}

/// A line for reading: label, probability and text between tabs, a number and text, or words with their tags. Whatever is in a
/// text, it is one line of as many columns as every other. Where several adapters answer, its name stands in front.
pub(super) fn plain_line(row: &Row, prediction: &Prediction, Answered { name, head, .. }: &Answered<'_>) -> String {
    let line = plain(row, prediction, head);
    if let Some(name) = name { format!("{name}\t{line}") } else { line }
}

fn plain(row: &Row, prediction: &Prediction, head: &HeadConfig) -> String {
    let untagged = |word: &String| format!("{}/{NO_TAG}", one_line(word));
    let shown = match (&row.text, prediction) {
        (_, Prediction::Tags(words)) => return words.iter().map(tagged).collect::<Vec<_>>().join(" "),
        (Text::Words(words), _) => return words.iter().map(untagged).collect::<Vec<_>>().join(" "),
        (Text::Single(text), _) => one_line(text),
        (Text::Pair(a, b), _) => format!("{}\t{}", one_line(a), one_line(b)),
        (Text::Compared(texts), _) => texts.iter().map(|text| one_line(text)).collect::<Vec<_>>().join("\t"),
        (Text::Choices(Choices { context, question, .. }), _) => {
            format!("{}\t{}", one_line(context), one_line(question))
        }
    };
    match prediction {
        Prediction::Class { .. } | Prediction::Labels { .. } => {
            format!("{}\t{}\t{shown}", one_line(&prediction.label()), probability(prediction, head))
        }
        Prediction::Choice { text, .. } => {
            format!("{}\t{}\t{}\t{shown}", prediction.label(), probability(prediction, head), one_line(text))
        }
        Prediction::Answer { text, score, .. } => format!("{}\t{score:.4}\t{shown}", one_line(text)),
        Prediction::Number(number) => format!("{number:.4}\t{shown}"),
        Prediction::Tags(_) | Prediction::Blank => format!("\t\t{shown}"),
    }
}

fn tagged(word: &WordTag) -> String {
    format!("{}/{}", one_line(&word.word), word.label.as_deref().unwrap_or(NO_TAG))
}
