//! One turn of a conversation.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One turn of a conversation, as `messages` of JSON has them.
///
/// ```
/// use adaptune_text::Message;
/// let message = Message::new("user", "What is a llama?");
/// assert_eq!(serde_json::to_string(&message)?, r#"{"role":"user","content":"What is a llama?"}"#);
/// assert!(!message.is_answer() && Message::new("assistant", "An animal.").is_answer());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Who speaks: `system`, `user`, `assistant`, or what else the model's template knows.
    pub role: String,
    /// What is said.
    pub content: String,
    /// What else the message has, which templates may read.
    #[serde(flatten)]
    pub others: Map<String, Value>,
}

impl Message {
    /// A message of a role and a text.
    #[must_use]
    pub fn new(role: &str, content: &str) -> Self {
        Self { role: role.to_owned(), content: content.to_owned(), others: Map::new() }
    }

    /// True if the model says it.
    #[must_use]
    pub fn is_answer(&self) -> bool {
        self.role == "assistant"
    }
}
