//! Which parts of a conversation's text the model is to say.

use super::message::Message;
use super::template::{ChatTemplate, MARKS};
use crate::error::{Result, TextError};
use std::ops::Range;

/// The text of a conversation, and where the model's answers stand in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// The text.
    pub text: String,
    /// The bytes of each answer with what ends it, in order.
    pub answers: Vec<Range<usize>>,
}

impl ChatTemplate {
    /// Returns the text of a conversation and where its answers are: where the template says so, by `{% generation %}`; or else from where
    /// the text of the turns before, with what stands before an answer, ends, to where the text with the answer ends.
    ///
    /// ```
    /// use adaptune_text::{ChatTemplate, Message};
    /// let turns = [Message::new("user", "Hello!"), Message::new("assistant", "Hi.")];
    /// let rendered = ChatTemplate::chatml().render_answers(&turns)?;
    /// assert_eq!(&rendered.text[rendered.answers[0].clone()], "Hi.<|im_end|>\n");
    /// # Ok::<(), adaptune_text::TextError>(())
    /// ```
    ///
    /// # Errors
    /// As [`ChatTemplate::render`], or the template writes a turn otherwise when the conversation goes on, so that it cannot be told.
    pub fn render_answers(&self, messages: &[Message]) -> Result<Rendered> {
        if self.marks_answers() {
            return Ok(between_marks(&self.render_with_marks(messages, false)?));
        }
        let text = self.render(messages, false)?;
        let places = messages.iter().enumerate().filter(|(_, message)| message.is_answer());
        let answers = places.map(|(turn, _)| self.answer(messages, turn, &text)).collect::<Result<_>>()?;
        Ok(Rendered { text, answers })
    }

    /// Returns what ends an answer: what the template puts behind it, without the space around that; empty if there is nothing.
    ///
    /// # Errors
    /// The template refuses a question with its answer.
    pub(crate) fn answer_end(&self) -> Result<String> {
        const ANSWER: &str = "answer";
        let turns = [Message::new("user", "question"), Message::new("assistant", ANSWER)];
        let text = self.render(&turns, false)?;
        let behind = text.rfind(ANSWER).map_or("", |at| &text[at + ANSWER.len()..]);
        Ok(behind.trim().to_owned())
    }

    /// Where the answer stands that is the message number `turn`.
    fn answer(&self, messages: &[Message], turn: usize, text: &str) -> Result<Range<usize>> {
        let (before, asked) = (self.render(&messages[..turn], false)?, self.render(&messages[..turn], true)?);
        let with = self.render(&messages[..=turn], false)?;
        // What stands before an answer that is written may be more than what stands before one that was, such as the beginning of a thought.
        let start = common(text, &asked);
        if start < before.len() || start >= with.len() || !text.starts_with(&with) {
            return Err(TextError::Model(format!(
                "{} writes turn {} of the conversation otherwise when it goes on, so it cannot be told which tokens are the answer's: let \
                 conversations end with their only answer, or give a template that marks answers ({{% generation %}}) with --chat-template",
                self.name(),
                turn + 1
            )));
        }
        Ok(start..with.len())
    }
}

/// How many bytes two texts begin with in common.
fn common(a: &str, b: &str) -> usize {
    let same = a.char_indices().zip(b.chars()).take_while(|((_, a), b)| a == b);
    same.last().map_or(0, |((at, letter), _)| at + letter.len_utf8())
}

fn between_marks(marked: &str) -> Rendered {
    let (mut text, mut answers, mut begun) = (String::with_capacity(marked.len()), Vec::new(), None);
    for letter in marked.chars() {
        match letter {
            _ if letter == MARKS[0] => begun = Some(text.len()),
            _ if letter == MARKS[1] => answers.extend(begun.take().map(|start| start..text.len())),
            _ => text.push(letter),
        }
    }
    Rendered { text, answers }
}
