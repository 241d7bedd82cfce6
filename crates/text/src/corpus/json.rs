//! Documents out of JSON Lines.

use super::documents::{Corpus, CorpusKind, Document, Words};
use crate::chat::Message;
use crate::error::Result;
use crate::table::{Object, Source, objects};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::Path;

/// The most bytes of a first line that are looked at.
const LONGEST: u64 = 1 << 24;

/// What objects with these keys hold.
fn kind(object: &Object) -> Option<CorpusKind> {
    let has = |key: &str| object.contains_key(key);
    match () {
        () if has("messages") => Some(CorpusKind::Conversations),
        () if has("prompt") && has("completion") => Some(CorpusKind::Completions),
        () if has("text") => Some(CorpusKind::Texts),
        () => None,
    }
}

/// True if the first object of a file can only be meant for a language model.
pub(super) fn says_language(path: &Path) -> bool {
    // A pipe would wait for whoever writes, and what was read of it would be gone.
    let Some(file) = path.is_file().then(|| std::fs::File::open(path).ok()).flatten() else { return false };
    let mut line = String::new();
    let read = BufReader::new(std::io::Read::take(file, LONGEST)).read_line(&mut line);
    let line = line.trim_start_matches('\u{feff}').trim();
    let on_line = || serde_json::from_str::<Object>(line).ok();
    // What goes over several lines, or is a list, is read as a whole.
    let in_all = || objects(&Source::open(path).ok()?, "").ok()?.into_iter().next().map(|(_, object)| object);
    let object = read.ok().and_then(|_| on_line().or_else(|| line.starts_with(['{', '[']).then(in_all).flatten()));
    matches!(object.as_ref().and_then(kind), Some(CorpusKind::Conversations | CorpusKind::Completions))
}

/// Reads all objects; the keys of the first say what the file holds.
pub(super) fn read(source: &Source) -> Result<Corpus> {
    let (mut documents, mut of_first, mut unanswered) = (Vec::new(), None, 0);
    for (line, object) in objects(source, "{\"messages\": [...]}")? {
        let at = |message: String| source.error(line, message);
        let found = kind(&object).ok_or_else(|| at(unknown(source, &object)))?;
        let expected = *of_first.get_or_insert(found);
        if found != expected {
            return Err(at(format!(
                "expected {expected} as on the first line, found {found}; give each a file of its own"
            )));
        }
        let (words, left_out) = words(&object, found).map_err(at)?;
        unanswered += usize::from(left_out);
        documents.push(Document { line, words });
    }
    let note = format!("{unanswered} conversations end with turns that nobody answers, which are left out");
    let notes = (unanswered > 0).then_some(note).into_iter().collect();
    Ok(Corpus { name: source.name.clone(), kind: of_first.unwrap_or(CorpusKind::Texts), documents, notes })
}

/// What to do with objects of other programs.
fn unknown(source: &Source, object: &Object) -> String {
    let found = object.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
    let has = |key: &str| object.contains_key(key);
    let filter = match () {
        () if has("conversations") => {
            "{messages: [.conversations[] | {role: ({human: \"user\", gpt: \"assistant\"}[.from] // .from), content: .value}]}"
        }
        () if has("instruction") && has("output") => {
            "{prompt: (.instruction + \"\\n\" + (.input // \"\") + \"\\n\"), completion: .output}"
        }
        () => "",
    };
    let each = if source.first_line().trim_start().starts_with('[') { ".[] | " } else { "" };
    let help = match filter {
        "" => String::new(),
        filter => {
            format!("; write them so:\n    jq -c '{each}{filter}' '{}' > new.jsonl", source.name.replace('\'', ""))
        }
    };
    format!("expected the key `messages`, or `prompt` and `completion`, or `text`, found {found}{help}")
}

/// What an object says, and whether turns at its end are left out.
fn words(object: &Object, kind: CorpusKind) -> Result<(Words, bool), String> {
    match kind {
        CorpusKind::Texts => Ok((Words::Text(text(object, "text")?), false)),
        CorpusKind::Completions => {
            let (prompt, completion) = (text(object, "prompt")?, text(object, "completion")?);
            match completion.trim().is_empty() {
                true => {
                    Err("`completion` is empty, so there is nothing to learn; write one, or delete the line".into())
                }
                false => Ok((Words::Completion { prompt, completion }, false)),
            }
        }
        CorpusKind::Conversations => {
            let mut messages = messages(&object["messages"])?;
            let said = messages.iter().rposition(Message::is_answer).ok_or(
                "the conversation has no answer (a message whose role is assistant), so there is nothing to learn; write one, or delete \
                 the line",
            )?;
            let left_out = said + 1 < messages.len();
            messages.truncate(said + 1);
            Ok((Words::Conversation(messages), left_out))
        }
    }
}

fn text(object: &Object, key: &str) -> Result<String, String> {
    match &object[key] {
        Value::String(text) => Ok(text.clone()),
        Value::Array(_) if key != "text" => {
            Err(format!("expected `{key}` to be a text in quotes, found a list; lists of turns stand in `messages`"))
        }
        found => Err(format!("expected `{key}` to be a text in quotes, found {found}")),
    }
}

/// The turns, none of which is an answer without words or behind another answer.
fn messages(list: &Value) -> Result<Vec<Message>, String> {
    let wanted = "expected `messages` to be a list of objects with `role` and `content`";
    let list = list.as_array().filter(|list| !list.is_empty()).ok_or(format!("{wanted}, found {list}"))?;
    let mut messages: Vec<Message> = Vec::with_capacity(list.len());
    for (number, value) in (1..).zip(list) {
        let message = message(value).map_err(|found| format!("{wanted}; message {number} {found}"))?;
        if message.is_answer() && message.content.trim().is_empty() {
            return Err(format!("message {number}, an answer, is empty; write it, or delete the line"));
        }
        if message.is_answer() && messages.last().is_some_and(Message::is_answer) {
            return Err(format!(
                "messages {} and {number} are two answers in a row; join them, or put what was asked between them",
                number - 1
            ));
        }
        messages.push(message);
    }
    Ok(messages)
}

fn message(value: &Value) -> Result<Message, String> {
    let mut object = value.as_object().cloned().ok_or("is no object")?;
    let mut take = |key: &str| match object.remove(key) {
        Some(Value::String(text)) => Ok(text),
        Some(Value::Array(_)) => Err(format!("has a list as `{key}`; only texts can be read")),
        Some(found) => Err(format!("has {found} as `{key}`, where a text is expected")),
        None => Err(format!("has no `{key}`")),
    };
    let (role, content) = (take("role")?, take("content")?);
    Ok(Message { role, content, others: object })
}
