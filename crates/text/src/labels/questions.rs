//! Questions about a context, whose answers are spans of it.

use super::refusal::{at, whole};
use crate::error::Result;
use crate::table::{GivenAnswer, Row, Table, Text};
use adaptune_train::Question;
use std::sync::Arc;

/// A question, and the bytes of its context where its first answer stands; `None` if it has none.
pub(crate) type Asked = (Arc<Question>, Option<(usize, usize)>);

impl Table {
    /// True if examples are questions whose answers are known.
    #[must_use]
    pub fn has_answers(&self) -> bool {
        self.rows.iter().any(|row| row.answers.is_some())
    }

    /// True if some question is known to have no answer.
    #[must_use]
    pub fn has_unanswerable(&self) -> bool {
        self.rows.iter().any(|row| row.answers.as_ref().is_some_and(Vec::is_empty))
    }
}

/// What is learnt, in a sentence.
///
/// # Errors
/// An answer does not stand where it is said to, or no question has one.
pub(super) fn decide(table: &Table) -> Result<String> {
    if !table.has_answers() {
        return Err(whole(
            table,
            "question answering needs `question`, `context` and `answers`, as SQuAD has them (.json or .jsonl)",
        ));
    }
    let asked = asked(table)?;
    let without = asked.iter().filter(|(_, answer)| answer.is_none()).count();
    if without == asked.len() {
        return Err(whole(table, "no question has an answer; there is nothing to learn"));
    }
    let none = if without > 0 { format!("; {without} have none") } else { String::new() };
    Ok(format!("questions whose answers are spans of their context{none}"))
}

/// All questions.
pub(crate) fn asked(table: &Table) -> Result<Vec<Asked>> {
    table.rows.iter().map(|row| one(table, row)).collect()
}

fn one(table: &Table, row: &Row) -> Result<Asked> {
    let (Some(answers), Text::Pair(_, context)) = (&row.answers, &row.text) else {
        return Err(at(table, row, "the answers are missing; every question needs a list of them, which may be empty"));
    };
    let places = answers.iter().map(|answer| place(table, row, context, answer)).collect::<Result<Vec<_>>>()?;
    let texts = answers.iter().map(|answer| answer.text.clone()).collect();
    Ok((Arc::new(Question { context: context.clone(), answers: texts }), places.first().copied()))
}

/// The bytes of an answer.
fn place(table: &Table, row: &Row, context: &str, answer: &GivenAnswer) -> Result<(usize, usize)> {
    let GivenAnswer { text, start } = answer;
    let rest = context.char_indices().nth(*start).map(|(byte, _)| (byte, &context[byte..]));
    match rest {
        Some((byte, rest)) if !text.is_empty() && rest.starts_with(text.as_str()) => Ok((byte, byte + text.len())),
        rest => {
            let there: String = rest.map_or("", |(_, rest)| rest).chars().take(text.chars().count().max(1)).collect();
            let Text::Pair(question, _) = &row.text else { unreachable!("questions are pairs") };
            let message = format!(
                "the answer `{text}` to `{question}` is said to stand at letter {start} of the context, where `{there}` stands; \
                 answer_start counts letters (Unicode scalar values) from 0"
            );
            Err(at(table, row, message))
        }
    }
}
