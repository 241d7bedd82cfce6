//! A conversation with a decoder.

use crate::chat::{ChatTemplate, Message};
use crate::error::{Result, TextError};
use crate::generator::{GenerateOptions, Generated, Generator, Kept};

/// A conversation with a decoder, perhaps with adapters, that remembers its turns, and what the blocks have computed of them.
///
/// ```no_run
/// use adaptune_text::{ChatSession, GenerateOptions, TextModel};
/// let model = TextModel::open("models/smollm2-135m-instruct")?;
/// let template = model.source().chat_template()?.expect("it is a model of conversations");
/// let mut session = ChatSession::new(model.generator()?, template)?.with_system("Be brief.");
/// let answer = session.say("What is a llama?", &GenerateOptions::default(), |_| {})?;
/// println!("{}", answer.text);
/// session.say("And where do they live?", &GenerateOptions::default(), |_| {})?;
/// assert_eq!(session.messages().len(), 5);
/// # Ok::<(), adaptune_text::TextError>(())
/// ```
#[derive(Debug)]
pub struct ChatSession {
    generator: Generator,
    template: ChatTemplate,
    /// What stands before the first turn.
    system: Option<String>,
    messages: Vec<Message>,
    kept: Option<Kept>,
}

impl ChatSession {
    /// A conversation that has not begun.
    ///
    /// # Errors
    /// The template refuses a question with its answer.
    pub fn new(generator: Generator, template: ChatTemplate) -> Result<Self> {
        let generator = generator.for_answers(&template)?;
        Ok(Self { generator, template, system: None, messages: Vec::new(), kept: None })
    }

    /// The same with instructions before the first turn, as a message of the role `system`.
    #[must_use]
    pub fn with_system(self, text: &str) -> Self {
        let mut session = Self { system: Some(text.to_owned()), ..self };
        session.reset();
        session
    }

    /// All turns so far, the instructions first if there are any.
    #[must_use]
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// Begins a new conversation with the same instructions.
    pub fn reset(&mut self) {
        self.messages = self.system.iter().map(|text| Message::new("system", text)).collect();
    }

    /// Says something, and returns the answer, which is a part of the conversation from now on; `progress` is called with what is written so
    /// far, whenever that grows. The same turns with the same options have the same answers, whatever was computed before.
    ///
    /// # Errors
    /// An option is out of its range, the template or the tokenizer refuses the conversation, it fills the model's positions, or a logit is
    /// not finite. Then nothing was said.
    pub fn say(&mut self, text: &str, options: &GenerateOptions, mut progress: impl FnMut(&str)) -> Result<Generated> {
        self.messages.push(Message::new("user", text));
        let answered = self.answer(options, &mut progress);
        match &answered {
            Ok(answer) => self.messages.push(Message::new("assistant", &answer.text)),
            Err(_) => _ = self.messages.pop(),
        }
        answered
    }

    fn answer(&mut self, options: &GenerateOptions, progress: &mut impl FnMut(&str)) -> Result<Generated> {
        let tokens = self.generator.tokenizer().whole_text(&self.template.render(&self.messages, true)?, false)?.ids;
        let room = self.generator.room();
        if tokens.len() >= room {
            return Err(TextError::Model(format!(
                "the conversation takes {} tokens and fills the {room} that there is room for, so nothing can follow; begin a new one",
                tokens.len()
            )));
        }
        if tokens.is_empty() {
            return Err(TextError::Tokenizer("the conversation yields no token: the template writes nothing".into()));
        }
        let number = self.messages.iter().filter(|message| message.is_answer()).count();
        self.generator.go_on(tokens, &mut self.kept, number, options, progress)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TextModel;
    use adaptune_test_support::assets;

    const TEMPLATE: &str = "{{ bos_token }}{% for m in messages %}{{ m.content }}{% if m.role == 'assistant' %}{{ eos_token }}{% endif %}\n{% endfor %}";

    fn session() -> Option<ChatSession> {
        let model = TextModel::open(assets()?.join("models/stories260k").to_str()?).expect("a model");
        let template =
            model.source().with_own_tokens(ChatTemplate::new("own", TEMPLATE).expect("a template")).expect("tokens");
        Some(ChatSession::new(model.generator().expect("a decoder"), template).expect("it answers"))
    }

    /// What was kept gives the same bits as what is computed anew, also behind turns that another conversation shares.
    #[test]
    fn answers_are_those_of_the_whole_conversation() {
        let Some(mut session) = session() else { return };
        let options = GenerateOptions { max_new_tokens: 24, temperature: 0.7, seed: 3, ..GenerateOptions::default() };
        let mut streamed = String::new();
        let first = session.say("Once upon a time", &options, |text| streamed = text.to_owned()).expect("an answer");
        assert_eq!((streamed.as_str(), first.tokens.is_empty()), (first.text.as_str(), false));
        let second = session.say("Lily saw a dog.", &options, |_| {}).expect("an answer");
        assert_eq!(session.messages().len(), 4);
        session.kept = None;
        session.messages.truncate(2);
        assert_eq!(session.say("Lily saw a dog.", &options, |_| {}).expect("an answer"), second);
        session.reset();
        assert_eq!(session.say("Once upon a time", &options, |_| {}).expect("an answer"), first);
    }

    #[test]
    fn a_question_without_room_was_not_asked() {
        let Some(session) = session() else { return };
        let mut session = session.with_system("There was a girl.");
        let options = GenerateOptions { max_new_tokens: 4, ..GenerateOptions::default() };
        let error = session.say(&"the dog ran. ".repeat(200), &options, |_| {}).expect_err("too long").to_string();
        assert!(error.contains("fills the 512 that there is room for"), "{error}");
        assert_eq!(session.messages().len(), 1, "the instructions are left");
        session.say("The dog ran.", &options, |_| {}).expect("an answer");
        assert_eq!(session.messages().len(), 3);
    }
}
