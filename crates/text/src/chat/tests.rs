//! Templates against what transformers writes; answers in conversations; where templates are found.

use super::*;
use serde_json::{Value, json};
use std::path::Path;

/// What `scripts/chat_templates.py` has written.
fn fixture() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/chat_templates.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// A folder with files in it.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    files.iter().for_each(|(name, text)| std::fs::write(folder.path().join(name), text).unwrap());
    folder
}

const TOKENS: &str =
    r#"{ "bos_token": "<s>", "eos_token": { "content": "</s>", "special": true }, "pad_token": null }"#;

#[test]
fn conversations_are_written_as_python_writes_them() {
    let (fixture, tokens) = (fixture(), folder(&[("tokenizer_config.json", TOKENS)]));
    let conversations: Vec<Vec<Message>> = serde_json::from_value(fixture["conversations"].clone()).unwrap();
    let templates = fixture["templates"].as_object().unwrap();
    assert!(templates.len() >= 6);
    for (name, case) in templates {
        let template = ChatTemplate::new(name, case["template"].as_str().unwrap()).unwrap();
        let template = template.with_tokens_of(tokens.path()).unwrap();
        for (messages, expected) in conversations.iter().zip(case["written"].as_array().unwrap()) {
            for (add, expected) in [false, true].into_iter().zip(expected.as_array().unwrap()) {
                match (template.render(messages, add), expected["error"].as_str()) {
                    (Ok(text), None) => assert_eq!(text, expected["text"].as_str().unwrap(), "{name}"),
                    (Err(error), Some(words)) => assert!(error.to_string().contains(words), "{name}: {error}"),
                    (found, _) => panic!("{name}: {found:?}, expected {expected}"),
                }
            }
        }
    }
}

fn turns(of: &[(&str, &str)]) -> Vec<Message> {
    of.iter().map(|(role, content)| Message::new(role, content)).collect()
}

const LONG: [(&str, &str); 5] =
    [("system", "S"), ("user", "Who?"), ("assistant", " Me. "), ("user", "Me?"), ("assistant", "You.")];

#[test]
fn answers_are_found_in_what_every_template_writes() {
    let (fixture, tokens) = (fixture(), folder(&[("tokenizer_config.json", TOKENS)]));
    for (name, expected) in [
        ("headers", Some(["Me.<|eot_id|>", "You.<|eot_id|>"])),
        ("marks", Some(["Me.<|im_end|>\n", "You.<|im_end|>\n"])),
        ("instructions", Some([" Me.</s>", " You.</s>"])),
        ("generation", Some([" Me. </s>", "You.</s>"])),
        ("thoughts", None),
    ] {
        let template = ChatTemplate::new(name, fixture["templates"][name]["template"].as_str().unwrap()).unwrap();
        let template = template.with_tokens_of(tokens.path()).unwrap();
        let found = template.render_answers(&turns(&LONG));
        let Some(expected) = expected else {
            let error = found.unwrap_err().to_string();
            assert!(error.contains("turn 3") && error.contains("otherwise when it goes on"), "{error}");
            // With one answer, where nothing goes on, it can be told.
            let one = template.render_answers(&turns(&LONG[..3])).unwrap();
            assert_eq!(&one.text[one.answers[0].clone()], "<think>\n\n</think>\n\n Me.<|e|>\n");
            continue;
        };
        let found = found.unwrap();
        assert_eq!(found.text, template.render(&turns(&LONG), false).unwrap(), "{name}");
        let answers: Vec<&str> = found.answers.into_iter().map(|answer| &found.text[answer]).collect();
        assert_eq!(answers, expected, "{name}");
    }
}

#[test]
fn a_template_stands_in_one_of_several_files() {
    let of = |files: &[(&str, &str)]| ChatTemplate::of_model(folder(files).path());
    let render = |files: &[(&str, &str)]| of(files).unwrap().unwrap().render(&turns(&[("user", "x")]), false).unwrap();
    assert!(of(&[]).unwrap().is_none() && of(&[("tokenizer_config.json", TOKENS)]).unwrap().is_none());
    let config = |template: Value| json!({ "bos_token": "<s>", "chat_template": template }).to_string();
    let text = config(json!("{{ bos_token }}1{{ messages[0].content }}"));
    assert_eq!(render(&[("tokenizer_config.json", &text)]), "<s>1x");
    let named = json!([{ "name": "tool_use", "template": "2" }, { "name": "default", "template": "{{ bos_token }}3" }]);
    assert_eq!(render(&[("tokenizer_config.json", &config(named))]), "<s>3");
    let own = ("chat_template.jinja", "4{{ bos_token }}\n");
    assert_eq!(render(&[("tokenizer_config.json", &text), own]), "4<s>");
    let map = ("special_tokens_map.json", r#"{ "bos_token": { "content": "<b>" } }"#);
    assert_eq!(render(&[map, own]), "4<b>");
}

#[test]
fn what_cannot_be_used_is_named() {
    let of =
        |text: &str| ChatTemplate::of_model(folder(&[("tokenizer_config.json", text)]).path()).unwrap_err().to_string();
    let error = of(r#"{ "chat_template": [{ "name": "rag", "template": "" }, { "name": "tool", "template": "" }] }"#);
    assert!(error.contains("templates called rag, tool, but none called default"), "{error}");
    assert!(of(r#"{ "chat_template": 7 }"#).contains("expected a text, or a list of named ones, found 7"));
    assert!(of("{").contains("tokenizer_config.json is damaged"));
    let new = |source: &str| ChatTemplate::new("own.jinja", source).unwrap_err().to_string();
    let error = new("{% for m in messages %}\n{% unheard %}{% endfor %}");
    assert!(error.starts_with("own.jinja: ") && error.contains("unheard") && error.contains("line 2"), "{error}");
    assert!(error.contains("--chat-template chatml"), "{error}");
    let render = |source: &str| ChatTemplate::new("own.jinja", source).unwrap().render(&turns(&[("user", "x")]), false);
    let error = render("\n{{ messages[0].nothing.at_all }}").unwrap_err().to_string();
    assert!(error.starts_with("own.jinja refuses the conversation") && error.contains("line 2"), "{error}");
    let endless = "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}";
    assert!(render(endless).is_err());
    assert_eq!(render("{{ strftime_now('%Y') | length }}").unwrap(), "4");
    assert!(render("{{ strftime_now('%!') }}").is_err());
}
