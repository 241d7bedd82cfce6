//! Files of documents: what is read, what is refused, which tokens are learnt.

use super::*;
use crate::chat::ChatTemplate;
use crate::{BUILTIN, BaseModel, Format, TableOptions, Tokenizer};
use adaptune_test_support::assets;
use adaptune_train::{Example, Target};
use std::io::Write;
use std::path::Path;

/// A file of this ending.
fn file(ending: &str, text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::Builder::new().suffix(ending).tempfile().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

fn json(text: &str) -> crate::error::Result<Corpus> {
    Corpus::read(file(".jsonl", text).path())
}

fn tokenizer(most: usize) -> Tokenizer {
    BaseModel::find(BUILTIN, &mut ()).unwrap().tokenizer(Some(most)).unwrap()
}

/// The texts of the tokens that are learnt, sequence by sequence, of all examples.
fn learnt(tokenizer: &Tokenizer, examples: &[Example]) -> Vec<Vec<String>> {
    let mut all = Vec::new();
    for Example { sequences, target } in examples {
        let Target::Next(counts) = target else { panic!("another target") };
        let mut counts = counts.iter();
        for sequence in sequences {
            let tokens = sequence.token_ids.iter().zip(&mut counts).skip(1).filter(|(_, counts)| **counts);
            all.push(tokens.map(|(id, _)| tokenizer.token(*id).unwrap()).collect());
        }
    }
    all
}

#[test]
fn files_are_what_their_lines_say() {
    let texts = json("{\"text\": \"a\"}\n{\"text\": \"b\", \"more\": 1}\n").unwrap();
    assert_eq!((texts.kind, texts.documents.len(), texts.documents[1].line), (CorpusKind::Texts, 2, 2));
    let completions = json("{\"prompt\": \"a\", \"completion\": \" b\"}").unwrap();
    let expected = Words::Completion { prompt: "a".into(), completion: " b".into() };
    assert_eq!(completions.documents[0].words, expected);
    let turns =
        r#"{"messages": [{"role": "user", "content": "a", "name": "Kim"}, {"role": "assistant", "content": "b"},
        {"role": "user", "content": "c"}]}"#
            .replace('\n', "");
    let conversations = json(&turns).unwrap();
    let Words::Conversation(messages) = &conversations.documents[0].words else { panic!("another kind") };
    assert_eq!((messages.len(), &messages[0].others["name"]), (2, &serde_json::json!("Kim")));
    assert!(conversations.notes[0].starts_with("1 conversations end with turns that nobody answers"));
    let running = Corpus::read(file(".txt", "one\n\ntwo\nthree").path()).unwrap();
    assert_eq!(running.documents, [Document { line: 1, words: Words::Text("one\n\ntwo\nthree".into()) }]);
    assert_eq!(Corpus::read(file(".csv", "text,label\na,1\nb,2\n").path()).unwrap().documents.len(), 2);
    let options = TableOptions { format: Some(Format::JsonLines), ..TableOptions::default() };
    let unnamed = file("", &turns);
    assert_eq!(Corpus::read_with(unnamed.path(), &options).unwrap().kind, CorpusKind::Conversations);
    let meant = |ending: &str, text: &str| Corpus::is_meant_by(file(ending, text).path());
    assert!(meant(".jsonl", &turns) && meant(".jsonl", "{\"prompt\": \"a\", \"completion\": \" b\"}"));
    assert!(
        !meant(".jsonl", "{\"text\": \"a\"}")
            && !meant(".csv", "messages\na\n")
            && !Corpus::is_meant_by(Path::new("no"))
    );
    assert!(texts.clone().join(conversations).unwrap_err().to_string().contains("found conversations, but"));
    assert_eq!(texts.clone().join(texts).unwrap().documents.len(), 4);
}

