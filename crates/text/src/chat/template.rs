//! A template that turns a conversation into text.

use super::environment::environment;
use super::message::Message;
use super::source::{self, Source};
use crate::error::{Result, TextError};
use minijinja::value::Serde;
use minijinja::{Environment, Value};
use std::collections::BTreeMap;
use std::path::Path;

/// The name under which the environment has it.
const NAME: &str = "template";

/// The form of most small models: each turn between `<|im_start|>` and `<|im_end|>`.
const CHATML: &str = "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}\
                      {% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

/// Characters that no text has, which stand where answers begin and end.
pub(super) const MARKS: [char; 2] = ['\u{FDD0}', '\u{FDD1}'];

/// A template of Jinja that turns a conversation into the text that a model was trained on.
///
/// ```
/// use adaptune_text::{ChatTemplate, Message};
/// let template = ChatTemplate::chatml();
/// let asked = [Message::new("user", "Hello!")];
/// assert_eq!(template.render(&asked, true)?, "<|im_start|>user\nHello!<|im_end|>\n<|im_start|>assistant\n");
/// # Ok::<(), adaptune_text::TextError>(())
/// ```
#[derive(Debug)]
pub struct ChatTemplate {
    environment: Environment<'static>,
    /// What stands for it in messages.
    name: String,
    source: String,
    /// Texts that it calls by name, such as `bos_token`.
    special: BTreeMap<String, String>,
    /// It says itself where answers begin and end.
    marks_answers: bool,
}

impl ChatTemplate {
    /// Reads a template; `name` stands for it in messages.
    ///
    /// # Errors
    /// It is no template of Jinja, or has blocks that are not known: names the line.
    pub fn new(name: &str, source: &str) -> Result<Self> {
        let (marked, marks_answers) = marked(source);
        let mut environment = environment();
        environment.add_template_owned(NAME, marked).map_err(|error| {
            TextError::Model(format!(
                "{name}: {}; the template uses something that is not supported, or is damaged. Give another one with --chat-template \
                 FILE, or --chat-template chatml",
                in_words(&error)
            ))
        })?;
        let (name, source, special) = (name.to_owned(), source.to_owned(), BTreeMap::new());
        Ok(Self { environment, name, source, special, marks_answers })
    }

    /// The template of the model in a folder, with the special tokens that it names; `None` if it has none.
    ///
    /// # Errors
    /// A file cannot be read, or as [`ChatTemplate::new`].
    pub fn of_model(folder: &Path) -> Result<Option<Self>> {
        source::of_model(folder)?
            .map(|Source { name, text }| Self::new(&name, &text)?.with_tokens_of(folder))
            .transpose()
    }

    /// The template in a file.
    ///
    /// # Errors
    /// The file cannot be read, or as [`ChatTemplate::new`].
    pub fn from_file(path: &Path) -> Result<Self> {
        let Source { name, text } = source::file(path)?;
        Self::new(&name, &text)
    }

    /// ChatML, the form of most small models. Its marks are tokens of their own only in a tokenizer that knows them.
    #[must_use]
    pub fn chatml() -> Self {
        Self::new("chatml", CHATML).expect("it is a template of this crate")
    }

    /// The same with the special tokens of the model in a folder, which templates call by their names.
    ///
    /// # Errors
    /// A file that says them cannot be read.
    pub fn with_tokens_of(self, folder: &Path) -> Result<Self> {
        Ok(Self { special: source::special_tokens(folder)?, ..self })
    }

    /// What stands for it in messages.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its text, in Jinja.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// True if it says itself which parts of a conversation are learnt, by `{% generation %}`.
    #[must_use]
    pub fn marks_answers(&self) -> bool {
        self.marks_answers
    }

    /// Returns the text of a conversation, as transformers' `apply_chat_template` does; with what stands before an answer behind it, if
    /// one is to be written.
    ///
    /// # Errors
    /// The template refuses the conversation, as many do with two questions in a row, or fails.
    pub fn render(&self, messages: &[Message], add_generation_prompt: bool) -> Result<String> {
        Ok(self.render_with_marks(messages, add_generation_prompt)?.replace(MARKS, ""))
    }

    /// The same with [`MARKS`] around answers, where the template says so.
    pub(super) fn render_with_marks(&self, messages: &[Message], add_generation_prompt: bool) -> Result<String> {
        let nothing = || Value::from(());
        let own = [
            ("messages", Value::from(Serde(messages))),
            ("add_generation_prompt", add_generation_prompt.into()),
            ("tools", nothing()),
            ("documents", nothing()),
        ];
        let special = self.special.iter().map(|(name, text)| (name.as_str(), Value::from(text)));
        let context: BTreeMap<&str, Value> = own.into_iter().chain(special).collect();
        let template = self.environment.get_template(NAME);
        let rendered = template.and_then(|template| template.render(context));
        rendered
            .map_err(|error| TextError::Model(format!("{} refuses the conversation: {}", self.name, in_words(&error))))
    }
}

/// The template with marks in the place of `{% generation %}` and its end, and whether there are any. A block that is always true keeps what
/// Jinja does to the spaces around blocks.
fn marked(source: &str) -> (String, bool) {
    let (mut text, mut rest, mut any) = (String::new(), source, false);
    while let Some(start) = rest.find("{%") {
        let Some(length) = rest[start..].find("%}") else { break };
        let (block, end) = (&rest[start + 2..start + length], start + length + 2);
        let inner = block.trim_matches(['-', '+']).trim();
        let mark = ["generation", "endgeneration"].iter().position(|name| *name == inner);
        text.push_str(&rest[..start]);
        match mark {
            Some(which) => {
                let sign = |has: bool, sign: char| if has { String::from(sign) } else { String::new() };
                let before = sign(block.starts_with('-'), '-') + &sign(block.starts_with('+'), '+');
                let after = sign(block.ends_with('-'), '-') + &sign(block.ends_with('+'), '+');
                text.push_str(&format!("{{%{before} if true %}}{}{{% endif {after}%}}", MARKS[which]));
                any = true;
            }
            None => text.push_str(&rest[start..end]),
        }
        rest = &rest[end..];
    }
    (text + rest, any)
}

/// What is wrong and where.
fn in_words(error: &minijinja::Error) -> String {
    let detail = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
    match error.line() {
        Some(line) => format!("{detail} (line {line} of the template)"),
        None => detail,
    }
}