#[test]
fn what_cannot_be_learnt_from_is_named_with_its_line() {
    let good = r#"{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}"#;
    let second = |line: &str| json(&format!("{good}\n{line}\n")).unwrap_err().to_string();
    for (line, words) in [
        (
            r#"{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": " "}]}"#,
            "message 2, an answer, is empty",
        ),
        (
            r#"{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, {"role": "assistant", "content": "c"}]}"#,
            "messages 2 and 3 are two answers in a row",
        ),
        (r#"{"messages": [{"role": "user", "content": "a"}]}"#, "has no answer"),
        (r#"{"messages": []}"#, "expected `messages` to be a list"),
        (r#"{"messages": [{"role": "user"}]}"#, "message 1 has no `content`"),
        (r#"{"messages": [{"role": "user", "content": [{"type": "text"}]}]}"#, "message 1 has a list as `content`"),
        (r#"{"text": "a"}"#, "expected conversations as on the first line, found texts"),
        (r#"{"conversations": [{"from": "human", "value": "a"}]}"#, "jq -c '{messages:"),
        (r#"{"instruction": "a", "output": "b"}"#, "jq -c '{prompt:"),
        ("[1]", "found an array"),
        ("{", "expected one JSON object a line"),
    ] {
        let error = second(line);
        assert!(error.contains("line 2: ") && error.contains(words), "{line}: {error}");
    }
    let empty = json(r#"{"prompt": "a", "completion": ""}"#).unwrap_err().to_string();
    assert!(empty.contains("line 1: `completion` is empty"), "{empty}");
    let list = json(r#"{"prompt": [], "completion": "a"}"#).unwrap_err().to_string();
    assert!(list.contains("lists of turns stand in `messages`"), "{list}");
}

#[test]
fn a_share_is_kept_aside() {
    let lines: String = (0..10).map(|i| format!("{{\"text\": \"{i}\"}}\n")).collect();
    let (train, dev) = json(&lines).unwrap().split(0.25, 3).unwrap();
    let numbers = |corpus: &Corpus| corpus.documents.iter().map(|document| document.line).collect::<Vec<_>>();
    assert_eq!((train.documents.len(), dev.documents.len()), (7, 3));
    assert!(numbers(&train).is_sorted() && numbers(&dev).is_sorted());
    assert_eq!(json(&lines).unwrap().split(0.25, 3).unwrap().1.documents, dev.documents);
    assert_ne!(json(&lines).unwrap().split(0.25, 4).unwrap().1.documents, dev.documents);
    let running = Corpus::read(file(".txt", "äöü one\ntwo\nthree\n").path()).unwrap();
    let (train, dev) = running.split(0.28, 0).unwrap();
    assert_eq!(train.documents[0].words, Words::Text("äöü one\ntwo\n".into()));
    assert_eq!(dev.documents[0], Document { line: 3, words: Words::Text("three\n".into()) });
    let error = json("{\"text\": \"a\"}\n").unwrap().split(0.1, 0).unwrap_err().to_string();
    assert!(error.contains("leaves nothing to train on"), "{error}");
}

/// Of texts every token is learnt once, of prompts what follows them, of conversations the answers.
#[test]
fn tokens_that_are_learnt_are_those_that_should_be() {
    let tokenizer = tokenizer(16);
    let id = |token: &str| tokenizer.id(token).unwrap();
    let word = "lamp";
    let known = |text: &str| !tokenizer.whole_text(text, false).unwrap().ids.contains(&id("[UNK]"));
    let words: Vec<&str> = ["the", "a", "and", "is", "of", "in", word].into_iter().filter(|word| known(word)).collect();
    assert!(words.len() >= 3, "{words:?}");
    let (a, b, c) = (words[0], words[1], words[2]);
    let form = LanguageForm { template: None, end: None };
    let texts = json(&format!("{{\"text\": \"{a} {b} {c}\"}}\n{{\"text\": \"{c} {a}\"}}")).unwrap();
    let packed = tokenizer.pack(&texts, &form).unwrap();
    assert_eq!(learnt(&tokenizer, packed.dataset.examples()), [vec![a, b, c, "[SEP]"], vec![c, a, "[SEP]"]]);
    assert_eq!((packed.dataset.len(), packed.sequences, packed.tokens, packed.learnt, packed.cut), (1, 2, 9, 7, 0));
    let completion = json(&format!("{{\"prompt\": \"{a} {b}\", \"completion\": \" {c} {a}\"}}")).unwrap();
    let packed = tokenizer.pack(&completion, &LanguageForm { end: Some(id("[MASK]")), ..form }).unwrap();
    assert_eq!(learnt(&tokenizer, packed.dataset.examples()), [vec![c, a, "[SEP]", "[MASK]"]]);
    let template = ChatTemplate::new("own", "{% for m in messages %}{{ m.content }} [SEP] {% endfor %}").unwrap();
    let line = format!(
        r#"{{"messages": [{{"role": "user", "content": "{a} {b}"}}, {{"role": "assistant", "content": "{c}"}},
        {{"role": "user", "content": "{b}"}}, {{"role": "assistant", "content": "{a} {a}"}}]}}"#
    );
    let conversation = json(&line.replace('\n', "")).unwrap();
    let packed = tokenizer.pack(&conversation, &LanguageForm { template: Some(&template), end: None }).unwrap();
    assert_eq!(learnt(&tokenizer, packed.dataset.examples()), [vec![c, "[SEP]", a, a, "[SEP]"]]);
    let error = tokenizer.pack(&conversation, &form).unwrap_err().to_string();
    assert!(error.contains("line 1: the model has no chat template") && error.contains("chatml"), "{error}");
    let short = tokenizer.clone().with_max_length(4).unwrap();
    let error = short.pack(&completion, &form);
    assert!(error.is_ok(), "one token of the completion is left");
    let short = tokenizer.with_max_length(3).unwrap();
    let error = short.pack(&completion, &form).unwrap_err().to_string();
    assert!(error.contains("line 1: what stands before the first answer fills all of the 3 tokens"), "{error}");
    let packed = short.pack(&texts, &form).unwrap();
    assert_eq!((packed.cut, packed.learnt), (2, 7), "pieces learn every token once");
    assert!(packed.notes[0].starts_with("2 of 2 texts have more than 3 tokens and are cut"), "{:?}", packed.notes);
}

/// The tokens of a real decoder: a text begins with its first token, and offsets fall where words begin.
#[test]
fn a_real_tokenizer_marks_what_follows_a_prompt() {
    let Some(assets) = assets() else { return };
    let model = BaseModel::find(assets.join("models/stories260k").to_str().unwrap(), &mut ()).unwrap();
    let (tokenizer, end) = (model.tokenizer(Some(64)).unwrap(), model.end_tokens().unwrap()[0]);
    let corpus = json("{\"prompt\": \"Once upon a time\", \"completion\": \" there was a dog.\"}").unwrap();
    let packed = tokenizer.pack(&corpus, &LanguageForm { template: None, end: Some(end) }).unwrap();
    let example = &packed.dataset.examples()[0];
    let Target::Next(counts) = &example.target else { panic!("another target") };
    let ids = &example.sequences[0].token_ids;
    let first = counts.iter().position(|counts| *counts).unwrap();
    assert_eq!(tokenizer.decode(&ids[..first]).unwrap(), "Once upon a time");
    assert_eq!(ids.last(), Some(&end));
    assert!(counts[first..].iter().all(|counts| *counts));
}
